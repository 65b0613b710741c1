//! From words to a command with everything it needs, or to a sentence that says what is wrong.

use crate::spec::{self, Spec};
use crate::suggest::nearest;
use crate::words::{LINE_MAX, WORDS_MAX, Words, WordsError};
use core::fmt;

/// A command, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'w> {
    Qubes,
    Vault(VaultCommand<'w>),
    Say { peer: &'w str, text: &'w str },
    Kill(&'w str),
    WhoCanReach(&'w str),
    Audit { count: usize, all: bool },
    Log,
    Services,
    Clock,
    Help(Option<&'static Spec>),
    Clear,
    Poweroff,
}

/// A command to the vault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VaultCommand<'w> {
    Init,
    Status,
    Unlock,
    Lock,
    Passwd,
    List,
    Add(Add<'w>),
    Show { name: &'w str, reveal: bool },
    CopyOnce(&'w str),
    Totp(&'w str),
    Remove(&'w str),
}

/// What `vault add` was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Add<'w> {
    pub(crate) name: &'w str,
    pub(crate) user: &'w str,
    /// Length of the password to be generated; else it is asked for.
    pub(crate) generate: Option<u8>,
    /// Classes of the generated one: lower, upper, digits, symbols.
    pub(crate) classes: [bool; 4],
    pub(crate) totp: bool,
    pub(crate) algorithm: Algorithm,
    pub(crate) digits: u8,
    pub(crate) period_s: u8,
}

/// The hash of one-time codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// The longest name of an entry, in bytes.
pub(crate) const ENTRY_NAME_MAX: usize = 64;
/// The longest user of an entry, in bytes.
pub(crate) const USER_MAX: usize = 128;
/// The longest text of `say`, in bytes.
pub(crate) const SAY_MAX: usize = 1024;
/// How many calls `audit` shows at most.
pub(crate) const AUDIT_MAX: u8 = 64;
const AUDIT_DEFAULT: u8 = 20;

/// What is wrong with a line. Displays as a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misuse<'w> {
    Words(WordsError),
    UnknownCommand { word: &'w str, near: Option<&'static str> },
    UnknownVaultCommand { word: &'w str, near: Option<&'static str> },
    BareVault,
    UnknownTopic { word: &'w str, near: Option<&'static str> },
    Missing { what: &'static str, spec: &'static Spec },
    Surplus { word: &'w str, spec: &'static Spec },
    UnknownOption { option: &'w str, near: Option<&'static str>, spec: &'static Spec },
    NoValue { option: &'static str, spec: &'static Spec },
    NotOneOf { what: &'static str, word: &'w str, expected: &'static str },
    NotANumber { what: &'static str, word: &'w str, low: u8, high: u8 },
    TooLong { what: &'static str, max: usize },
    Empty { what: &'static str },
}

/// Understands a line; `None` when it is blank.
pub(crate) fn parse(words: &Words) -> Result<Option<Command<'_>>, Misuse<'_>> {
    let Some(first) = words.get(0) else {
        return Ok(None);
    };
    if first == "vault" {
        let word = words.get(1).ok_or(Misuse::BareVault)?;
        let spec = spec::SPECS.iter().find(|spec| spec.name.strip_prefix("vault ") == Some(word));
        let near = || nearest(word, spec::vault_words());
        let spec = spec.ok_or_else(|| Misuse::UnknownVaultCommand { word, near: near() })?;
        return vault(word, &mut Args { words, at: 2, spec }).map(|command| Some(Command::Vault(command)));
    }
    let near = || nearest(first, spec::first_words());
    let spec = spec::find(first).ok_or_else(|| Misuse::UnknownCommand { word: first, near: near() })?;
    let mut args = Args { words, at: 1, spec };
    let command = match spec.name.strip_prefix("vault ") {
        Some(word) => Command::Vault(vault(word, &mut args)?),
        None => plain(spec.name, &mut args)?,
    };
    Ok(Some(command))
}

fn plain<'w>(name: &str, args: &mut Args<'w>) -> Result<Command<'w>, Misuse<'w>> {
    let command = match name {
        "qubes" => Command::Qubes,
        "say" => {
            let peer = args.word("the QUBE to talk to")?;
            Command::Say { peer, text: bounded("text", args.word("a TEXT")?, SAY_MAX)? }
        }
        "kill" => Command::Kill(args.word("the QUBE to end")?),
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

/// `help`, `help audit`, `help vault add`, `help add`.
fn topic<'w>(args: &mut Args<'w>) -> Result<Option<&'static Spec>, Misuse<'w>> {
    let Some(first) = args.next_word() else {
        return Ok(None);
    };
    let (word, spec) = match (first, args.next_word()) {
        ("vault", Some(word)) => {
            (word, spec::SPECS.iter().find(|spec| spec.name.strip_prefix("vault ") == Some(word)))
        }
        ("vault", None) => return Ok(None),
        (word, None) => (word, spec::find(word)),
        (_, Some(word)) => return Err(Misuse::Surplus { word, spec: args.spec }),
    };
    let near = || nearest(word, spec::first_words().chain(spec::vault_words()));
    spec.map(Some).ok_or_else(|| Misuse::UnknownTopic { word, near: near() })
}

fn vault<'w>(word: &str, args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let command = match word {
        "init" => VaultCommand::Init,
        "status" => VaultCommand::Status,
        "unlock" => VaultCommand::Unlock,
        "lock" => VaultCommand::Lock,
        "passwd" => VaultCommand::Passwd,
        "ls" => VaultCommand::List,
        "add" => return add(args).map(VaultCommand::Add),
        "show" => return show(args),
        "copy-once" => VaultCommand::CopyOnce(args.entry_name()?),
        "totp" => VaultCommand::Totp(args.entry_name()?),
        _ => VaultCommand::Remove(args.entry_name()?),
    };
    args.end()?;
    Ok(command)
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

fn show<'w>(args: &mut Args<'w>) -> Result<VaultCommand<'w>, Misuse<'w>> {
    let mut name = None;
    let mut reveal = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Option("--reveal", None) => reveal = true,
            Arg::Word(word) if name.is_none() => name = Some(word),
            other => return Err(args.misplaced(&other, &["--reveal"])),
        }
    }
    let name = name.ok_or(Misuse::Missing { what: "the NAME of the entry", spec: args.spec })?;
    Ok(VaultCommand::Show { name: bounded("name", name, ENTRY_NAME_MAX)?, reveal })
}

const ADD_OPTIONS: [&str; 10] = [
    "--user",
    "--generate",
    "--no-lower",
    "--no-upper",
    "--no-digits",
    "--no-symbols",
    "--totp",
    "--algorithm",
    "--digits",
    "--period",
];

fn add<'w>(args: &mut Args<'w>) -> Result<Add<'w>, Misuse<'w>> {
    let mut add = Add {
        name: "",
        user: "",
        generate: None,
        classes: [true; 4],
        totp: false,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period_s: 30,
    };
    let mut named = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if !named => (add.name, named) = (word, true),
            Arg::Option("--user", value) => {
                add.user = bounded("user", args.value(value, "--user")?, USER_MAX)?
            }
            Arg::Option("--generate", value) => {
                add.generate = Some(number("--generate", args.value(value, "--generate")?, 1, u8::MAX)?);
            }
            Arg::Option("--no-lower", None) => add.classes[0] = false,
            Arg::Option("--no-upper", None) => add.classes[1] = false,
            Arg::Option("--no-digits", None) => add.classes[2] = false,
            Arg::Option("--no-symbols", None) => add.classes[3] = false,
            Arg::Option("--totp", None) => add.totp = true,
            Arg::Option("--algorithm", value) => {
                add.algorithm = algorithm(args.value(value, "--algorithm")?)?
            }
            Arg::Option("--digits", value) => {
                add.digits = number("--digits", args.value(value, "--digits")?, 6, 8)?
            }
            Arg::Option("--period", value) => {
                add.period_s = number("--period", args.value(value, "--period")?, 1, u8::MAX)?;
            }
            other => return Err(args.misplaced(&other, &ADD_OPTIONS)),
        }
    }
    if !named {
        return Err(Misuse::Missing { what: "a NAME for the entry", spec: args.spec });
    }
    bounded("name", add.name, ENTRY_NAME_MAX)?;
    if add.name.is_empty() {
        return Err(Misuse::Empty { what: "name" });
    }
    Ok(add)
}

fn algorithm(word: &str) -> Result<Algorithm, Misuse<'_>> {
    match word {
        "sha1" => Ok(Algorithm::Sha1),
        "sha256" => Ok(Algorithm::Sha256),
        "sha512" => Ok(Algorithm::Sha512),
        _ => Err(Misuse::NotOneOf { what: "algorithm", word, expected: "sha1, sha256 or sha512" }),
    }
}

fn number<'w>(what: &'static str, word: &'w str, low: u8, high: u8) -> Result<u8, Misuse<'w>> {
    let number = word.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or(Misuse::NotANumber { what, word, low, high })
}

fn bounded<'w>(what: &'static str, word: &'w str, max: usize) -> Result<&'w str, Misuse<'w>> {
    if word.len() > max { Err(Misuse::TooLong { what, max }) } else { Ok(word) }
}

