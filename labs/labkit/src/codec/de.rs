//! Reading canonical bytes, which may be hostile.

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::error::Error;

const DEEPEST: u32 = 128;

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = Reader {
        rest: bytes,
        depth: 0,
        place: None,
    };
    let value = T::deserialize(&mut reader)?;
    match reader.rest.len() {
        0 => Ok(value),
        more => Err(Error::new(format!("{more} bytes are left over"))),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
    /// The field being read, for errors: the struct and the field's name.
    place: Option<(&'static str, &'static str)>,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.rest.split_first().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(head)
    }

    fn unsigned(&mut self) -> Result<u128, Error> {
        let mut value = 0u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::new("a number is too long"))
    }

    fn unsigned64(&mut self) -> Result<u64, Error> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::new("a number is too long"))
    }

    fn signed64(&mut self) -> Result<i64, Error> {
        let raw = self.unsigned64()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// A length that the remaining bytes can possibly hold; elements without bytes are limited all
    /// the same.
    fn length(&mut self) -> Result<usize, Error> {
        let length = self.unsigned64()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len().max(1 << 16) => Ok(length),
            _ => Err(Error::new(format!(
                "a length of {length} with {} bytes left",
                self.rest.len()
            ))),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == DEEPEST {
            return Err(Error::new(format!("nested deeper than {DEEPEST} levels")));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn cannot_know(&self) -> Error {
        let place = self
            .place
            .map_or(String::new(), |(name, field)| format!("{name}.{field}: "));
        Error::new(format!(
            "{place}its type asks the format what comes next, which these bytes do not say: \
             #[serde(untagged)], \
             #[serde(flatten)] and #[serde(tag)] cannot be used here"
        ))
    }
}

#[cold]
fn ends_early() -> Error {
    Error::new("the bytes end too early")
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty, $read:ident);*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let value = self.$read()?;
            let value = <$type>::try_from(value)
                .map_err(|_| Error::new(format!("{value} is no {}", stringify!($type))))?;
            visitor.$visit(value)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    integers!(
        deserialize_u8 visit_u8 u8, unsigned64; deserialize_u16 visit_u16 u16, unsigned64;
        deserialize_u32 visit_u32 u32, unsigned64; deserialize_u64 visit_u64 u64, unsigned64;
        deserialize_i8 visit_i8 i8, signed64; deserialize_i16 visit_i16 i16, signed64;
        deserialize_i32 visit_i32 i32, signed64; deserialize_i64 visit_i64 i64, signed64
    );

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.cannot_know())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.cannot_know())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.cannot_know())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            other => Err(Error::new(format!("{other} is no bool"))),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u128(self.unsigned()?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let raw = self.unsigned()?;
        visitor.visit_i128((raw >> 1) as i128 ^ -((raw & 1) as i128))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let bytes = self.take(4)?.try_into().expect("four bytes");
        visitor.visit_f32(f32::from_bits(u32::from_le_bytes(bytes)))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let bytes = self.take(8)?.try_into().expect("eight bytes");
        visitor.visit_f64(f64::from_bits(u64::from_le_bytes(bytes)))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.unsigned64()?;
        let char = u32::try_from(number).ok().and_then(char::from_u32);
        visitor.visit_char(char.ok_or_else(|| Error::new(format!("{number} is no char")))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        visitor.visit_borrowed_str(
            std::str::from_utf8(bytes).map_err(|_| Error::new("a text is not UTF-8"))?,
        )
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        visitor.visit_borrowed_bytes(self.take(length)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.nested(|reader| visitor.visit_some(reader)),
            other => Err(Error::new(format!("{other} is no option"))),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        self.nested(|reader| {
            visitor.visit_seq(Pieces {
                reader,
                left: length,
                names: None,
            })
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nested(|reader| {
            visitor.visit_seq(Pieces {
                reader,
                left: length,
                names: None,
            })
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        self.nested(|reader| {
            visitor.visit_map(Pieces {
                reader,
                left: length,
                names: None,
            })
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let names = Some((name, fields));
        self.nested(|reader| {
            visitor.visit_seq(Pieces {
                reader,
                left: fields.len(),
                names,
            })
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nested(|reader| visitor.visit_enum(Variant { reader }))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Pieces<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
    names: Option<(&'static str, &'static [&'static str])>,
}

impl<'de> de::SeqAccess<'de> for Pieces<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        if let Some((name, fields)) = self.names {
            self.reader.place = Some((name, fields[fields.len() - self.left]));
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.rest.len()))
    }
}

impl<'de> de::MapAccess<'de> for Pieces<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.rest.len()))
    }
}

struct Variant<'r, 'a> {
    reader: &'r mut Reader<'a>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index =
            u32::try_from(self.reader.unsigned64()?).map_err(|_| Error::new("no such variant"))?;
        Ok((
            seed.deserialize(IntoDeserializer::<Error>::into_deserializer(index))?,
            self,
        ))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Pieces {
            reader: self.reader,
            left: length,
            names: None,
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Pieces {
            reader: self.reader,
            left: fields.len(),
            names: None,
        })
    }
}
