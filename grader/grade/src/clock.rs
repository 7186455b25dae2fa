//! How long something took, as events tell it. No result holds it.

use std::time::Instant;

/// The milliseconds since then.
pub fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
