//! Reading: header, key, then chunks.
//!
//! A chunk is held back until it is known whether another follows, and opened as what it is: an inner one or the last.

use alloc::vec::Vec;

use vault_app_kdf::{Block, Cost};
use zeroize::{Zeroize, Zeroizing};

use crate::cipher::{CHUNK_MAX, Cipher, Place, TAG_SIZE};
use crate::cost::{Key, SALT_SIZE};
use crate::error::BackupError;
use crate::header::{self, HEADER_SIZE, PLAIN_SIZE};
use crate::part::{Part, PartName};
use crate::progress::{Progress, Sink};

/// A file whose header was read, but not believed yet.
#[derive(Debug, Clone)]
pub struct Opening {
    header: [u8; PLAIN_SIZE],
    seal: [u8; TAG_SIZE],
    cost: Cost,
    salt: [u8; SALT_SIZE],
}

impl Opening {
    /// Reads the first [`HEADER_SIZE`] bytes of a file.
    ///
    /// # Errors
    /// [`BackupError::NotABackup`], [`BackupError::CostRefused`].
    pub fn parse(bytes: &[u8; HEADER_SIZE]) -> Result<Self, BackupError> {
        let mut header = [0; PLAIN_SIZE];
        let mut seal = [0; TAG_SIZE];
        header.copy_from_slice(&bytes[..PLAIN_SIZE]);
        seal.copy_from_slice(&bytes[PLAIN_SIZE..]);
        let (cost, salt) = header::parse(&header)?;
        Ok(Self { header, seal, cost, salt })
    }

    /// What the key costs, as the file claims, within the caps.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// Derives the key, wipes `blocks` and checks the header.
    ///
    /// # Errors
    /// [`BackupError::TooFewBlocks`], [`BackupError::WrongPassphrase`].
    pub fn unlock(self, passphrase: &[u8], blocks: &mut [Block]) -> Result<Reader, BackupError> {
        let key = Key::derive(self.cost, self.salt, passphrase, blocks)?;
        self.unlock_with(&key)
    }

    /// Checks the header with a key that was derived before.
    ///
    /// # Errors
    /// [`BackupError::WrongPassphrase`] when the file was written with another.
    pub fn unlock_with(self, key: &Key) -> Result<Reader, BackupError> {
        let cipher = Cipher::new(key, &self.header);
        let mut seal = self.seal;
        cipher.open(0, Place::Inner, &mut seal).map_err(|_| BackupError::WrongPassphrase)?;
        let held = Zeroizing::new(Vec::with_capacity(CHUNK_MAX));
        Ok(Reader { cipher, number: 1, held, progress: Progress::new(), failed: None })
    }
}

/// What a complete backup had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complete {
    /// Parts.
    pub parts: usize,
    /// Bytes of all parts together.
    pub bytes: u64,
}

/// Reads the chunks of a file. After an error every further call gives the same error.
pub struct Reader {
    cipher: Cipher,
    /// The number of the chunk being gathered.
    number: u64,
    held: Zeroizing<Vec<u8>>,
    progress: Progress,
    failed: Option<BackupError>,
}

impl Reader {
    /// Takes the next bytes of the file, cut anywhere, and hands out what became authentic by them.
    ///
    /// # Errors
    /// Something is wrong with the file, or the sink stopped.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<(), BackupError> {
        self.checked(|reader| {
            let mut bytes = bytes;
            while !bytes.is_empty() {
                if reader.held.len() == CHUNK_MAX {
                    reader.open_inner(sink)?;
                }
                let (mine, rest) = bytes.split_at(bytes.len().min(CHUNK_MAX - reader.held.len()));
                reader.held.extend_from_slice(mine);
                bytes = rest;
            }
            Ok(())
        })
    }

    /// The file ended. Only now it is known whether everything was there.
    ///
    /// # Errors
    /// Something is missing or wrong, or the sink stopped.
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<Complete, BackupError> {
        self.checked(|reader| reader.open_last(sink))?;
        Ok(Complete { parts: self.progress.parts().len(), bytes: self.progress.done() })
    }

    /// The table of contents, as far as it is read: names and lengths of all parts, in the order in which they come.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        self.progress.parts()
    }

    /// The parts that are not whole yet; after [`Reader::finish`] failed, those that are missing. Empty while the table
    /// of contents is not read.
    #[must_use]
    pub fn missing(&self) -> &[Part] {
        self.progress.current().and_then(|index| self.parts().get(index..)).unwrap_or(&[])
    }

    /// Does it unless something failed before, and remembers a failure.
    fn checked(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        action(self).inspect_err(|error| {
            self.held.zeroize();
            self.failed = Some(*error);
        })
    }

    /// More follows what is held.
    fn open_inner(&mut self, sink: &mut impl Sink) -> Result<(), BackupError> {
        if self.open(Place::Inner, sink)? {
            return Ok(());
        }
        // If it opens as the last one, then what is wrong is that something follows.
        let (number, held) = (self.number, &mut self.held);
        let ended = self.cipher.open(number, Place::Last, held).is_ok();
        Err(if ended { BackupError::Extra } else { self.damaged() })
    }

    /// Nothing follows what is held.
    fn open_last(&mut self, sink: &mut impl Sink) -> Result<(), BackupError> {
        // An empty chunk is never written: its predecessor would have been the last one.
        if self.held.len() <= TAG_SIZE {
            return Err(self.truncated());
        }
        if self.open(Place::Last, sink)? {
            return match self.progress.current() {
                _ if self.progress.is_complete() => Ok(()),
                Some(index) => Err(BackupError::Missing(self.parts()[index].name)),
                None => Err(self.truncated()),
            };
        }
        // Whole and sealed as an inner one: authentic, but not the end. Else the table tells whether it is short.
        if self.open(Place::Inner, sink)? {
            return Err(self.truncated());
        }
        let held = (self.held.len() - TAG_SIZE) as u64;
        let is_short = self.current().is_some() && held < self.progress.to_come();
        Err(if is_short { self.truncated() } else { self.damaged() })
    }

    /// Opens what is held and hands it out; false, and nothing changed, when it does not open.
    fn open(&mut self, place: Place, sink: &mut impl Sink) -> Result<bool, BackupError> {
        let Ok(plain) = self.cipher.open(self.number, place, &mut self.held) else { return Ok(false) };
        let fed = self.progress.feed(plain, sink);
        self.held.zeroize();
        self.number += 1;
        fed.map(|()| true)
    }

    fn damaged(&self) -> BackupError {
        BackupError::Damaged { chunk: self.number, part: self.current() }
    }

    fn truncated(&self) -> BackupError {
        BackupError::Truncated { part: self.current() }
    }

    fn current(&self) -> Option<PartName> {
        self.missing().first().map(|part| part.name)
    }
}
