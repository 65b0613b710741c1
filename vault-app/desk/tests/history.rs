//! The bin and the history: what can be taken back, and what can not.

mod common;

use common::{Desk, given, new, password, text, titled};
use ipc_proto_types::Secret;
use ipc_proto_vault_api::{Change, Reveal, VaultError};
use vault_app_desk as desk;
use vault_app_entries::GroupId;

#[test]
fn what_is_in_the_bin_is_shown_and_marked_but_gives_nothing_away() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    desk.edit("mail", &Change::User(text("eve"))).unwrap();
    desk.remove("mail").unwrap();
    let entry = desk.show("mail").unwrap();
    assert!(entry.in_bin && password(&entry) == "hunter2");
    assert_eq!(desk::history(&desk.store, "mail").unwrap().versions.len(), 1);
    assert_eq!(desk.remove("mail"), Err(VaultError::InBin));
    assert_eq!(desk.edit("mail", &Change::User(text("x"))), Err(VaultError::InBin));
    assert_eq!(desk.revert("mail", 0), Err(VaultError::InBin));
    assert_eq!(desk.did(|store, _| desk::forget_history(store, "mail")), Err(VaultError::InBin));
    assert_eq!(desk::copy_once(&desk.store, "mail"), Err(VaultError::InBin));
    assert_eq!(desk::totp(&desk.store, "mail", 0), Err(VaultError::InBin));
    assert_eq!(desk::reveal(&desk.store, "mail", &Reveal::Password), Err(VaultError::InBin));
    assert!(desk.titles("").is_empty());
    assert_eq!(desk.titles("is:recycled"), ["mail"]);
    desk.restore("mail").unwrap();
    let back = desk.show("mail").unwrap();
    assert_eq!((back.user.as_str(), back.in_bin, back.versions), ("eve", false, 1));
    assert_eq!(back.modified_unix_s, entry.modified_unix_s);
}

#[test]
fn a_name_of_what_comes_back_or_goes_for_good_is_looked_for_in_the_bin() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    desk.add(&new("work", "mail")).unwrap();
    assert_eq!(desk.restore("mail"), Err(VaultError::NotInBin));
    assert_eq!(desk.purge("mail"), Err(VaultError::NotInBin));
    assert_eq!(desk.purge("nobody"), Err(VaultError::NoSuchEntry));
    desk.remove("mail").unwrap();
    desk.add(&new("work", "mail")).unwrap();
    assert_eq!(desk.restore("mail"), Err(VaultError::EntryExists));
    desk.edit("mail", &Change::Group(text(""))).unwrap();
    desk.restore("mail").unwrap();
    assert_eq!(desk.titles(""), ["mail", "mail"]);
    desk.remove("/mail").unwrap();
    desk.purge("mail").unwrap();
    assert_eq!((desk.titles(""), desk.titles("is:recycled")), (vec!["mail".into()], vec![]));
    assert_eq!(desk.show("mail").unwrap().group, "work");
}

#[test]
fn an_emptied_bin_is_empty_and_nothing_else_is_gone() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    for (group, title) in [("", "a"), ("", "b"), ("work", "c"), ("work", "d")] {
        desk.add(&new(group, title)).unwrap();
    }
    desk.remove("b").unwrap();
    desk.did(|store, now_s| desk::remove_group(store, "work", now_s)).unwrap();
    let (changes, count) = desk::empty_bin(&desk.store);
    desk.commit(changes);
    assert_eq!(count, 3);
    assert_eq!((desk.store.entries().count(), desk.store.groups().count()), (1, 0));
    assert_eq!(desk.show("b"), Err(VaultError::NoSuchEntry));
    let (changes, count) = desk::empty_bin(&desk.store);
    assert!(changes.is_empty() && count == 0);
}

#[test]
fn the_history_says_what_was_when_and_gives_old_passwords_one_by_one() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    desk.edit("mail", &Change::Password(given("second"))).unwrap();
    desk.edit("mail", &Change::Title(text("post"))).unwrap();
    let versions = desk::history(&desk.store, "post").unwrap().versions;
    let seen: Vec<_> = versions.iter().map(|was| (was.title.as_str(), was.other_password)).collect();
    assert_eq!(seen, [("mail", false), ("mail", true)]);
    assert!(versions[0].modified_unix_s > versions[1].modified_unix_s);
    let old = |version| {
        desk::reveal(&desk.store, "post", &Reveal::OldPassword(version)).map(|text| text.expose().to_string())
    };
    assert_eq!((old(0), old(1)), (Ok("second".into()), Ok("hunter2".into())));
    assert_eq!(old(2), Err(VaultError::NoSuchPart));
    desk.revert("post", 1).unwrap();
    let entry = desk.show("mail").unwrap();
    assert_eq!((password(&entry), entry.versions), ("hunter2", 3));
    assert_eq!(desk.revert("mail", 3), Err(VaultError::NoSuchPart));
    desk.did(|store, _| desk::forget_history(store, "mail")).unwrap();
    assert!(desk::history(&desk.store, "mail").unwrap().versions.is_empty());
    assert_eq!(desk.revert("mail", 0), Err(VaultError::NoSuchPart));
}

#[test]
fn a_title_that_is_somebody_elses_by_now_does_not_come_back() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    desk.edit("mail", &Change::Title(text("post"))).unwrap();
    desk.add(&new("", "mail")).unwrap();
    assert_eq!(desk.revert("post", 0), Err(VaultError::EntryExists));
    desk.edit("mail", &Change::Title(text("other"))).unwrap();
    desk.revert("post", 0).unwrap();
    assert_eq!(desk.titles(""), ["mail", "other"]);
}

#[test]
fn an_entry_without_a_title_comes_back_too() {
    let mut desk = Desk::new();
    let id = desk.import(1, GroupId::ROOT, titled(""));
    let name = desk::short_id(&desk.store, id);
    desk.edit(&name, &Change::Notes(Secret::new(text("x")))).unwrap();
    desk.edit(&name, &Change::Title(text("named"))).unwrap();
    desk.revert("named", 0).unwrap();
    desk.remove(&name).unwrap();
    desk.restore(&name).unwrap();
    let entry = desk.show(&name).unwrap();
    assert_eq!((entry.title.as_str(), entry.in_bin, entry.notes_bytes), ("", false, 1));
}
