//! Files and keys of the vault for tests.
//!
//! Its files are lines of text: `KIND PASSPHRASE`, then `group|title|user|password` for each entry.

extern crate std;

use crate::fake_machine::text;
use crate::fake_vault::{FakeVault, Kept};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, List, Secret, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::{Exported, Files, Format, Imported, PIECE_MAX, Verified};
use ipc_proto_vault_api::keys::{Answer, Grant, Key, KeyPage, KeyStore, PendingPage};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn kind(format: Format) -> &'static str {
    match format {
        Format::Kdbx => "KDBX",
        Format::Csv => "CSV",
        Format::Bitwarden => "BITWARDEN",
        Format::Backup => "BACKUP",
    }
}

type Passphrase = Option<Secret<Text<256>>>;

fn head(format: Format, passphrase: &Passphrase) -> String {
    let passphrase = passphrase.as_ref().map_or("", |passphrase| passphrase.expose());
    format!("{} {passphrase}", kind(format))
}

impl Files for FakeVault {
    fn upload(&mut self, _: &Caller, from: u32, data: Secret<Bytes<PIECE_MAX>>) -> Result<(), VaultError> {
        self.must_be_open()?;
        if from == 0 {
            self.uploaded.clear();
        }
        if usize::try_from(from).unwrap() != self.uploaded.len() {
            return Err(VaultError::NoFile);
        }
        if self.uploaded.len() + data.expose().len() > self.upload_max {
            return Err(VaultError::Full);
        }
        self.uploaded.extend_from_slice(data.expose());
        Ok(())
    }

    fn download(&mut self, _: &Caller, from: u32) -> Result<Secret<Bytes<PIECE_MAX>>, VaultError> {
        let end = self.download.len() - usize::from(self.ends_early);
        let rest = self.download.get(usize::try_from(from).unwrap()..end).ok_or(VaultError::NoFile)?;
        Ok(Secret::new(Bytes::try_from(&rest[..rest.len().min(PIECE_MAX)]).unwrap()))
    }

    fn import(
        &mut self,
        _: &Caller,
        format: Format,
        passphrase: Passphrase,
        group: Text<256>,
    ) -> Result<Imported, VaultError> {
        self.must_be_open()?;
        if let Some(error) = self.import_fails {
            return Err(error);
        }
        let content = String::from_utf8(self.uploaded.clone()).map_err(|_| VaultError::BadFile)?;
        let mut lines = content.lines();
        if lines.next() != Some(&head(format, &passphrase)) {
            return Err(VaultError::BadFile);
        }
        let mut imported = Imported { added: 0, skipped: 0, refused: 0 };
        for line in lines.filter(|line| !line.starts_with('#')) {
            let parts: Vec<&str> = line.split('|').collect();
            let [from, title, user, password] = parts[..] else {
                imported.refused += 1;
                continue;
            };
            if self.entries.iter().any(|kept| kept.title == title) {
                imported.skipped += 1;
                continue;
            }
            let group = if group.is_empty() { from } else { group.as_str() };
            let (title, user) = (title.into(), user.into());
            self.push(Kept {
                group: group.into(),
                title,
                user,
                password: password.into(),
                ..Kept::default()
            });
            imported.added += 1;
        }
        Ok(imported)
    }

    fn export(&mut self, _: &Caller, format: Format, passphrase: Passphrase) -> Result<Exported, VaultError> {
        self.must_be_open()?;
        let mut content = head(format, &passphrase);
        for kept in &self.entries {
            content += &format!("\n{}|{}|{}|{}", kept.group, kept.title, kept.user, kept.password);
        }
        if format == Format::Backup {
            // Long enough for some pieces.
            content += &format!("\n{}", "#".repeat(9_000));
        }
        self.download = content.into_bytes();
        let entries = u32::try_from(self.entries.len()).unwrap();
        let bytes = u32::try_from(self.download.len()).unwrap();
        let in_clear = if format == Format::Csv { entries } else { 0 };
        Ok(Exported { bytes, entries, in_clear, left_out: u32::from(format == Format::Csv) })
    }

