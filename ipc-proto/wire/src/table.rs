//! `Table`: a program that was checked once and may be run on anybody's bytes.
//!
//! What `parse` establishes, so that running needs no trust and can't go on for ever:
//! * every target lies ahead, inside its program and inside its loop;
//! * loops are balanced and at most 4 deep, and each round consumes at least one byte;
//! * every program ends in `END`.
//!
//! Source: `ipc-proto/spec/schema-table.md`.

use ipc_proto_types::{MAX_METHODS, MESSAGE_MAX};

use crate::op::{self, Op};

/// A checked table. Copying it copies a reference.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    pub(crate) words: &'a [[u8; 8]],
    pub(crate) methods: u16,
    message_max: u32,
}

/// Why bytes are no table. Whoever built the system image is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableError {
    /// Not a whole number of words, longer than 8 KiB, or not of the length it says.
    Length,
    /// Not a table, or one of a later format.
    Magic,
    /// No methods or over 32 of them, or a message limit over 64 KiB.
    Limit,
    /// A method has no program, or one that does not start where a program starts.
    Method,
    /// An unknown opcode, or an argument outside its range.
    Op,
    /// A target that is behind, or outside of its program or loop.
    Target,
    /// Loops that are unbalanced, deeper than 4, or need not consume anything.
    Loop,
}

