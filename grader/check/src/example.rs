//! A small model for the tests of the other modules.

use stateright::semantics::SequentialSpec;

use crate::spec::Spec;

/// Each operation increments it and returns the old value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter(pub u64);

impl SequentialSpec for Counter {
    type Op = ();
    type Ret = u64;

    fn invoke(&mut self, (): &()) -> u64 {
        self.0 += 1;
        self.0 - 1
    }
}

impl Spec for Counter {
    type Key<'a> = ();

    fn read_only((): &()) -> bool {
        false
    }

    fn partition((): &()) -> Option<()> {
        Some(())
    }
}
