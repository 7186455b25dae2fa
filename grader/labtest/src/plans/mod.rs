//! Fault plans that do not depend on a lab's protocol. Everybody can go on once they are over: a
//! server that is down is started again, a link that is cut is healed.
//!
//! A plan that must look at a protocol to stay legitimate (a view that is acknowledged, say) stands
//! in the suite of its lab.

mod departures;
mod groups;
mod single;

pub use departures::Departures;
pub use groups::{Crashes, Partitions};
pub use single::{PairCuts, Restarts};
