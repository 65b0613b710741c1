//! Writing: told what there will be, then fed with it.
//!
//! The table of contents comes first in the file, so that whoever reads a file that was cut off can say what is missing.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::cipher::{CHUNK_MAX, Cipher, PLAIN_MAX, Place, TAG_SIZE};
use crate::cost::Key;
use crate::error::{BackupError, Stopped};
use crate::header::{self, FILE_ID_SIZE, HEADER_SIZE};
use crate::part::{PARTS_MAX, Part, PartName, check_order};

/// Takes the next bytes of the file: at most [`CHUNK_MAX`] a call.
pub type Out<'a> = dyn FnMut(&[u8]) -> Result<(), Stopped> + 'a;

/// Writes one backup. It holds one chunk and the table of contents.
pub struct Writer {
    cipher: Cipher,
    /// The number of the chunk being filled.
    number: u64,
    plain: Zeroizing<Vec<u8>>,
    parts: Vec<Part>,
    /// The part being filled, and how much of it is to come.
    index: usize,
    left: u64,
    failed: Option<BackupError>,
}

impl Writer {
    /// Begins a file of these parts, in ascending order of their names, and hands out its header. `file_id` must be drawn
    /// at random: two files with the same key and id would share a cipher stream.
    ///
    /// # Errors
    /// The table is out of order, names a part twice, or is too long; or `out` stopped.
    pub fn begin(
        key: &Key,
        file_id: [u8; FILE_ID_SIZE],
        parts: &[Part],
        out: &mut Out<'_>,
    ) -> Result<Self, BackupError> {
        check_table(parts)?;
        let header = header::to_bytes(key.cost, key.salt, file_id);
        let cipher = Cipher::new(key, &header);
        let seal = cipher.seal(0, Place::Inner, &mut []);
        out(&[header.as_slice(), &seal].concat())?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK_MAX));
        let left = parts.first().map_or(0, |part| part.length);
        let parts = parts.to_vec();
        let mut writer = Self { cipher, number: 1, plain, parts, index: 0, left, failed: None };
        writer.table(out)?;
        writer.skip_whole_parts();
        Ok(writer)
    }

    /// The next bytes of a part. Parts come in the order of the table; one of no length needs no call.
    ///
    /// # Errors
    /// It is not this part's turn, or it would be longer than the table says, and nothing was taken; or `out` stopped.
    /// After an error the file is of no use: every further call gives the same.
    pub fn data(&mut self, name: &PartName, bytes: &[u8], out: &mut Out<'_>) -> Result<(), BackupError> {
        self.checked(|writer| {
            if bytes.is_empty() {
                return Ok(());
            }
            match writer.parts.get(writer.index) {
                None => return Err(BackupError::PartTooLong(*name)),
                Some(part) if part.name > *name => return Err(BackupError::PartTooLong(*name)),
                Some(part) if part.name != *name => return Err(BackupError::WrongPart(part.name)),
                Some(_) => {}
            }
            let length = bytes.len() as u64;
            writer.left = writer.left.checked_sub(length).ok_or(BackupError::PartTooLong(*name))?;
            writer.push(bytes, out)?;
            writer.skip_whole_parts();
            Ok(())
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`BackupError::Missing`] when a part is not whole; or `out` stopped. The file is of no use then.
    pub fn finish(mut self, out: &mut Out<'_>) -> Result<(), BackupError> {
        self.checked(|writer| match writer.parts.get(writer.index) {
            Some(part) => Err(BackupError::Missing(part.name)),
            None => writer.seal(Place::Last, out),
        })
    }

    /// Does it unless something failed before, and remembers a failure.
    fn checked(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        action(self).inspect_err(|error| self.failed = Some(*error))
    }

    fn table(&mut self, out: &mut Out<'_>) -> Result<(), BackupError> {
        // At most `PARTS_MAX`.
        let count = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.push(&count.to_le_bytes(), out)?;
        for index in 0..self.parts.len() {
            let Part { name, length } = self.parts[index];
            // At most `NAME_MAX`.
            let name_length = u8::try_from(name.as_bytes().len()).unwrap_or(u8::MAX);
            self.push(&[name_length], out)?;
            self.push(name.as_bytes(), out)?;
            self.push(&length.to_le_bytes(), out)?;
        }
        Ok(())
    }

    /// Goes on to the next part that has bytes to come.
    fn skip_whole_parts(&mut self) {
        while self.left == 0 && self.index < self.parts.len() {
            self.index += 1;
            self.left = self.parts.get(self.index).map_or(0, |part| part.length);
        }
    }

    /// Appends to the chunk. A full one is sealed when more comes, for only then it is known not to be the last.
    fn push(&mut self, mut bytes: &[u8], out: &mut Out<'_>) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            if self.plain.len() == PLAIN_MAX {
                self.seal(Place::Inner, out)?;
            }
            let (mine, rest) = bytes.split_at(bytes.len().min(PLAIN_MAX - self.plain.len()));
            self.plain.extend_from_slice(mine);
            bytes = rest;
        }
        Ok(())
    }

    fn seal(&mut self, place: Place, out: &mut Out<'_>) -> Result<(), BackupError> {
        let tag = self.cipher.seal(self.number, place, &mut self.plain);
        self.plain.extend_from_slice(&tag);
        self.number += 1;
        let taken = out(&self.plain);
        self.plain.clear();
        Ok(taken?)
    }
}

/// How long the file of these parts will be, in bytes; nothing if that is more than there can be in memory.
#[must_use]
pub fn file_length(parts: &[Part]) -> Option<usize> {
    let line = |part: &Part| 1 + part.name.as_bytes().len() as u64 + 8;
    let plain =
        parts.iter().try_fold(4_u64, |sum, part| sum.checked_add(line(part))?.checked_add(part.length))?;
    let tags = plain.div_ceil(PLAIN_MAX as u64).checked_mul(TAG_SIZE as u64)?;
    usize::try_from(plain.checked_add(tags)?.checked_add(HEADER_SIZE as u64)?).ok()
}

fn check_table(parts: &[Part]) -> Result<(), BackupError> {
    if parts.len() > PARTS_MAX {
        return Err(BackupError::TooManyParts);
    }
    let mut last = None;
    let mut total = 0_u64;
    for part in parts {
        check_order(last, part)?;
        total = total.checked_add(part.length).ok_or(BackupError::TooLong)?;
        last = Some(part);
    }
    Ok(())
}
