//! The commands of the vault: ask for what must not stand on a command line, call, and say what came of it.
//!
//! Passphrases, passwords and secrets of one-time codes are only ever typed at hidden prompts, live in wiped buffers and
//! are never shown, save by `show --reveal`. The state is asked before a person is made to type a passphrase in vain.

use crate::clipboard::CLEAR_AFTER_MS;
use crate::command::{Add, Algorithm};
use crate::editor::Purpose;
use crate::line::Line;
use crate::plain::Plain;
use crate::sentence::{Bits, NoAnswer, VaultSaid};
use crate::session::{Done, Given, Session, peer_of};
use crate::system::World;
use ipc_proto_rpc::CallError;
use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api as api;
use ipc_proto_vault_api::{State, Status, VaultError};

/// The longest passphrase or password, in bytes.
const SECRET_MAX: usize = 256;

type Client<W> = api::VaultClient<'static, <W as crate::system::System>::Port>;

impl<W: World> Session<'_, W> {
    pub(crate) fn vault_status(&mut self) -> Done {
        match self.status()? {
            Status { state: State::Empty, .. } => self.say(format_args!("empty: run 'vault init'.")),
            Status { state: State::Locked, retry_after_ms: 0, .. } => self.say(format_args!("locked.")),
            Status { state: State::Locked, retry_after_ms, .. } => {
                let said = VaultSaid { error: VaultError::TooSoon { retry_after_ms }, name: "" };
                self.say(format_args!("locked. {said}"));
            }
            Status { state: State::Unlocked, entries, .. } => {
                self.say(format_args!("open, {}.", Entries(entries)))
            }
        }
        Ok(())
    }

    pub(crate) fn vault_init(&mut self) -> Done {
        if self.status()?.state != State::Empty {
            return self.vault_said(VaultError::AlreadyInitialised, "");
        }
        let passphrase = self.new_secret("New passphrase: ")?;
        self.deriving();
        self.ask_vault("", |vault| vault.init(passphrase))?;
        self.say(format_args!(
            "The vault is open. Nobody can open it again without the passphrase, nor restore it."
        ));
        Ok(())
    }

    pub(crate) fn vault_unlock(&mut self) -> Done {
        match self.status()? {
            Status { state: State::Empty, .. } => return self.vault_said(VaultError::NotInitialised, ""),
            Status { state: State::Unlocked, .. } => {
                return self.give_up(format_args!("The vault is open already."));
            }
            Status { retry_after_ms, .. } if retry_after_ms > 0 => {
                return self.vault_said(VaultError::TooSoon { retry_after_ms }, "");
            }
            Status { .. } => {}
        }
        let passphrase = self.secret("Passphrase: ")?;
        self.deriving();
        self.ask_vault("", |vault| vault.unlock(passphrase))?;
        let entries = self.status()?.entries;
        self.say(format_args!("The vault is open: {}.", Entries(entries)));
        Ok(())
    }

    pub(crate) fn vault_lock(&mut self) -> Done {
        self.screen.clear_clipboard();
        let was = self.status()?.state;
        self.ask_vault("", |vault| vault.lock().map(Ok))?;
        match was {
            State::Empty => self.vault_said(VaultError::NotInitialised, ""),
            State::Locked => self.give_up(format_args!("The vault is locked already.")),
            State::Unlocked => {
                self.say(format_args!("The vault is locked."));
                Ok(())
            }
        }
    }

    pub(crate) fn vault_passwd(&mut self) -> Done {
        self.must_be_open()?;
        let old = self.secret("Old passphrase: ")?;
        let new = self.new_secret("New passphrase: ")?;
        self.deriving();
        self.ask_vault("", |vault| vault.change(old, new))?;
        self.say(format_args!("The passphrase is changed."));
        Ok(())
    }

    pub(crate) fn vault_list(&mut self) -> Done {
        let mut from = 0;
        loop {
            let page = self.ask_vault("", |vault| vault.list(from))?;
            if from == 0 && !page.entries.is_empty() {
                self.say(format_args!("{:24} {:32} {}", "NAME", "USER", "CODES"));
            }
            for entry in &page.entries {
                let codes = if entry.totp { "yes" } else { "" };
                self.say(format_args!("{:24} {:32} {codes}", Plain(&entry.name), Plain(&entry.user)));
            }
            // A page is never longer than the list's bound, so this fits.
            from = from.saturating_add(u16::try_from(page.entries.len()).unwrap_or(u16::MAX));
            if page.entries.is_empty() || from >= page.total {
                self.say(format_args!("{}", Entries(page.total)));
                return Ok(());
            }
        }
    }

    pub(crate) fn vault_add(&mut self, add: &Add<'_>) -> Done {
        self.must_be_open()?;
        let password = match add.generate {
            Some(length) => {
                let [lower, upper, digits, symbols] = add.classes;
                api::NewPassword::Generate(api::Recipe { length, lower, upper, digits, symbols })
            }
            None => api::NewPassword::Given(self.new_secret("Password: ")?),
        };
        let totp = if add.totp { Some(self.totp_secret(add)?) } else { None };
        let name = Text::truncated(add.name);
        let entry = api::NewEntry { name, user: Text::truncated(add.user), password, totp };
        let added = self.ask_vault(add.name, |vault| vault.add(entry))?;
        match add.generate {
            Some(length) => self.say(format_args!(
                "Added '{}' with a password of {length} characters, {}.",
                add.name,
                Bits(added.entropy_centibits)
            )),
            None => self.say(format_args!("Added '{}'.", add.name)),
        }
        Ok(())
    }

    /// Asks for the secret of one-time codes. Sites print it in groups and small letters; base32 is neither.
    fn totp_secret(&mut self, add: &Add<'_>) -> Result<api::NewTotp, Given> {
        let typed = self.secret("Secret of the one-time codes (base32): ")?;
        let mut secret_base32 = Secret::new(Text::<128>::new());
        for character in typed.expose().chars().filter(|character| !matches!(character, ' ' | '-')) {
            let mut bytes = [0; 4];
            let upper = character.to_ascii_uppercase().encode_utf8(&mut bytes);
            if secret_base32.expose_mut().push_str(upper).is_err() {
                return self.give_up(format_args!("The secret is longer than 128 characters."));
            }
        }
        let algorithm = match add.algorithm {
            Algorithm::Sha1 => api::Algorithm::Sha1,
            Algorithm::Sha256 => api::Algorithm::Sha256,
            Algorithm::Sha512 => api::Algorithm::Sha512,
        };
        Ok(api::NewTotp { secret_base32, algorithm, digits: add.digits, period_s: add.period_s })
    }

    pub(crate) fn vault_show(&mut self, name: &str, reveal: bool) -> Done {
        let entry = self.ask_vault(name, |vault| vault.show(Text::truncated(name), reveal))?;
        self.say(format_args!("name      {}", Plain(&entry.name)));
        self.say(format_args!("user      {}", Plain(&entry.user)));
        match &entry.password {
            Some(password) => self.say(format_args!("password  {}", Plain(password.expose()))),
            None => self.say(format_args!("password  hidden; --reveal shows it, 'copy-once' copies it")),
        }
        match entry.entropy_centibits {
            0 => self.say(format_args!("strength  unknown: it was not generated here")),
            centibits => self.say(format_args!("strength  {}", Bits(centibits))),
        }
        self.say(format_args!("codes     {}", if entry.totp { "yes: 'totp' shows one" } else { "no" }));
        Ok(())
    }

    pub(crate) fn vault_copy_once(&mut self, name: &str) -> Done {
        let password = self.ask_vault(name, |vault| vault.copy_once(Text::truncated(name)))?;
        self.screen.copy(password.expose());
        self.say(format_args!(
            "Sent to your terminal's clipboard (OSC 52), if it allows that. Cleared in {} seconds or at 'lock'.",
            CLEAR_AFTER_MS / 1000
        ));
        Ok(())
    }

    pub(crate) fn vault_totp(&mut self, name: &str) -> Done {
        let code = self.ask_vault(name, |vault| vault.totp(Text::truncated(name)))?;
        self.say(format_args!("{}   holds {} s more", Plain(code.digits.expose()), code.seconds_left));
        Ok(())
    }

    pub(crate) fn vault_remove(&mut self, name: &str) -> Done {
        // It must be there before a person is asked about it.
        self.ask_vault(name, |vault| vault.show(Text::truncated(name), false))?;
        self.screen.put(format_args!("Remove '{name}' for good?"));
        let mut answer = Line::<8>::new();
        self.read_answer(" [y/N] ", Purpose::Answer, &mut answer)?;
        if !matches!(answer.as_str(), "y" | "Y" | "yes") {
            return self.give_up(format_args!("Kept."));
        }
        self.ask_vault(name, |vault| vault.remove(Text::truncated(name)))?;
        self.say(format_args!("Removed '{name}'."));
        Ok(())
    }

    /// Calls the vault; what went wrong is said. `name` is the entry it is about.
    fn ask_vault<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce(&mut Client<W>) -> Result<Result<T, VaultError>, CallError>,
    ) -> Result<T, Given> {
        let Some(vault) = self.screen.world.vault() else {
            return self.no_channel("vault");
        };
        match ask(vault) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => self.vault_said(error, name),
            Err(error) => {
                let peer = peer_of(vault.client().port());
                let after_restart = "what it held in memory is gone: run 'vault init'.";
                self.give_up(format_args!("{}", NoAnswer { peer: peer.as_str(), error, after_restart }))
            }
        }
    }

    fn status(&mut self) -> Result<Status, Given> {
        self.ask_vault("", |vault| vault.status().map(Ok))
    }

    fn must_be_open(&mut self) -> Done {
        match self.status()?.state {
            State::Empty => self.vault_said(VaultError::NotInitialised, ""),
            State::Locked => self.vault_said(VaultError::Locked, ""),
            State::Unlocked => Ok(()),
        }
    }

    fn vault_said<T>(&mut self, error: VaultError, name: &str) -> Result<T, Given> {
        self.give_up(format_args!("{}", VaultSaid { error, name }))
    }

    /// Says what takes so long.
    fn deriving(&mut self) {
        self.say(format_args!("Deriving the key (Argon2id, 64 MiB) ..."));
    }

    /// Asks for a secret; an empty one is refused here.
    fn secret(&mut self, prompt: &str) -> Result<Secret<Text<SECRET_MAX>>, Given> {
        let mut line = Line::<SECRET_MAX>::new();
        self.read_answer(prompt, Purpose::Secret, &mut line)?;
        if line.refused() > 0 {
            return self.give_up(format_args!("That is longer than {SECRET_MAX} bytes; nothing was done."));
        }
        if line.as_str().is_empty() {
            return self.vault_said(VaultError::EmptyPassphrase, "");
        }
        Ok(Secret::new(Text::truncated(line.as_str())))
    }

    /// Asks for a new secret, twice.
    fn new_secret(&mut self, prompt: &str) -> Result<Secret<Text<SECRET_MAX>>, Given> {
        let first = self.secret(prompt)?;
        let second = self.secret("Once more: ")?;
        if first != second {
            return self.give_up(format_args!("The two differ; nothing was done."));
        }
        Ok(first)
    }
}

/// A number of entries.
struct Entries(u16);

impl core::fmt::Display for Entries {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            0 => f.write_str("no entries"),
            1 => f.write_str("1 entry"),
            count => write!(f, "{count} entries"),
        }
    }
}
