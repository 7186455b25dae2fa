//! Key-value stores whose values are shown as they stand in a file.

use faultline_check::{KvOp, KvState, SequentialSpec, Spec, Store, StoreCall, StoreReply};

/// One key of a store. Values are `JSON`, or texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shown<const JSON: bool>(Store);

/// Of texts.
pub(super) type Texts = Shown<false>;

/// Of any JSON.
pub(super) type AnyValues = Shown<true>;

impl<const JSON: bool> Shown<JSON> {
    /// A key that has this value.
    pub fn with(value: &[u8]) -> Self {
        Shown(Store {
            value: value.to_vec(),
            version: 0,
        })
    }

    fn value(value: &[u8]) -> String {
        let text = String::from_utf8_lossy(value);
        match JSON {
            true => text.into_owned(),
            false => serde_json::Value::from(text).to_string(),
        }
    }
}

impl<const JSON: bool> SequentialSpec for Shown<JSON> {
    type Op = StoreCall;
    type Ret = StoreReply;

    fn invoke(&mut self, call: &StoreCall) -> StoreReply {
        self.0.invoke(call)
    }

    fn is_valid_step(&mut self, call: &StoreCall, reply: &StoreReply) -> bool {
        self.0.is_valid_step(call, reply)
    }
}

impl<const JSON: bool> Spec for Shown<JSON> {
    type Key<'a> = &'a str;

    fn read_only(call: &StoreCall) -> bool {
        Store::read_only(call)
    }

    fn partition(call: &StoreCall) -> Option<&str> {
        Store::partition(call)
    }

    fn can_lead_to<'a>(
        &self,
        call: &StoreCall,
        reply: &StoreReply,
        others: impl Iterator<Item = &'a StoreCall>,
    ) -> bool {
        self.0.can_lead_to(call, reply, others)
    }

    fn kv_state(&self) -> Option<KvState<'_>> {
        self.0.kv_state()
    }

    fn as_kv<'a>(call: &'a StoreCall, reply: Option<&'a StoreReply>) -> Option<KvOp<'a>> {
        Store::as_kv(call, reply)
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn show_reply(reply: &StoreReply) -> String {
        match reply {
            StoreReply::Done => "done".to_owned(),
            StoreReply::Value(value) => Self::value(value),
            StoreReply::Versioned(value, version) => {
                format!("{{\"value\":{},\"version\":{version}}}", Self::value(value))
            }
            StoreReply::NotSwapped(Some(saw)) => format!("{{\"saw\":{}}}", Self::value(saw)),
            StoreReply::NotStored(Some(saw)) => format!("{{\"saw\":{saw}}}"),
            StoreReply::NotSwapped(None) | StoreReply::NotStored(None) => "false".to_owned(),
        }
    }
}
