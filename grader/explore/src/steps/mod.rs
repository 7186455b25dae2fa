//! What one node does in one step, and the table that remembers it.
//!
//! A step is a delivery or something of the node's own (a timer, the end of a sync or of work, an
//! invocation, a crash, a start). The table maps (node, step) to its outcomes, all of them numbers;
//! a miss asks [`calls`](crate::calls) what the handler does and carries out the effects once.
//!
//! ```text
//! table    steps, outcomes, and the table
//! handling a step is worked out: what a node can do, and what its handler asks for
//! effects  one effect is carried out
//! draft    a step in the making becomes an outcome
//! ```

mod draft;
mod effects;
mod handling;
mod table;

pub(crate) use table::{Flight, LocalStep, Part, StepOutcome, StepTable, Trigger, flight_hash};
