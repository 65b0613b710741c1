//! The log: operations as a run of bytes cut into blocks, and the index that reading them gives.
//!
//! An operation is a kind (1 put, 2 delete) and an id of 16 bytes; a put goes on with a length and the record. A commit
//! begins with a block of its own, and its operations count only when its last block is there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use unikernels_disk::{Disk, DiskError};

use crate::block::{Opened, Position, Window};
use crate::bytes::field;
use crate::key::{Sealer, Tag};
use crate::{RECORD_MAX, RECORDS_MAX, RecordId};

const PUT: u8 = 1;
const DELETE: u8 = 2;
const ID_AT: usize = 1;
const LEN_AT: usize = ID_AT + size_of::<RecordId>();
/// Bytes of a delete, and of a put before its length.
pub(crate) const DELETE_SIZE: usize = LEN_AT;
/// Bytes of a put before its record.
pub(crate) const PUT_SIZE: usize = DELETE_SIZE + 4;

/// The beginning of a put.
pub(crate) fn put_head(id: RecordId, len: u32) -> [u8; PUT_SIZE] {
    let mut head = [PUT; PUT_SIZE];
    head[ID_AT..LEN_AT].copy_from_slice(&id.to_le_bytes());
    head[LEN_AT..].copy_from_slice(&len.to_le_bytes());
    head
}

/// A delete.
pub(crate) fn delete(id: RecordId) -> [u8; DELETE_SIZE] {
    let mut head = [DELETE; DELETE_SIZE];
    head[ID_AT..].copy_from_slice(&id.to_le_bytes());
    head
}

/// Where a record is: the block it begins in, the payload byte there, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) block: u32,
    pub(crate) offset: u16,
    pub(crate) len: u32,
}

/// What is remembered of a block: enough to know the very same block again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) sector: u32,
    pub(crate) tag: Tag,
}

/// An operation that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Put(RecordId, Place),
    Delete(RecordId),
}

/// What a log says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) records: BTreeMap<RecordId, Place>,
    pub(crate) blocks: Vec<Block>,
    /// Bytes of puts that would give these records.
    pub(crate) live: u64,
}

impl Index {
    pub(crate) fn apply(&mut self, operation: Operation) {
        let (old, new) = match operation {
            Operation::Put(id, place) => (self.records.insert(id, place), Some(place)),
            Operation::Delete(id) => (self.records.remove(&id), None),
        };
        self.live -= old.map_or(0, |place| put_size(place.len));
        self.live += new.map_or(0, |place| put_size(place.len));
    }

    /// Where block `number` is, and what it must be.
    pub(crate) fn position(&self, number: u32) -> Option<(Position, Tag)> {
        let index = usize::try_from(number).ok()?;
        let block = self.blocks.get(index)?;
        let before = match index.checked_sub(1) {
            Some(before) => self.blocks.get(before)?.tag,
            None => Position::START.before,
        };
        let sector = u64::from(block.sector);
        Some((Position { sector, number: u64::from(number), before }, block.tag))
    }
}

/// Bytes of a put.
pub(crate) const fn put_size(len: u32) -> u64 {
    PUT_SIZE as u64 + len as u64
}

/// Cuts a run of bytes into operations.
#[derive(Default)]
struct Parser {
    head: [u8; PUT_SIZE],
    have: usize,
    /// Bytes of the record that are still to come.
    rest: usize,
}

impl Parser {
    /// `None` when this is no run of operations; only a defect of ours could write one, for it was sealed with our key.
    fn feed(&mut self, block: u32, payload: &[u8], operations: &mut Vec<Operation>) -> Option<()> {
        let mut at = 0;
        while at < payload.len() {
            if self.rest > 0 {
                let step = self.rest.min(payload.len() - at);
                (self.rest, at) = (self.rest - step, at + step);
                continue;
            }
            *self.head.get_mut(self.have)? = payload[at];
            (self.have, at) = (self.have + 1, at + 1);
            match (self.head[0], self.have) {
                (DELETE, DELETE_SIZE) => operations.push(Operation::Delete(self.id())),
                (PUT, PUT_SIZE) => {
                    let len = u32::from_le_bytes(field(&self.head, LEN_AT));
                    let place = Place { block, offset: u16::try_from(at).ok()?, len };
                    operations.push(Operation::Put(self.id(), place));
                    self.rest = usize::try_from(len).ok().filter(|len| *len <= RECORD_MAX)?;
                }
                (DELETE | PUT, _) => continue,
                _ => return None,
            }
            self.have = 0;
            if operations.len() > OPERATIONS_MAX {
                return None;
            }
        }
        Some(())
    }

