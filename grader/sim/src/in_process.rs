//! Nodes that live in the grader's own process, for tests of the world itself. Never for a
//! submission: nothing here keeps nodes apart, stops an endless loop or hides the machine.

use std::panic::{AssertUnwindSafe, catch_unwind};

use labkit::{
    abi::{Event, Op, Start},
    guest::{Guest, Lab},
};

use crate::backend::{Backend, BackendError, Fault};

/// A backend whose nodes are values of this process.
pub struct InProcess {
    lab: fn() -> Lab,
    guests: Vec<Option<Guest>>,
}

impl InProcess {
    /// A backend for nodes of `lab`.
    pub fn new(lab: fn() -> Lab) -> InProcess {
        InProcess {
            lab,
            guests: Vec::new(),
        }
    }

    fn fresh(&mut self, slot: usize) -> &mut Guest {
        if self.guests.len() <= slot {
            self.guests.resize_with(slot + 1, || None);
        }
        self.guests[slot].insert(Guest::new((self.lab)()))
    }

    fn run(
        &mut self,
        slot: usize,
        op: Op,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<&[u8], BackendError> {
        if self.guests.get(slot).is_none_or(Option::is_none) {
            self.fresh(slot);
        }
        let guest = self.guests[slot].as_mut().expect("made above");
        let mut argument = Vec::new();
        write(&mut argument);
        catch_unwind(AssertUnwindSafe(move || {
            let guest = guest;
            guest.input(argument.len()).copy_from_slice(&argument);
            guest.call(op, argument.len())
        }))
        .map_err(|panic| {
            let message = panic.downcast_ref::<String>().cloned();
            let message =
                message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Fault::Panic {
                message: message.unwrap_or_default(),
                place: None,
            }
            .into()
        })
    }
}

impl Backend for InProcess {
    fn start(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        _entropy: u64,
    ) -> Result<&[u8], BackendError> {
        self.fresh(slot);
        self.run(slot, Op::Step, |out| Event::Start(*start).write(out))
    }

    fn restore(
        &mut self,
        slot: usize,
        start: &Start<'_>,
        snapshot: &[u8],
        _entropy: u64,
    ) -> Result<(), BackendError> {
        self.fresh(slot);
        let answer = self.run(slot, Op::Restore, |out| {
            start.write(out);
            out.extend_from_slice(snapshot);
        })?;
        answer_of(answer).map(|_| ())
    }

    fn step(&mut self, slot: usize, event: &Event<'_>) -> Result<&[u8], BackendError> {
        self.run(slot, Op::Step, |out| event.write(out))
    }

    fn call(&mut self, slot: usize, op: Op, argument: &[u8]) -> Result<Vec<u8>, BackendError> {
        answer_of(self.run(slot, op, |out| out.extend_from_slice(argument))?)
    }

    fn stop(&mut self, slot: usize) {
        if let Some(guest) = self.guests.get_mut(slot) {
            *guest = None;
        }
    }

    fn fuel_used(&self) -> u64 {
        0
    }

    fn take_printed(&mut self, _slot: usize) -> String {
        String::new()
    }
}

/// Splits the answer of a call into its first byte and the rest.
///
/// # Errors
/// The node's own error, or bytes that are no answer.
pub fn answer_of(answer: &[u8]) -> Result<Vec<u8>, BackendError> {
    match answer.split_first() {
        Some((0, bytes)) => Ok(bytes.to_vec()),
        Some((1, text)) => Err(Fault::State {
            what: String::from_utf8_lossy(text).into_owned(),
        }
        .into()),
        _ => Err(Fault::Malformed.into()),
    }
}
