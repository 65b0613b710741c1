//! From words to a command with everything it needs, or to a sentence that says what is wrong.

use crate::spec::{self, Spec};
use crate::suggest::nearest;
use crate::words::Words;
use args::{Arg, Args, NAME_MAX, bounded, number};

mod args;
mod entry;
mod misuse;
mod vault;

pub(crate) use entry::{Add, Algorithm, Edit, Password, Totp, each_tag};
pub(crate) use misuse::{Misuse, Usage};
pub(crate) use vault::VaultCommand;

/// A command, understood.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub(crate) enum Command<'w> {
    Qubes,
    /// A command to the vault of this qube; to the first one when none is named.
    Vault(Option<&'w str>, VaultCommand<'w>),
    Clone {
        from: &'w str,
        to: &'w str,
    },
    Say {
        peer: &'w str,
        text: &'w str,
    },
    Kill(&'w str),
    /// Starts a disposable.
    Start(&'w str),
    /// Ends a disposable; the one whose document is open when none is named.
    Close(Option<&'w str>),
    /// Opens an address, or the link of a number, in a disposable.
    Open {
        what: &'w str,
        place: Option<&'w str>,
    },
    /// Lists the links of the open document.
    Links,
    /// Has a viewer fetch and decode a picture, and makes a clean file of it.
    ConvertUrl {
        url: &'w str,
        name: &'w str,
    },
    /// Has a converter decode a picture that is pasted, likewise.
    ConvertPasted(&'w str),
    WhoCanReach(&'w str),
    Audit {
        count: usize,
        all: bool,
    },
    Log,
    Services,
    Clock,
    Help(Topic),
    Clear,
    Poweroff,
}

/// What `help` is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// All commands but those of the vault.
    General,
    /// All commands of the vault.
    Vault,
    /// One command.
    Command(&'static Spec),
}

/// The longest text of `say`, in bytes.
pub(crate) const SAY_MAX: usize = 1024;
/// How many calls `audit` shows at most.
pub(crate) const AUDIT_MAX: u8 = 64;
const AUDIT_DEFAULT: u8 = 20;

/// Understands a line; `None` when it is blank. `is_vault` says whether its first word is the name of a qube that
/// serves a vault.
pub(crate) fn parse<'w>(words: &'w Words, is_vault: bool) -> Result<Option<Command<'w>>, Misuse<'w>> {
    let Some(first) = words.get(0) else {
        return Ok(None);
    };
    if first == "vault" || (is_vault && spec::find(first).is_none()) {
        let word = words.get(1).ok_or(Misuse::BareVault)?;
        let near = || nearest(word, spec::vault_words());
        let spec = spec::of_vault(word).ok_or_else(|| Misuse::UnknownVaultCommand { word, near: near() })?;
        let command = vault::parse(word, &mut Args { words, at: 2, spec })?;
        // `vault` is the first one, whatever its name is.
        return Ok(Some(Command::Vault((first != "vault").then_some(first), command)));
    }
    let near = || nearest(first, spec::first_words());
    let spec = spec::find(first).ok_or_else(|| Misuse::UnknownCommand { word: first, near: near() })?;
    let mut args = Args { words, at: 1, spec };
    let command = match spec.name.strip_prefix("vault ") {
        Some(word) => Command::Vault(None, vault::parse(word, &mut args)?),
        None => plain(spec.name, &mut args)?,
    };
    Ok(Some(command))
}

fn plain<'w>(name: &str, args: &mut Args<'w>) -> Result<Command<'w>, Misuse<'w>> {
    let command = match name {
        "qubes" => Command::Qubes,
        "clone" => {
            let from = args.word("the VAULT to be cloned")?;
            Command::Clone { from, to: args.word("the NEW vault, a qube that holds nothing yet")? }
        }
        "say" => {
            let peer = args.word("the QUBE to talk to")?;
            Command::Say { peer, text: bounded("text", args.word("a TEXT")?, SAY_MAX)? }
        }
        "kill" => Command::Kill(args.word("the QUBE to end")?),
        "start" => Command::Start(args.word("the DISPOSABLE to start")?),
        "close" => Command::Close(args.next_word()),
        "links" => Command::Links,
        "open" => {
            let what = args.word("the URL of a document, or the number of a link")?;
            let place = match args.next_word() {
                None => None,
                Some("in") => Some(args.word("the NAME of a disposable that opens documents")?),
                Some(word) => return Err(Misuse::Surplus { word, spec: args.spec }),
            };
            Command::Open { what, place }
        }
        "convert" => convert(args)?,
        "policy" => match args.word("the question: who-can-reach QUBE")? {
            "who-can-reach" => Command::WhoCanReach(args.word("the QUBE to be reached")?),
            word => {
                return Err(Misuse::NotOneOf {
                    what: "policy question",
                    word,
                    expected: "who-can-reach QUBE",
                });
            }
        },
        "audit" => audit(args)?,
        "log" => Command::Log,
        "services" => Command::Services,
        "clock" => Command::Clock,
        // A line that begins with it does not come here: its arguments are no words of a command line.
        "call" => return Err(Misuse::Missing { what: "to be written without quotes", spec: args.spec }),
        "help" => Command::Help(topic(args)?),
        "clear" => Command::Clear,
        _ => Command::Poweroff,
    };
    args.end()?;
    Ok(command)
}

/// `convert URL NAME`, or `convert FILE`: a URL has `://` in it, and a file that is pasted needs one name only.
fn convert<'w>(args: &mut Args<'w>) -> Result<Command<'w>, Misuse<'w>> {
    let first = args.word("the URL of a picture and a NAME, or the name of a FILE that you paste")?;
    if first.contains("://") {
        return Ok(Command::ConvertUrl { url: first, name: args.word("the NAME of the file it becomes")? });
    }
    match args.next_word() {
        None => Ok(Command::ConvertPasted(bounded("name", first, NAME_MAX)?)),
        Some(_) => Err(Misuse::NotOneOf {
            what: "URL",
            word: first,
            expected: "http:// or https:// and a host before a NAME, or one name alone for a FILE that you paste",
        }),
    }
}

/// `help`, `help audit`, `help vault add`, `help add`.
fn topic<'w>(args: &mut Args<'w>) -> Result<Topic, Misuse<'w>> {
    let Some(first) = args.next_word() else {
        return Ok(Topic::General);
    };
    let (word, spec) = match (first, args.next_word()) {
        ("vault", Some(word)) => (word, spec::of_vault(word)),
        ("vault", None) => return Ok(Topic::Vault),
        // What only the vault has is found without its name too.
        (word, None) => (word, spec::find(word).or_else(|| spec::of_vault(word))),
        (_, Some(word)) => return Err(Misuse::Surplus { word, spec: args.spec }),
    };
    let near = || nearest(word, spec::first_words().chain(spec::vault_words()));
    spec.map(Topic::Command).ok_or_else(|| Misuse::UnknownTopic { word, near: near() })
}

fn audit<'w>(args: &mut Args<'w>) -> Result<Command<'w>, Misuse<'w>> {
    let mut count = None;
    let mut all = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Option("--all", None) => all = true,
            Arg::Word(word) if count.is_none() => count = Some(number("COUNT", word, 1, AUDIT_MAX)?),
            other => return Err(args.misplaced(&other, &["--all"])),
        }
    }
    Ok(Command::Audit { count: usize::from(count.unwrap_or(AUDIT_DEFAULT)), all })
}

#[cfg(test)]
mod tests;