/// One word after the command.
enum Arg<'w> {
    Word(&'w str),
    /// `--name` or `--name=value`.
    Option(&'w str, Option<&'w str>),
}

/// The words after the command, taken one after the other.
struct Args<'w> {
    words: &'w Words,
    at: usize,
    spec: &'static Spec,
}

impl<'w> Args<'w> {
    fn next_word(&mut self) -> Option<&'w str> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn next(&mut self) -> Option<Arg<'w>> {
        let quoted = self.words.is_quoted(self.at);
        let word = self.next_word()?;
        if quoted || !word.starts_with("--") {
            return Some(Arg::Word(word));
        }
        Some(match word.split_once('=') {
            Some((option, value)) => Arg::Option(option, Some(value)),
            None => Arg::Option(word, None),
        })
    }

    /// The value of an option: after its `=`, or the next word.
    fn value(&mut self, inline: Option<&'w str>, option: &'static str) -> Result<&'w str, Misuse<'w>> {
        inline.or_else(|| self.next_word()).ok_or(Misuse::NoValue { option, spec: self.spec })
    }

    fn word(&mut self, what: &'static str) -> Result<&'w str, Misuse<'w>> {
        self.next_word().ok_or(Misuse::Missing { what, spec: self.spec })
    }

    fn entry_name(&mut self) -> Result<&'w str, Misuse<'w>> {
        bounded("name", self.word("the NAME of the entry")?, ENTRY_NAME_MAX)
    }

