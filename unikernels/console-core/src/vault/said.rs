//! What the vault answered instead of doing it, as sentences.

use crate::spec;
use core::fmt;
use ipc_proto_vault_api::VaultError;

/// What a vault answered instead of doing it.
pub(crate) struct VaultSaid<'a> {
    /// The answer.
    pub(crate) error: VaultError,
    /// The qube that serves it; `None` is the one that needs no name.
    pub(crate) vault: Option<&'a str>,
    /// What the command was about: an entry, a group, a key; nothing when it is empty.
    pub(crate) name: &'a str,
}

impl fmt::Display for VaultSaid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, vault) = (self.name, The(self.vault));
        let run = |command| Run { vault: self.vault, command };
        match self.error {
            VaultError::NotInitialised | VaultError::AlreadyInitialised | VaultError::Locked => self.closed(f),
            VaultError::WrongPassphrase { retry_after_ms } => {
                write!(f, "Wrong passphrase. The next attempt may come in {}.", Wait(retry_after_ms))
            }
            VaultError::TooSoon { retry_after_ms } => {
                write!(f, "Too soon after a wrong passphrase: wait {}.", Wait(retry_after_ms))
            }
            VaultError::NoSuchEntry => write!(f, "{vault} has no entry '{name}'."),
            VaultError::Ambiguous { entries } => write!(
                f,
                "{entries} entries are called '{name}': say GROUP/TITLE, or the id that {} shows.",
                run("ls")
            ),
            VaultError::EntryExists => write!(f, "{vault} has an entry '{name}' already."),
            VaultError::NoSuchGroup => write!(f, "{vault} has no such group; {} lists them.", run("groups")),
            VaultError::GroupExists => write!(f, "{vault} has a group '{name}' already."),
            VaultError::NoSuchPart => write!(f, "The entry '{name}' has nothing of that name or number."),
            VaultError::InBin => write!(
                f,
                "'{name}' is in the bin: {} takes it out, {} removes it for good.",
                run("restore"),
                run("purge")
            ),
            VaultError::NotInBin => write!(f, "'{name}' is not in the bin: {} puts it there.", run("rm")),
            VaultError::Full => write!(f, "{vault} is full."),
            VaultError::TooLong => f.write_str("That is longer than the vault takes, or can show here."),
            VaultError::WeakRecipe => {
                f.write_str("Such a password would be weak (less than 40 bits): make it longer or allow more classes.")
            }
            VaultError::BadTotp => f.write_str(
                "The vault can't make codes of this: the secret must be base32 (A-Z, 2-7) of 16 characters or more.",
            ),
            VaultError::NoTotp => write!(f, "The entry '{name}' has no one-time codes."),
            VaultError::EmptyPassphrase => f.write_str("It must not be empty."),
            VaultError::BadQuery => {
                f.write_str("That is no search: words, tag:WORD, group:WORD, is:expired or is:recycled.")
            }
            VaultError::NoFile => f.write_str("The pieces of the file did not come in order: try again."),
            VaultError::BadFile => {
                f.write_str("The file is of another format, or damaged, or its passphrase is another.")
            }
            VaultError::FileTooCostly => {
                f.write_str("The file wants more memory or time to be opened than the vault gives it.")
            }
            VaultError::NotEmpty => {
                write!(f, "{vault} has entries already; a backup goes into an empty one only.")
            }
            VaultError::NoSuchKey => write!(f, "{vault} has no key {name}; {} lists them.", run("key ls")),
            VaultError::NoSuchQube => write!(f, "No qube '{name}' has a channel on which it could ask for signatures."),
            VaultError::BadTime => f.write_str("Consent is for 1 second to a day, 86400 seconds."),
            VaultError::Storage => write!(
                f,
                "{vault} could not write. Whether this was kept shows after {} and {}.",
                run("lock"),
                run("unlock")
            ),
            VaultError::Damaged => {
                f.write_str("What the vault is kept on does not hold what was written to it: restore a backup.")
            }
            VaultError::Internal => write!(f, "{vault} failed; nothing was changed."),
        }
    }
}

