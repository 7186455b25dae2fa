//! The canonical serializer: equal values have equal bytes.
//!
//! The grader identifies a node's state by its bytes, so the iteration order of a `HashMap` must
//! not show: **map entries are written sorted by their key's bytes**. To serde a `HashSet` looks
//! like any other sequence, so it cannot be sorted; it is refused because of the type of its field.
//! The format is compact and not self-describing:
//!
//! | value | bytes |
//! |---|---|
//! | `bool`, `u8` to `u128` | LEB128: 7 bits in each byte, the lowest first (a `bool` is 0 or 1) |
//! | `i8` to `i128` | the same, zigzag: 0, -1, 1, -2 are 0, 1, 2, 3 |
//! | `f32`, `f64` | their bits, little-endian |
//! | `char` | its number, as an integer |
//! | texts, bytes, sequences | the length, then the contents |
//! | tuples, structs, arrays | their fields in order, nothing else |
//! | `Option` | 0, or 1 and the value |
//! | enums | the index of the variant, then its fields |
//! | maps | the length, then keys and values in the order of the keys' bytes |
//!
//! Field names are not written, so `#[serde(skip_serializing_if)]`, `flatten` and `untagged` cannot
//! work. Each is an error, which names the field if serde reports it.
//!
//! ```
//! use std::collections::HashMap;
//! let table: HashMap<String, u64> = [("b".to_string(), 2), ("a".to_string(), 1)].into();
//! let bytes = labkit::codec::to_bytes(&table)?;
//! assert_eq!(bytes, [2, 1, b'a', 1, 1, b'b', 2]);
//! assert_eq!(labkit::codec::from_bytes::<HashMap<String, u64>>(&bytes)?, table);
//! # Ok::<(), labkit::codec::Error>(())
//! ```

mod de;
mod error;
mod ser;

use serde::{Serialize, de::DeserializeOwned};

pub use error::Error;

/// The canonical bytes of a value.
///
/// # Errors
/// A hash set, a skipped field, or an error of the value's own `Serialize`.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(&mut out, value)?;
    Ok(out)
}

/// Appends the canonical bytes of a value to `out`; after an error, what was appended means
/// nothing.
///
/// # Errors
/// As [`to_bytes`].
pub fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    ser::write(out, value)
}

/// The value with these bytes, all of them.
///
/// # Errors
/// If the bytes are not those of a `T`. Nothing is allocated for more elements than there are
/// bytes, and values nested deeper than 128 levels are refused, so hostile bytes cost no more than
/// their length.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    de::read(bytes)
}

/// The bytes of something that a program wants to be sent or kept; it panics if there are none,
/// which is the program's fault.
pub(crate) fn encode<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, what: &str) {
    if let Err(error) = write(out, value) {
        panic!("this {what} cannot be serialized: {error}");
    }
}

/// What [`encode`] wrote.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    from_bytes(bytes).unwrap_or_else(|error| panic!("it does not survive its own bytes: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        New(i64),
        Pair(u8, char),
        Fields {
            name: String,
            inner: Option<Box<Shape>>,
        },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct All {
        flag: bool,
        small: i8,
        big: u128,
        float: f64,
        text: String,
        list: Vec<Shape>,
        map: BTreeMap<(u8, String), Option<()>>,
        array: [u16; 3],
    }

    #[test]
    fn everything_survives() {
        let all = All {
            flag: true,
            small: -128,
            big: u128::MAX,
            float: -0.0,
            text: "Grüße".into(),
            list: vec![
                Shape::Unit,
                Shape::New(i64::MIN),
                Shape::Pair(255, '🦀'),
                Shape::Fields {
                    name: String::new(),
                    inner: Some(Box::new(Shape::New(-1))),
                },
            ],
            map: [((2, "b".into()), None), ((1, "a".into()), Some(()))].into(),
            array: [0, 300, 65535],
        };
        let bytes = to_bytes(&all).unwrap();
        assert_eq!(from_bytes::<All>(&bytes).unwrap(), all);
        for cut in 0..bytes.len() {
            assert!(from_bytes::<All>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_order_of_a_hash_map_does_not_show_even_when_nested() {
        let build = |order: &[u64]| -> HashMap<u64, HashMap<String, u64>> {
            order
                .iter()
                .map(|k| (*k, order.iter().map(|i| (format!("k{i}"), *i)).collect()))
                .collect()
        };
        let forward: Vec<u64> = (0..300).collect();
        let backward: Vec<u64> = (0..300).rev().collect();
        assert_eq!(
            to_bytes(&build(&forward)).unwrap(),
            to_bytes(&build(&backward)).unwrap()
        );
    }

    #[test]
    fn a_hash_set_is_refused_by_name() {
        #[derive(Serialize)]
        struct Server {
            seen: Option<HashSet<u64>>,
        }
        let error = to_bytes(&Server { seen: None }).unwrap_err().to_string();
        assert!(error.contains("Server.seen"), "{error}");
        assert!(error.contains("labkit::Set"), "{error}");
        assert!(to_bytes(&vec![HashSet::<u8>::new()]).is_err());
    }

    #[test]
    fn what_serde_cannot_carry_is_named() {
        #[derive(Serialize)]
        struct Server {
            #[serde(skip_serializing_if = "Option::is_none")]
            primary: Option<u8>,
        }
        let error = to_bytes(&Server { primary: None }).unwrap_err().to_string();
        assert!(error.contains("Server.primary"), "{error}");

        #[derive(Debug, Serialize, Deserialize)]
        #[serde(untagged)]
        enum Any {
            Number(u64),
        }
        #[derive(Debug, Serialize, Deserialize)]
        struct Holder {
            any: Any,
        }
        let bytes = to_bytes(&Holder {
            any: Any::Number(1),
        })
        .unwrap();
        let error = from_bytes::<Holder>(&bytes).unwrap_err().to_string();
        assert!(error.contains("Holder.any"), "{error}");
    }

    #[test]
    fn hostile_bytes_cost_no_more_than_their_length() {
        #[derive(Debug, Serialize, Deserialize)]
        struct Deep(Vec<Deep>);
        assert!(
            from_bytes::<Deep>(&[1; 10_000])
                .unwrap_err()
                .to_string()
                .contains("nested")
        );
        assert!(from_bytes::<Vec<u64>>(&[255, 255, 255, 255, 15]).is_err());
        assert!(from_bytes::<Vec<()>>(&[255, 255, 255, 255, 15]).is_err());
    }
}
