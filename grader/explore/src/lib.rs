//! Every order of events in small worlds: an explicit-state model checker for the same nodes,
//! behind the same [`Backend`](faultline_sim::backend::Backend), that the simulator runs.
//!
//! ```text
//! calls        a handler is called once for each (node state, disk, event), its answer remembered
//! steps        what one node does in one step, as numbers: outcomes of (local, message)
//! space        states of the world: a local for each node, budgets, the outside, the network
//! choice       how a state is left
//! transitions  all choices in a state, by lookups
//! bfs          breadth first on all threads, with the same result for any number of them
//! monitor      what is outside: the store, what was computed, what clients saw, if it matters
//! trace        a path through the states, in the simulator's names
//! walk         random walks with mixed schedulers, for spaces too big to see whole
//! shorten      the same failure in fewer steps
//! orders       a test in stages, as it is written down; what a simulated world has to do
//! stages       the same, explored; a simulated world shows what was found
//! guide        where a stage looks first (`guidance`: the same in numbers)
//! aid          why a stage was not reached
//! progress     from a reached state, a healthy world must come to an end
//! verify       is a handler a function? Every remembered answer is asked for once more
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
//!
//! # What is not here
//!
//! A search never looks into a node's state: it knows it by the number of its bytes, and properties
//! see what the lab observes ([`View`]). There is no real clock and no budget in seconds; limits
//! are numbers of states, so that a verdict is the same on every machine. Threads share the work,
//! but their order shows in no result. And a search gives no verdict: the path that it finds
//! becomes a schedule, and the world of `faultline-sim` that follows it has the last word.
//!
//! # A search in a few lines
//!
//! ```
//! use faultline_explore::{End, Explorer, Model, Search};
//! use faultline_sim::{NodeSpec, Role, backend::Backend, in_process::InProcess};
//! use labkit::{guest, prelude::*};
//!
//! /// Calls s1, or (s1 itself) remembers who called first.
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Racer(Option<NodeId>);
//!
//! impl Node for Racer {
//!     type Config = ();
//!     type Message = ();
//!     type Timer = ();
//!
//!     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
//!         let s1 = NodeId::new('s', 1);
//!         if ctx.id() != s1 {
//!             ctx.send(s1, ());
//!         }
//!         Racer(None)
//!     }
//!     fn on_message(&mut self, from: NodeId, _: (), _: &mut Context<Self>) {
//!         self.0.get_or_insert(from);
//!     }
//!     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
//! }
//!
//! fn lab() -> guest::Lab {
//!     let first = |racer: &Racer| racer.0.iter().map(|first| first.number() as u8).collect();
//!     guest::Lab::new(vec![guest::Role::node(first)])
//! }
//!
//! let server = |number| NodeSpec {
//!     id: NodeId::new('s', number),
//!     role: Role::Server { role: 0, config: Vec::new() },
//!     starts: true,
//! };
//! let model = Model::new((1..=3).map(server).collect());
//! let machines = || -> Box<dyn Backend> { Box::new(InProcess::new(lab)) };
//! let mut explorer = Explorer::new(&model, &machines);
//! let search = Search::new().invariant("s3 is never first", |view| {
//!     match view.observation(NodeId::new('s', 1)) {
//!         Some([3]) => Err("s3 was first".to_owned()),
//!         _ => Ok(()),
//!     }
//! });
//! let report = explorer.search(&search)?;
//! let End::Violation(failure) = report.end else {
//!     panic!("in some order s3 is first");
//! };
//! let path = explorer.trace(&failure.reached);
//! assert_eq!(path.events.last().unwrap().text, "s1 receives () from s3");
//! # Ok::<(), faultline_explore::Error>(())
//! ```
//!
//! # Where to read on
//!
//! In the order of the table above: `calls`, `steps/table.rs`, `space`, `transitions` and `bfs` are
//! the search; `orders` and `stages` are what the tests of the labs are written with.

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