    fn id(&self) -> RecordId {
        RecordId::from_le_bytes(field(&self.head, ID_AT))
    }

    const fn is_between(&self) -> bool {
        self.have == 0 && self.rest == 0
    }
}

/// Most operations of a commit: every record replaced and another one deleted.
pub(crate) const OPERATIONS_MAX: usize = 2 * RECORDS_MAX;

/// Why reading a log stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The block at this sector of the area is not the one that belongs there.
    Invalid(u64),
    Disk(DiskError),
}

impl From<DiskError> for ScanError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// Reads a log, commit after commit.
pub(crate) struct Scan {
    pub(crate) index: Index,
    pub(crate) at: Position,
    /// Of the last commit; `None` before the first.
    pub(crate) generation: Option<u64>,
}

impl Scan {
    pub(crate) fn new() -> Self {
        Self { index: Index::default(), at: Position::START, generation: None }
    }

    /// Reads one commit, or leaves everything as it was.
    pub(crate) fn commit(
        &mut self,
        disk: &mut impl Disk,
        sealer: &Sealer,
        window: &mut Window,
    ) -> Result<(), ScanError> {
        let blocks_before = self.index.blocks.len();
        let result = self.read_commit(disk, sealer, window);
        if result.is_err() {
            self.index.blocks.truncate(blocks_before);
        }
        result
    }

    fn read_commit(
        &mut self,
        disk: &mut impl Disk,
        sealer: &Sealer,
        window: &mut Window,
    ) -> Result<(), ScanError> {
        let (mut parser, mut operations) = (Parser::default(), Vec::new());
        let mut at = self.at;
        let mut generation = None;
        loop {
            let invalid = ScanError::Invalid(at.sector);
            let block = window.block(disk, sealer, &at)?.ok_or(invalid)?;
            if !self.follows(&block, generation) {
                return Err(invalid);
            }
            generation = Some(block.generation);
            let number = u32::try_from(at.number).map_err(|_| invalid)?;
            parser.feed(number, block.payload, &mut operations).ok_or(invalid)?;
            let sector = u32::try_from(at.sector).map_err(|_| invalid)?;
            self.index.blocks.push(Block { sector, tag: block.tag });
            at = at.after(block.sectors, block.tag);
            if block.is_last {
                break;
            }
        }
        if !parser.is_between() {
            return Err(ScanError::Invalid(at.sector));
        }
        for operation in operations {
            self.index.apply(operation);
        }
        (self.at, self.generation) = (at, generation);
        Ok(())
    }

    /// All blocks of a commit have one generation, and commits are numbered without gaps.
    fn follows(&self, block: &Opened<'_>, commit: Option<u64>) -> bool {
        match (commit, self.generation) {
            (Some(generation), _) => block.generation == generation,
            (None, Some(before)) => before.checked_add(1) == Some(block.generation),
            (None, None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a run of bytes is cut into, fed in pieces.
    fn parse(bytes: &[u8], piece: usize) -> Option<Vec<Operation>> {
        let (mut parser, mut operations) = (Parser::default(), Vec::new());
        for (block, payload) in bytes.chunks(piece).enumerate() {
            parser.feed(u32::try_from(block).ok()?, payload, &mut operations)?;
        }
        parser.is_between().then_some(operations)
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused(bytes in prop::collection::vec(0u8..4, 0..300), piece in 1usize..300) {
            if let Some(operations) = parse(&bytes, piece) {
                let size = |operation: &Operation| match operation {
                    Operation::Put(_, place) => PUT_SIZE + usize::try_from(place.len).expect("short"),
                    Operation::Delete(_) => DELETE_SIZE,
                };
                prop_assert_eq!(operations.iter().map(size).sum::<usize>(), bytes.len());
            }
        }

        #[test]
        fn what_was_written_is_cut_the_same_in_any_pieces(
            changes in prop::collection::vec((any::<RecordId>(), prop::option::of(0u8..40)), 0..20),
            piece in 1usize..200,
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (id, len) in changes {
                match len {
                    Some(len) => {
                        bytes.extend(put_head(id, u32::from(len)));
                        expected.push((id, Some(bytes.len()), u32::from(len)));
                        bytes.extend(core::iter::repeat_n(0xee, usize::from(len)));
                    }
                    None => {
                        bytes.extend(delete(id));
                        expected.push((id, None, 0));
                    }
                }
            }
            let found = parse(&bytes, piece).expect("what was written");
            let found = found.into_iter().map(|operation| match operation {
                Operation::Put(id, place) => {
                    let block = usize::try_from(place.block).expect("few") * piece;
                    (id, Some(block + usize::from(place.offset)), place.len)
                }
                Operation::Delete(id) => (id, None, 0),
            });
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }
}
