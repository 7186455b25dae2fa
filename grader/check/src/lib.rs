//! Whether what clients saw of a replicated object could have happened on a single one:
//! linearizability.
//!
//! A history lists who asked what when, and the answers ([`Operation`]); a sequential model says
//! what right answers are ([`Spec`]); [`check()`] holds the one against the other. The answer is
//! one of three ([`Verdict`]): linearizable with an order that proves it, violated with the reply
//! that made it impossible, or undecided within the budget.
//!
//! # What is not here
//!
//! The crate is pure: it knows no network, no clock, no thread and no random number, and no order
//! of a hash map shows in a result. Equal histories have equal verdicts, to the byte. It knows no
//! lab and no node: times are numbers, clients are numbers, and commands and replies are whatever
//! the model says. How an operation is called for a reader is told by whoever asks for a
//! [sentence](Violation::sentence).
//!
//! # A check in a few lines
//!
//! ```
//! use faultline_check::{
//!     Anomaly, DEFAULT_BUDGET, Operation, Store, StoreCall, StoreOp, StoreReply, Verdict, check,
//! };
//!
//! let on_x = |op| StoreCall { key: "x".to_owned(), op };
//! let put = on_x(StoreOp::Put(b"new".to_vec()));
//! let history = [
//!     Operation { client: 1, command: put, call: 1, reply: Some((2, StoreReply::Done)) },
//!     Operation {
//!         client: 2,
//!         command: on_x(StoreOp::Get),
//!         call: 3, // after the put was acknowledged
//!         reply: Some((4, StoreReply::Value(b"".to_vec()))),
//!     },
//! ];
//! let Ok(Verdict::Violated(violation)) = check(&Store::default(), &history, DEFAULT_BUDGET) else {
//!     panic!("the get has to see the put");
//! };
//! assert_eq!((violation.kind, violation.impossible), (Anomaly::StaleOrLost, 1));
//! ```
//!
//! # Where to read on
//!
//! `check.rs` is the way through the crate and `decide.rs` the first half of it: split a history,
//! decide what needs no search (`fast_path`, `zones`), search the rest (`timeline`, `search`).
//! `violation.rs` is the second half, which explains, with `explain.rs` for the few operations that
//! contradict each other. [`Spec`] is what a model has to say; `store`, `objects` and `kv` are
//! models.
//!
//! # Method and cost
//!
//! To decide linearizability is NP-complete, but not where every written value is another one, as
//! in the workloads of the suites. So there are three layers:
//!
//! 1. `zones`: if a model translates its operations ([`Spec::as_kv`]), each key whose values are
//!    unique (verified, not believed) is decided in `O(n log n)` for `n` operations, plus the bytes
//!    of the values. Lost replies cost nothing.
//! 2. `search`: the other keys, and all other models, are searched as by Wing and Gong (1993) with
//!    the cache of Lowe (2017), on each key for itself (Horn and Kroening 2015), with small
//!    configurations and [`Rules`] that leave out what cannot matter (`src/search.rs` has the
//!    proofs). If at most `c` operations are open at once and `l` replies are lost, the layout
//!    takes `O(n (c + log n))` time and space, and there are at most `n 2^(c+l)` configurations
//!    times the states that are possible at one moment; a configuration costs `O(c + l)` steps of
//!    the model, each of which is computed once. In practice a history of a few hundred operations
//!    takes a few per operation.
//!    Before that, `impossible` looks for replies that no order brings. Queues are searched as
//!    pairs of what is added and taken (`queues`), not through their states.
//! 3. `explain`: what is wrong ([`Anomaly`]), the few operations that contradict each other, the
//!    shortest prefix that does, and one sentence ([`Violation::sentence`]).
//!
//! # Papers
//!
//! - M. Herlihy, J. Wing: Linearizability: a correctness condition for concurrent objects. ACM
//!   TOPLAS 12(3), 1990. The definition; locality (why partitions may be checked one by one);
//!   prefix closure.
//! - J. Wing, C. Gong: Testing and verifying concurrent objects. J. Parallel and Distributed
//!   Computing 17, 1993.
//! - G. Lowe: Testing for linearizability. Concurrency and Computation: Practice and Experience
//!   29(4), 2017.
//! - P. Gibbons, E. Korach: Testing shared memories. SIAM J. Computing 26(4), 1997. Unique values
//!   make it easy.
//! - W. Golab, X. Li, M. Shah: Analyzing consistency properties for fun and profit. PODC 2011.
//!   Zones.
//! - A. Horn, D. Kroening: Faster linearizability checking via P-compositionality. FORTE 2015.

mod any_search;
mod check;
mod decide;
#[cfg(test)]
mod example;
mod explain;
mod fast_path;
#[cfg(test)]
mod fuzz;
mod history;
mod impossible;
mod kv;
mod kvstates;
mod objects;
mod options;
mod queues;
mod rules;
mod search;
mod sentence;
mod spec;
mod states;
mod store;
mod timeline;
mod verdict;
mod violation;
mod visited;
mod zones;

pub use check::{Checked, check, check_with};
pub use history::{HistoryError, Operation, OperationOf};
pub use impossible::Impossible;
pub use kv::{KvOp, KvState, Stored, Swap};
pub use objects::{
    Bank, BankCall, BankReply, Lock, LockCall, LockOp, Queue, QueueCall, QueueOp, QueueReply,
};
pub use options::{DEFAULT_BUDGET, Options};
pub use queues::QueueEvent;
pub use rules::Rules;
pub use sentence::Told;
pub use spec::{Later, Spec};
pub use stateright::semantics::SequentialSpec;
pub use store::{Store, StoreCall, StoreOp, StoreReply};
pub use verdict::{Anomaly, Possible, Verdict, Violation};
