//! One instruction of a table's program: an 8-byte little-endian word, read with one load.
//!
//! | bits | what |
//! |---|---|
//! | 0..8 | opcode |
//! | 8..15 | number of the argument plus 1 when the whole argument is this leaf, else 0 |
//! | 15 | the value is secret |
//! | 16..32 | target: index of a word in the table |
//! | 32..64 | argument: a bound, a count or a width |
//!
//! Source: `ipc-proto/spec/schema-table.md`.

/// Nothing may follow; the body is accepted.
pub(crate) const END: u8 = 0;
/// One byte, 0 or 1.
pub(crate) const BOOL: u8 = 1;
/// One byte. Argument: `SIGNED` or 0.
pub(crate) const BYTE: u8 = 2;
/// Minimal varint. Argument: width in bits, plus `SIGNED` for zigzag.
pub(crate) const VARINT: u8 = 3;
/// Length up to the argument, then that many bytes.
pub(crate) const BYTES: u8 = 4;
/// As `BYTES`, and the bytes are UTF-8.
pub(crate) const TEXT: u8 = 5;
/// As many bytes as the argument says.
pub(crate) const RAW: u8 = 6;
/// One byte: 0 goes to the target, 1 goes on.
pub(crate) const OPTION: u8 = 7;
/// One byte below the argument.
pub(crate) const TAG: u8 = 8;
/// One byte below the argument, then to the target of that one of the `JUMP`s that follow.
pub(crate) const ENUM: u8 = 9;
/// To the target.
pub(crate) const JUMP: u8 = 10;
/// Count up to the argument; 0 goes to the target, which is the word after the matching `NEXT`.
pub(crate) const LIST: u8 = 11;
/// As many rounds as the argument says, at least 1; target as for `LIST`.
pub(crate) const REPEAT: u8 = 12;
/// End of a round.
pub(crate) const NEXT: u8 = 13;

/// In the argument of `BYTE` and `VARINT`: the number is signed.
pub(crate) const SIGNED: u32 = 0x100;
/// In the argument of `VARINT`: the width.
pub(crate) const WIDTH: u32 = 0xff;

/// A loop in a loop in a loop in a loop is the deepest.
pub(crate) const DEPTH_MAX: usize = 4;
/// Most variants of an enum, so that a tag is always one byte.
pub(crate) const VARIANTS_MAX: usize = 128;
/// Most words of a table.
pub(crate) const WORDS_MAX: usize = 1024;
/// First word of a table: "SKTB", format version 1; the count of methods is added at bit 40.
pub(crate) const MAGIC: u64 = 0x01_4254_4b53;
/// Words before the methods.
pub(crate) const HEADER_WORDS: usize = 2;
/// Most bytes of a varint of 64 bits.
pub(crate) const VARINT_MAX: u32 = 10;

/// An instruction.
#[derive(Clone, Copy)]
pub(crate) struct Op(pub(crate) u64);

impl Op {
    pub(crate) const fn new(code: u8, argument: u32) -> Self {
        Self(code as u64 | (argument as u64) << 32)
    }

    pub(crate) const fn with_target(self, target: u16) -> Self {
        Self(self.0 & !0xffff_0000 | (target as u64) << 16)
    }

    pub(crate) const fn with_field(self, field: u8, secret: bool) -> Self {
        Self(self.0 | (field as u64) << 8 | (secret as u64) << 15)
    }

    #[inline]
    pub(crate) const fn code(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// Number of the argument plus 1, or 0.
    #[inline]
    pub(crate) const fn field(self) -> u8 {
        self.0.to_le_bytes()[1] & 0x7f
    }

    #[inline]
    pub(crate) const fn is_secret(self) -> bool {
        self.0 & 0x8000 != 0
    }

    #[inline]
    pub(crate) const fn target(self) -> usize {
        (self.0 >> 16 & 0xffff) as usize
    }

    #[inline]
    pub(crate) const fn argument(self) -> u32 {
        (self.0 >> 32) as u32
    }
}
