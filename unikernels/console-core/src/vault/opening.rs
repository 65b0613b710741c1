//! Making a vault, opening, locking it, and how things stand.

use super::{Entries, Many, PASSPHRASE_MAX, Run};
use crate::base64::Decoder;
use crate::editor::Purpose;
use crate::line::Line;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{Bytes, QubeName, Secret};
use ipc_proto_vault_api::{Keys, State, Status, Storage, VaultError};

/// Most bytes of a key file, and the longest line of base64 that has as many.
const KEY_FILE_MAX: usize = 1024;
const KEY_FILE_LINE_MAX: usize = KEY_FILE_MAX.div_ceil(3) * 4;

type KeyFile = Secret<Bytes<KEY_FILE_MAX>>;

impl<W: World> Session<'_, W> {
    pub(super) fn vault_status(&mut self) -> Done {
        let status = self.status()?;
        let addressed = self.addressed;
        let vault = addressed.as_ref().map(QubeName::as_str);
        match status {
            Status { state: State::Empty, .. } => {
                self.say(format_args!("empty: run {}.", Run { vault, command: "init" }));
            }
            Status { state: State::Locked, retry_after_ms: 0, .. } => self.say(format_args!("locked.")),
            Status { state: State::Locked, retry_after_ms, .. } => {
                let error = VaultError::TooSoon { retry_after_ms };
                self.say(format_args!("locked. {}", super::VaultSaid { error, vault, name: "" }));
            }
            Status { state: State::Unlocked, entries, .. } => {
                self.say(format_args!("open, {}.", Entries(entries)))
            }
            Status { state: State::Unavailable, .. } => return self.unavailable(),
        }
        match (status.storage, status.generation) {
            (Storage::Memory, _) => self.say(format_args!("Entries are in memory: they end with the qube.")),
            (Storage::Volume, 0) => self.say(format_args!("Entries are kept on a volume.")),
            (Storage::Volume, commits) => {
                self.say(format_args!("Entries are kept on a volume, which was written {commits} times."));
            }
        }
        if status.key_file {
            self.say(format_args!("It opens with a passphrase and a key file."));
        }
        if status.auto_lock_s > 0 {
            let seconds = Many(status.auto_lock_s, "second", "seconds");
            self.say(format_args!("It locks itself after {seconds} without a command."));
        }
        Ok(())
    }

    pub(super) fn vault_init(&mut self, key_file: bool) -> Done {
        let storage = match self.status()? {
            Status { state: State::Empty, storage, .. } => storage,
            Status { state: State::Unavailable, .. } => return self.unavailable(),
            Status { .. } => return self.vault_said(VaultError::AlreadyInitialised, ""),
        };
        let passphrase = self.new_secret::<PASSPHRASE_MAX>("New passphrase: ")?;
        let key_file = self.key_file("Key file (base64): ", key_file)?;
        self.deriving();
        self.ask_vault("", |vault| vault.init(Keys { passphrase, key_file }))?;
        self.hear_questions();
        self.tell(format_args!("is open. Nobody can open it again without the passphrase, nor restore it."));
        if storage == Storage::Memory {
            self.say(format_args!("Its entries are in memory: they end with the qube."));
        }
        Ok(())
    }

    pub(super) fn vault_unlock(&mut self, key_file: bool) -> Done {
        let status = self.status()?;
        match status {
            Status { state: State::Empty, .. } => return self.vault_said(VaultError::NotInitialised, ""),
            Status { state: State::Unavailable, .. } => return self.unavailable(),
            Status { state: State::Unlocked, .. } => {
                self.tell(format_args!("is open already."));
                return Err(Given);
            }
            Status { retry_after_ms, .. } if retry_after_ms > 0 => {
                return self.vault_said(VaultError::TooSoon { retry_after_ms }, "");
            }
            Status { .. } => {}
        }
        let keys = self.keys("Passphrase: ", key_file || status.key_file)?;
        self.deriving();
        self.ask_vault("", |vault| vault.unlock(keys))?;
        self.hear_questions();
        let entries = self.status()?.entries;
        self.tell(format_args!("is open: {}.", Entries(entries)));
        Ok(())
    }

    pub(super) fn vault_lock(&mut self) -> Done {
        self.screen.clear_clipboard();
        let was = self.status()?.state;
        self.ask_vault("", |vault| vault.lock().map(Ok))?;
        match was {
            State::Empty => return self.vault_said(VaultError::NotInitialised, ""),
            State::Unavailable => return self.unavailable(),
            State::Locked => self.tell(format_args!("is locked already.")),
            State::Unlocked => self.tell(format_args!("is locked.")),
        }
        Ok(())
    }

    pub(super) fn vault_passwd(&mut self, key_file: bool, no_key_file: bool) -> Done {
        let status = self.must_be_open()?;
        let old = self.keys("Old passphrase: ", status.key_file)?;
        let passphrase = self.new_secret::<PASSPHRASE_MAX>("New passphrase: ")?;
        let key_file = match (key_file, no_key_file) {
            (true, _) => self.key_file("New key file (base64): ", true)?,
            (false, true) => None,
            (false, false) => old.key_file.clone(),
        };
        self.deriving();
        self.ask_vault("", |vault| vault.change(old, Keys { passphrase, key_file }))?;
        self.say(format_args!("The passphrase is changed."));
        Ok(())
    }

    pub(super) fn vault_auto_lock(&mut self, seconds: u32) -> Done {
        self.must_be_open()?;
        self.ask_vault("", |vault| vault.auto_lock(seconds))?;
        match seconds {
            0 => self.tell(format_args!("stays open until it is locked.")),
            seconds => {
                let seconds = Many(seconds, "second", "seconds");
                self.tell(format_args!("locks itself after {seconds} without a command."));
            }
        }
        Ok(())
    }

    /// Asks for what opens the vault.
    fn keys(&mut self, prompt: &str, with_key_file: bool) -> Result<Keys, Given> {
        let passphrase = self.secret::<PASSPHRASE_MAX>(prompt)?;
        Ok(Keys { passphrase, key_file: self.key_file("Key file (base64): ", with_key_file)? })
    }

    /// Asks for what is in a key file, if one is wanted.
    #[inline(never)]
    fn key_file(&mut self, prompt: &str, wanted: bool) -> Result<Option<KeyFile>, Given> {
        if !wanted {
            return Ok(None);
        }
        let mut line = Line::<KEY_FILE_LINE_MAX>::new();
        self.read_answer(prompt, Purpose::Secret, &mut line)?;
        if line.refused() > 0 {
            return self
                .give_up(format_args!("A key file has {KEY_FILE_MAX} bytes at most; nothing was done."));
        }
        let mut bytes = Secret::new(Bytes::new());
        let mut decoder = Decoder::default();
        let mut fits = true;
        let decoded = decoder.feed(line.as_str(), &mut |piece| {
            fits &= bytes.expose_mut().extend_from_slice(piece).is_ok();
        });
        if decoded.is_err() || !decoder.is_whole() || !fits || bytes.expose().is_empty() {
            return self.give_up(format_args!("That is no base64, or empty; nothing was done."));
        }
        Ok(Some(bytes))
    }

    /// Says what takes so long.
    pub(super) fn deriving(&mut self) {
        self.say(format_args!("Deriving the key (Argon2id) ..."));
    }
}