impl<'a> Table<'a> {
    /// Checks a table, once.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TableError> {
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || words.len() > op::WORDS_MAX {
            return Err(TableError::Length);
        }
        let (Some(magic), Some(limits)) = (word(words, 0), word(words, 1)) else {
            return Err(TableError::Length);
        };
        let [_, _, _, _, _, methods, ..] = magic.to_le_bytes();
        if magic != op::MAGIC | u64::from(methods) << 40 {
            return Err(TableError::Magic);
        }
        let message_max = Op(limits).argument();
        if methods == 0 || usize::from(methods) > MAX_METHODS || message_max as usize > MESSAGE_MAX {
            return Err(TableError::Limit);
        }
        if limits & 0xffff_ffff != words.len() as u64 {
            return Err(TableError::Length);
        }
        let table = Self { words, methods: u16::from(methods), message_max };
        table.check_programs()?;
        table.check_methods()?;
        Ok(table)
    }

    /// Longest body of the service in bytes, in either direction.
    #[must_use]
    pub const fn message_max(&self) -> u32 {
        self.message_max
    }

    /// How many methods the service has.
    #[must_use]
    pub const fn method_count(&self) -> u16 {
        self.methods
    }

    /// First words of the programs of a method: of its call, its reply, the client's event, the server's event; 0 for
    /// what there is not.
    #[inline]
    pub(crate) fn method(&self, method: u16) -> Option<u64> {
        if method >= self.methods {
            return None;
        }
        word(self.words, usize::from(method).wrapping_add(op::HEADER_WORDS))
    }

    fn programs_start(&self) -> usize {
        usize::from(self.methods).wrapping_add(op::HEADER_WORDS)
    }

    fn check_methods(&self) -> Result<(), TableError> {
        for method in 0..self.methods {
            let entry = self.method(method).ok_or(TableError::Method)?;
            let starts: [u16; 4] = core::array::from_fn(|slot| start(entry, slot));
            match starts {
                [1..=u16::MAX, 1..=u16::MAX, 0, 0] | [0, 0, 1..=u16::MAX, 0] | [0, 0, 0, 1..=u16::MAX] => {}
                _ => return Err(TableError::Method),
            }
            for start in starts.into_iter().map(usize::from).filter(|start| *start != 0) {
                let after_end = start.checked_sub(1).and_then(|before| word(self.words, before));
                let first = start == self.programs_start();
                let ended =
                    start > self.programs_start() && after_end.is_some_and(|op| Op(op).code() == op::END);
                if !(first || ended) || start >= self.words.len() {
                    return Err(TableError::Method);
                }
            }
        }
        Ok(())
    }

    /// Walks all programs from the first word to the last.
    fn check_programs(&self) -> Result<(), TableError> {
        // The ends of the open loops: the word after each one's `NEXT`.
        let mut ends = [0_usize; op::DEPTH_MAX];
        let mut depth = 0_usize;
        let mut last = op::JUMP;
        for at in self.programs_start()..self.words.len() {
            let op = Op(word(self.words, at).ok_or(TableError::Length)?);
            let opened = matches!(last, op::LIST | op::REPEAT);
            last = op.code();
            check_argument(op)?;
            match op.code() {
                // A round must begin with something that consumes; a `REPEAT` begins another round.
                op::END | op::JUMP | op::NEXT if opened => return Err(TableError::Loop),
                op::END if depth != 0 => return Err(TableError::Loop),
                op::OPTION | op::JUMP => self.check_target(at, op.target())?,
                op::ENUM => self.check_arms(at, op.argument())?,
                op::LIST | op::REPEAT => {
                    *ends.get_mut(depth).ok_or(TableError::Loop)? = op.target();
                    depth = depth.wrapping_add(1);
                }
                op::NEXT => {
                    depth = depth.checked_sub(1).ok_or(TableError::Loop)?;
                    if ends.get(depth) != Some(&at.wrapping_add(1)) {
                        return Err(TableError::Loop);
                    }
                }
                _ => {}
            }
        }
        if last == op::END { Ok(()) } else { Err(TableError::Length) }
    }

    /// A jump goes ahead, within its program and within its loop.
    fn check_target(&self, from: usize, target: usize) -> Result<(), TableError> {
        let mut depth = 0_usize;
        if target <= from || target >= self.words.len() {
            return Err(TableError::Target);
        }
        for at in from.wrapping_add(1)..target {
            match word(self.words, at).map(|word| Op(word).code()) {
                Some(op::LIST | op::REPEAT) => depth = depth.wrapping_add(1),
                Some(op::NEXT) => depth = depth.checked_sub(1).ok_or(TableError::Target)?,
                Some(op::END) | None => return Err(TableError::Target),
                Some(_) => {}
            }
        }
        if depth == 0 { Ok(()) } else { Err(TableError::Target) }
    }

    /// After an `ENUM` come its jumps; their targets are checked when the walk comes to them.
    fn check_arms(&self, at: usize, count: u32) -> Result<(), TableError> {
        let arms = self.words.iter().skip(at.wrapping_add(1)).take(count as usize);
        let jumps = arms.filter(|arm| Op(u64::from_le_bytes(**arm)).code() == op::JUMP).count();
        if jumps == count as usize { Ok(()) } else { Err(TableError::Op) }
    }
}

fn check_argument(op: Op) -> Result<(), TableError> {
    let argument = op.argument();
    let legal = match op.code() {
        op::END | op::BOOL | op::OPTION | op::JUMP | op::NEXT => argument == 0,
        op::BYTE => argument & !op::SIGNED == 0,
        op::VARINT => matches!(argument & !op::SIGNED, 16 | 32 | 64),
        op::BYTES | op::TEXT | op::LIST => argument as usize <= MESSAGE_MAX,
        op::RAW | op::REPEAT => argument >= 1 && argument as usize <= MESSAGE_MAX,
        op::TAG | op::ENUM => argument >= 1 && argument as usize <= op::VARIANTS_MAX,
        _ => false,
    };
    if legal { Ok(()) } else { Err(TableError::Op) }
}

/// Word `at` of a table.
#[inline]
pub(crate) fn word(words: &[[u8; 8]], at: usize) -> Option<u64> {
    words.get(at).map(|word| u64::from_le_bytes(*word))
}

/// The `slot`th of the four numbers of a method.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "16 bits are wanted")]
pub(crate) const fn start(entry: u64, slot: usize) -> u16 {
    (entry >> (slot & 3).wrapping_mul(16)) as u16
}
