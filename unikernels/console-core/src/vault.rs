//! The commands of the vault: ask for what must not stand on a command line, call, and say what came of it.
//!
//! Passphrases, passwords and secrets of one-time codes are only ever typed at hidden prompts, live in wiped buffers and
//! are never shown unless a command asks for just that. The state is asked before a person is made to type a passphrase in
//! vain. Which vault a command is about is said by its first word; `Session::addressed` holds it while the command runs.

use crate::command::VaultCommand;
use crate::editor::Purpose;
use crate::line::Line;
use crate::plain::Plain;
use crate::sentence::NoAnswer;
use crate::session::{Done, Given, Session};
use crate::system::{System, World};
use core::fmt::{self, Write};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{QubeName, Secret, Text};
use ipc_proto_vault_api::files::FilesClient;
use ipc_proto_vault_api::keys::KeyStoreClient;
use ipc_proto_vault_api::{State, Status, Storage, VaultClient, VaultError};
use said::{Run, The, VaultSaid};

pub(crate) use paste::{Pasted, Piece};

mod asking;
mod bin;
mod cloning;
mod converting;
mod entries;
mod files;
mod keys;
mod opening;
mod paste;
mod said;
mod showing;
mod writing;

/// The longest passphrase, in bytes.
const PASSPHRASE_MAX: usize = 256;
/// The vault that is meant when none is named, if there is one of this name; else the first.
const DEFAULT: &str = "vault";

type Port<W> = <W as System>::Port;
type Answer<T> = Result<Result<T, VaultError>, CallError>;

