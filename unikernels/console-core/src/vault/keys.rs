//! Keys for signing, and who may use them.

use super::paste::Pasted;
use super::{Many, PASSPHRASE_MAX};
use crate::plain::Plain;
use crate::session::{Done, Session};
use crate::system::World;
use core::fmt::Write;
use ipc_proto_types::Text;
use ipc_proto_vault_api::keys::{Grant, Key};

impl<W: World> Session<'_, W> {
    pub(super) fn key_make(&mut self, comment: &str) -> Done {
        self.must_be_open()?;
        let key = self.ask_keys("", |keys| keys.make(Text::truncated(comment)))?;
        self.say_key(&key);
        Ok(())
    }

    pub(super) fn key_import(&mut self) -> Done {
        self.must_be_open()?;
        let passphrase = self.secret_or_none::<PASSPHRASE_MAX>("Passphrase of the key, if it has one: ")?;
        self.paste("the OpenSSH private key", Pasted::Text)?;
        let key = self.ask_files("", |files| files.key_import(passphrase))?;
        self.say_key(&key);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn key_list(&mut self) -> Done {
        let mut from = 0_u32;
        loop {
            let page = self.ask_keys("", |keys| keys.list(from))?;
            for key in &page.keys {
                self.say_key(key);
            }
            from = from.saturating_add(u32::try_from(page.keys.len()).unwrap_or(u32::MAX));
            if page.keys.is_empty() || from >= page.total {
                self.say(format_args!("{}", Many(page.total, "key", "keys")));
                return Ok(());
            }
        }
    }

    pub(super) fn key_remove(&mut self, id: u64) -> Done {
        self.must_be_open()?;
        let name = id_text(id);
        self.must_agree(format_args!("Remove the key {name} for good?"))?;
        self.ask_keys(&name, |keys| keys.remove(id))?;
        self.say(format_args!("Removed the key {name}."));
        Ok(())
    }

    pub(super) fn key_allow(&mut self, qube: &str, id: u64, grant: Grant) -> Done {
        let name = id_text(id);
        self.ask_keys(&name, |keys| keys.allow(Text::truncated(qube), id, grant))?;
        match grant {
            Grant::Once => self.say(format_args!("{qube} may sign once with {name}.")),
            Grant::Seconds(seconds) => {
                let seconds = Many(seconds, "second", "seconds");
                self.say(format_args!("{qube} may sign with {name} for {seconds}."));
            }
        }
        Ok(())
    }

    pub(super) fn key_disallow(&mut self, qube: &str, id: u64) -> Done {
        let name = id_text(id);
        self.ask_keys(&name, |keys| keys.disallow(Text::truncated(qube), id))?;
        self.say(format_args!("{qube} may not sign with {name} any more."));
        Ok(())
    }

    pub(super) fn key_requests(&mut self) -> Done {
        let page = self.ask_keys("", |keys| keys.pending())?;
        for request in &page.requests {
            self.say(format_args!(
                "{:16} {}  {} ago",
                Plain(&request.qube),
                id_text(request.id),
                Many(request.seconds_ago, "second", "seconds")
            ));
        }
        if page.requests.is_empty() {
            self.say(format_args!("No request to sign waits for your consent."));
        } else {
            self.say(format_args!("'vault allow QUBE KEY once' lets one try again."));
        }
        Ok(())
    }

    fn say_key(&mut self, key: &Key) {
        self.say(format_args!("{}  {}", id_text(key.id), Plain(&key.public)));
    }
}

/// A key as a person types it: 16 hex digits.
pub(super) fn id_text(id: u64) -> Text<16> {
    let mut text = Text::new();
    let written = write!(text, "{id:016x}");
    debug_assert!(written.is_ok(), "16 digits fit");
    text
}
