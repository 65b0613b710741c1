//! One instruction of a table's program: an 8-byte little-endian word, read with one load.
//!
//! | bits | what |
//! |---|---|
//! | 0..8 | opcode |
//! | 8..15 | number of the argument plus 1 when the whole argument is this leaf, else 0 |
//! | 15 | the value is secret |
//! | 16..32 | of a jump: how many words ahead of the next word its target lies; of a leaf: 1 when `END` follows, else 0 |
//! | 32..64 | argument: a bound, a count or a width |
//!
//! Source: `ipc-proto/spec/schema-table.md`.

#![allow(clippy::arithmetic_side_effects, reason = "sums of constants and of numbers below 5")]

use ipc_proto_types::Kind;

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

/// One byte, a code a server may send in an error frame.
pub(crate) const CODE: u8 = 14;

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

/// What one end may send for one method: four first words of programs, 16 bits each; 0 says that it may not.
/// Slot 0 is for an error, 1 for a call, 2 for a reply, 3 for an event: the kind modulo 4.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) u64);

impl Entry {
    /// May send nothing.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, kind: Kind, program: usize) -> Self {
        Self(self.0 | (program as u64) << (16 * (kind.as_u8() & 3)))
    }

    /// First word of the program for this kind.
    #[inline]
    pub(crate) const fn program(self, kind: Kind) -> usize {
        // A shift by 64 is a shift by 0: slot 0.
        (self.0.wrapping_shr(16 * kind.as_u8() as u32) & 0xffff) as usize
    }
}

/// An instruction.
#[derive(Clone, Copy)]
pub(crate) struct Op(pub(crate) u64);

impl Op {
    pub(crate) const fn new(code: u8, argument: u32) -> Self {
        Self(code as u64 | (argument as u64) << 32)
    }

    pub(crate) const fn with_ahead(self, ahead: u16) -> Self {
        Self(self.0 & !0xffff_0000 | (ahead as u64) << 16)
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

    /// How many words the target lies ahead of the next word.
    #[inline]
    pub(crate) const fn ahead(self) -> usize {
        (self.0 >> 16 & 0xffff) as usize
    }

    /// Whether this leaf is the last of its program.
    #[inline]
    pub(crate) const fn is_last(self) -> bool {
        self.0 & 0xffff_0000 != 0
    }

    /// Whether this is a text or byte string and the last of its program: one mask, one comparison.
    #[inline]
    pub(crate) const fn is_last_counted(self) -> bool {
        const { assert!(BYTES | 1 == TEXT | 1) };
        self.0 & 0xffff_00fe == 0x1_0000 | (BYTES & TEXT) as u64
    }

    /// Whether it takes bytes and goes on: such a word has no target.
    pub(crate) const fn is_leaf(self) -> bool {
        matches!(self.code(), BOOL | BYTE | VARINT | BYTES | TEXT | RAW | TAG | CODE)
    }

    #[inline]
    pub(crate) const fn argument(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opcodes_are_those_of_the_specification() {
        let names = [
            "END", "BOOL", "BYTE", "VARINT", "BYTES", "TEXT", "RAW", "OPTION", "TAG", "ENUM", "JUMP", "LIST",
            "REPEAT", "NEXT", "CODE",
        ];
        let codes =
            [END, BOOL, BYTE, VARINT, BYTES, TEXT, RAW, OPTION, TAG, ENUM, JUMP, LIST, REPEAT, NEXT, CODE];
        let page = include_str!("../../spec/schema-table.md");
        for (number, (name, code)) in names.into_iter().zip(codes).enumerate() {
            assert_eq!(usize::from(code), number);
            assert!(page.contains(&format!("\n| {number} | {name} | ")), "{number} {name}");
        }
        assert_eq!(MAGIC.to_le_bytes(), *b"SKTB\x01\0\0\0");
    }
}