impl VaultSaid<'_> {
    /// What has to be done before anything else can be.
    fn closed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vault = The(self.vault);
        let run = |command| Run { vault: self.vault, command };
        match self.error {
            VaultError::NotInitialised => write!(f, "{vault} has no passphrase yet: run {}.", run("init")),
            VaultError::AlreadyInitialised => write!(
                f,
                "{vault} has a passphrase already: {} opens it, {} changes it.",
                run("unlock"),
                run("passwd")
            ),
            _ => write!(f, "{vault} is locked: run {}.", run("unlock")),
        }
    }
}

/// A vault at the beginning of a sentence.
pub(crate) struct The<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for The<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.unwrap_or("The vault"))
    }
}

/// A command of a vault as it is typed, in quotes.
pub(crate) struct Run<'a> {
    /// The qube that serves it; `None` is the one that needs no name.
    pub(crate) vault: Option<&'a str>,
    /// What follows its name.
    pub(crate) command: &'a str,
}

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.command;
        match self.vault {
            Some(vault) => write!(f, "'{vault} {command}'"),
            None if spec::is_short(command) => write!(f, "'{command}'"),
            None => write!(f, "'vault {command}'"),
        }
    }
}

/// A time to wait, in milliseconds, rounded up to seconds.
struct Wait(u32);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let seconds = self.0.div_ceil(1000);
        let (minutes, rest) = (seconds / 60, seconds % 60);
        match (minutes, rest) {
            (0, _) => write!(f, "{rest} second{}", plural(rest)),
            (_, 0) => write!(f, "{minutes} minute{}", plural(minutes)),
            _ => write!(f, "{minutes} minute{} {rest} second{}", plural(minutes), plural(rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn waits_are_said_in_minutes_and_seconds() {
        for (ms, said) in [
            (1, "1 second"),
            (1_000, "1 second"),
            (1_001, "2 seconds"),
            (59_999, "1 minute"),
            (61_000, "1 minute 1 second"),
            (128_000, "2 minutes 8 seconds"),
            (300_000, "5 minutes"),
        ] {
            assert_eq!(Wait(ms).to_string(), said);
        }
    }

    /// Every error there is.
    const ERRORS: [VaultError; 30] = [
        VaultError::NotInitialised,
        VaultError::AlreadyInitialised,
        VaultError::Locked,
        VaultError::WrongPassphrase { retry_after_ms: 1 },
        VaultError::TooSoon { retry_after_ms: 1 },
        VaultError::NoSuchEntry,
        VaultError::Ambiguous { entries: 2 },
        VaultError::EntryExists,
        VaultError::NoSuchGroup,
        VaultError::GroupExists,
        VaultError::NoSuchPart,
        VaultError::InBin,
        VaultError::NotInBin,
        VaultError::Full,
        VaultError::TooLong,
        VaultError::WeakRecipe,
        VaultError::BadTotp,
        VaultError::NoTotp,
        VaultError::EmptyPassphrase,
        VaultError::BadQuery,
        VaultError::NoFile,
        VaultError::BadFile,
        VaultError::FileTooCostly,
        VaultError::NotEmpty,
        VaultError::NoSuchKey,
        VaultError::NoSuchQube,
        VaultError::BadTime,
        VaultError::Storage,
        VaultError::Damaged,
        VaultError::Internal,
    ];

    #[test]
    fn every_error_is_one_whole_sentence() {
        for error in ERRORS {
            let sentence = VaultSaid { error, vault: None, name: "x" }.to_string();
            assert!(
                sentence.starts_with(|first: char| first.is_uppercase() || first == '\'' || first == '2'),
                "{sentence}"
            );
            assert!(sentence.ends_with('.') && sentence.len() < 110, "{sentence}");
        }
    }

    #[test]
    fn a_vault_that_needs_its_name_is_called_by_it() {
        let said = |error, vault| VaultSaid { error, vault, name: "x" }.to_string();
        let work = Some("vault-work");
        assert_eq!(said(VaultError::Locked, None), "The vault is locked: run 'unlock'.");
        assert_eq!(said(VaultError::Locked, work), "vault-work is locked: run 'vault-work unlock'.");
        assert_eq!(
            said(VaultError::NotInitialised, None),
            "The vault has no passphrase yet: run 'vault init'."
        );
        assert_eq!(said(VaultError::NoSuchEntry, work), "vault-work has no entry 'x'.");
    }
}
