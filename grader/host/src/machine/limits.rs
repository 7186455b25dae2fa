//! What a node may use.

/// What one node may use. All limits are deterministic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel for one call: about one unit for each wasm instruction and for each byte copied or
    /// printed.
    pub fuel: u64,
    /// Linear memory, with the 1 MiB of stack in it.
    pub memory_bytes: usize,
    /// How much of what a node prints is kept between two looks at it, and how much one call may
    /// print at the grader's expense.
    pub printed_bytes: usize,
    /// How much all nodes of a world together may print at the grader's expense.
    pub printed_bytes_of_a_world: usize,
    /// The longest answer (effects of one handler, a snapshot, a description).
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 100 million fuel are some 10 ms, a hundred times what any sensible handler needs. What is
        // credited for printing adds 39 million to a handler at most, and 1.3 billion to a world.
        Limits {
            fuel: 100_000_000,
            memory_bytes: 64 << 20,
            printed_bytes: 64 << 10,
            printed_bytes_of_a_world: 2 << 20,
            answer_bytes: 4 << 20,
        }
    }
}
