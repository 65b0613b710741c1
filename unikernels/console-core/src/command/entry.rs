//! `vault add` and `vault edit`: what is said of an entry on a command line. Secrets are never among it.

use super::Misuse;
use super::args::{Arg, Args, NAME_MAX, bounded, day, number};

/// The longest URL, in bytes.
pub(crate) const URL_MAX: usize = 512;
/// The most tags of an entry, and the longest of them in bytes.
pub(crate) const TAGS_MAX: usize = 8;
pub(crate) const TAG_MAX: usize = 64;
/// The longest text between the words of a passphrase, in bytes.
pub(crate) const SEPARATOR_MAX: usize = 8;
/// The most words of a passphrase: 32 have 413 bits.
const PASSPHRASE_WORDS_MAX: u8 = 32;

/// What `vault add` was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Add<'w> {
    pub(crate) title: &'w str,
    pub(crate) group: &'w str,
    pub(crate) user: &'w str,
    pub(crate) url: &'w str,
    /// With commas between them.
    pub(crate) tags: &'w str,
    pub(crate) expires: Option<u64>,
    pub(crate) password: Password<'w>,
    pub(crate) totp: Option<Totp>,
}

/// What `vault edit` was told: what is to be another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit<'w> {
    pub(crate) name: &'w str,
    pub(crate) title: Option<&'w str>,
    pub(crate) group: Option<&'w str>,
    pub(crate) user: Option<&'w str>,
    pub(crate) url: Option<&'w str>,
    pub(crate) tags: Option<&'w str>,
    pub(crate) expires: Option<Option<u64>>,
    pub(crate) password: Option<Password<'w>>,
    pub(crate) notes: bool,
    /// A custom field, and whether it becomes protected.
    pub(crate) field: Option<(&'w str, bool)>,
    pub(crate) no_field: Option<&'w str>,
    pub(crate) totp: Option<Option<Totp>>,
}

/// Where a password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Password<'w> {
    /// It is asked for.
    Asked,
    /// The vault makes it of characters: how many, of which classes (lower, upper, digits, symbols).
    Characters { length: u8, classes: [bool; 4], no_look_alikes: bool },
    /// The vault makes it of words.
    Words { count: u8, separator: &'w str },
}

/// How one-time codes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totp {
    pub(crate) algorithm: Algorithm,
    pub(crate) digits: u8,
    pub(crate) period_s: u8,
}

/// The hash of one-time codes, or how Steam does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
    Steam,
}

/// What both commands know.
const OPTIONS: [&str; 24] = [
    "--group",
    "--user",
    "--url",
    "--tags",
    "--expires",
    "--generate",
    "--no-lower",
    "--no-upper",
    "--no-digits",
    "--no-symbols",
    "--no-look-alikes",
    "--words",
    "--separator",
    "--totp",
    "--steam",
    "--algorithm",
    "--digits",
    "--period",
    // Only `edit` knows those that follow.
    "--title",
    "--password",
    "--notes",
    "--field",
    "--no-field",
    "--no-totp",
];
const OF_ADD: usize = 18;

/// `add NAME ...`
pub(super) fn add<'w>(args: &mut Args<'w>) -> Result<Add<'w>, Misuse<'w>> {
    let mut said = Said::default();
    let mut title = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if title.is_none() => title = Some(word),
            Arg::Option(option, value) if said.take(option, value, args)? => {}
            other => return Err(args.misplaced(&other, &OPTIONS[..OF_ADD])),
        }
    }
    let title = title.ok_or(Misuse::Missing { what: "a NAME for the entry", spec: args.spec })?;
    Ok(Add {
        title: filled("name", title)?,
        group: said.group.unwrap_or_default(),
        user: said.user.unwrap_or_default(),
        url: said.url.unwrap_or_default(),
        tags: said.tags.unwrap_or_default(),
        expires: said.expires.flatten(),
        password: said.making.password()?.unwrap_or(Password::Asked),
        totp: said.codes.totp()?,
    })
}

