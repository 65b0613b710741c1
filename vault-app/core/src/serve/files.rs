//! Service `vault-files`: one file on its way in or out, and what is done with it.
//!
//! What comes in is whole before anything is looked at, and what goes out is whole before its first piece leaves: a file is
//! bounded, and it is wiped when the next one comes, when it was used, and when the store locks.

use alloc::string::String;
use alloc::vec::Vec;

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Secret, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::{Exported, Files, Format, Imported, PIECE_MAX, Verified};
use ipc_proto_vault_api::keys::Key;
use vault_app_desk as desk;
use vault_app_entries::{Attachment, ContentId};

use super::{Clock, Fill, Server, signing_error};
use crate::medium::Medium;
use crate::record::CONTENT_MAX;

/// Most bytes of a file: what fits into the qube's memory beside the entries that it is made into.
pub(crate) const FILE_MAX: usize = 4 * 1024 * 1024;

/// The file on its way.
#[derive(Default)]
pub(super) struct Staged {
    /// What was uploaded so far.
    inbound: Option<Secret<Vec<u8>>>,
    /// What is to be downloaded.
    outbound: Option<Secret<Vec<u8>>>,
}

impl Staged {
    fn upload(&mut self, from: u32, piece: &[u8]) -> Result<(), VaultError> {
        if from == 0 {
            self.inbound = Some(Secret::new(Vec::new()));
        }
        let file = self.inbound.as_mut().ok_or(VaultError::NoFile)?.expose_mut();
        if file.len() != from as usize {
            return Err(VaultError::NoFile);
        }
        if file.len() + piece.len() > FILE_MAX {
            self.inbound = None;
            return Err(VaultError::TooLong);
        }
        file.extend_from_slice(piece);
        Ok(())
    }

    fn download(&self, from: u32) -> Result<Secret<Bytes<PIECE_MAX>>, VaultError> {
        let file = self.outbound.as_ref().ok_or(VaultError::NoFile)?.expose();
        let rest = file.get(from as usize..).ok_or(VaultError::NoFile)?;
        let piece = rest.get(..PIECE_MAX).unwrap_or(rest);
        Bytes::try_from(piece).map(Secret::new).map_err(|_| VaultError::Internal)
    }

    /// The whole file that was uploaded, which is then no more.
    fn take(&mut self) -> Result<Secret<Vec<u8>>, VaultError> {
        self.inbound.take().ok_or(VaultError::NoFile)
    }

    /// Another file to be downloaded; says how long it is.
    fn offer(&mut self, file: Secret<Vec<u8>>) -> u32 {
        let bytes = u32::try_from(file.expose().len()).unwrap_or(u32::MAX);
        self.outbound = Some(file);
        bytes
    }
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> Files for Server<'_, M, F, C> {
    fn upload(&mut self, _: &Caller, from: u32, data: Secret<Bytes<PIECE_MAX>>) -> Result<(), VaultError> {
        self.used();
        self.session.store()?;
        self.staged.upload(from, data.expose())
    }

    fn download(&mut self, _: &Caller, from: u32) -> Result<Secret<Bytes<PIECE_MAX>>, VaultError> {
        self.used();
        self.session.store()?;
        self.staged.download(from)
    }

    fn import(
        &mut self,
        _: &Caller,
        format: Format,
        passphrase: Option<Secret<Text<256>>>,
        group: Text<256>,
    ) -> Result<Imported, VaultError> {
        let now_s = self.used();
        let group = desk::group(self.session.store()?, &group)?;
        let file = self.staged.take()?;
        let random = &mut Fill(&mut self.random);
        self.session.import(format, file, bytes(passphrase.as_ref()), group, random, now_s)
    }

    fn export(
        &mut self,
        _: &Caller,
        format: Format,
        passphrase: Option<Secret<Text<256>>>,
    ) -> Result<Exported, VaultError> {
        let now_s = self.used();
        self.staged.outbound = None;
        let (random, clock) = (&mut Fill(&mut self.random), &self.clock);
        let passphrase = bytes(passphrase.as_ref());
        let (file, said) = self.session.export(format, passphrase, random, now_s, || clock.now_ms())?;
        self.staged.offer(file);
        Ok(said)
    }

    fn verify(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<Verified, VaultError> {
        self.used();
        self.session.store()?;
        let file = self.staged.take()?;
        self.session.verify(file.expose(), passphrase.expose().as_bytes())
    }

    fn attach(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<(), VaultError> {
        let now_s = self.used();
        let id = desk::resolve(self.session.store()?, &name)?;
        let content = self.staged.take()?;
        if content.expose().len() > CONTENT_MAX {
            return Err(VaultError::TooLong);
        }
        let content_id = ContentId::random(&mut Fill(&mut self.random)).map_err(|_| VaultError::Internal)?;
        let size = content.expose().len() as u64;
        let attachment = Attachment { name: String::from(file.as_str()).into(), content: content_id, size };
        let changes = self.session.store()?.attach(id, attachment, now_s).map_err(desk::refusal)?;
        self.session.keep(changes, &[(content_id, content.expose())], &[])
    }

    fn detach(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<(), VaultError> {
        let now_s = self.used();
        let store = self.session.store()?;
        let id = desk::resolve(store, &name)?;
        let changes = store.detach(id, &file, now_s).map_err(desk::refusal)?;
        self.session.keep(changes, &[], &[])
    }

    fn fetch(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<u32, VaultError> {
        self.used();
        let store = self.session.store()?;
        let entry = store.entry(desk::resolve(store, &name)?).ok_or(VaultError::NoSuchEntry)?;
        let attached =
            entry.content.attachments.iter().find(|attached| attached.name.as_str() == file.as_str());
        let content = attached.ok_or(VaultError::NoSuchPart)?.content;
        let content = self.session.content(content)?;
        Ok(self.staged.offer(content))
    }

    fn key_import(&mut self, _: &Caller, passphrase: Option<Secret<Text<256>>>) -> Result<Key, VaultError> {
        self.used();
        self.session.store()?;
        let file = self.staged.take()?;
        let passphrase = passphrase.as_ref().map(|_| bytes(passphrase.as_ref()));
        let id = self.session.signer().import(file.expose(), passphrase).map_err(signing_error)?;
        self.keep_key(id)
    }
}

/// A passphrase's bytes, none when there is no passphrase.
fn bytes(passphrase: Option<&Secret<Text<256>>>) -> &[u8] {
    passphrase.map_or(&[], |passphrase| passphrase.expose().as_bytes())
}