impl<W: World> Session<'_, W> {
    /// Does a command of the vault in this qube, or of the first vault.
    #[inline(never)]
    pub(crate) fn vault(&mut self, of: Option<&str>, command: &VaultCommand<'_>) -> Done {
        self.address(of);
        match command {
            VaultCommand::Init { key_file } => self.vault_init(*key_file),
            VaultCommand::Status => self.vault_status(),
            VaultCommand::Unlock { key_file } => self.vault_unlock(*key_file),
            VaultCommand::Lock => self.vault_lock(),
            VaultCommand::Passwd { key_file, no_key_file } => self.vault_passwd(*key_file, *no_key_file),
            VaultCommand::AutoLock(seconds) => self.vault_auto_lock(*seconds),
            VaultCommand::List { search } => self.vault_list(search),
            VaultCommand::Add(add) => self.vault_add(add),
            VaultCommand::Edit(edit) => self.vault_edit(edit),
            VaultCommand::Write(name) => self.vault_write(name),
            VaultCommand::Show { name, reveal } => self.vault_show(name, *reveal),
            VaultCommand::Notes(name) => self.vault_notes(name),
            VaultCommand::Field { name, field } => self.vault_field(name, field),
            VaultCommand::CopyOnce(name) => self.vault_copy_once(name),
            VaultCommand::Totp(name) => self.vault_totp(name),
            VaultCommand::History { name, reveal } => self.vault_history(name, *reveal),
            VaultCommand::ForgetHistory(name) => self.vault_forget_history(name),
            VaultCommand::Revert { name, version } => self.vault_revert(name, *version),
            VaultCommand::Remove(name) => self.vault_remove(name),
            VaultCommand::Restore(name) => self.vault_restore(name),
            VaultCommand::Purge(name) => self.vault_purge(name),
            VaultCommand::EmptyBin => self.vault_empty_bin(),
            VaultCommand::Groups => self.vault_groups(),
            VaultCommand::MakeGroup(path) => self.vault_make_group(path),
            VaultCommand::MoveGroup { path, to } => self.vault_move_group(path, to),
            VaultCommand::RemoveGroup(path) => self.vault_remove_group(path),
            VaultCommand::Report => self.vault_report(),
            VaultCommand::Import { format, group } => self.vault_import(*format, group),
            VaultCommand::Export(format) => self.vault_export(*format),
            VaultCommand::Attach { name, file } => self.vault_attach(name, file),
            VaultCommand::Detach { name, file } => self.vault_detach(name, file),
            VaultCommand::Fetch { name, file } => self.vault_fetch(name, file),
            VaultCommand::Convert { name, file } => self.vault_convert(name, file),
            VaultCommand::Verify => self.vault_verify(),
            VaultCommand::KeyMake(comment) => self.key_make(comment),
            VaultCommand::KeyList => self.key_list(),
            VaultCommand::KeyImport => self.key_import(),
            VaultCommand::KeyRemove(id) => self.key_remove(*id),
            VaultCommand::Allow { qube, id, grant } => self.key_allow(qube, *id, *grant),
            VaultCommand::Disallow { qube, id } => self.key_disallow(qube, *id),
            VaultCommand::Requests => self.key_requests(),
        }
    }

    /// Has the calls that follow go to the vault of this name; to the default one when it is none.
    pub(crate) fn address(&mut self, of: Option<&str>) {
        let default = self.default_vault();
        let named = of.and_then(|name| QubeName::new(name).ok());
        self.addressed = named.filter(|name| Some(*name) != default);
    }

    /// Whether a qube of this name serves a vault to us.
    pub(crate) fn is_vault(&mut self, name: &str) -> bool {
        (0..).map_while(|number| self.screen.world.vault_name(number)).any(|vault| vault.as_str() == name)
    }

    fn default_vault(&mut self) -> Option<QubeName> {
        let first = self.screen.world.vault_name(0);
        if self.is_vault(DEFAULT) { QubeName::new(DEFAULT).ok() } else { first }
    }

    /// The name of the qube the command at hand is about; of no qube when there is no vault.
    fn vault_peer(&mut self) -> Text<16> {
        let name = self.addressed.or_else(|| self.default_vault());
        Text::truncated(name.as_ref().map_or("", QubeName::as_str))
    }

    /// The name a person has to type for this vault; `None` when there is no need.
    fn called(&self) -> Option<&str> {
        self.addressed.as_ref().map(QubeName::as_str)
    }

    /// Calls the vault; what went wrong is said. `name` is what it is about.
    fn ask_vault<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce(&mut VaultClient<'static, Port<W>>) -> Answer<T>,
    ) -> Result<T, Given> {
        let peer = self.vault_peer();
        let Some(vault) = self.screen.world.vault(&peer) else {
            return self.no_channel("vault");
        };
        let answer = ask(vault);
        self.answered(answer, name)
    }

    /// Calls the service for files of the vault, likewise.
    fn ask_files<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce(&mut FilesClient<'static, Port<W>>) -> Answer<T>,
    ) -> Result<T, Given> {
        let peer = self.vault_peer();
        let Some(files) = self.screen.world.files(&peer) else {
            return self.no_channel("vault-files");
        };
        let answer = ask(files);
        self.answered(answer, name)
    }

    /// Calls the service for keys of the vault, likewise.
    fn ask_keys<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce(&mut KeyStoreClient<'static, Port<W>>) -> Answer<T>,
    ) -> Result<T, Given> {
        let peer = self.vault_peer();
        let Some(keys) = self.screen.world.keys(&peer) else {
            return self.no_channel("vault-keys");
        };
        let answer = ask(keys);
        self.answered(answer, name)
    }

    fn answered<T>(&mut self, answer: Answer<T>, name: &str) -> Result<T, Given> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => self.vault_said(error, name),
            Err(error) => {
                let peer = self.vault_peer();
                let advice =
                    if let CallError::PeerRestarted(_) = error { self.after_restart() } else { Text::new() };
                self.give_up(format_args!("{}", NoAnswer { peer: &peer, error, after_restart: &advice }))
            }
        }
    }

    /// What to do when the vault restarted: what it keeps on a volume is still there.
    fn after_restart(&mut self) -> Text<96> {
        let peer = self.vault_peer();
        let status = self.screen.world.vault(&peer).map(|vault| vault.status());
        let run = |command| Run { vault: self.called(), command };
        let mut advice = Text::new();
        let written = match status {
            Some(Ok(Status { storage: Storage::Memory, state: State::Empty, .. })) => {
                write!(advice, "what it held in memory is gone: run {}.", run("init"))
            }
            Some(Ok(Status { state: State::Empty, .. })) => {
                write!(advice, "it is empty: run {}.", run("init"))
            }
            Some(Ok(Status { state: State::Locked, .. })) => {
                write!(advice, "its entries are kept, and locked: run {}.", run("unlock"))
            }
            _ => write!(advice, "see {}.", run("status")),
        };
        debug_assert!(written.is_ok(), "the longest name of a qube fits");
        advice
    }

    fn status(&mut self) -> Result<Status, Given> {
        self.ask_vault("", |vault| vault.status().map(Ok))
    }

    /// Asks how things stand; gives up unless the vault is open.
    fn must_be_open(&mut self) -> Result<Status, Given> {
        let status = self.status()?;
        match status.state {
            State::Empty => self.vault_said(VaultError::NotInitialised, ""),
            State::Locked => self.vault_said(VaultError::Locked, ""),
            State::Unavailable => self.unavailable(),
            State::Unlocked => Ok(status),
        }
    }

    fn unavailable<T>(&mut self) -> Result<T, Given> {
        let vault = self.vault_peer();
        self.give_up(format_args!(
            "{vault} can't reach its volume, or there is something else on it. Nothing is written to it."
        ))
    }

    fn vault_said<T>(&mut self, error: VaultError, name: &str) -> Result<T, Given> {
        let addressed = self.addressed;
        let vault = addressed.as_ref().map(QubeName::as_str);
        self.give_up(format_args!("{}", VaultSaid { error, vault, name }))
    }

    /// Says something about the vault: `The vault`, or its name, and then `text`.
    fn tell(&mut self, text: fmt::Arguments<'_>) {
        let addressed = self.addressed;
        self.say(format_args!("{} {text}", The(addressed.as_ref().map(QubeName::as_str))));
    }

    /// Asks for a secret of at most `N` bytes; an empty one is refused here.
    fn secret<const N: usize>(&mut self, prompt: &str) -> Result<Secret<Text<N>>, Given> {
        match self.secret_or_none(prompt)? {
            Some(secret) => Ok(secret),
            None => self.vault_said(VaultError::EmptyPassphrase, ""),
        }
    }

    /// Asks for a secret of at most `N` bytes; an empty one is none.
    fn secret_or_none<const N: usize>(&mut self, prompt: &str) -> Result<Option<Secret<Text<N>>>, Given> {
        let mut line = Line::<N>::new();
        self.read_answer(prompt, Purpose::Secret, &mut line)?;
        if line.refused() > 0 {
            return self.give_up(format_args!("That is longer than {N} bytes; nothing was done."));
        }
        let text = line.as_str();
        Ok((!text.is_empty()).then(|| Secret::new(Text::truncated(text))))
    }

    /// Asks for a new secret, twice.
    fn new_secret<const N: usize>(&mut self, prompt: &str) -> Result<Secret<Text<N>>, Given> {
        let first = self.secret(prompt)?;
        let second = self.secret("Once more: ")?;
        if first != second {
            return self.give_up(format_args!("The two differ; nothing was done."));
        }
        Ok(first)
    }

    /// Asks whether to do something; anything but yes gives it up.
    fn must_agree(&mut self, question: fmt::Arguments<'_>) -> Done {
        self.screen.put(question);
        let mut answer = Line::<8>::new();
        self.read_answer(" [y/N] ", Purpose::Answer, &mut answer)?;
        if matches!(answer.as_str(), "y" | "Y" | "yes") {
            return Ok(());
        }
        self.give_up(format_args!("Nothing was changed."))
    }
}

/// A number of entries.
struct Entries(u32);

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no entries"),
            count => Many(count, "entry", "entries").fmt(f),
        }
    }
}

/// A number of things: how many, what one is called, what more are called.
struct Many(u32, &'static str, &'static str);

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { self.1 } else { self.2 })
    }
}

/// An entry by its group and title, as a person would type it.
struct Path<'a> {
    group: &'a str,
    title: &'a str,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.group.is_empty() { "" } else { "/" };
        write!(f, "{}{slash}{}", Plain(self.group), Plain(self.title))
    }
}
