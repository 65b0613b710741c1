//! `Table`: a program that was checked once and may be run on anybody's bytes.
//!
//! What `parse` establishes, so that running needs no trust and can't go on for ever:
//! * every target lies ahead, inside its program and inside its loop;
//! * loops are balanced and at most 4 deep, and each round consumes at least one byte;
//! * every program ends in `END`.
//!
//! Source: `ipc-proto/spec/schema-table.md`.

use ipc_proto_types::{Kind, MAX_METHODS, MESSAGE_MAX, Role};

use crate::op::{self, Entry, Op};

/// A checked table. Copying it copies a reference.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    pub(crate) words: &'a [[u8; 8]],
    entries: &'a [[u8; 8]],
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
        let end = usize::from(methods).wrapping_mul(2).wrapping_add(op::HEADER_WORDS);
        let entries = words.get(op::HEADER_WORDS..end).ok_or(TableError::Length)?;
        let table = Self { words, entries, message_max };
        table.check_programs()?;
        table.check_methods()?;
        Ok(table)
    }

    /// Longest body of the service in bytes, in either direction.
    #[must_use]
    pub const fn message_max(&self) -> u32 {
        self.message_max
    }

    /// Whether any message of the service can carry a secret: whoever holds a copy of one wipes it.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        let programs = self.words.iter().skip(self.programs_start());
        programs.map(|word| Op(u64::from_le_bytes(*word))).any(Op::is_secret)
    }

    /// How many methods the service has.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
    pub const fn method_count(&self) -> u16 {
        (self.entries.len() / 2) as u16
    }

    /// What `sender` may send for a method.
    #[inline(always)]
    pub(crate) fn entry(&self, sender: Role, method: u16) -> Option<Entry> {
        let index = usize::from(method).wrapping_mul(2).wrapping_add(sender as usize);
        word(self.entries, index).map(Entry)
    }

    fn programs_start(&self) -> usize {
        self.entries.len().wrapping_add(op::HEADER_WORDS)
    }

    /// Each method is a call, a one-way message or an event, and nothing between.
    fn check_methods(&self) -> Result<(), TableError> {
        for method in 0..self.method_count() {
            let (Some(client), Some(server)) =
                (self.entry(Role::Client, method), self.entry(Role::Server, method))
            else {
                return Err(TableError::Method);
            };
            let sent = |entry: Entry| {
                [Kind::Error, Kind::Call, Kind::Reply, Kind::Event].map(|kind| entry.program(kind))
            };
            let programs: &[usize] = match (sent(client), sent(server)) {
                ([0, call, 0, 0], [error, 0, reply, 0]) => &[call, error, reply],
                ([0, 0, 0, event], [0, 0, 0, 0]) | ([0, 0, 0, 0], [0, 0, 0, event]) => &[event],
                _ => return Err(TableError::Method),
            };
            if !programs.iter().all(|program| self.is_program(*program)) {
                return Err(TableError::Method);
            }
        }
        Ok(())
    }

    /// Whether a program starts at this word: it is the first, or the word before ends one.
    fn is_program(&self, at: usize) -> bool {
        let before =
            at.checked_sub(1).and_then(|before| word(self.words, before)).map(|word| Op(word).code());
        let first = self.programs_start();
        at < self.words.len() && (at == first || at > first && before == Some(op::END))
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
            let target = at.wrapping_add(1).wrapping_add(op.ahead());
            match op.code() {
                // A round must begin with something that consumes; a `REPEAT` begins another round.
                op::END | op::JUMP | op::NEXT if opened => return Err(TableError::Loop),
                op::END if depth != 0 => return Err(TableError::Loop),
                op::OPTION | op::JUMP => self.check_target(at, target)?,
                op::ENUM => self.check_arms(at, op.argument())?,
                op::LIST | op::REPEAT => {
                    *ends.get_mut(depth).ok_or(TableError::Loop)? = target;
                    depth = depth.wrapping_add(1);
                }
                op::NEXT => {
                    depth = depth.checked_sub(1).ok_or(TableError::Loop)?;
                    if ends.get(depth) != Some(&at.wrapping_add(1)) {
                        return Err(TableError::Loop);
                    }
                }
                _ if op.is_last() => self.check_last(at, op)?,
                _ => {}
            }
        }
        if last == op::END { Ok(()) } else { Err(TableError::Length) }
    }

    /// A jump stays within its program and within its loop. That it goes ahead lies in its encoding.
    fn check_target(&self, from: usize, target: usize) -> Result<(), TableError> {
        let mut depth = 0_usize;
        if target >= self.words.len() {
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

    /// A leaf that says it is the last is one: `END` follows.
    fn check_last(&self, at: usize, leaf: Op) -> Result<(), TableError> {
        let next = word(self.words, at.wrapping_add(1)).map(|word| Op(word).code());
        if leaf.ahead() == 1 && next == Some(op::END) { Ok(()) } else { Err(TableError::Op) }
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
        op::END | op::NEXT => argument == 0 && op.ahead() == 0,
        op::BOOL | op::OPTION | op::JUMP | op::CODE => argument == 0,
        op::BYTE => argument & !op::SIGNED == 0,
        op::VARINT => matches!(argument & !op::SIGNED, 16 | 32 | 64),
        op::BYTES | op::TEXT | op::LIST => argument as usize <= MESSAGE_MAX,
        op::RAW | op::REPEAT => argument >= 1 && argument as usize <= MESSAGE_MAX,
        op::ENUM if op.ahead() != 0 => false,
        op::TAG | op::ENUM => argument >= 1 && argument as usize <= op::VARIANTS_MAX,
        _ => false,
    };
    if legal { Ok(()) } else { Err(TableError::Op) }
}

/// Word `at` of a table.
#[inline(always)]
pub(crate) fn word(words: &[[u8; 8]], at: usize) -> Option<u64> {
    words.get(at).map(|word| u64::from_le_bytes(*word))
}
