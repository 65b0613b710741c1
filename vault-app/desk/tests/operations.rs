//! Whatever is done to a store: what is listed can be named, is listed once, and can be taken back.

mod common;

use std::collections::BTreeSet;

use common::{Desk, given, text, titled};
use ipc_proto_types::Secret;
use ipc_proto_vault_api::{Change, Expiry, NewEntry, Summary, VaultError};
use proptest::collection::vec;
use proptest::prelude::*;
use vault_app_desk as desk;
use vault_app_entries::{Content, EntryId, GroupId, Item};

/// Few names, so that they meet; with slashes, so that they can be read in several ways.
const TITLES: [&str; 6] = ["a", "b", "a/b", "b/a", "", "#abcdef"];
const PATHS: [&str; 6] = ["", "a", "b", "a/b", "b/a", "a/b/a"];

#[derive(Debug, Clone)]
enum Step {
    Add { path: usize, title: usize },
    Import { fourth: u8, path: usize, title: usize },
    ImportGroup { path: usize, title: usize },
    Title { entry: usize, title: usize },
    Move { entry: usize, path: usize },
    Edit { entry: usize, change: usize },
    Revert { entry: usize, version: u8 },
    Forget(usize),
    Remove(usize),
    Restore(usize),
    Purge(usize),
    EmptyBin,
    MakeGroup(usize),
    MoveGroup { path: usize, to: usize },
    RemoveGroup(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (path, title, entry) = (|| 0..PATHS.len(), || 0..TITLES.len(), || 0..32_usize);
    prop_oneof![
        4 => (path(), title()).prop_map(|(path, title)| Step::Add { path, title }),
        2 => (0..2_u8, path(), title()).prop_map(|(fourth, path, title)| Step::Import { fourth, path, title }),
        1 => (path(), 0..2_usize).prop_map(|(path, title)| Step::ImportGroup { path, title }),
        2 => (entry(), title()).prop_map(|(entry, title)| Step::Title { entry, title }),
        2 => (entry(), path()).prop_map(|(entry, path)| Step::Move { entry, path }),
        2 => (entry(), 0..4_usize).prop_map(|(entry, change)| Step::Edit { entry, change }),
        2 => (entry(), 0..3_u8).prop_map(|(entry, version)| Step::Revert { entry, version }),
        1 => entry().prop_map(Step::Forget),
        2 => entry().prop_map(Step::Remove),
        2 => entry().prop_map(Step::Restore),
        1 => entry().prop_map(Step::Purge),
        1 => Just(Step::EmptyBin),
        4 => path().prop_map(Step::MakeGroup),
        1 => (path(), path()).prop_map(|(path, to)| Step::MoveGroup { path, to }),
        1 => path().prop_map(Step::RemoveGroup),
    ]
}

fn change(number: usize) -> Change {
    match number {
        0 => Change::User(text("eve")),
        1 => Change::Password(given("correct horse")),
        2 => Change::Notes(Secret::new(text("notes"))),
        _ => Change::Expires(Some(Expiry { unix_s: 5 })),
    }
}

impl Desk {
    /// A name of the entry at this place, round and round: its whole id.
    fn name(&self, place: usize) -> String {
        let count = self.store.entries().count().max(1);
        let id = self.store.entries().nth(place % count).map_or(0, |entry| entry.id.number());
        format!("#{id:032x}")
    }

    fn step(&mut self, step: &Step) -> Result<(), VaultError> {
        match *step {
            Step::Add { path, title } => {
                let new = NewEntry { group: text(PATHS[path]), ..common::new("", TITLES[title]) };
                self.add(&new).map(|_| ())
            }
            Step::Import { fourth, path, title } => {
                let group = desk::group(&self.store, PATHS[path])?;
                self.import(fourth, group, titled(TITLES[title]));
                Ok(())
            }
            Step::ImportGroup { path, title } => {
                let parent = desk::group(&self.store, PATHS[path])?;
                self.import_group(parent, ["a", "a/b"][title]);
                Ok(())
            }
            Step::Title { entry, title } => {
                let name = self.name(entry);
                self.edit(&name, &Change::Title(text(TITLES[title]))).map(|_| ())
            }
            Step::Move { entry, path } => {
                let name = self.name(entry);
                self.edit(&name, &Change::Group(text(PATHS[path]))).map(|_| ())
            }
            Step::Edit { entry, change: number } => {
                let name = self.name(entry);
                self.edit(&name, &change(number)).map(|_| ())
            }
            Step::Revert { entry, version } => self.revert(&self.name(entry), version),
            Step::Forget(entry) => {
                let name = self.name(entry);
                self.did(|store, _| desk::forget_history(store, &name))
            }
            Step::Remove(entry) => self.remove(&self.name(entry)),
            Step::Restore(entry) => self.restore(&self.name(entry)),
            Step::Purge(entry) => self.purge(&self.name(entry)),
            Step::EmptyBin => {
                let (changes, _) = desk::empty_bin(&self.store);
                self.commit(changes);
                Ok(())
            }
            Step::MakeGroup(path) => self.make_group(PATHS[path]),
            Step::MoveGroup { path, to } => {
                self.did(|store, now_s| desk::move_group(store, PATHS[path], PATHS[to], now_s))
            }
            Step::RemoveGroup(path) => self.did(|store, now_s| desk::remove_group(store, PATHS[path], now_s)),
        }
    }

