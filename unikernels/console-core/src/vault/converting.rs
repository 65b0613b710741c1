//! `vault convert`: an attached picture, made anew by way of a converter, and attached beside the original.
//!
//! The file goes from the vault to the converter piece by piece and is never whole here; only its pixels come back. The
//! original stays. No attachment is overwritten: which name the new one gets is known, and looked for, before anything begins.

use crate::clean::CleanFile;
use crate::converter::Converter;
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_convert_api::FILE_MAX;
use ipc_proto_types::{Bytes, Secret, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::PIECE_MAX;

use super::Run;

impl<W: World> Session<'_, W> {
    #[inline(never)]
    pub(super) fn vault_convert(&mut self, name: &str, file: &str) -> Done {
        self.must_be_open()?;
        let id = self.entry_id(name)?;
        let safe = self.safe_name(file)?;
        if self.attached(name, &id, &safe)?.is_some() {
            let vault = self.called().map(Text::<16>::truncated);
            let run = Run { vault: vault.as_deref(), command: "detach" };
            return self.give_up(format_args!(
                "'{}' has '{}' already, and nothing was done. {run} takes it off.",
                Plain(name),
                Plain(&safe)
            ));
        }
        let Some(bytes) = self.attached(name, &id, &Text::truncated(file))? else {
            return self.vault_said(VaultError::NoSuchPart, name);
        };
        if bytes > FILE_MAX {
            return self.give_up(format_args!(
                "'{}' has more than {} KiB: make the picture smaller first.",
                Plain(file),
                FILE_MAX / 1024
            ));
        }
        let (clean, decoded) = self.in_converter(|session, converter| {
            session.feed_attached(converter, bytes)?;
            session.take_converted(converter)
        })?;
        self.say_decoded(&decoded);
        self.attach_clean(name, &id, &safe, &clean)?;
        self.say(format_args!(
            "Attached '{}' to '{}'; '{}' is as it was.",
            Plain(&safe),
            Plain(name),
            Plain(file)
        ));
        Ok(())
    }

    /// Makes an attachment the file to be downloaded; its bytes, or none when there is no such attachment.
    fn attached(&mut self, name: &str, id: &Text<256>, file: &Text<256>) -> Result<Option<u32>, Given> {
        self.ask_files(name, |files| {
            Ok(match files.fetch(id.clone(), file.clone())? {
                Ok(bytes) => Ok(Some(bytes)),
                Err(VaultError::NoSuchPart) => Ok(None),
                Err(error) => Err(error),
            })
        })
    }

    /// Carries the file that is to be downloaded to the converter.
    fn feed_attached(&mut self, converter: &Converter, bytes: u32) -> Done {
        let mut at = 0_u32;
        self.download(bytes, |session, piece| {
            let data = Secret::new(Bytes::try_from(piece).unwrap_or_default());
            session.feed(converter, at, &data)?;
            // A piece has few bytes.
            at = at.saturating_add(u32::try_from(piece.len()).unwrap_or(0));
            if session.screen.is_cancelled() {
                return session.give_up(format_args!("Stopped; nothing was attached."));
            }
            Ok(())
        })
    }

    /// Attaches the file to an entry.
    fn attach_clean(&mut self, name: &str, id: &Text<256>, safe: &Text<256>, clean: &CleanFile) -> Done {
        let attached = self.upload_clean(clean).and_then(|()| {
            let attached = self.ask_files(name, |files| {
                Ok(match files.attach(id.clone(), safe.clone())? {
                    Ok(()) => Ok(true),
                    Err(VaultError::TooLong) => Ok(false),
                    Err(error) => Err(error),
                })
            })?;
            if attached {
                return Ok(());
            }
            self.give_up(format_args!(
                "The PNG has {} KiB, more than this vault takes as an attachment: make the picture smaller first.",
                clean.len() / 1024
            ))
        });
        if attached.is_err() {
            // What the vault has of it by now is forgotten; should that fail, locking forgets it too.
            let peer = self.vault_peer();
            let _ = self.screen.world.files(&peer).map(|files| files.upload(0, Secret::new(Bytes::new())));
        }
        attached
    }

    fn upload_clean(&mut self, clean: &CleanFile) -> Done {
        let mut at = 0_u32;
        for piece in clean.chunks(PIECE_MAX) {
            let data = Secret::new(Bytes::try_from(piece).unwrap_or_default());
            self.ask_files("", |files| files.upload(at, data))?;
            at = at.saturating_add(u32::try_from(piece.len()).unwrap_or(0));
            if self.screen.is_cancelled() {
                return self.give_up(format_args!("Stopped; nothing was attached."));
            }
        }
        Ok(())
    }
}
