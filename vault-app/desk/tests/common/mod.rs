//! A store that is worked on as the vault does it: changes worked out, committed, looked at.

#![allow(dead_code, reason = "each test uses a part of it")]

use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api::{Added, Change, Entry, NewEntry, NewPassword, Recipe, Summary, VaultError};
use vault_app_codes::{Random, RandomError};
use vault_app_desk as desk;
use vault_app_entries::{Changes, Content, EntryId, GroupId, Plain, Store};

pub(crate) const NOW_S: u64 = 1_800_000_000;
pub(crate) const RECIPE: Recipe =
    Recipe { length: 16, lower: true, upper: true, digits: true, symbols: true, no_look_alikes: false };

/// SplitMix64; fails when it is `None`.
pub(crate) struct Seeded(pub(crate) Option<u64>);

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let state = self.0.as_mut().ok_or(RandomError)?;
        for byte in out {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
        Ok(())
    }
}

/// A store and the time, which goes on by a second with every change.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) random: Seeded,
    pub(crate) now_s: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { store: Store::new(), random: Seeded(Some(7)), now_s: NOW_S }
    }

    pub(crate) fn commit(&mut self, changes: Changes) {
        changes.records().expect("what a store makes can be written");
        self.store.commit(changes).expect("changes of this very store");
        self.now_s += 1;
    }

    pub(crate) fn add(&mut self, new: &NewEntry) -> Result<Added, VaultError> {
        let (changes, added) = desk::add(&self.store, new, &mut self.random, self.now_s)?;
        self.commit(changes);
        Ok(added)
    }

    pub(crate) fn edit(&mut self, name: &str, change: &Change) -> Result<Added, VaultError> {
        let (changes, added) = desk::edit(&self.store, name, change, &mut self.random, self.now_s)?;
        self.commit(changes);
        Ok(added)
    }

    /// Commits what an operation on the store gives.
    pub(crate) fn did(
        &mut self,
        operation: impl FnOnce(&Store, u64) -> Result<Changes, VaultError>,
    ) -> Result<(), VaultError> {
        let changes = operation(&self.store, self.now_s)?;
        self.commit(changes);
        Ok(())
    }

    pub(crate) fn make_group(&mut self, path: &str) -> Result<(), VaultError> {
        let changes = desk::make_group(&self.store, path, &mut self.random, self.now_s)?;
        self.commit(changes);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), VaultError> {
        self.did(|store, now_s| desk::remove(store, name, now_s))
    }

    pub(crate) fn restore(&mut self, name: &str) -> Result<(), VaultError> {
        self.did(|store, _| desk::restore(store, name))
    }

    pub(crate) fn purge(&mut self, name: &str) -> Result<(), VaultError> {
        self.did(|store, _| desk::purge(store, name))
    }

    pub(crate) fn revert(&mut self, name: &str, version: u8) -> Result<(), VaultError> {
        self.did(|store, now_s| desk::revert(store, name, version, now_s))
    }

    pub(crate) fn show(&self, name: &str) -> Result<Entry, VaultError> {
        desk::entry(&self.store, name, true)
    }

    /// All that a search finds, page by page.
    pub(crate) fn list(&self, search: &str) -> Vec<Summary> {
        let mut all = Vec::new();
        loop {
            let from = u32::try_from(all.len()).expect("few entries");
            let page = desk::page(&self.store, search, from, self.now_s).expect("a search that is one");
            if page.entries.is_empty() {
                assert_eq!(usize::try_from(page.total), Ok(all.len()), "the total is what the pages give");
                return all;
            }
            all.extend(page.entries);
        }
    }

    pub(crate) fn titles(&self, search: &str) -> Vec<String> {
        self.list(search).iter().map(|line| line.title.to_string()).collect()
    }

    /// All lines of the list of groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let from = u32::try_from(all.len()).expect("few groups");
            let page = desk::groups(&self.store, from).expect("a list of groups");
            if page.groups.is_empty() {
                assert_eq!(usize::try_from(page.total), Ok(all.len()), "the total is what the pages give");
                return all;
            }
            all.extend(page.groups.iter().map(ToString::to_string));
        }
    }

    /// Puts what only an import brings. The id begins with the digits `abcdef` and `fourth`, so that ids are alike.
    pub(crate) fn import(&mut self, fourth: u8, group: GroupId, content: Content) -> EntryId {
        let mut bytes = [0xab, 0xcd, 0xef, fourth, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        self.random.fill(&mut bytes[4..]).expect("a source that works");
        let id = EntryId::from_bytes(bytes);
        let changes = self.store.add(id, group, content, self.now_s).expect("an entry that may be kept");
        self.commit(changes);
        id
    }

    /// Puts a group of any name.
    pub(crate) fn import_group(&mut self, parent: GroupId, name: &str) -> GroupId {
        let id = GroupId::random(&mut self.random).expect("a source that works");
        let changes = self.store.add_group(id, parent, name, self.now_s).expect("a group that may be kept");
        self.commit(changes);
        id
    }

    pub(crate) fn group(&self, path: &str) -> GroupId {
        desk::group(&self.store, path).expect("a group that is there")
    }
}

pub(crate) fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect("a text that fits")
}

pub(crate) fn plain(text: &str) -> Plain {
    Plain::new(text.into())
}

pub(crate) fn given(password: &str) -> NewPassword {
    NewPassword::Given(Secret::new(text(password)))
}

pub(crate) fn new(group: &str, title: &str) -> NewEntry {
    NewEntry {
        title: text(title),
        group: text(group),
        user: text("ada"),
        url: text("https://example.org"),
        tags: List::new(),
        password: given("hunter2"),
        totp: None,
        expires: None,
    }
}

pub(crate) fn titled(title: &str) -> Content {
    Content { title: plain(title), password: "hunter2".into(), ..Content::default() }
}

pub(crate) fn password(entry: &Entry) -> &str {
    entry.password.as_ref().expect("a password that was asked for").expose()
}
