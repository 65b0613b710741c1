//! Making changes durable: what a change means as records, and what a failing disk means for the open store.

use alloc::vec::Vec;

use ipc_proto_types::Secret;
use ipc_proto_vault_api::VaultError;
use unikernels_volume::{Batch, RecordId, VolumeError};
use vault_app_entries::{Change, Changes, ContentId};
use vault_app_signing::KeyId;

use crate::medium::Medium;
use crate::record::{self, Kind, Settings};
use crate::session::Session;

impl<M: Medium, F: FnMut(&mut [u8]) + Clone> Session<'_, M, F> {
    /// Keeps what an operation changed; `contents`, which its attachments mention and are new; and `keys` for signing, which
    /// the signer has already.
    ///
    /// # Errors
    /// As [`Session::store`]; `Full`, `TooLong`, `Internal`: nothing is changed. `Storage`, `Damaged`: locked.
    pub fn keep(
        &mut self,
        changes: Changes,
        contents: &[(ContentId, &[u8])],
        keys: &[KeyId],
    ) -> Result<(), VaultError> {
        let mut records = Vec::new();
        for (id, content) in contents {
            if content.len() > record::CONTENT_MAX {
                return Err(VaultError::TooLong);
            }
            records.push((record::content_id(*id), Some(Kind::Content.record(content))));
        }
        for key in keys {
            records.push(self.key_record(*key)?);
        }
        records.extend(changes.released().map(|id| (record::content_id(id), None)));
        for change in changes.records().map_err(|_| VaultError::TooLong)? {
            records.push(match change {
                Change::Put(id, bytes) => (id, Some(Kind::Item.record(&bytes))),
                Change::Delete(id) => (id, None),
            });
        }
        self.commit(&records)?;
        self.opened()?.store.commit(changes).map_err(|_| {
            // The volume has it and the memory has not: unlocking makes them one again.
            self.lock();
            VaultError::Storage
        })
    }

    /// Keeps a key for signing, which the signer has already.
    ///
    /// # Errors
    /// As [`Session::keep`].
    pub fn keep_key(&mut self, key: KeyId) -> Result<(), VaultError> {
        let record = self.key_record(key)?;
        self.commit(&[record])
    }

    /// Keeps a key for signing no more.
    ///
    /// # Errors
    /// As [`Session::keep`].
    pub fn forget_key(&mut self, key: KeyId) -> Result<(), VaultError> {
        self.commit(&[(record::key_id(key.0), None)])
    }

    /// The content of an attachment.
    ///
    /// # Errors
    /// As [`Session::store`]; `NoSuchPart`, `Damaged`, `Storage`: locked but for the first.
    pub fn content(&mut self, id: ContentId) -> Result<Secret<Vec<u8>>, VaultError> {
        let read = self.opened()?.volume.get(record::content_id(id));
        let record = match read {
            Ok(record) => record.ok_or(VaultError::NoSuchPart)?,
            Err(error) => return self.kept(Err(error)).and(Err(VaultError::Internal)),
        };
        let content = record::content_of(record.expose()).ok_or(VaultError::Damaged)?;
        Ok(Secret::new(content.into()))
    }

    /// Chooses after how many seconds without a call it locks itself; 0 says never.
    ///
    /// # Errors
    /// As [`Session::keep`].
    pub fn set_auto_lock_s(&mut self, auto_lock_s: u32) -> Result<(), VaultError> {
        let settings = Settings { auto_lock_s };
        self.commit(&[(record::SETTINGS, Some(settings.record()))])?;
        self.opened()?.settings = settings;
        Ok(())
    }

    /// Makes room on the disk when nobody waits; true if it did.
    ///
    /// # Errors
    /// `Storage`, `Damaged`: locked.
    pub fn tidy(&mut self) -> Result<bool, VaultError> {
        let Some(open) = self.open.as_mut().filter(|open| open.volume.wants_compaction()) else {
            return Ok(false);
        };
        let compacted = open.volume.compact().map(|_| ());
        self.kept(compacted).map(|()| true)
    }

    fn key_record(&self, key: KeyId) -> Result<(RecordId, Option<record::Bytes>), VaultError> {
        let (id, record) = self.signer.record(key).map_err(|_| VaultError::NoSuchKey)?;
        Ok((record::key_id(id), Some(Kind::Key.record(&record))))
    }

    /// Makes all of these records so, or none.
    fn commit(&mut self, records: &[(RecordId, Option<record::Bytes>)]) -> Result<(), VaultError> {
        let mut batch = Batch::new();
        for (id, record) in records {
            match record {
                Some(record) => batch.put(*id, record),
                None => batch.delete(*id),
            };
        }
        let committed = self.opened()?.volume.commit(&batch).map(|_| ());
        self.kept(committed)
    }

    /// After a change of the volume: what it means, and the end of the open store when it failed half way.
    pub(crate) fn kept(&mut self, changed: Result<(), VolumeError>) -> Result<(), VaultError> {
        changed.map_err(|error| match error {
            VolumeError::NoRoom | VolumeError::TooManyRecords => VaultError::Full,
            VolumeError::RecordTooLong => VaultError::TooLong,
            VolumeError::Reopen | VolumeError::Disk(_) => {
                self.lock();
                VaultError::Storage
            }
            VolumeError::Damaged(_) | VolumeError::NotKept => {
                self.lock();
                VaultError::Damaged
            }
        })
    }
}
