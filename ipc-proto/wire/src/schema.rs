//! `Schema`: the types that may stand in a message, and the sizes of shapes.
//!
//! A type is in the list when its wire form is bounded. `String`, `Vec`, `&str`, floats, `char`, `usize` and maps are
//! not, by design: see `ipc-proto/spec/strict-postcard.md`.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time, where a panic is a build error"
)]

use ipc_proto_types::{Bytes, Label, List, Secret, Text};
use zeroize::Zeroize;

use crate::shape::{Fields, Shape, Sizes, Variant};

/// A type that may stand in a message. Derive it for structs and enums.
///
/// ```compile_fail
/// use ipc_proto_wire::Schema;
/// fn bounded<T: Schema>() {}
/// bounded::<String>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` may not stand in a message: use Text<N>, Bytes<N>, List<T, N>: every type in a message is bounded",
    label = "not a bounded message type",
    note = "strings are Text<N>, byte strings Bytes<N>, sequences List<T, N>; integers have a fixed width; there are no floats, maps or chars",
    note = "for a struct or enum of your own: #[derive(Serialize, Deserialize, Schema)]"
)]
pub trait Schema {
    /// What the type looks like on the wire.
    const SHAPE: &'static Shape;
}

macro_rules! leaf {
    ($($type:ty => $shape:ident),*) => {
        $(impl Schema for $type {
            const SHAPE: &'static Shape = &Shape::$shape;
        })*
    };
}

leaf!(() => Unit, bool => Bool, u8 => U8, u16 => U16, u32 => U32, u64 => U64);
leaf!(i8 => I8, i16 => I16, i32 => I32, i64 => I64);

macro_rules! tuple {
    ($($item:ident)*) => {
        impl<$($item: Schema),*> Schema for ($($item,)*) {
            const SHAPE: &'static Shape = &Shape::Tuple(&[$($item::SHAPE),*]);
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

/// A bound as it stands in a table.
const fn bound(max: usize) -> u32 {
    assert!(max <= ipc_proto_types::MESSAGE_MAX, "a bound over 65536: no message is that long");
    #[expect(clippy::cast_possible_truncation, reason = "asserted just above")]
    let max = max as u32;
    max
}

impl<const N: usize> Schema for Text<N> {
    const SHAPE: &'static Shape = &Shape::Text(bound(N));
}

impl<const N: usize> Schema for Bytes<N> {
    const SHAPE: &'static Shape = &Shape::Bytes(bound(N));
}

impl<T: Schema, const N: usize> Schema for List<T, N> {
    const SHAPE: &'static Shape = &Shape::List(T::SHAPE, bound(N));
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const SHAPE: &'static Shape = &Shape::Array(T::SHAPE, bound(N));
}

impl<T: Schema> Schema for Option<T> {
    const SHAPE: &'static Shape = &Shape::Option(T::SHAPE);
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    const SHAPE: &'static Shape = &Shape::Result(T::SHAPE, E::SHAPE);
}

impl<T: Schema + Zeroize> Schema for Secret<T> {
    const SHAPE: &'static Shape = &Shape::Secret(T::SHAPE);
}

impl Schema for Label {
    const SHAPE: &'static Shape = &Shape::Enum(
        "Label",
        &[
            unit("Untrusted"),
            unit("Personal"),
            unit("Work"),
            unit("Vault"),
            unit("Green"),
            unit("Orange"),
            unit("Purple"),
            unit("Grey"),
        ],
    );
}

const fn unit(name: &'static str) -> Variant {
    Variant { name, fields: Fields::Unit }
}

impl Shape {
    /// Fewest and most bytes a value takes.
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        match *self {
            Self::Unit => Sizes { min: 0, max: 0 },
            Self::Bool | Self::U8 | Self::I8 => Sizes { min: 1, max: 1 },
            Self::U16 | Self::I16 => Sizes { min: 1, max: 3 },
            Self::U32 | Self::I32 => Sizes { min: 1, max: 5 },
            Self::U64 | Self::I64 => Sizes { min: 1, max: 10 },
            Self::Text(max) | Self::Bytes(max) => Sizes { min: 1, max: varint_size(max) + max as u64 },
            Self::List(item, max) => Sizes { min: 1, max: varint_size(max) + item.sizes().max * max as u64 },
            Self::Array(item, length) => {
                let item = item.sizes();
                Sizes { min: item.min * length as u64, max: item.max * length as u64 }
            }
            Self::Option(value) => Sizes { min: 1, max: 1 + value.sizes().max },
            Self::Result(value, error) => {
                let (value, error) = (value.sizes(), error.sizes());
                Sizes { min: 1 + least(value.min, error.min), max: 1 + most(value.max, error.max) }
            }
            Self::Tuple(items) => sum(items),
            Self::Struct(_, ref fields) => fields.sizes(),
            Self::Enum(_, variants) => {
                let mut sizes = Sizes { min: u64::MAX, max: 0 };
                let mut at = 0;
                while at < variants.len() {
                    let variant = variants[at].fields.sizes();
                    sizes = Sizes {
                        min: least(sizes.min, 1 + variant.min),
                        max: most(sizes.max, 1 + variant.max),
                    };
                    at += 1;
                }
                sizes
            }
            Self::Secret(value) => value.sizes(),
        }
    }
}

impl Fields {
    /// Fewest and most bytes the fields take together.
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        match *self {
            Self::Unit => Sizes { min: 0, max: 0 },
            Self::Unnamed(items) => sum(items),
            Self::Named(fields) => {
                let mut sizes = Sizes { min: 0, max: 0 };
                let mut at = 0;
                while at < fields.len() {
                    let field = fields[at].shape.sizes();
                    sizes = Sizes { min: sizes.min + field.min, max: sizes.max + field.max };
                    at += 1;
                }
                sizes
            }
        }
    }
}

const fn sum(items: &[&Shape]) -> Sizes {
    let mut sizes = Sizes { min: 0, max: 0 };
    let mut at = 0;
    while at < items.len() {
        let item = items[at].sizes();
        sizes = Sizes { min: sizes.min + item.min, max: sizes.max + item.max };
        at += 1;
    }
    sizes
}

const fn least(a: u64, b: u64) -> u64 {
    if a < b { a } else { b }
}

const fn most(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}

/// Bytes of the longest varint up to `max`.
const fn varint_size(max: u32) -> u64 {
    match max {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        _ => 3,
    }
}
