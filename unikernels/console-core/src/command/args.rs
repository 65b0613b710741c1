//! The words after a command, taken one after the other, and what is wrong with them.

use super::Misuse;
use crate::calendar;
use crate::spec::Spec;
use crate::suggest::nearest;
use crate::words::Words;

/// The longest name of an entry, a group or an attachment, in bytes.
pub(crate) const NAME_MAX: usize = 256;

/// One word after the command.
pub(super) enum Arg<'w> {
    Word(&'w str),
    /// `--name` or `--name=value`.
    Option(&'w str, Option<&'w str>),
}

/// The words after the command, taken one after the other.
pub(super) struct Args<'w> {
    pub(super) words: &'w Words,
    pub(super) at: usize,
    pub(super) spec: &'static Spec,
}

impl<'w> Args<'w> {
    pub(super) fn next_word(&mut self) -> Option<&'w str> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    pub(super) fn next(&mut self) -> Option<Arg<'w>> {
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
    pub(super) fn value(
        &mut self,
        inline: Option<&'w str>,
        option: &'static str,
    ) -> Result<&'w str, Misuse<'w>> {
        inline.or_else(|| self.next_word()).ok_or(Misuse::NoValue { option, spec: self.spec })
    }

    pub(super) fn word(&mut self, what: &'static str) -> Result<&'w str, Misuse<'w>> {
        self.next_word().ok_or(Misuse::Missing { what, spec: self.spec })
    }

    /// So many words and no more, each there for what is said of it, and flags anywhere between them.
    pub(super) fn operands<const N: usize, const M: usize>(
        &mut self,
        whats: [&'static str; N],
        flags: [&'static str; M],
    ) -> Result<([&'w str; N], [bool; M]), Misuse<'w>> {
        let (mut words, mut given) = ([""; N], [false; M]);
        let mut places = words.iter_mut();
        let mut count = 0;
        while let Some(arg) = self.next() {
            let place = match arg {
                Arg::Word(word) => places.next().map(|place| *place = word),
                Arg::Option(option, None) => {
                    let mut known = flags.iter().zip(&mut given);
                    known.find(|(flag, _)| **flag == option).map(|(_, given)| *given = true)
                }
                Arg::Option(_, Some(_)) => None,
            };
            place.ok_or_else(|| self.misplaced(&arg, &flags))?;
            count += usize::from(matches!(arg, Arg::Word(_)));
        }
        match whats.get(count) {
            Some(what) => Err(Misuse::Missing { what, spec: self.spec }),
            None => Ok((words, given)),
        }
    }

    /// One name and no more.
    pub(super) fn only_name(&mut self, what: &'static str) -> Result<&'w str, Misuse<'w>> {
        let ([name], []) = self.operands([what], [])?;
        bounded("name", name, NAME_MAX)
    }

    pub(super) fn end(&mut self) -> Result<(), Misuse<'w>> {
        self.next_word().map_or(Ok(()), |word| Err(Misuse::Surplus { word, spec: self.spec }))
    }

    pub(super) fn misplaced(&self, arg: &Arg<'w>, known: &[&'static str]) -> Misuse<'w> {
        match *arg {
            Arg::Word(word) => Misuse::Surplus { word, spec: self.spec },
            Arg::Option(option, _) => {
                let near = nearest(option, known.iter().copied());
                Misuse::UnknownOption { option, near, spec: self.spec }
            }
        }
    }
}

/// A number of a range.
pub(super) fn number<'w, T>(what: &'static str, word: &'w str, low: T, high: T) -> Result<T, Misuse<'w>>
where
    T: core::str::FromStr + PartialOrd + Copy + Into<u64>,
{
    let number = word.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or(Misuse::NotANumber { what, word, low: low.into(), high: high.into() })
}

/// A word of so many bytes at most.
pub(super) fn bounded<'w>(what: &'static str, word: &'w str, max: usize) -> Result<&'w str, Misuse<'w>> {
    if word.len() > max { Err(Misuse::TooLong { what, max }) } else { Ok(word) }
}

/// A day, as the second since 1970 at which it begins in UTC, or `never`.
pub(super) fn day(word: &str) -> Result<Option<u64>, Misuse<'_>> {
    match word {
        "never" => Ok(None),
        word => calendar::day_begins(word).map(Some).ok_or(Misuse::NotOneOf {
            what: "date",
            word,
            expected: "YEAR-MONTH-DAY or never",
        }),
    }
}

/// So many seconds, or `never`, which is none.
pub(super) fn seconds_or_never<'w>(word: &'w str, max: u32) -> Result<u32, Misuse<'w>> {
    if word == "never" { Ok(0) } else { number("number of seconds", word, 1, max) }
}
