//! What was written, by whom; and how a value falls into what was written.

use rustc_hash::FxHashMap;

use super::decision::{Event, Test, on};
use crate::kv::{KvOp, Swap};

/// Stands for the initial value where others name the event that wrote.
pub(super) const INITIAL: u32 = u32::MAX;

/// The written values, which are all different. With appends, no one is the beginning of another,
/// so a value falls into tokens in at most one way.
pub(super) struct Tokens<'a> {
    writers: FxHashMap<&'a [u8], u32>,
    pub initial: &'a [u8],
    pub appends: bool,
    /// With appends: the byte that every token ends with and that is nowhere else in one. The usual
    /// case, and the fast one.
    terminator: Option<u8>,
    /// With appends and without a terminator: how long tokens are.
    lengths: Vec<usize>,
}

/// What an event writes if it takes effect.
pub(crate) fn written<'a>(kv: &KvOp<'a>) -> Option<&'a [u8]> {
    match *kv {
        KvOp::Put(value) | KvOp::Append(value) => Some(value),
        KvOp::Cas {
            to,
            outcome: None | Some(Swap::Done),
            ..
        } => Some(to),
        _ => None,
    }
}

/// All tokens, the initial value included.
fn all<'e, 'a>(
    initial: &'a [u8],
    events: &'e [Event<'a>],
) -> impl Iterator<Item = &'a [u8]> + use<'e, 'a> {
    let initial = Some(initial).filter(|initial| !initial.is_empty());
    initial
        .into_iter()
        .chain(events.iter().filter_map(|event| written(&event.kv)))
}

impl<'a> Tokens<'a> {
    /// The tokens of `events`; `None` if some value was written twice or the tokens are not
    /// prefix-free. `O(n)` for terminated tokens, else `O(n log n)`, plus their bytes.
    pub fn collect(events: &[Event<'a>], initial: &'a [u8]) -> Option<Tokens<'a>> {
        let appends = events
            .iter()
            .any(|event| matches!(event.kv, KvOp::Append(_)));
        let mut writers = FxHashMap::default();
        writers.reserve(events.len() / 2);
        if !appends || !initial.is_empty() {
            writers.insert(initial, INITIAL);
        }
        for (number, event) in (0_u32..).zip(events) {
            if let Some(token) = written(&event.kv) {
                let first = writers.insert(token, number).is_none() || !on(Test::Unique);
                if !first || (appends && token.is_empty()) {
                    return None;
                }
            }
        }
        let mut tokens = Tokens {
            writers,
            initial,
            appends,
            terminator: None,
            lengths: Vec::new(),
        };
        if appends && !tokens.find_terminator(events) && !tokens.are_prefix_free(events) {
            return None;
        }
        Some(tokens)
    }

    fn find_terminator(&mut self, events: &[Event<'a>]) -> bool {
        let Some(&last) = all(self.initial, events)
            .next()
            .and_then(|token| token.last())
        else {
            return false;
        };
        let terminated =
            |token: &[u8]| token.iter().position(|&byte| byte == last) == Some(token.len() - 1);
        self.terminator = all(self.initial, events).all(terminated).then_some(last);
        self.terminator.is_some()
    }

    /// In lexicographic order, whatever begins with a token comes right after it.
    fn are_prefix_free(&mut self, events: &[Event<'a>]) -> bool {
        let mut all: Vec<&[u8]> = all(self.initial, events).collect();
        all.sort_unstable();
        self.lengths = all.iter().map(|token| token.len()).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
        !on(Test::PrefixFree) || all.windows(2).all(|pair| !pair[1].starts_with(pair[0]))
    }

    /// The token that `value` begins with: who wrote it and its length.
    pub fn first(&self, value: &[u8]) -> Option<(u32, usize)> {
        if let Some(terminator) = self.terminator {
            let length = value.iter().position(|&byte| byte == terminator)? + 1;
            return self
                .writers
                .get(&value[..length])
                .map(|&writer| (writer, length));
        }
        let token = |&length: &usize| {
            let writer = self.writers.get(value.get(..length)?)?;
            Some((*writer, length))
        };
        self.lengths.iter().find_map(token)
    }

    /// Who wrote exactly `value`.
    pub fn whole(&self, value: &[u8]) -> Option<u32> {
        self.writers.get(value).copied()
    }
}
