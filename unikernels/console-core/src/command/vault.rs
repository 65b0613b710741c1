//! The words after `vault`, or after the name of a qube that serves it.

use super::Misuse;
use super::args::{Arg, Args, NAME_MAX, bounded, number, seconds_or_never};
use super::entry::{self, Add, Edit};
use core::fmt::Write;
use ipc_proto_types::Text;
use ipc_proto_vault_api::files::Format;
use ipc_proto_vault_api::keys::Grant;

/// The most seconds that `auto-lock` takes: a day.
const AUTO_LOCK_MAX_S: u32 = 86_400;
/// The most seconds for which a qube may sign: a day, which is the vault's own bound.
const GRANT_MAX_S: u32 = 86_400;
/// The longest name of a qube, and the longest comment of a key, in bytes.
const QUBE_MAX: usize = 16;
const COMMENT_MAX: usize = 128;
/// An entry keeps at most so many earlier versions.
const VERSIONS_MAX: u8 = 10;

/// A command to a vault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VaultCommand<'w> {
    Init {
        key_file: bool,
    },
    Status,
    Unlock {
        key_file: bool,
    },
    Lock,
    Passwd {
        key_file: bool,
        no_key_file: bool,
    },
    /// After so many seconds; 0 is never.
    AutoLock(u32),
    List {
        search: Text<256>,
    },
    Add(Add<'w>),
    Edit(Edit<'w>),
    Show {
        name: &'w str,
        reveal: bool,
    },
    Notes(&'w str),
    Write(&'w str),
    Field {
        name: &'w str,
        field: &'w str,
    },
    CopyOnce(&'w str),
    Totp(&'w str),
    History {
        name: &'w str,
        reveal: bool,
    },
    ForgetHistory(&'w str),
    /// The newest version is 1.
    Revert {
        name: &'w str,
        version: u8,
    },
    Remove(&'w str),
    Restore(&'w str),
    Purge(&'w str),
    EmptyBin,
    Groups,
    MakeGroup(&'w str),
    MoveGroup {
        path: &'w str,
        to: &'w str,
    },
    RemoveGroup(&'w str),
    Report,
    Import {
        format: Format,
        group: &'w str,
    },
    Export(Format),
    Attach {
        name: &'w str,
        file: &'w str,
    },
    Detach {
        name: &'w str,
        file: &'w str,
    },
    Fetch {
        name: &'w str,
        file: &'w str,
    },
    /// Makes an attached picture anew, beside it.
    Convert {
        name: &'w str,
        file: &'w str,
    },
    Verify,
    KeyMake(&'w str),
    KeyList,
    KeyImport,
    KeyRemove(u64),
    Allow {
        qube: &'w str,
        id: u64,
        grant: Grant,
    },
    Disallow {
        qube: &'w str,
        id: u64,
    },
    Requests,
}

const ENTRY: &str = "the NAME of the entry";

/// Understands what follows the word of a command of the vault; `args.spec` is its.
pub(super) fn parse<'w>(word: &str, args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let command = match word {
        "init" => {
            let ([], [key_file]) = args.operands([], ["--key-file"])?;
            VaultCommand::Init { key_file }
        }
        "unlock" => {
            let ([], [key_file]) = args.operands([], ["--key-file"])?;
            VaultCommand::Unlock { key_file }
        }
        "passwd" => {
            let ([], [key_file, no_key_file]) = args.operands([], ["--key-file", "--no-key-file"])?;
            if key_file && no_key_file {
                return Err(Misuse::Exclusive { one: "--key-file", other: "--no-key-file" });
            }
            VaultCommand::Passwd { key_file, no_key_file }
        }
        "auto-lock" => {
            let ([seconds], []) = args.operands(["SECONDS, or 'never'"], [])?;
            VaultCommand::AutoLock(seconds_or_never(seconds, AUTO_LOCK_MAX_S)?)
        }
        "ls" => VaultCommand::List { search: search(args)? },
        "find" => {
            let search = search(args)?;
            if search.is_empty() {
                return Err(Misuse::Missing { what: "WORDs to look for", spec: args.spec });
            }
            VaultCommand::List { search }
        }
        "add" => return entry::add(args).map(VaultCommand::Add),
        "edit" => return entry::edit(args).map(VaultCommand::Edit),
        "import" => return import(args),
        "export" => {
            let ([format], []) = args.operands(["a format: kdbx, csv or backup"], [])?;
            VaultCommand::Export(exported(format)?)
        }
        "key" => return key(args),
        "allow" | "disallow" => return consent(word, args),
        _ => return of_an_entry(word, args),
    };
    Ok(command)
}

/// Commands that are about one entry or one group, or about nothing.
fn of_an_entry<'w>(word: &str, args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let command = match word {
        "show" => {
            let ([name], [reveal]) = args.operands([ENTRY], ["--reveal"])?;
            VaultCommand::Show { name: bounded("name", name, NAME_MAX)?, reveal }
        }
        "notes" => VaultCommand::Notes(args.only_name(ENTRY)?),
        "write" => VaultCommand::Write(args.only_name("a NAME for the text")?),
        "field" => {
            let (name, field) = two_names(args, [ENTRY, "the FIELD"])?;
            VaultCommand::Field { name, field }
        }
        "copy-once" => VaultCommand::CopyOnce(args.only_name(ENTRY)?),
        "totp" => VaultCommand::Totp(args.only_name(ENTRY)?),
        "history" => {
            let ([name], [reveal, forget]) = args.operands([ENTRY], ["--reveal", "--forget"])?;
            let name = bounded("name", name, NAME_MAX)?;
            match (reveal, forget) {
                (true, true) => return Err(Misuse::Exclusive { one: "--reveal", other: "--forget" }),
                (reveal, false) => VaultCommand::History { name, reveal },
                (false, true) => VaultCommand::ForgetHistory(name),
            }
        }
        "revert" => {
            let ([name, version], []) = args.operands([ENTRY, "the number of a version"], [])?;
            let version = number("number of a version", version, 1, VERSIONS_MAX)?;
            VaultCommand::Revert { name: bounded("name", name, NAME_MAX)?, version }
        }
        "rm" => VaultCommand::Remove(args.only_name(ENTRY)?),
        "restore" => VaultCommand::Restore(args.only_name(ENTRY)?),
        "purge" => VaultCommand::Purge(args.only_name(ENTRY)?),
        "mkgroup" => VaultCommand::MakeGroup(args.only_name("the PATH of the group")?),
        "mvgroup" => {
            let (path, to) = two_names(args, ["the PATH of the group", "where TO move it"])?;
            VaultCommand::MoveGroup { path, to }
        }
        "rmgroup" => VaultCommand::RemoveGroup(args.only_name("the PATH of the group")?),
        "attach" => {
            let (name, file) = two_names(args, [ENTRY, "a name for the FILE"])?;
            VaultCommand::Attach { name, file }
        }
        "detach" => {
            let (name, file) = two_names(args, [ENTRY, "the name of the FILE"])?;
            VaultCommand::Detach { name, file }
        }
        "fetch" => {
            let (name, file) = two_names(args, [ENTRY, "the name of the FILE"])?;
            VaultCommand::Fetch { name, file }
        }
        "convert" => {
            let (name, file) = two_names(args, [ENTRY, "the name of the FILE"])?;
            VaultCommand::Convert { name, file }
        }
        _ => {
            let ([], []) = args.operands([], [])?;
            alone(word)
        }
    };
    Ok(command)
}

fn alone<'w>(word: &str) -> VaultCommand<'w> {
    match word {
        "lock" => VaultCommand::Lock,
        "empty-bin" => VaultCommand::EmptyBin,
        "groups" => VaultCommand::Groups,
        "report" => VaultCommand::Report,
        "verify" => VaultCommand::Verify,
        "requests" => VaultCommand::Requests,
        // The table of commands has no other: a test holds both together.
        _ => VaultCommand::Status,
    }
}

fn two_names<'w>(args: &mut Args<'w>, whats: [&'static str; 2]) -> Result<(&'w str, &'w str), Misuse<'w>> {
    let ([first, second], []) = args.operands(whats, [])?;
    Ok((bounded("name", first, NAME_MAX)?, bounded("name", second, NAME_MAX)?))
}

/// The terms of a search, as the vault reads them: what was one word here is one there.
fn search<'w>(args: &mut Args<'w>) -> Result<Text<256>, Misuse<'w>> {
    let mut search = Text::new();
    let too_long = Misuse::TooLong { what: "search", max: 256 };
    while let Some(arg) = args.next() {
        let Arg::Word(word) = arg else { return Err(args.misplaced(&arg, &[])) };
        let blank = if search.is_empty() { "" } else { " " };
        let (before, quoted) = match word.split_once(':') {
            Some((kind @ ("tag" | "group"), rest)) if rest.contains(' ') => (kind, rest),
            _ => ("", word),
        };
        let colon = if before.is_empty() { "" } else { ":" };
        let quote = if quoted.contains(' ') { "\"" } else { "" };
        if write!(search, "{blank}{before}{colon}{quote}{quoted}{quote}").is_err() {
            return Err(too_long);
        }
    }
    Ok(search)
}

fn import<'w>(args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let (mut format, mut group) = (None, None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if format.is_none() => format = Some(word),
            Arg::Option("--group", value) => {
                group = Some(bounded("group", args.value(value, "--group")?, NAME_MAX)?);
            }
            other => return Err(args.misplaced(&other, &["--group"])),
        }
    }
    let what = "a format: kdbx, csv, bitwarden or backup";
    let format = imported(format.ok_or(Misuse::Missing { what, spec: args.spec })?)?;
    if format == Format::Backup && group.is_some() {
        return Err(Misuse::Exclusive { one: "backup", other: "--group" });
    }
    Ok(VaultCommand::Import { format, group: group.unwrap_or_default() })
}

fn imported(word: &str) -> Result<Format, Misuse<'_>> {
    match word {
        "bitwarden" => Ok(Format::Bitwarden),
        "kdbx" | "csv" | "backup" => exported(word),
        _ => Err(Misuse::NotOneOf { what: "format", word, expected: "kdbx, csv, bitwarden or backup" }),
    }
}

fn exported(word: &str) -> Result<Format, Misuse<'_>> {
    match word {
        "kdbx" => Ok(Format::Kdbx),
        "csv" => Ok(Format::Csv),
        "backup" => Ok(Format::Backup),
        _ => Err(Misuse::NotOneOf { what: "format for an export", word, expected: "kdbx, csv or backup" }),
    }
}

fn key<'w>(args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let command = match args.word("what to do: make, ls, import or rm")? {
        "make" => {
            let ([comment], []) = args.operands(["a COMMENT, by which you know it"], [])?;
            return Ok(VaultCommand::KeyMake(bounded("comment", comment, COMMENT_MAX)?));
        }
        "rm" => {
            let ([id], []) = args.operands(["the KEY"], [])?;
            return Ok(VaultCommand::KeyRemove(key_id(id)?));
        }
        "ls" => VaultCommand::KeyList,
        "import" => VaultCommand::KeyImport,
        word => {
            return Err(Misuse::NotOneOf { what: "key command", word, expected: "make, ls, import or rm" });
        }
    };
    args.end()?;
    Ok(command)
}

fn consent<'w>(word: &str, args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    const WHATS: [&str; 3] = ["the QUBE", "the KEY", "how long: once, or SECONDS"];
    if word == "disallow" {
        let ([qube, id], []) = args.operands([WHATS[0], WHATS[1]], [])?;
        return Ok(VaultCommand::Disallow {
            qube: bounded("name of a qube", qube, QUBE_MAX)?,
            id: key_id(id)?,
        });
    }
    let ([qube, id, long], []) = args.operands(WHATS, [])?;
    let grant = match long {
        "once" => Grant::Once,
        seconds => Grant::Seconds(number("number of seconds", seconds, 1, GRANT_MAX_S)?),
    };
    Ok(VaultCommand::Allow { qube: bounded("name of a qube", qube, QUBE_MAX)?, id: key_id(id)?, grant })
}

/// The number of a key as `key ls` shows it: 16 hex digits.
fn key_id(word: &str) -> Result<u64, Misuse<'_>> {
    let digits =
        Some(word).filter(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or(Misuse::NotOneOf {
        what: "key",
        word,
        expected: "its 16 digits, as 'vault key ls' shows them",
    })
}
