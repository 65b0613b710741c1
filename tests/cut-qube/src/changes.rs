//! The changes: entries come, change, go to the bin and out of it, and now and then the passphrase changes.

use core::fmt;

use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api::{Change, NewEntry, NewPassword};
use unikernels_rt::log;

use crate::{Failed, Vault, keys, text};

/// Most entries outside of the bin, and in it. So the store stays small, and its log is full every hundred changes or so.
const LIVE_MAX: usize = 24;
const BIN_MAX: usize = 8;
/// Every so many changes it is the passphrase.
const PASSPHRASE_EVERY: u32 = 40;
/// How often the notes of a change repeat their word: so much that a commit is several blocks.
const NOTES_WORDS: u32 = 300;

/// What kinds of change there are but the passphrase.
#[derive(Clone, Copy)]
enum Kind {
    Add,
    Password,
    Notes,
    Remove,
    Purge,
}

/// Eight changes, again and again.
const ROUND: [Kind; 8] =
    [Kind::Add, Kind::Password, Kind::Add, Kind::Notes, Kind::Remove, Kind::Add, Kind::Notes, Kind::Purge];

/// Titles' numbers, the oldest first.
struct Numbers<const N: usize> {
    numbers: [u32; N],
    len: usize,
}

impl<const N: usize> Numbers<N> {
    fn as_slice(&self) -> &[u32] {
        self.numbers.get(..self.len).unwrap_or(&[])
    }

    /// One more; one too many is left out, as far as this program can know.
    fn push(&mut self, number: u32) {
        if let Some(place) = self.numbers.get_mut(self.len) {
            *place = number;
            self.len += 1;
        }
    }

    fn take_first(&mut self) {
        self.numbers.rotate_left(1);
        self.len = self.len.saturating_sub(1);
    }
}

/// What there is, and what comes next.
pub(crate) struct Changes {
    next: u32,
    passphrase: u32,
    live: Numbers<LIVE_MAX>,
    bin: Numbers<BIN_MAX>,
}

impl Changes {
    /// Nothing yet.
    pub(crate) const fn new(next: u32, passphrase: u32) -> Self {
        let (live, bin) =
            (Numbers { numbers: [0; LIVE_MAX], len: 0 }, Numbers { numbers: [0; BIN_MAX], len: 0 });
        Self { next, passphrase, live, bin }
    }

    /// An entry that is there.
    pub(crate) fn found(&mut self, title: &str, in_bin: bool) {
        let Some(number) = title.strip_prefix('e').and_then(|number| number.parse().ok()) else { return };
        if in_bin { self.bin.push(number) } else { self.live.push(number) }
    }

    /// The next change, until it is acknowledged.
    pub(crate) fn one(&mut self, vault: &mut Vault) -> Result<(), Failed> {
        let number = self.next;
        if number % PASSPHRASE_EVERY == PASSPHRASE_EVERY - 1 {
            let (old, new) = (self.passphrase, number);
            log!("cut: try {number} passphrase {new}");
            vault.change(keys(old), keys(new))??;
            self.passphrase = new;
        } else {
            self.entry(vault, number)?;
        }
        log!("cut: did {number}");
        self.next += 1;
        Ok(())
    }

    fn entry(&mut self, vault: &mut Vault, number: u32) -> Result<(), Failed> {
        let some = self.live.as_slice().get(number as usize % self.live.len.max(1)).copied();
        match (self.possible(number), some, self.live.as_slice().first(), self.bin.as_slice().first()) {
            (Kind::Password, Some(which), ..) => {
                log!("cut: try {number} password e{which} p-{which}-{number}");
                let password = NewPassword::Given(Secret::new(text(format_args!("p-{which}-{number}"))));
                vault.edit(title(which), Change::Password(password))??;
            }
            (Kind::Notes, Some(which), ..) => {
                log!("cut: try {number} notes e{which} n-{number}");
                vault.edit(title(which), Change::Notes(Secret::new(notes(number))))??;
            }
            (Kind::Remove, _, Some(&which), _) => {
                log!("cut: try {number} remove e{which}");
                vault.remove(title(which))??;
                self.live.take_first();
                self.bin.push(which);
            }
            (Kind::Purge, _, _, Some(&which)) => {
                log!("cut: try {number} purge e{which}");
                vault.purge(title(which))??;
                self.bin.take_first();
            }
            _ => {
                log!("cut: try {number} add e{number} p-{number}-{number}");
                vault.add(entry(number))??;
                self.live.push(number);
            }
        }
        Ok(())
    }

    /// What is next in the round; where there is no room for it, what makes room.
    fn possible(&self, number: u32) -> Kind {
        let wanted = ROUND[number as usize % ROUND.len()];
        let grows = match wanted {
            Kind::Add => true,
            Kind::Password | Kind::Notes | Kind::Remove => self.live.len == 0,
            Kind::Purge => self.bin.len == 0,
        };
        let wanted = if grows && self.live.len == LIVE_MAX { Kind::Remove } else { wanted };
        if matches!(wanted, Kind::Remove) && self.bin.len == BIN_MAX { Kind::Purge } else { wanted }
    }
}

fn title(number: u32) -> Text<256> {
    text(format_args!("e{number}"))
}

fn entry(number: u32) -> NewEntry {
    NewEntry {
        title: title(number),
        group: Text::new(),
        user: Text::truncated("somebody"),
        url: Text::new(),
        tags: List::new(),
        password: NewPassword::Given(Secret::new(text(format_args!("p-{number}-{number}")))),
        totp: None,
        expires: None,
    }
}

/// One word again and again, so that half of them are seen to be half of them.
fn notes(number: u32) -> Text<4096> {
    struct Words(u32);
    impl fmt::Display for Words {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (0..NOTES_WORDS).try_for_each(|_| write!(f, "n-{} ", self.0))
        }
    }
    text(format_args!("{}", Words(number)))
}

/// The word that notes repeat; `torn` when they are not what [`notes`] made.
pub(crate) fn word_of(found: &str) -> &str {
    let word = found.split(' ').next().unwrap_or("");
    let whole = found.split_terminator(' ').filter(|other| *other == word).count() == NOTES_WORDS as usize;
    let nothing_else = found.len() == (word.len() + 1) * NOTES_WORDS as usize;
    match (found.is_empty(), whole && nothing_else) {
        (true, _) => "none",
        (false, true) => word,
        (false, false) => "torn",
    }
}
