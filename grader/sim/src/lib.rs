//! The world: virtual time, a network, crashes and disks around nodes that the world reaches only
//! through a [`Backend`](backend::Backend).
//!
//! Everything here is pure and single-threaded: a run is a function of its seed, its [`Setup`] and
//! the program under test. This crate knows nothing of wasm, of labs, of points or of reports.
//!
//! Read [`world`](World) first, then `effects` (what handlers ask for), `work` (what machines
//! compute), `store`, `faults` (what tests do to the world), [`schedule`] (a run as data) and
//! [`choice`] (where chance comes from).

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
mod trial;
mod violation;
mod work;
mod world;

pub use labkit::NodeId;

pub use clock::Clock;
pub use disk::Blob;
pub use edits::{Decided, Edits, Kept, MessageName, Noise, Wake};
pub use frame::{Change, Detail, Doing, FlightFrame, Frame, NodeFrame};
pub use history::{Moment, Operation, Via, Workload};
pub use latency::Latencies;
pub use metrics::{Availability, Limits, Phase};
pub use network::Conditions;
pub use node::{NodeSpec, Received, Role};
pub use picture::{Asked, Judged, Lane, Span, Tone};
pub use record::{Happening, RecordedStep, Recording};
pub use schedule::{FaultAction, IncarnationId, Schedule};
pub use setup::Setup;
pub use store::File;
pub use time::{Time, ms};
pub use trial::{Factory, Facts, Mode, Searched, Trial};
pub use violation::{FailureKind, Outcome, Stop, Violation};
pub use work::{Computation, Ends, Fate, Machines, Work};
pub use world::{Look, Plan, Watcher, World, clocks::SkewedClocks, plans::Flapping};
