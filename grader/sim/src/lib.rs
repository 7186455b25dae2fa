//! The world: virtual time, a network, crashes and disks around nodes that the world reaches only
//! through a [`Backend`](backend::Backend).
//!
//! # What is not here
//!
//! Everything is pure and single-threaded: a run is a function of its seed, its [`Setup`] and the
//! program under test. The crate reads no clock, starts no thread, opens no file and has no random
//! number generator, only hashes of what is chosen; its `clippy.toml` refuses what would break
//! that. It knows nothing of wasm (a [`Backend`](backend::Backend) runs the nodes), of labs
//! (commands, answers and observations are bytes), of points or of reports.
//!
//! # A world in a few lines
//!
//! ```
//! use faultline_sim::{Conditions, Mode, NodeSpec, Role, Setup, Trial, in_process::InProcess, ms};
//! use labkit::{guest, prelude::*};
//!
//! /// Counts the time since it started, in steps of 10 ms.
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Ticker(u8);
//!
//! impl Node for Ticker {
//!     type Config = ();
//!     type Message = ();
//!     type Timer = ();
//!
//!     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
//!         ctx.set_timer((), ms(10));
//!         Ticker(0)
//!     }
//!     fn on_message(&mut self, _: NodeId, _: (), _: &mut Context<Self>) {}
//!     fn on_timer(&mut self, _: (), ctx: &mut Context<Self>) {
//!         self.0 += 1;
//!         ctx.set_timer((), ms(10));
//!     }
//! }
//!
//! fn lab() -> guest::Lab {
//!     guest::Lab::new(vec![guest::Role::node(|ticker: &Ticker| vec![ticker.0])])
//! }
//!
//! let id = NodeId::new('s', 1);
//! let role = Role::Server { role: 0, config: Vec::new() };
//! let setup = Setup::new(vec![NodeSpec { id, role, starts: true }], Conditions::steady());
//! let mut backend = InProcess::new(lab);
//! let outcome = Trial::new(&mut backend, 0, 42, Mode::default()).run(setup, |world| {
//!     world.run_for(ms(35))?;
//!     assert_eq!(world.observe(id)?, Some(vec![3]));
//!     world.crash(id)?;
//!     assert_eq!(world.observe(id)?, None);
//!     world.start(id)?;
//!     assert_eq!(world.observe(id)?, Some(vec![0]), "a crash takes the state");
//!     Ok(())
//! });
//! assert_eq!(outcome, Ok(()));
//! ```
//!
//! # Where to read on
//!
//! `src/world/mod.rs` has the state of a [`World`] and a table of what is in the files beside it:
//! start with `run.rs` (the loop), `effects.rs` (what handlers ask for) and `faults.rs` (what tests
//! do to a world). Of the modules above them, [`schedule`] is a run as data, [`choice`] is where
//! chance comes from, `edits` is what can be left out of a run, `record` and `frame` are what is
//! kept of one, and `trial` makes the worlds of one test.

pub mod backend;
pub mod choice;
mod clock;
mod descriptions;
mod disk;
mod edits;
mod frame;
mod history;
pub mod in_process;
mod latency;
mod memory;
mod metrics;
mod mode;
mod network;
mod node;
mod picture;
mod queue;
mod record;
pub mod schedule;
mod setup;
mod store;
mod sweep;
mod time;
mod timekeeper;
mod trial;
mod violation;
mod work;
mod world;

pub use labkit::NodeId;

pub use clock::Clock;
pub use disk::{Blob, LostWrite};
pub use edits::{Decided, Edits, Kept, MessageName, Noise, Wake};
pub use frame::{Change, Detail, Doing, FlightFrame, Frame, NodeFrame};
pub use history::{Moment, Operation, Via, Workload};
pub use latency::Latencies;
pub use memory::Memory;
pub use metrics::{Availability, Limits, Phase};
pub use network::Conditions;
pub use node::{NodeSpec, Received, Role};
pub use picture::{Asked, Judged, Lane, Span, Tone};
pub use record::{Happening, RecordedStep, Recording};
pub use schedule::{FaultAction, IncarnationId, Schedule};
pub use setup::Setup;
pub use store::File;
pub use time::{Time, ms};
pub use timekeeper::{Activity, Begun, Timed, Timekeeper};
pub use trial::{Factory, Facts, Mode, Searched, Trial};
pub use violation::{FailureKind, Outcome, Stop, Subject, Violation};
pub use work::{Computation, Ends, Fate, Machines, Work};
pub use world::{Look, Plan, Watcher, World, clocks::SkewedClocks, plans::Flapping};