    fn end(&mut self) -> Result<(), Misuse<'w>> {
        self.next_word().map_or(Ok(()), |word| Err(Misuse::Surplus { word, spec: self.spec }))
    }

    fn misplaced(&self, arg: &Arg<'w>, known: &[&'static str]) -> Misuse<'w> {
        match *arg {
            Arg::Word(word) => Misuse::Surplus { word, spec: self.spec },
            Arg::Option(option, _) => {
                let near = nearest(option, known.iter().copied());
                Misuse::UnknownOption { option, near, spec: self.spec }
            }
        }
    }
}

impl fmt::Display for Misuse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Words(WordsError::OpenQuote(quote)) => {
                write!(f, "A quote {quote} is opened and not closed.")
            }
            Self::Words(WordsError::TooMany) => {
                write!(f, "More than {WORDS_MAX} words; put a text in quotes.")
            }
            Self::Words(WordsError::TooLong) => write!(f, "More than {LINE_MAX} bytes."),
            Self::UnknownCommand { word, near: None } => write!(f, "Unknown command '{word}'. Type 'help'."),
            Self::UnknownCommand { word, near: Some(near) } => {
                write!(f, "Unknown command '{word}'. Did you mean '{near}'?")
            }
            Self::UnknownVaultCommand { word, near: None } => {
                write!(f, "The vault has no command '{word}'. Type 'help vault'.")
            }
            Self::UnknownVaultCommand { word, near: Some(near) } => {
                write!(f, "The vault has no command '{word}'. Did you mean 'vault {near}'?")
            }
            Self::BareVault => f.write_str("'vault' needs a command after it. Type 'help vault'."),
            Self::UnknownTopic { word, near: None } => {
                write!(f, "There is no command '{word}'. Type 'help'.")
            }
            Self::UnknownTopic { word, near: Some(near) } => {
                write!(f, "There is no command '{word}'. Did you mean '{near}'?")
            }
            Self::Missing { what, spec } => write!(f, "'{}' needs {what}.\n{}", spec.name, Usage(spec)),
            Self::Surplus { word, spec } => write!(f, "'{word}' is one word too many.\n{}", Usage(spec)),
            Self::UnknownOption { option, near: Some(near), .. } => {
                write!(f, "Unknown option '{option}'. Did you mean '{near}'?")
            }
            Self::UnknownOption { option, near: None, spec } => {
                write!(f, "Unknown option '{option}'.\n{}", Usage(spec))
            }
            Self::NoValue { option, spec } => write!(f, "'{option}' needs a value.\n{}", Usage(spec)),
            Self::NotOneOf { what, word, expected } => {
                write!(f, "'{word}' is no {what}: expected {expected}.")
            }
            Self::NotANumber { what, word, low, high } => {
                write!(f, "'{word}' is no {what}: expected a number from {low} to {high}.")
            }
            Self::TooLong { what, max } => write!(f, "The {what} is longer than {max} bytes."),
            Self::Empty { what } => write!(f, "The {what} is empty."),
        }
    }
}

/// Displays as the usage line of a command.
pub(crate) struct Usage(pub(crate) &'static Spec);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.0.operands.is_empty() { "" } else { " " };
        write!(f, "Usage: {}{blank}{}", self.0.name, self.0.operands)
    }
}

#[cfg(test)]
mod tests;
