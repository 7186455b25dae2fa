//! What a node keeps, wherever it keeps it.

use std::fmt;

/// The bytes that a node keeps at one moment. A request that is not in its state may be in a timer,
/// on the disk, or in a message that goes round and round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its state, serialized by labkit's codec.
    pub state: usize,
    /// The contents of its timers.
    pub timers: usize,
    /// The messages that it has sent and that have not arrived.
    pub under_way: usize,
    /// Its disk: the names of the blobs, and their bytes.
    pub disk: usize,
}

impl Memory {
    /// What is not on the disk.
    pub fn working(&self) -> usize {
        self.state + self.timers + self.under_way
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.state, "in the state"),
            (self.timers, "in timers"),
            (self.under_way, "in messages under way"),
        ];
        let parts = parts.into_iter().filter(|(bytes, _)| *bytes > 0);
        let parts: Vec<String> = parts
            .map(|(bytes, place)| format!("{bytes} {place}"))
            .collect();
        write!(f, "{} bytes ({})", self.working(), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_the_bytes_are() {
        let memory = Memory {
            state: 20,
            under_way: 3,
            disk: 9,
            ..Memory::default()
        };
        assert_eq!(
            memory.to_string(),
            "23 bytes (20 in the state, 3 in messages under way)"
        );
    }
}
