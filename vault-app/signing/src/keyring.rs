//! The keys, and their public halves for others.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::key::{Key, KeyId};
use crate::{SigningError, openssh};

/// Most keys: all of them go into one answer.
pub const KEYS_MAX: usize = 32;

/// The keys, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

impl Keyring {
    /// No keys.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: Vec::new() }
    }

    /// Adds a key; the caller stores [`Keyring::record`] under the number.
    ///
    /// # Errors
    /// [`SigningError::KeyExists`], [`SigningError::Full`].
    pub fn add(&mut self, key: Key) -> Result<KeyId, SigningError> {
        let id = key.public().id();
        if self.get(id).is_some() {
            return Err(SigningError::KeyExists);
        }
        if self.keys.len() == KEYS_MAX {
            return Err(SigningError::Full);
        }
        // Room for all at once: a list that grows would leave copies of keys behind.
        self.keys.reserve_exact(KEYS_MAX - self.keys.len());
        self.keys.push(key);
        Ok(id)
    }

    /// Adds the key of a stored record.
    ///
    /// # Errors
    /// [`SigningError::BadRecord`]; [`SigningError::WrongRecord`] when it was stored under another number; as
    /// [`Keyring::add`].
    pub fn load(&mut self, id: u64, record: &[u8]) -> Result<KeyId, SigningError> {
        let key = Key::from_record(record)?;
        if key.public().id() != KeyId(id) {
            return Err(SigningError::WrongRecord);
        }
        self.add(key)
    }

    /// The key of this number.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.public().id() == id)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Removes and wipes a key.
    ///
    /// # Errors
    /// [`SigningError::NoSuchKey`].
    pub fn remove(&mut self, id: KeyId) -> Result<(), SigningError> {
        let at = self.keys.iter().position(|key| key.public().id() == id).ok_or(SigningError::NoSuchKey)?;
        // Moved to the end first and dropped there: `Vec::remove` would leave a copy of the last key behind the list.
        self.keys[at..].rotate_left(1);
        self.keys.truncate(self.keys.len() - 1);
        Ok(())
    }

    /// A key as a record of a store: its number, and bytes that are secret whole.
    ///
    /// # Errors
    /// [`SigningError::NoSuchKey`].
    pub fn record(&self, id: KeyId) -> Result<(u64, Zeroizing<Vec<u8>>), SigningError> {
        let key = self.get(id).ok_or(SigningError::NoSuchKey)?;
        Ok((id.0, key.to_record()))
    }

    /// A key's public half as a line for `authorized_keys`, without the end of the line.
    ///
    /// # Errors
    /// [`SigningError::NoSuchKey`].
    pub fn public_line(&self, id: KeyId) -> Result<alloc::string::String, SigningError> {
        let key = self.get(id).ok_or(SigningError::NoSuchKey)?;
        openssh::public_line(&key.public(), key.comment())
    }
}
