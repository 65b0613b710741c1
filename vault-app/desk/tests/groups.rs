//! Groups: made, moved, listed, put into the bin.

mod common;

use std::collections::BTreeSet;

use common::{Desk, new, titled};
use ipc_proto_vault_api::VaultError;
use vault_app_desk as desk;
use vault_app_entries::{GroupId, caps};

impl Desk {
    fn move_group(&mut self, path: &str, to: &str) -> Result<(), VaultError> {
        self.did(|store, now_s| desk::move_group(store, path, to, now_s))
    }

    fn remove_group(&mut self, path: &str) -> Result<(), VaultError> {
        self.did(|store, now_s| desk::remove_group(store, path, now_s))
    }
}

fn with_groups(paths: &[&str]) -> Desk {
    let mut desk = Desk::new();
    paths.iter().for_each(|path| desk.make_group(path).expect("a new group"));
    desk
}

#[test]
fn groups_are_made_below_groups_that_are_there() {
    let mut desk = with_groups(&["work", "work/servers"]);
    for (path, error) in [
        ("work", VaultError::GroupExists),
        ("work/servers", VaultError::GroupExists),
        ("", VaultError::GroupExists),
        ("home/garden", VaultError::NoSuchGroup),
        ("/work", VaultError::NoSuchGroup),
        ("work/", VaultError::EmptyPassphrase),
        ("work//x", VaultError::NoSuchGroup),
    ] {
        assert_eq!(desk.make_group(path), Err(error), "{path:?}");
    }
    assert_eq!(desk.groups(), ["work", "work/servers"]);
}

#[test]
fn the_list_is_in_the_order_of_names_and_not_of_letters_of_paths() {
    let mut desk = with_groups(&["b", "work 2", "Work", "Work/x", "a", "B2", "Work/x/y"]);
    assert_eq!(desk.groups(), ["a", "b", "B2", "Work", "Work/x", "Work/x/y", "work 2"]);
    for number in 0..40 {
        desk.make_group(&format!("n{number:02}")).unwrap();
    }
    assert_eq!(desk.groups().len(), 47);
}

#[test]
fn a_group_moves_with_all_in_it_and_gets_another_name_at_once() {
    let mut desk = with_groups(&["work", "work/servers", "home"]);
    desk.add(&new("work/servers", "web")).unwrap();
    let id = desk.group("work/servers");
    desk.move_group("work/servers", "home/boxes").unwrap();
    assert_eq!(desk.groups(), ["home", "home/boxes", "work"]);
    assert_eq!((desk.group("home/boxes"), desk.show("web").unwrap().group.as_str()), (id, "home/boxes"));
    desk.move_group("home", "house").unwrap();
    assert_eq!(desk.show("house/boxes/web").unwrap().group, "house/boxes");
    desk.move_group("house/boxes", "boxes").unwrap();
    assert_eq!(desk.groups(), ["boxes", "house", "work"]);
}

#[test]
fn a_move_to_where_a_group_is_or_can_not_be_is_refused() {
    let mut desk = with_groups(&["work", "work/servers", "home"]);
    for (path, to, error) in [
        ("work", "home", VaultError::GroupExists),
        ("work", "work", VaultError::GroupExists),
        ("work", "work/servers/work", VaultError::NoSuchGroup),
        ("work", "work/work", VaultError::NoSuchGroup),
        ("work", "nowhere/work", VaultError::NoSuchGroup),
        ("nowhere", "home/x", VaultError::NoSuchGroup),
        ("", "root", VaultError::NoSuchGroup),
        ("work", "", VaultError::GroupExists),
        ("work", "home/", VaultError::EmptyPassphrase),
    ] {
        assert_eq!(desk.move_group(path, to), Err(error), "{path:?} to {to:?}");
    }
    assert_eq!(desk.groups(), ["home", "work", "work/servers"]);
}

#[test]
fn groups_are_only_so_deep_in_one_another() {
    let mut desk = with_groups(&["a", "b", "b/c"]);
    let mut path = String::from("a");
    for _ in 1..caps::GROUP_DEPTH_MAX {
        path.push_str("/a");
        desk.make_group(&path).unwrap();
    }
    assert_eq!(desk.make_group(&format!("{path}/a")), Err(VaultError::Full));
    assert_eq!(desk.move_group("b", &format!("{}/b", &path[..path.len() - 2])), Err(VaultError::Full));
}

#[test]
fn a_removed_group_is_gone_with_all_in_it_and_its_path_is_free() {
    let mut desk = with_groups(&["work", "work/servers", "home"]);
    desk.add(&new("work/servers", "web")).unwrap();
    desk.add(&new("home", "web")).unwrap();
    desk.remove_group("work").unwrap();
    assert_eq!(desk.groups(), ["home"]);
    assert_eq!(desk.remove_group("work"), Err(VaultError::NoSuchGroup));
    assert_eq!(desk.remove_group(""), Err(VaultError::NoSuchGroup));
    assert_eq!(desk.add(&new("work", "x")), Err(VaultError::NoSuchGroup));
    assert_eq!(desk.show("web").unwrap().group, "home");
    assert!(desk.show("work/servers/web").unwrap().in_bin);
    desk.make_group("work").unwrap();
    assert_eq!(desk.groups(), ["home", "work"]);
    // Its group is in the bin, so it comes back in the root.
    desk.restore("work/servers/web").unwrap();
    assert_eq!(desk.show("/web").unwrap().group, "");
    let (changes, entries) = desk::empty_bin(&desk.store);
    desk.commit(changes);
    assert_eq!((entries, desk.store.groups().count()), (0, 2));
}

#[test]
fn groups_that_a_path_does_not_name_are_listed_and_named_by_id() {
    let mut desk = with_groups(&["work"]);
    let twin = desk.import_group(GroupId::ROOT, "work");
    let long = desk.import_group(twin, &"ä".repeat(120));
    let longer = desk.import_group(long, &"ö".repeat(60));
    assert_eq!(desk::group(&desk.store, "work"), Err(VaultError::Ambiguous { entries: 2 }));
    assert_eq!(desk.make_group("work"), Err(VaultError::GroupExists));
    assert_eq!(desk.add(&new("work", "x")), Err(VaultError::Ambiguous { entries: 2 }));
    let lines = desk.groups();
    let named = |line: &str| desk.group(line.split_once(' ').map_or(line, |(id, _)| id));
    let ids: Vec<GroupId> = lines.iter().map(|line| named(line)).collect();
    assert_eq!((lines.len(), lines.iter().filter(|line| line.starts_with('#')).count()), (4, 3));
    assert!(lines[0].ends_with(" work") && lines[1].ends_with(" work"), "{lines:?}");
    let listed: BTreeSet<GroupId> = ids.into_iter().collect();
    assert_eq!(listed, desk.store.groups().map(|group| group.id).collect());
    assert!(desk::path_of(&desk.store, longer).ends_with('…'));
    assert!(desk::path_of(&desk.store, longer).starts_with("work/ä"));
    let line = lines.iter().find(|line| line.ends_with('…')).unwrap().clone();
    let by_id = line.split_once(' ').unwrap().0;
    desk.move_group(by_id, "short").unwrap();
    assert_eq!(desk.group("short"), longer);
    desk.import(9, longer, titled("in it"));
    assert_eq!(desk.show("short/in it").unwrap().group, "short");
}
