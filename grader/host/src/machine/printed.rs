//! What a node prints.

use std::fmt::Write as _;

/// The beginning of what was printed since the last look, and how much more there was.
#[derive(Default)]
pub(super) struct Printed {
    kept: Vec<u8>,
    dropped_bytes: u64,
    /// Calls of `println!` and the like that were not carried out.
    dropped_calls: u64,
}

impl Printed {
    /// Keeps `bytes` as far as there is room for `limit` bytes in all.
    pub fn add(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.kept.len());
        let (kept, dropped) = bytes.split_at(room.min(bytes.len()));
        self.kept.extend_from_slice(kept);
        self.dropped_bytes = self.dropped_bytes.saturating_add(dropped.len() as u64);
    }

    /// Counts a call that would print more than is kept.
    pub fn skip(&mut self) {
        self.dropped_calls = self.dropped_calls.saturating_add(1);
    }

    /// Takes the text out; what is no UTF-8 in it is replaced by U+FFFD.
    pub fn take(&mut self) -> String {
        let Printed {
            kept,
            dropped_bytes,
            dropped_calls,
        } = std::mem::take(self);
        let mut text = String::from_utf8_lossy(&kept).into_owned();
        let _ = match (dropped_bytes, dropped_calls) {
            (0, 0) => Ok(()),
            (bytes, 0) => write!(text, "\n... {bytes} more bytes were printed\n"),
            (_, calls) => write!(
                text,
                "\n... and more: {calls} calls of `println!` or the like\n"
            ),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_and_the_rest_counted() {
        let mut printed = Printed::default();
        printed.add(b"abc", 4);
        printed.add(b"defg", 4);
        assert_eq!(printed.take(), "abcd\n... 3 more bytes were printed\n");
        assert_eq!(printed.take(), "");
        printed.add(&[255, b'x'], 4);
        assert_eq!(printed.take(), "\u{fffd}x");
        printed.add(b"abcde", 4);
        printed.skip();
        let text = printed.take();
        assert_eq!(
            text,
            "abcd\n... and more: 1 calls of `println!` or the like\n"
        );
    }
}
