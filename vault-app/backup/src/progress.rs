//! What the authenticated bytes of a backup say: the table of contents, then the parts in its order.
//!
//! Fed with pieces cut anywhere. The table is kept as it is read, so nothing is allocated for parts that a file only claims.

use alloc::vec::Vec;

use crate::error::{BackupError, Stopped};
use crate::part::{NAME_MAX, PARTS_MAX, Part, PartName, check_order};

/// Takes what a backup holds. What it is given is authentic; that it is all there is known only when
/// [`Reader::finish`](crate::Reader::finish) said so.
pub trait Sink {
    /// A part begins; its bytes follow.
    ///
    /// # Errors
    /// [`Stopped`] ends the reading.
    fn part(&mut self, part: &Part) -> Result<(), Stopped>;

    /// The next bytes of the part that began last.
    ///
    /// # Errors
    /// [`Stopped`] ends the reading.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Stopped>;
}

/// Keeps nothing: to learn whether a backup is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verify;

impl Sink for Verify {
    fn part(&mut self, _: &Part) -> Result<(), Stopped> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), Stopped> {
        Ok(())
    }
}

/// Bytes of the count.
const COUNT_SIZE: usize = 4;
/// Bytes of a part's length.
const LENGTH_SIZE: usize = 8;
/// Longest line of the table: length of the name, name, length of the part.
const LINE_MAX: usize = 1 + NAME_MAX + LENGTH_SIZE;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Count,
    /// This many lines of the table.
    Lines(usize),
    /// The rest of the part of this index, in bytes.
    Data(usize, u64),
    Nothing,
}

/// How far the reading is.
pub(crate) struct Progress {
    next: Next,
    parts: Vec<Part>,
    /// A count or a line that is not whole yet.
    gathered: Vec<u8>,
    /// Bytes of all parts so far listed.
    total: u64,
    /// Bytes of parts that were handed out.
    done: u64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let gathered = Vec::with_capacity(LINE_MAX);
        Self { next: Next::Count, parts: Vec::new(), gathered, total: 0, done: 0 }
    }

    /// The parts listed so far.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Bytes of listed parts that are to come.
    pub(crate) const fn to_come(&self) -> u64 {
        self.total - self.done
    }

    /// Bytes of parts that were handed out.
    pub(crate) const fn done(&self) -> u64 {
        self.done
    }

    /// The first part that is not whole yet, by its index; `None` while the table is not read, and at the end.
    pub(crate) const fn current(&self) -> Option<usize> {
        match self.next {
            Next::Data(index, _) => Some(index),
            Next::Count | Next::Lines(_) | Next::Nothing => None,
        }
    }

    /// Whether everything was there.
    pub(crate) fn is_complete(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Takes the next authenticated bytes.
    ///
    /// # Errors
    /// The table is none, or bytes follow the last part, or the sink stopped.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], sink: &mut impl Sink) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            bytes = match self.next {
                Next::Count => self.count(bytes, sink)?,
                Next::Lines(left) => self.line(bytes, left, sink)?,
                Next::Data(index, left) => self.data(bytes, index, left, sink)?,
                Next::Nothing => return Err(BackupError::Extra),
            };
        }
        Ok(())
    }

    fn count<'a>(&mut self, bytes: &'a [u8], sink: &mut impl Sink) -> Result<&'a [u8], BackupError> {
        let bytes = self.gather(bytes, COUNT_SIZE);
        if let Ok(count) = <[u8; COUNT_SIZE]>::try_from(self.gathered.as_slice()) {
            let count = usize::try_from(u32::from_le_bytes(count)).unwrap_or(usize::MAX);
            if count > PARTS_MAX {
                return Err(BackupError::TooManyParts);
            }
            self.gathered.clear();
            self.listed(count, sink)?;
        }
        Ok(bytes)
    }

    fn line<'a>(
        &mut self,
        bytes: &'a [u8],
        left: usize,
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], BackupError> {
        let bytes = self.gather(bytes, 1);
        let Some(name_length) = self.gathered.first().copied().map(usize::from) else { return Ok(bytes) };
        if name_length > NAME_MAX {
            return Err(BackupError::BadName);
        }
        let bytes = self.gather(bytes, 1 + name_length + LENGTH_SIZE);
        let Some((name, length)) = self.gathered[1..].split_at_checked(name_length) else { return Ok(bytes) };
        let Ok(length) = <[u8; LENGTH_SIZE]>::try_from(length) else { return Ok(bytes) };
        let part = Part { name: PartName::from_bytes(name)?, length: u64::from_le_bytes(length) };
        check_order(self.parts.last(), &part)?;
        self.total = self.total.checked_add(part.length).ok_or(BackupError::TooLong)?;
        self.parts.push(part);
        self.gathered.clear();
        self.listed(left - 1, sink)?;
        Ok(bytes)
    }

    fn data<'a>(
        &mut self,
        bytes: &'a [u8],
        index: usize,
        left: u64,
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], BackupError> {
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (mine, rest) = bytes.split_at(taken);
        sink.data(mine)?;
        let taken = mine.len() as u64;
        self.done += taken;
        self.next = Next::Data(index, left - taken);
        if left == taken {
            self.begin(index + 1, sink)?;
        }
        Ok(rest)
    }

    /// `left` more lines are to come; after the last one the first part begins.
    fn listed(&mut self, left: usize, sink: &mut impl Sink) -> Result<(), BackupError> {
        self.next = Next::Lines(left);
        if left == 0 { self.begin(0, sink) } else { Ok(()) }
    }

    /// The part of this index begins, and with it, as long as there is nothing to wait for, the next ones.
    fn begin(&mut self, first: usize, sink: &mut impl Sink) -> Result<(), BackupError> {
        for index in first..self.parts.len() {
            let part = &self.parts[index];
            sink.part(part)?;
            self.next = Next::Data(index, part.length);
            if part.length > 0 {
                return Ok(());
            }
        }
        self.next = Next::Nothing;
        Ok(())
    }

    /// Takes bytes until `size` of them are gathered, and returns the rest.
    fn gather<'a>(&mut self, bytes: &'a [u8], size: usize) -> &'a [u8] {
        let taken = size.saturating_sub(self.gathered.len()).min(bytes.len());
        let (mine, rest) = bytes.split_at(taken);
        self.gathered.extend_from_slice(mine);
        rest
    }
}