    fn verify(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<Verified, VaultError> {
        let wanted = head(Format::Backup, &Some(passphrase));
        match self.uploaded.starts_with(wanted.as_bytes()) {
            true => Ok(Verified { entries: 2, groups: 1, attachments: 0, keys: 0 }),
            false => Err(VaultError::BadFile),
        }
    }

    fn attach(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<(), VaultError> {
        let content = self.uploaded.clone();
        let kept = self.find(&name)?;
        kept.files.retain(|(known, _)| file != known.as_str());
        kept.files.push((file.to_string(), content));
        Ok(())
    }

    fn detach(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<(), VaultError> {
        let kept = self.find(&name)?;
        let before = kept.files.len();
        kept.files.retain(|(known, _)| file != known.as_str());
        if kept.files.len() < before { Ok(()) } else { Err(VaultError::NoSuchPart) }
    }

    fn fetch(&mut self, _: &Caller, name: Text<256>, file: Text<256>) -> Result<u32, VaultError> {
        let kept = self.find(&name)?;
        let content = kept.files.iter().find(|(known, _)| file == known.as_str());
        self.download = content.ok_or(VaultError::NoSuchPart)?.1.clone();
        Ok(u32::try_from(self.download.len()).unwrap())
    }

    fn key_import(&mut self, _: &Caller, passphrase: Passphrase) -> Result<Key, VaultError> {
        let is_key = self.uploaded.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY-----\n");
        let is_right = passphrase.is_none_or(|passphrase| *passphrase.expose() == "key-pass");
        if !is_key || !is_right {
            return Err(VaultError::BadFile);
        }
        let key = Key { id: 0xfeed, public: text("ssh-ed25519 AAAAimported me@example") };
        self.keys.push(key.clone());
        Ok(key)
    }
}

impl KeyStore for FakeVault {
    fn make(&mut self, _: &Caller, comment: Text<128>) -> Result<Key, VaultError> {
        self.must_be_open()?;
        let key = Key { id: 0x6668_7aad_f862_bd77, public: text(&format!("ssh-ed25519 AAAAmade {comment}")) };
        self.keys.push(key.clone());
        Ok(key)
    }

    fn list(&mut self, _: &Caller, from: u32) -> Result<KeyPage, VaultError> {
        self.must_be_open()?;
        let page: Vec<Key> = self.keys.iter().skip(usize::try_from(from).unwrap()).take(8).cloned().collect();
        let total = u32::try_from(self.keys.len()).unwrap();
        Ok(KeyPage { keys: List::try_from(page.as_slice()).unwrap(), total })
    }

    fn remove(&mut self, _: &Caller, id: u64) -> Result<(), VaultError> {
        let before = self.keys.len();
        self.keys.retain(|key| key.id != id);
        if self.keys.len() < before { Ok(()) } else { Err(VaultError::NoSuchKey) }
    }

    fn allow(&mut self, _: &Caller, qube: Text<32>, id: u64, grant: Grant) -> Result<(), VaultError> {
        self.must_be_open()?;
        if !self.keys.iter().any(|key| key.id == id) {
            return Err(VaultError::NoSuchKey);
        }
        self.allowed.push((qube.to_string(), id, grant));
        Ok(())
    }

    fn disallow(&mut self, _: &Caller, qube: Text<32>, id: u64) -> Result<(), VaultError> {
        self.allowed.retain(|(known, key, _)| qube != known.as_str() || *key != id);
        Ok(())
    }

    fn pending(&mut self, _: &Caller) -> Result<PendingPage, VaultError> {
        Ok(PendingPage { requests: List::try_from(self.pending.as_slice()).unwrap() })
    }

    fn answer(&mut self, _: &Caller, number: u32, answer: Answer) -> Result<bool, VaultError> {
        self.must_be_open()?;
        self.answers.push((number, answer));
        let before = self.asks.len();
        self.asks.retain(|asked| *asked != number);
        Ok(self.asks.len() < before)
    }
}
