//! What tests of all labs say alike.

use faultline_sim::Conditions;
use labkit::{NodeId, codec};
use serde::Serialize;

/// The server of this number.
pub const fn server(number: u32) -> NodeId {
    NodeId::new('s', number)
}

/// The client of this number.
pub const fn client(number: u32) -> NodeId {
    NodeId::new('c', number)
}

/// How many clients of a test are declared beside those that start with it. They come when others
/// have left.
pub const TO_COME: u32 = 3;

/// What a lab gives, in bytes.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    codec::to_bytes(value).expect("what the lab gives has bytes")
}

/// `1 server`, `3 servers`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A network in words.
pub fn say_network(conditions: &Conditions) -> &'static str {
    match conditions.loss > 0 {
        true => "a network that drops, duplicates and reorders",
        false => "a clean network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_them_has_no_s() {
        let counts = [0, 1, 2].map(|number| count(number, "server"));
        assert_eq!(counts, ["0 servers", "1 server", "2 servers"]);
    }
}
