//! How to check.

use crate::rules::Rules;

/// A budget for [`check`](crate::check()) that decides what workloads of a few hundred operations
/// produce, with room to spare, and keeps the worst case at a few seconds and 100 MB.
pub const DEFAULT_BUDGET: u64 = 500_000;

/// How to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The limit of the search, in configurations over all partitions.
    pub budget: u64,
    /// Whether to decide without a search what can be decided so.
    pub zones: bool,
    /// What the search leaves out.
    pub rules: Rules,
    /// Whether to look for the explanation of a violation. If not, its `kind` and `core` are those
    /// of the first contradiction that was met (of a search:
    /// [`Anomaly::Unexplained`](crate::Anomaly::Unexplained) and none), and
    /// [`Violation::prefix`](crate::Violation::prefix), `linearization` and the possible values are
    /// empty.
    pub explain: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            budget: DEFAULT_BUDGET,
            zones: true,
            rules: Rules::ALL,
            explain: true,
        }
    }
}