    /// Steps of which some are refused.
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            let _ = self.step(step);
        }
    }

    /// All that the list shows, in the bin or not; each line checked.
    fn listed(&self) -> BTreeSet<EntryId> {
        let mut seen = BTreeSet::new();
        for (search, in_bin) in [("", false), ("is:recycled", true)] {
            let lines = self.list(search);
            let are_in_order = |pair: &[Summary]| {
                pair[0].group != pair[1].group || pair[0].title.as_str() <= pair[1].title.as_str()
            };
            // Two groups can have one path, and then each has its own order.
            let are_twins = self.groups().iter().any(|line| line.starts_with('#'));
            assert!(in_bin || are_twins || lines.windows(2).all(are_in_order), "{lines:?}");
            for line in lines {
                let id = desk::resolve(&self.store, &line.id).expect("a listed id names an entry");
                assert!(seen.insert(id), "{line:?} is listed twice");
                let entry = self.store.entry(id).expect("what a name means is there");
                assert_eq!(entry.content.title.as_str(), line.title.as_str());
                assert_eq!(self.store.is_recycled(Item::Entry(id)), in_bin);
                self.check_names(id, &line.title, &line.group, line.ambiguous);
            }
        }
        seen
    }

    fn check_names(&self, id: EntryId, title: &str, group: &str, ambiguous: bool) {
        let by_title = desk::resolve(&self.store, title);
        assert_eq!(by_title == Ok(id), !ambiguous, "{title:?} names {by_title:?}");
        // With its group it is this one or several are, unless this one is in the bin and others are not.
        match desk::resolve(&self.store, &format!("{group}/{title}")) {
            Ok(other) if other == id => {}
            Ok(other) => {
                assert!(self.store.is_recycled(Item::Entry(id)), "{group}/{title} names another");
                assert!(
                    !self.store.is_recycled(Item::Entry(other)),
                    "{group}/{title} names another in the bin"
                );
            }
            Err(error) => assert!(matches!(error, VaultError::Ambiguous { .. }), "{error:?}"),
        }
    }

    fn check_groups(&self) {
        let lines = self.groups();
        let ids = lines.iter().map(|line| {
            let by_id = line.starts_with('#').then(|| line.split_once(' ').map(|(id, _)| id)).flatten();
            self.group(by_id.unwrap_or(line))
        });
        let listed: Vec<GroupId> = ids.collect();
        let all = self.store.groups().map(|group| group.id);
        let live: BTreeSet<GroupId> = all.filter(|id| !self.store.is_recycled(Item::Group(*id))).collect();
        assert_eq!(listed.len(), live.len(), "each once");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), live);
    }
}

fn contents(desk: &Desk) -> Vec<(EntryId, GroupId, Option<u64>, Content)> {
    let whole =
        |entry: &vault_app_entries::Entry| (entry.id, entry.group, entry.recycled_s, entry.content.clone());
    desk.store.entries().map(whole).collect()
}

proptest! {
    #[test]
    fn everything_is_listed_once_and_named_by_what_the_list_shows(steps in vec(step(), 0..40)) {
        let mut desk = Desk::new();
        for step in &steps {
            let before = contents(&desk);
            if desk.step(step).is_err() {
                prop_assert_eq!(contents(&desk), before, "what is refused changes nothing");
            }
        }
        let all: BTreeSet<EntryId> = desk.store.entries().map(|entry| entry.id).collect();
        prop_assert_eq!(desk.listed(), all);
        desk.check_groups();
    }

    #[test]
    fn what_was_edited_is_taken_back_whole(
        steps in vec(step(), 0..30),
        entry in 0..32_usize,
        number in 0..4_usize,
    ) {
        let mut desk = Desk::new();
        desk.steps(&steps);
        let name = desk.name(entry);
        let before = contents(&desk);
        match desk.edit(&name, &change(number)) {
            Ok(_) => {
                if contents(&desk) != before {
                    desk.revert(&name, 0).expect("a version that was just made");
                }
                prop_assert_eq!(contents(&desk), before);
            }
            Err(error) => {
                prop_assert!(matches!(error, VaultError::InBin | VaultError::NoSuchEntry), "{:?}", error);
            }
        }
    }

    #[test]
    fn what_was_removed_is_taken_back_whole(steps in vec(step(), 0..30), entry in 0..32_usize) {
        let mut desk = Desk::new();
        desk.steps(&steps);
        let name = desk.name(entry);
        let before = contents(&desk);
        if desk.remove(&name).is_ok() {
            prop_assert!(desk.show(&name).is_ok_and(|entry| entry.in_bin));
            match desk.restore(&name) {
                Ok(()) => prop_assert_eq!(contents(&desk), before),
                // A twin of an import stayed, and its title is taken.
                Err(error) => prop_assert_eq!(error, VaultError::EntryExists),
            }
        }
    }

    #[test]
    fn no_name_is_too_odd(name in "\\PC{0,20}", digits in "#[0-9a-fA-F]{0,40}") {
        let mut desk = Desk::new();
        desk.step(&Step::Import { fourth: 1, path: 0, title: 0 }).expect("a first entry");
        for name in [&name, &digits] {
            let found = desk::resolve(&desk.store, name).is_ok();
            let id = desk::short_id(&desk.store, desk.store.entries().next().expect("the first entry").id);
            let by_id = name.to_lowercase().starts_with(id.as_str());
            prop_assert!(!found || by_id || name == "a" || name == "/a");
            prop_assert!(matches!(desk::group(&desk.store, name), Ok(GroupId::ROOT) | Err(VaultError::NoSuchGroup)));
        }
    }
}
