//! Which passwords want changing: weak, reused, expired, soon expired.
//!
//! The report names entries and shows no password. Passwords are compared by their SHA-256, made here and wiped here. Entries in the
//! recycle bin and entries without a password are left out.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::entry::{Content, Entry};
use crate::id::EntryId;
use crate::store::{Item, Store};
use crate::strength::{self, Strength};

/// A password of less, in hundredths of a bit, is weak: 10^12 guesses are a day's work against a bad hash.
pub const WEAK_CENTIBITS: u32 = 4_000;

/// What is wrong with a store's passwords.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Entries of weak passwords, the weakest first.
    pub weak: Vec<(EntryId, Strength)>,
    /// Entries that have one password together, by id; the largest groups first.
    pub reused: Vec<Vec<EntryId>>,
    /// Entries past their time, the longest past first.
    pub expired: Vec<EntryId>,
    /// Entries that expire soon and when, in Unix seconds; the soonest first.
    pub expiring: Vec<(EntryId, u64)>,
}

impl Content {
    /// How strong the password is: exactly, if it was generated; else an estimate by somebody who knows the rest of the entry.
    #[must_use]
    pub fn strength(&self) -> Strength {
        if let Some(centibits) = self.entropy_centibits {
            return Strength { centibits };
        }
        let mut context: Vec<&str> = Vec::with_capacity(2 + self.urls.len());
        context.extend([self.title.as_str(), self.user.as_str()]);
        context.extend(self.urls.iter().map(|url| url.as_str()));
        context.retain(|text| !text.is_empty());
        strength::estimate(self.password.expose(), &context)
    }
}

impl Store {
    /// The report at `now_s`; what expires within `soon_s` seconds does so soon.
    #[must_use]
    pub fn report(&self, now_s: u64, soon_s: u64) -> Report {
        let live: Vec<&Entry> =
            self.entries().filter(|entry| !self.is_recycled(Item::Entry(entry.id))).collect();
        let mut report = Report { reused: reused(&live), ..Report::default() };
        let mut expired = Vec::new();
        for entry in live {
            if !entry.content.password.is_empty() {
                let strength = entry.content.strength();
                if strength.centibits < WEAK_CENTIBITS {
                    report.weak.push((entry.id, strength));
                }
            }
            match entry.content.expires_s {
                Some(at_s) if at_s <= now_s => expired.push((at_s, entry.id)),
                Some(at_s) if at_s - now_s <= soon_s => report.expiring.push((entry.id, at_s)),
                Some(_) | None => {}
            }
        }
        report.weak.sort_by_key(|(id, strength)| (*strength, *id));
        report.expiring.sort_by_key(|(id, at_s)| (*at_s, *id));
        expired.sort_unstable();
        report.expired = expired.into_iter().map(|(_, id)| id).collect();
        report
    }
}

fn reused(live: &[&Entry]) -> Vec<Vec<EntryId>> {
    let with = live.iter().filter(|entry| !entry.content.password.is_empty());
    // As large as it can become: growing would leave digests behind.
    let mut digests: Vec<([u8; 32], EntryId)> = Vec::with_capacity(live.len());
    digests.extend(with.map(|entry| (Sha256::digest(entry.content.password.expose()).into(), entry.id)));
    digests.sort_unstable();
    let mut reused: Vec<Vec<EntryId>> = digests
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.len() > 1)
        .map(|same| same.iter().map(|(_, id)| *id).collect())
        .collect();
    digests.iter_mut().for_each(|(digest, _)| digest.zeroize());
    reused.sort_by_key(|same| (usize::MAX - same.len(), same.first().copied()));
    reused
}
