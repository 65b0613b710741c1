//! `Shape`: what a type looks like on the wire, as a constant.
//!
//! A shape is a tree, walked by `const fn`s at compile time and by the host tool; never at run time by the supervisor.
//! Every leaf has a bound, so every shape has a largest size.

/// The wire form of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No bytes.
    Unit,
    /// One byte, 0 or 1.
    Bool,
    /// One byte.
    U8,
    /// One byte, two's complement.
    I8,
    /// Varint of at most 3 bytes.
    U16,
    /// Varint of at most 5 bytes.
    U32,
    /// Varint of at most 10 bytes.
    U64,
    /// Zigzag varint of at most 3 bytes.
    I16,
    /// Zigzag varint of at most 5 bytes.
    I32,
    /// Zigzag varint of at most 10 bytes.
    I64,
    /// Length, then UTF-8 of at most so many bytes.
    Text(u32),
    /// Length, then at most so many bytes.
    Bytes(u32),
    /// Count, then at most so many items.
    List(&'static Shape, u32),
    /// Exactly so many items.
    Array(&'static Shape, u32),
    /// One byte 0, or 1 and the value.
    Option(&'static Shape),
    /// Tag 0 and the first, or tag 1 and the second.
    Result(&'static Shape, &'static Shape),
    /// The items one after the other.
    Tuple(&'static [&'static Shape]),
    /// The fields one after the other.
    Struct(&'static str, Fields),
    /// Tag, then the fields of that variant.
    Enum(&'static str, &'static [Variant]),
    /// The value itself; nobody may print it or keep it.
    Secret(&'static Shape),
}

/// The fields of a struct or of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// None at all.
    Unit,
    /// `(A, B)`.
    Unnamed(&'static [&'static Shape]),
    /// `{ a: A, b: B }`.
    Named(&'static [Field]),
}

/// A field or an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub shape: &'static Shape,
}

/// A variant of an enum; its tag is its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What follows the tag.
    pub fields: Fields,
}

/// The two ends of a range of sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Fewest bytes.
    pub min: u64,
    /// Most bytes.
    pub max: u64,
}
