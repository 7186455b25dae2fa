//! What small worlds in every order of events have in common (`faultline_explore::orders`).

use faultline_explore::{Faults, Goal};
use faultline_sim::{NodeSpec, Setup};
use labkit::NodeId;

/// Nothing goes wrong but the order of events.
pub const NO_FAULTS: Faults = Faults {
    crashes: 0,
    lost_disks: 0,
    losses: 0,
    duplicates: 0,
};
/// One node crashes at one boundary between two effects.
pub const ONE_CRASH: Faults = Faults {
    crashes: 1,
    ..NO_FAULTS
};
/// A node crashes, and later one more may.
pub const TWO_CRASHES: Faults = Faults {
    crashes: 2,
    ..NO_FAULTS
};
/// One message arrives twice.
pub const ONE_DUPLICATE: Faults = Faults {
    duplicates: 1,
    ..NO_FAULTS
};

/// The nodes of a setup that are there from the start. A search has no clients that come later: it
/// would begin each of them at each moment, and see little else.
pub fn from_the_start(setup: Setup) -> Vec<NodeSpec> {
    let nodes = setup.nodes.into_iter();
    nodes.filter(|node| node.starts).collect()
}

/// A client has this number of answers.
pub fn answered<'p>(client: NodeId, count: u32) -> Goal<'p> {
    Goal::new(&format!("{client} has {count} of its answers"))
        .when("so many", move |view| view.answered(client) >= count)
}

/// How a simulated world goes through a test in stages, in words: along a path that a search has
/// found, or from stage to stage.
pub fn say_how(along_a_path: bool) -> &'static str {
    match along_a_path {
        true => "a path (counterexample) found by the search, one event per millisecond",
        false => "stage by stage",
    }
}
