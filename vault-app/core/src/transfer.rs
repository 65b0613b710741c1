//! Whole stores in and out of files: the session's part of it. What a file looks like is `vault-app/transfer`'s business.

use alloc::vec::Vec;

use ipc_proto_types::Secret;
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::{Exported, Format, Imported, Verified};
use unikernels_disk::Disk;
use unikernels_volume::Volume;
use vault_app_codes::Random;
use vault_app_entries::{ContentId, GroupId, SecretBytes, Store};
use vault_app_kdf::Cost;
use vault_app_signing::{KeyId, Signer};
use vault_app_transfer::{self as transfer, Means, Source, SourceError, TransferError};

use crate::medium::Medium;
use crate::record;
use crate::session::Session;

/// Bytes of heap that a vault qube has beside Argon2id's memory, buffers and stack; a little less than there are.
const HEAP: usize = 26 * 1024 * 1024;

/// What lies beside the store.
struct Kept<'a, D, F> {
    volume: &'a mut Volume<D, F>,
    signer: &'a Signer,
}

impl<D: Disk, F: FnMut(&mut [u8])> Source for Kept<'_, D, F> {
    fn content(&mut self, id: ContentId) -> Result<SecretBytes, SourceError> {
        let record = self.volume.get(record::content_id(id)).ok().flatten().ok_or(SourceError)?;
        record::content_of(record.expose()).map(SecretBytes::new).ok_or(SourceError)
    }

    fn keys(&mut self) -> Result<Vec<(u64, SecretBytes)>, SourceError> {
        let keyring = self.signer.keyring().map_err(|_| SourceError)?;
        let ids: Vec<KeyId> = keyring.keys().map(|key| key.public().id()).collect();
        let key = |id| self.signer.record(id).map(|(id, record)| (id, SecretBytes::new(&record)));
        ids.into_iter().map(key).collect::<Result<_, _>>().map_err(|_| SourceError)
    }
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone> Session<'_, M, F> {
    /// A file of everything.
    ///
    /// # Errors
    /// As [`Session::store`]; `EmptyPassphrase` where the file would be sealed with none, `BadFile` for a format that is only read,
    /// `TooLong` when it does not fit into memory, `Storage`, `Internal`.
    pub fn export(
        &mut self,
        format: Format,
        passphrase: &[u8],
        random: &mut impl Random,
        now_s: u64,
        now_ms: impl Fn() -> u64,
    ) -> Result<(Secret<Vec<u8>>, Exported), VaultError> {
        self.store()?;
        // Measuring takes a second; only a file that is sealed has a use for it.
        let is_sealed = matches!(format, Format::Kdbx | Format::Backup);
        let cost = if is_sealed { self.cost(now_ms)? } else { Cost::FLOOR };
        let open = self.open.as_deref_mut().ok_or(VaultError::Locked)?;
        let room = room(&open.store, 0);
        let mut kept = Kept { volume: &mut open.volume, signer: &self.signer };
        let blocks = &mut *self.blocks;
        let mut means = Means { passphrase, key_file: None, blocks, random, now_s, room };
        let exported =
            transfer::export(&open.store, &mut kept, of(format), cost, &mut means).map_err(refusal)?;
        let left_out = exported.left_out.iter().map(|(_, number)| *number).sum();
        let said = Exported {
            bytes: count(exported.bytes.expose().len()),
            entries: count(exported.entries),
            in_clear: count(exported.in_the_clear),
            left_out: count(left_out),
        };
        Ok((exported.bytes.into_secret(), said))
    }

    /// Adds what a file holds to a group.
    ///
    /// # Errors
    /// As [`Session::keep`]; `BadFile`, `FileTooCostly`, `NotEmpty`, `NoSuchGroup`, `EmptyPassphrase`. Nothing is changed then.
    pub fn import(
        &mut self,
        format: Format,
        file: Secret<Vec<u8>>,
        passphrase: &[u8],
        group: GroupId,
        random: &mut impl Random,
        now_s: u64,
    ) -> Result<Imported, VaultError> {
        self.store()?;
        let open = self.open.as_deref_mut().ok_or(VaultError::Locked)?;
        let room = room(&open.store, file.expose().len());
        let mut kept = Kept { volume: &mut open.volume, signer: &self.signer };
        let blocks = &mut *self.blocks;
        let mut means = Means { passphrase, key_file: None, blocks, random, now_s, room };
        let imported = transfer::import(file.expose(), of(format), &open.store, &mut kept, group, &mut means);
        let imported = imported.map_err(refusal)?;
        // It may be as large as the entries that were made of it.
        drop(file);
        let said = Imported {
            added: count(imported.report.added),
            skipped: count(imported.report.skipped),
            refused: count(imported.report.refused),
        };
        let contents: Vec<_> =
            imported.contents.iter().map(|(id, content)| (*id, content.expose())).collect();
        let mut keys = Vec::new();
        let loaded = imported.keys.iter().try_for_each(|(id, key)| {
            let id = self.signer.load(*id, key.expose()).map_err(|_| VaultError::BadFile)?;
            keys.push(id);
            Ok(())
        });
        let kept = loaded.and_then(|()| self.keep(imported.changes, &contents, &keys));
        if let Err(error) = kept {
            for key in keys {
                // A signer that was locked meanwhile has none.
                let _ = self.signer.remove(key);
            }
            return Err(error);
        }
        Ok(said)
    }

    /// Whether a backup is whole and opens.
    ///
    /// # Errors
    /// As [`Session::store`]; `BadFile`, `FileTooCostly`.
    pub fn verify(&mut self, file: &[u8], passphrase: &[u8]) -> Result<Verified, VaultError> {
        let room = room(self.store()?, file.len());
        let verified = transfer::verify(file, passphrase, self.blocks, room).map_err(refusal)?;
        Ok(Verified {
            entries: count(verified.entries),
            groups: count(verified.groups),
            attachments: count(verified.contents),
            keys: count(verified.keys),
        })
    }
}

/// Heap that is left beside a store and a file that lies in memory.
fn room(store: &Store, file: usize) -> usize {
    HEAP.saturating_sub(store.weight()).saturating_sub(file)
}

const fn of(format: Format) -> transfer::Format {
    match format {
        Format::Kdbx => transfer::Format::Kdbx,
        Format::Csv => transfer::Format::Csv,
        Format::Bitwarden => transfer::Format::Bitwarden,
        Format::Backup => transfer::Format::Backup,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What the owner is told.
fn refusal(error: TransferError) -> VaultError {
    match error {
        TransferError::NoPassphrase => VaultError::EmptyPassphrase,
        TransferError::TooFewBlocks(_) => VaultError::FileTooCostly,
        TransferError::NeedsRoom(_) => VaultError::TooLong,
        TransferError::NotEmpty => VaultError::NotEmpty,
        TransferError::Store(error) => vault_app_desk::refusal(error),
        TransferError::Source => VaultError::Storage,
        TransferError::Random => VaultError::Internal,
        _ => VaultError::BadFile,
    }
}
