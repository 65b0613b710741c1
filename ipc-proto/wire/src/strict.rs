//! The reader behind `decode`: postcard's format without its laxness, in one pass.
//!
//! It accepts of each type exactly what `encode` writes: varints are minimal, tags are one byte, nothing is skipped. That
//! holds because a type in a message asks for just what it writes: `Schema` lists such types and refuses serde's attributes.
//! It knows no schema; bounds are those of the types. No floats, no `char`, no maps: no schema has them.
//! Source: `ipc-proto/spec/strict-postcard.md`.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, SeqAccess, VariantAccess, Visitor,
};

use crate::codec::{DecodeError, no_varint};
use crate::utf8::Short;
use crate::varint;

/// What is left of a body.
pub(crate) struct Strict<'b> {
    pub(crate) rest: &'b [u8],
}

impl Error for DecodeError {
    #[cold]
    fn custom<T: core::fmt::Display>(_: T) -> Self {
        Self::Malformed
    }
}

impl core::error::Error for DecodeError {}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "no value of the type",
            Self::Trailing => "bytes after the value",
            Self::NotCanonical => "not written the one legal way",
        })
    }
}

impl<'b> Strict<'b> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline(always)]
    fn varint<const WIDTH: u32>(&mut self) -> Result<u64, DecodeError> {
        let (value, rest) = varint::take::<WIDTH>(self.rest).map_err(no_varint)?;
        self.rest = rest;
        Ok(value)
    }

    /// The sign is the lowest bit.
    #[inline(always)]
    fn zigzag<const WIDTH: u32>(&mut self) -> Result<i64, DecodeError> {
        let value = self.varint::<WIDTH>()?;
        Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    /// A length and that many bytes.
    #[inline(always)]
    fn counted(&mut self) -> Result<&'b [u8], DecodeError> {
        let length = self.varint::<32>()?;
        let length = usize::try_from(length).map_err(|_| DecodeError::Malformed)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// Numbers: how they are read, and the type that is as wide.
macro_rules! number {
    ($($name:ident $read:ident $width:literal $type:ty => $visit:ident;)*) => {
        $(
            #[inline(always)]
            fn $name<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
                let value = self.$read::<$width>()?;
                #[allow(clippy::cast_possible_truncation, reason = "the width was checked; 64 bits are not cut")]
                visitor.$visit(value as $type)
            }
        )*
    };
}

/// What no message has.
macro_rules! refused {
    ($($name:ident)*) => {
        $(
            #[cold]
            fn $name<V: Visitor<'b>>(self, _: V) -> Result<V::Value, DecodeError> {
                Err(DecodeError::Malformed)
            }
        )*
    };
}

impl<'b> Deserializer<'b> for &mut Strict<'b> {
    type Error = DecodeError;

    number! {
        deserialize_u16 varint 16 u16 => visit_u16;
        deserialize_u32 varint 32 u32 => visit_u32;
        deserialize_u64 varint 64 u64 => visit_u64;
        deserialize_i16 zigzag 16 i16 => visit_i16;
        deserialize_i32 zigzag 32 i32 => visit_i32;
        deserialize_i64 zigzag 64 i64 => visit_i64;
    }

    refused! {
        deserialize_any deserialize_f32 deserialize_f64 deserialize_char deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    #[inline(always)]
    fn deserialize_bool<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(DecodeError::Malformed),
        }
    }

    #[inline(always)]
    fn deserialize_u8<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline(always)]
    fn deserialize_i8<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i8(self.byte()?.cast_signed())
    }

    #[inline(always)]
    fn deserialize_str<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let bytes = self.counted()?;
        if let Some(text) = Short::new().text(bytes) {
            return visitor.visit_str(text);
        }
        visitor.visit_borrowed_str(core::str::from_utf8(bytes).map_err(|_| DecodeError::Malformed)?)
    }

    #[inline(always)]
    fn deserialize_string<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    #[inline(always)]
    fn deserialize_bytes<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_bytes(self.counted()?)
    }

    #[inline(always)]
    fn deserialize_byte_buf<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(DecodeError::Malformed),
        }
    }

    #[inline(always)]
    fn deserialize_unit<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_unit_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    #[inline(always)]
    fn deserialize_seq<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let left = self.varint::<32>()?;
        let left = usize::try_from(left).map_err(|_| DecodeError::Malformed)?;
        visitor.visit_seq(Items { of: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple<V: Visitor<'b>>(self, left: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left })
    }

    #[inline(always)]
    fn deserialize_tuple_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left })
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left: fields.len() })
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'b>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Items one after another, as many as were promised.
struct Items<'a, 'b> {
    of: &'a mut Strict<'b>,
    left: usize,
}

impl<'b> SeqAccess<'b> for Items<'_, 'b> {
    type Error = DecodeError;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'b>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.of).map(Some)
    }

    /// In line: a struct then reads its fields one after another, with nothing passed through memory between them.
    #[inline(always)]
    fn next_element<T: serde::Deserialize<'b>>(&mut self) -> Result<Option<T>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        T::deserialize(&mut *self.of).map(Some)
    }

    /// As many as were promised, but no more than bytes are left: each item takes one at least.
    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.of.rest.len()))
    }
}

impl<'b> EnumAccess<'b> for &mut Strict<'b> {
    type Error = DecodeError;
    type Variant = Self;

    #[inline(always)]
    fn variant_seed<V: DeserializeSeed<'b>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let tag = u32::try_from(self.varint::<32>()?).map_err(|_| DecodeError::Malformed)?;
        Ok((seed.deserialize(tag.into_deserializer())?, self))
    }
}

impl<'b> VariantAccess<'b> for &mut Strict<'b> {
    type Error = DecodeError;

    #[inline(always)]
    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    #[inline(always)]
    fn newtype_variant_seed<T: DeserializeSeed<'b>>(self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(self)
    }

    #[inline(always)]
    fn tuple_variant<V: Visitor<'b>>(self, left: usize, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left })
    }

    #[inline(always)]
    fn struct_variant<V: Visitor<'b>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items { of: self, left: fields.len() })
    }
}