/// `edit NAME ...`
pub(super) fn edit<'w>(args: &mut Args<'w>) -> Result<Edit<'w>, Misuse<'w>> {
    let mut said = Said::default();
    let mut edit = Edit::default();
    let (mut name, mut asked, mut protected, mut no_totp) = (None, false, false, false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if name.is_none() => name = Some(word),
            Arg::Option("--title", value) => {
                edit.title = Some(filled("title", args.value(value, "--title")?)?);
            }
            Arg::Option("--password", None) => asked = true,
            Arg::Option("--notes", None) => edit.notes = true,
            Arg::Option("--field", value) => {
                edit.field = Some((filled("field's name", args.value(value, "--field")?)?, false));
            }
            Arg::Option("--protected", None) => protected = true,
            Arg::Option("--no-field", value) => {
                edit.no_field = Some(filled("field's name", args.value(value, "--no-field")?)?);
            }
            Arg::Option("--no-totp", None) => no_totp = true,
            Arg::Option(option, value) if said.take(option, value, args)? => {}
            other => return Err(args.misplaced(&other, &OPTIONS)),
        }
    }
    edit.name =
        filled("name", name.ok_or(Misuse::Missing { what: "the NAME of the entry", spec: args.spec })?)?;
    (edit.group, edit.user, edit.url) = (said.group, said.user, said.url);
    (edit.tags, edit.expires) = (said.tags, said.expires);
    edit.password = match (said.making.password()?, asked) {
        (Some(_), true) => {
            return Err(Misuse::Exclusive { one: "--password", other: "--generate or --words" });
        }
        (None, true) => Some(Password::Asked),
        (made, false) => made,
    };
    edit.totp = match (said.codes.totp()?, no_totp) {
        (Some(_), true) => return Err(Misuse::Exclusive { one: "--totp", other: "--no-totp" }),
        (None, true) => Some(None),
        (totp, false) => totp.map(Some),
    };
    edit.field = edit.field.map(|(name, _)| (name, protected));
    if protected && edit.field.is_none() {
        return Err(Misuse::Missing { what: "--field NAME with --protected", spec: args.spec });
    }
    if edit == (Edit { name: edit.name, ..Edit::default() }) {
        return Err(Misuse::Missing { what: "something to change", spec: args.spec });
    }
    Ok(edit)
}

/// What was said so far.
#[derive(Default)]
struct Said<'w> {
    group: Option<&'w str>,
    user: Option<&'w str>,
    url: Option<&'w str>,
    tags: Option<&'w str>,
    expires: Option<Option<u64>>,
    making: Making<'w>,
    codes: Codes,
}

impl<'w> Said<'w> {
    /// Takes an option with its value; false when it is none of these.
    fn take(
        &mut self,
        option: &str,
        value: Option<&'w str>,
        args: &mut Args<'w>,
    ) -> Result<bool, Misuse<'w>> {
        match (option, value) {
            ("--group", _) => self.group = Some(bounded("group", args.value(value, "--group")?, NAME_MAX)?),
            ("--user", _) => self.user = Some(bounded("user", args.value(value, "--user")?, NAME_MAX)?),
            ("--url", _) => self.url = Some(bounded("URL", args.value(value, "--url")?, URL_MAX)?),
            ("--tags", _) => self.tags = Some(tags(args.value(value, "--tags")?)?),
            ("--expires", _) => self.expires = Some(day(args.value(value, "--expires")?)?),
            _ => return Ok(self.making.take(option, value, args)? || self.codes.take(option, value, args)?),
        }
        Ok(true)
    }
}

/// What was said of a password that the vault makes.
#[derive(Default)]
struct Making<'w> {
    length: Option<u8>,
    without: [bool; 4],
    no_look_alikes: bool,
    words: Option<u8>,
    separator: Option<&'w str>,
}

