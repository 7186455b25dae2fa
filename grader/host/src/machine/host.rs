//! What the host keeps beside an instance, for the functions that the instance calls.

use wasmtime::{Memory, ResourceLimiter};

use super::{limits::Limits, printed::Printed};

/// A panic that the node has reported.
pub(super) struct Panic {
    pub message: String,
    pub place: Option<String>,
}

/// What host functions know of the node that calls them.
pub(super) struct Host {
    pub limits: Limits,
    pub printed: Printed,
    /// How many more bytes this call may print at the grader's expense.
    pub print_room: usize,
    /// How much it has printed.
    pub printed_bytes: u64,
    pub panic: Option<Panic>,
    /// Whether the node was refused memory in this call.
    pub refused_growth: bool,
    /// The size of its linear memory.
    pub memory_bytes: usize,
    /// Its linear memory, once there is one.
    pub memory: Option<Memory>,
    /// The state of its random numbers.
    pub entropy: u64,
}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted =
            desired <= self.limits.memory_bytes && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.memory_bytes = desired;
        } else {
            self.refused_growth = true;
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // It was granted above, so it is this machine that has no memory, not the node that wants
        // too much.
        Err(error)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Rust never grows its table of functions; the largest programs have some ten thousand.
        Ok(desired <= 1 << 20)
    }
}

impl Host {
    pub fn new(limits: Limits, entropy: u64, printed: Printed) -> Host {
        Host {
            limits,
            printed,
            print_room: 0,
            printed_bytes: 0,
            panic: None,
            refused_growth: false,
            memory_bytes: 0,
            memory: None,
            entropy,
        }
    }

    /// The next random number (SplitMix64).
    pub fn random(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.entropy;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
