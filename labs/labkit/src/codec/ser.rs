//! Writing canonical bytes.

use serde::{Serialize, ser};

use super::error::Error;

pub(super) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    refuse_hash_sets::<T>(|| "the value".to_owned())?;
    value.serialize(&mut Serializer { out })
}

/// The type of a field is known where serde hands it over, so a hash set is found even while it is
/// empty.
#[inline(always)]
fn refuse_hash_sets<T: ?Sized>(what: impl FnOnce() -> String) -> Result<(), Error> {
    if is_hash_set(std::any::type_name::<T>()) {
        Err(hash_set_error(&what()))
    } else {
        Ok(())
    }
}

/// This is asked for every field that is written. (`str::contains` prepares a search for any text,
/// which took a sixth of the time of a grade.)
#[inline]
fn is_hash_set(type_name: &str) -> bool {
    const PART: &[u8] = b"::set::HashSet<";
    let name = type_name.as_bytes();
    name.len() > PART.len()
        && name.contains(&b'H')
        && name.windows(PART.len()).any(|part| part == PART)
}

#[cold]
fn hash_set_error(what: &str) -> Error {
    Error::new(format!(
        "{what} is or holds a HashSet, whose order differs from node to node: use labkit::Set (a \
         BTreeSet)"
    ))
}

struct Serializer<'a> {
    out: &'a mut Vec<u8>,
}

impl Serializer<'_> {
    fn unsigned(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn unsigned64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn length(&mut self, length: usize) {
        self.unsigned64(length as u64);
    }
}

macro_rules! unsigned {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.unsigned64(u64::from(value));
            Ok(())
        }
    )*};
}

macro_rules! signed {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            let value = i64::from(value);
            self.unsigned64(((value << 1) ^ (value >> 63)) as u64);
            Ok(())
        }
    )*};
}

impl<'a, 'b> ser::Serializer for &'b mut Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'a, 'b>;
    type SerializeTuple = &'b mut Serializer<'a>;
    type SerializeTupleStruct = &'b mut Serializer<'a>;
    type SerializeTupleVariant = &'b mut Serializer<'a>;
    type SerializeMap = Entries<'a, 'b>;
    type SerializeStruct = Fields<'a, 'b>;
    type SerializeStructVariant = Fields<'a, 'b>;

    unsigned!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64);
    signed!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64);

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.push(u8::from(value));
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.unsigned(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.unsigned(((value << 1) ^ (value >> 127)) as u128);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.unsigned64(u64::from(u32::from(value)));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.length(value.len());
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.out.push(0);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.out.push(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Error> {
        self.serialize_u32(index)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        refuse_hash_sets::<T>(|| format!("{name}.0"))?;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        refuse_hash_sets::<T>(|| format!("{name}::{variant}.0"))?;
        self.unsigned64(u64::from(index));
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a, 'b>, Error> {
        match length {
            Some(length) => {
                self.length(length);
                Ok(Elements {
                    serializer: self,
                    unknown: None,
                })
            }
            None => {
                let at = self.out.len();
                Ok(Elements {
                    serializer: self,
                    unknown: Some((at, 0)),
                })
            }
        }
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.unsigned64(u64::from(index));
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a, 'b>, Error> {
        let start = self.out.len();
        Ok(Entries {
            serializer: self,
            start,
            key: start,
            value: start,
            entries: Vec::new(),
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a, 'b>, Error> {
        Ok(Fields {
            serializer: self,
            name,
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'a, 'b>, Error> {
        self.unsigned64(u64::from(index));
        Ok(Fields {
            serializer: self,
            name: variant,
        })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A sequence; one of unknown length is counted, and its length is put in front at the end.
struct Elements<'a, 'b> {
    serializer: &'b mut Serializer<'a>,
    unknown: Option<(usize, usize)>,
}

impl ser::SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if let Some((_, count)) = &mut self.unknown {
            *count += 1;
        }
        value.serialize(&mut *self.serializer)
    }

    fn end(self) -> Result<(), Error> {
        if let Some((at, count)) = self.unknown {
            let elements = self.serializer.out.split_off(at);
            self.serializer.length(count);
            self.serializer.out.extend_from_slice(&elements);
        }
        Ok(())
    }
}

macro_rules! positional {
    ($trait:ident $method:ident) => {
        impl ser::$trait for &mut Serializer<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                refuse_hash_sets::<T>(|| "a field of a tuple".to_owned())?;
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

positional!(SerializeTuple serialize_element);
positional!(SerializeTupleStruct serialize_field);
positional!(SerializeTupleVariant serialize_field);

struct Fields<'a, 'b> {
    serializer: &'b mut Serializer<'a>,
    name: &'static str,
}

macro_rules! named {
    ($trait:ident) => {
        impl ser::$trait for Fields<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                let name = self.name;
                refuse_hash_sets::<T>(|| format!("{name}.{key}"))?;
                value.serialize(&mut *self.serializer)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), Error> {
                Err(Error::new(format!(
                    "{}.{key} is left out by #[serde(skip_serializing_if)], so it could not be \
                     read back",
                    self.name
                )))
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

named!(SerializeStruct);
named!(SerializeStructVariant);

/// A map: entries are written as they come and put in the order of their keys' bytes at the end.
struct Entries<'a, 'b> {
    serializer: &'b mut Serializer<'a>,
    start: usize,
    key: usize,
    value: usize,
    /// Start, end of the key, end of the value; positions in the output.
    entries: Vec<(usize, usize, usize)>,
}

impl ser::SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = self.serializer.out.len();
        key.serialize(&mut *self.serializer)?;
        self.value = self.serializer.out.len();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        refuse_hash_sets::<T>(|| "a value of a map".to_owned())?;
        value.serialize(&mut *self.serializer)?;
        self.entries
            .push((self.key, self.value, self.serializer.out.len()));
        Ok(())
    }

    fn end(mut self) -> Result<(), Error> {
        let written = self.serializer.out.split_off(self.start);
        let key =
            |(start, end, _): (usize, usize, usize)| &written[start - self.start..end - self.start];
        if !self.entries.is_sorted_by(|a, b| key(*a) < key(*b)) {
            self.entries.sort_by(|a, b| key(*a).cmp(key(*b)));
        }
        self.serializer.length(self.entries.len());
        for (start, _, end) in &self.entries {
            self.serializer
                .out
                .extend_from_slice(&written[start - self.start..end - self.start]);
        }
        Ok(())
    }
}
