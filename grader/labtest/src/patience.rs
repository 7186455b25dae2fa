//! How long a test waits.

use std::time::Duration;

use faultline_sim::World;

/// Bounds of the handout on how long an answer takes, after the last fault.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// On a network that loses nothing.
    pub clean: Duration,
    /// While the network goes on losing messages.
    pub lossy: Duration,
}

impl Patience {
    /// The bound for the network of a world as it is now.
    pub fn in_world(self, world: &World<'_>) -> Duration {
        match world.conditions().loss > 0 {
            true => self.lossy,
            false => self.clean,
        }
    }
}