impl<'w> Making<'w> {
    fn take(
        &mut self,
        option: &str,
        value: Option<&'w str>,
        args: &mut Args<'w>,
    ) -> Result<bool, Misuse<'w>> {
        match (option, value) {
            ("--generate", _) => {
                self.length = Some(number("--generate", args.value(value, "--generate")?, 1, u8::MAX)?);
            }
            ("--no-lower", None) => self.without[0] = true,
            ("--no-upper", None) => self.without[1] = true,
            ("--no-digits", None) => self.without[2] = true,
            ("--no-symbols", None) => self.without[3] = true,
            ("--no-look-alikes", None) => self.no_look_alikes = true,
            ("--words", _) => {
                let count = args.value(value, "--words")?;
                self.words = Some(number("--words", count, 1, PASSPHRASE_WORDS_MAX)?);
            }
            ("--separator", _) => {
                let separator = args.value(value, "--separator")?;
                self.separator = Some(bounded("separator", separator, SEPARATOR_MAX)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn password(&self) -> Result<Option<Password<'w>>, Misuse<'w>> {
        match (self.length, self.words) {
            (Some(_), Some(_)) => Err(Misuse::Exclusive { one: "--generate", other: "--words" }),
            (Some(length), None) => {
                let classes = self.without.map(|without| !without);
                let no_look_alikes = self.no_look_alikes;
                Ok(Some(Password::Characters { length, classes, no_look_alikes }))
            }
            (None, Some(count)) => {
                Ok(Some(Password::Words { count, separator: self.separator.unwrap_or("-") }))
            }
            (None, None) => Ok(None),
        }
    }
}

/// What was said of one-time codes.
#[derive(Default)]
struct Codes {
    wanted: bool,
    steam: bool,
    algorithm: Option<Algorithm>,
    digits: Option<u8>,
    period_s: Option<u8>,
}

impl Codes {
    fn take<'w>(
        &mut self,
        option: &str,
        value: Option<&'w str>,
        args: &mut Args<'w>,
    ) -> Result<bool, Misuse<'w>> {
        match (option, value) {
            ("--totp", None) => self.wanted = true,
            ("--steam", None) => self.steam = true,
            ("--algorithm", _) => self.algorithm = Some(algorithm(args.value(value, "--algorithm")?)?),
            ("--digits", _) => {
                self.digits = Some(number("--digits", args.value(value, "--digits")?, 6, 8)?);
            }
            ("--period", _) => {
                self.period_s = Some(number("--period", args.value(value, "--period")?, 1, u8::MAX)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn totp<'w>(&self) -> Result<Option<Totp>, Misuse<'w>> {
        if self.steam && self.algorithm.is_some() {
            return Err(Misuse::Exclusive { one: "--steam", other: "--algorithm" });
        }
        let algorithm = if self.steam { Algorithm::Steam } else { self.algorithm.unwrap_or(Algorithm::Sha1) };
        let totp =
            Totp { algorithm, digits: self.digits.unwrap_or(6), period_s: self.period_s.unwrap_or(30) };
        Ok((self.wanted || self.steam).then_some(totp))
    }
}

fn algorithm(word: &str) -> Result<Algorithm, Misuse<'_>> {
    match word {
        "sha1" => Ok(Algorithm::Sha1),
        "sha256" => Ok(Algorithm::Sha256),
        "sha512" => Ok(Algorithm::Sha512),
        _ => Err(Misuse::NotOneOf { what: "algorithm", word, expected: "sha1, sha256 or sha512" }),
    }
}

/// Tags with commas between them; none when it is empty.
fn tags(list: &str) -> Result<&str, Misuse<'_>> {
    if each_tag(list).count() > TAGS_MAX {
        return Err(Misuse::TooMany { what: "tags", max: TAGS_MAX });
    }
    each_tag(list).try_for_each(|tag| bounded("tag", tag, TAG_MAX).map(|_| ()))?;
    Ok(list)
}

/// Each tag of a list with commas.
pub(crate) fn each_tag(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|tag| !tag.is_empty())
}

fn filled<'w>(what: &'static str, word: &'w str) -> Result<&'w str, Misuse<'w>> {
    if word.is_empty() { Err(Misuse::Empty { what }) } else { bounded(what, word, NAME_MAX) }
}
