//! Files that go into the vault and out of it: imports, exports, backups, attachments.
//!
//! They pass through the terminal, never through a disk that somebody else reads.

use super::paste::Pasted;
use super::{Entries, Many, PASSPHRASE_MAX};
use crate::base64::{self, LINE_BYTES};
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{Bytes, Secret, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::{Format, Imported, PIECE_MAX};

type Passphrase = Secret<Text<PASSPHRASE_MAX>>;

impl<W: World> Session<'_, W> {
    pub(super) fn vault_import(&mut self, format: Format, group: &str) -> Done {
        let status = self.must_be_open()?;
        if format == Format::Backup && status.entries > 0 {
            return self.vault_said(VaultError::NotEmpty, "");
        }
        let passphrase = match format {
            Format::Kdbx => Some(self.secret("Passphrase of the file: ")?),
            Format::Backup => Some(self.secret("Passphrase of the backup: ")?),
            Format::Csv | Format::Bitwarden => None,
        };
        self.paste("the file", Pasted::Base64)?;
        if passphrase.is_some() {
            self.deriving();
        }
        let group = Text::truncated(group);
        let imported = self.ask_files("", |files| files.import(format, passphrase, group))?;
        self.say_imported(imported);
        Ok(())
    }

    fn say_imported(&mut self, imported: Imported) {
        let Imported { added, skipped, refused } = imported;
        self.screen.put(format_args!("Added {}.", Entries(added)));
        if skipped > 0 {
            self.screen.put(format_args!(" {skipped} were there already, just so."));
        }
        if refused > 0 {
            self.screen.put(format_args!(" {} could not be taken.", Many(refused, "item", "items")));
        }
        self.say(format_args!(""));
    }

    pub(super) fn vault_export(&mut self, format: Format) -> Done {
        self.must_be_open()?;
        let (name, passphrase) = match format {
            Format::Kdbx => ("kdbx", Some(self.new_secret("Passphrase for the file: ")?)),
            Format::Backup => ("backup", Some(self.new_secret("Passphrase for the backup: ")?)),
            Format::Csv | Format::Bitwarden => {
                self.say(format_args!(
                    "Warning: every password will stand in this file in the clear, and in the terminal's scrollback."
                ));
                self.must_agree(format_args!("Show it all the same?"))?;
                ("csv", None)
            }
        };
        if passphrase.is_some() {
            self.deriving();
        }
        let exported = self.ask_files("", |files| files.export(format, passphrase))?;
        self.show_file(name, exported.bytes)?;
        if exported.left_out > 0 {
            let things = Many(exported.left_out, "thing", "things");
            self.say(format_args!("{things} could not go along: the format has no place for them."));
        }
        if exported.in_clear > 0 {
            let secrets = Many(exported.in_clear, "secret stands", "secrets stand");
            self.say(format_args!("{secrets} in it in the clear."));
        }
        Ok(())
    }

    pub(super) fn vault_verify(&mut self) -> Done {
        self.must_be_open()?;
        let passphrase: Passphrase = self.secret("Passphrase of the backup: ")?;
        self.paste("the backup", Pasted::Base64)?;
        self.deriving();
        let verified = self.ask_files("", |files| files.verify(passphrase))?;
        self.say(format_args!(
            "The backup is whole: {}, {}, {}, {}.",
            Entries(verified.entries),
            Many(verified.groups, "group", "groups"),
            Many(verified.attachments, "attachment", "attachments"),
            Many(verified.keys, "key", "keys")
        ));
        Ok(())
    }

    pub(super) fn vault_attach(&mut self, name: &str, file: &str) -> Done {
        self.must_be_open()?;
        // It must be there before a person pastes.
        let id = self.entry_id(name)?;
        self.paste("the file", Pasted::Base64)?;
        self.ask_files(name, |files| files.attach(id, Text::truncated(file)))?;
        self.say(format_args!("Attached '{}' to '{}'.", Plain(file), Plain(name)));
        Ok(())
    }

    pub(super) fn vault_detach(&mut self, name: &str, file: &str) -> Done {
        self.ask_files(name, |files| files.detach(Text::truncated(name), Text::truncated(file)))?;
        self.say(format_args!("Took '{}' off '{}'.", Plain(file), Plain(name)));
        Ok(())
    }

    pub(super) fn vault_fetch(&mut self, name: &str, file: &str) -> Done {
        let bytes =
            self.ask_files(name, |files| files.fetch(Text::truncated(name), Text::truncated(file)))?;
        self.show_file(file, bytes)
    }

    /// Shows the file that is to be downloaded, of so many bytes, as lines of base64 between two of dashes.
    #[inline(never)]
    fn show_file(&mut self, name: &str, bytes: u32) -> Done {
        self.say(format_args!("-----BEGIN SKEP FILE {}-----", Plain(name)));
        let mut line = Secret::new(Bytes::<LINE_BYTES>::new());
        self.download(bytes, |session, piece| {
            for byte in piece {
                // It is shown and cleared whenever it is full.
                let _ = line.expose_mut().extend_from_slice(&[*byte]);
                if line.expose().len() == LINE_BYTES {
                    session.show_line(line.expose());
                    line.expose_mut().clear();
                }
            }
            Ok(())
        })?;
        if !line.expose().is_empty() {
            self.show_line(line.expose());
        }
        self.say(format_args!("-----END SKEP FILE {}-----", Plain(name)));
        Ok(())
    }

    fn show_line(&mut self, bytes: &[u8]) {
        base64::encode(bytes, &mut |text| self.screen.put(format_args!("{text}\n")));
    }

    /// Takes the file that is to be downloaded, of so many bytes, piece by piece.
    pub(super) fn download(&mut self, bytes: u32, mut take: impl FnMut(&mut Self, &[u8]) -> Done) -> Done {
        let mut from = 0_u32;
        while from < bytes {
            let piece = self.ask_files("", |files| files.download(from))?;
            let taken = u32::try_from(piece.expose().len()).unwrap_or(0);
            take(self, piece.expose())?;
            from = from.saturating_add(taken);
            if piece.expose().len() < PIECE_MAX {
                break;
            }
        }
        if from != bytes {
            self.say(format_args!("The file should have {bytes} bytes, and {from} came: it is of no use."));
            return Err(Given);
        }
        Ok(())
    }
}
