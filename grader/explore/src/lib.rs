//! Every order of events in small worlds: an explicit-state model checker for the same nodes,
//! behind the same [`Backend`](faultline_sim::backend::Backend), that the simulator runs.
//!
//! ```text
//! calls     a handler is called once for each (node state, disk, event); the answer is remembered
//! steps     what one node does in one step, as numbers: outcomes of (local, message)
//! space     states of the world: a local for each node, budgets, the outside, messages in flight
//! transitions  how a state is left, all by lookups
//! bfs       breadth first on all threads, with the same result for any number of them
//! monitor   what is outside: the store, what was computed, what clients saw, if it still matters
//! trace     a path through the states, in the simulator's names
//! walk      random walks with mixed schedulers, for spaces too big to see whole
//! shorten   the same failure in fewer steps
//! orders    a test in stages, as it is written down; what a simulated world has to do
//! stages    the same, explored; a simulated world shows what was found
//! guide     where a stage looks first
//! aid       why a stage was not reached
//! progress  from a reached state, a healthy world must come to an end
//! verify    is a handler a function? Every remembered answer is asked for once more
//! ```
//!
//! Node states are interned by their canonical bytes, so the search itself moves small numbers, and
//! a student's handler runs once for each distinct local step. (P. Godefroid: Model checking for
//! programming languages using VeriSoft, 1997, is where exploring real code began; G. Holzmann: The
//! model checker SPIN, 1997; C. Killian et al.: Life, death, and the critical transition, 2007, for
//! liveness by walks; M. Yabandeh et al., T. Yang et al.: CrystalBall and MODIST, 2009.)
//!
//! What a world can do: deliver any message in the network next (or never); fire a timer that can
//! be due next; carry on after a sync; end what a machine computes; invoke the next operation of a
//! client; start a node that is down; and, within budgets, crash a server at any boundary between
//! two effects (and lose its disk), lose a message, deliver one and keep it. A message whose
//! delivery would change nothing and send nothing stays where it is.

mod aid;
mod bfs;
mod block;
mod calls;
mod choice;
mod disk;
mod error;
mod explorer;
mod guidance;
mod guide;
mod intern;
mod local;
mod model;
mod monitor;
mod orders;
mod progress;
mod search;
mod shorten;
mod space;
mod stages;
mod steps;
mod trace;
mod transitions;
mod verify;
mod view;
mod visited;
mod walk;

pub use calls::Factory;
pub use error::Error;
pub use explorer::Explorer;
pub use guide::Guide;
pub use model::{Faults, Model, Pace};
pub use monitor::{Linearizability, Monitor};
pub use orders::{Goal, Orders, Shown};
pub use progress::Progress;
pub use search::{End, Failure, Limits, Reached, Report, Search};
pub use trace::{Event, Trace};
pub use verify::{Difference, Nondeterminism, Verified};
pub use view::View;
pub use walk::{Walked, Walks};
