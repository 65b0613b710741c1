//! Which entry a name means, and which group a path.

mod common;

use common::{Desk, new, titled};
use ipc_proto_vault_api::VaultError;
use vault_app_desk as desk;
use vault_app_entries::{EntryId, GroupId};

fn three_mails() -> Desk {
    let mut desk = Desk::new();
    for path in ["work", "work/servers", "home"] {
        desk.make_group(path).expect("a new group");
    }
    for (group, title) in [("", "bank"), ("", "mail"), ("work", "mail"), ("work/servers", "mail")] {
        desk.add(&new(group, title)).expect("a new entry");
    }
    desk
}

fn place(desk: &Desk, name: &str) -> Result<String, VaultError> {
    let id = desk::resolve(&desk.store, name)?;
    let entry = desk.store.entry(id).expect("what a name means");
    Ok(format!("{}/{}", desk.store.path(entry.group).as_str(), entry.content.title.as_str()))
}

#[test]
fn a_title_names_its_entry_and_the_group_tells_those_of_one_title_apart() {
    let desk = three_mails();
    for (name, expected) in [
        ("bank", Ok("/bank")),
        ("/bank", Ok("/bank")),
        ("mail", Err(VaultError::Ambiguous { entries: 3 })),
        ("/mail", Ok("/mail")),
        ("work/mail", Ok("work/mail")),
        ("work/servers/mail", Ok("work/servers/mail")),
        ("servers/mail", Err(VaultError::NoSuchEntry)),
        ("home/mail", Err(VaultError::NoSuchEntry)),
        ("Mail", Err(VaultError::NoSuchEntry)),
        ("mail ", Err(VaultError::NoSuchEntry)),
        ("", Err(VaultError::NoSuchEntry)),
        ("#", Err(VaultError::NoSuchEntry)),
        ("/", Err(VaultError::NoSuchEntry)),
    ] {
        assert_eq!(place(&desk, name), expected.map(String::from), "{name:?}");
    }
}

#[test]
fn slashes_in_titles_and_names_of_groups_are_no_obstacle_but_two_readings_are() {
    let mut desk = three_mails();
    desk.add(&new("work", "a/b")).unwrap();
    let odd = desk.import_group(GroupId::ROOT, "odd/one");
    desk.import(1, odd, titled("c"));
    assert_eq!(place(&desk, "a/b"), Ok("work/a/b".into()));
    assert_eq!(place(&desk, "work/a/b"), Ok("work/a/b".into()));
    assert_eq!(place(&desk, "odd/one/c"), Ok("odd/one/c".into()));
    desk.add(&new("", "odd/one/c")).unwrap();
    assert_eq!(place(&desk, "odd/one/c"), Err(VaultError::Ambiguous { entries: 2 }));
    assert_eq!(place(&desk, "/odd/one/c"), Ok("/odd/one/c".into()));
}

#[test]
fn digits_of_an_id_name_its_entry_as_long_as_they_are_of_no_other() {
    let mut desk = Desk::new();
    let id = |last: u128| EntryId::from_bytes((0xabcd_ef01_u128 << 96 | last << 88).to_be_bytes());
    for (last, title) in [(0x11, "one"), (0x12, "two"), (0x22, "three")] {
        let changes = desk.store.add(id(last), GroupId::ROOT, titled(title), 0).unwrap();
        desk.commit(changes);
    }
    for (name, expected) in [
        ("#abcdef0111", Ok("/one")),
        ("#ABCDEF0112", Ok("/two")),
        ("#abcdef012", Ok("/three")),
        ("#abcdef011", Err(VaultError::Ambiguous { entries: 2 })),
        ("#abcdef", Err(VaultError::Ambiguous { entries: 3 })),
        ("#abcde", Err(VaultError::NoSuchEntry)),
        ("#abcdef02", Err(VaultError::NoSuchEntry)),
        ("#abcdef0111g", Err(VaultError::NoSuchEntry)),
        ("#+bcdef0111", Err(VaultError::NoSuchEntry)),
        ("abcdef0111", Err(VaultError::NoSuchEntry)),
        ("#abcdef01110000000000000000000000", Ok("/one")),
        ("#abcdef011100000000000000000000000", Err(VaultError::NoSuchEntry)),
    ] {
        assert_eq!(place(&desk, name), expected.map(String::from), "{name:?}");
    }
    assert_eq!(desk::short_id(&desk.store, id(0x11)), "#abcdef0111");
    assert_eq!(desk::short_id(&desk.store, id(0x22)), "#abcdef012");
}

#[test]
fn an_id_goes_before_a_title_that_looks_like_it() {
    let mut desk = Desk::new();
    desk.add(&new("", "real")).unwrap();
    let name = desk.list("")[0].id.clone();
    desk.add(&new("", &name)).unwrap();
    desk.add(&new("", "#facade")).unwrap();
    assert_eq!(place(&desk, &name), Ok("/real".into()));
    assert_eq!(place(&desk, "#facade"), Ok("/#facade".into()));
    let marked: Vec<bool> = desk.list("").iter().map(|line| line.ambiguous).collect();
    let titles = desk.titles("");
    assert_eq!(titles.iter().map(|title| *title == *name).collect::<Vec<_>>(), marked);
}

#[test]
fn what_is_in_the_bin_is_found_when_nothing_else_has_its_name() {
    let mut desk = three_mails();
    desk.remove("work/mail").unwrap();
    desk.remove("bank").unwrap();
    assert_eq!(place(&desk, "mail"), Err(VaultError::Ambiguous { entries: 2 }));
    assert_eq!(place(&desk, "bank"), Ok("/bank".into()));
    assert_eq!(place(&desk, "work/mail"), Ok("work/mail".into()));
    desk.add(&new("", "bank")).unwrap();
    let live = desk::resolve(&desk.store, "bank").unwrap();
    let binned = desk::resolve_in_bin(&desk.store, "bank").unwrap();
    assert_ne!(live, binned);
    assert_eq!(desk::resolve(&desk.store, &desk::short_id(&desk.store, binned)), Ok(binned));
    let live_id = desk::short_id(&desk.store, live);
    assert_eq!(desk::resolve_in_bin(&desk.store, &live_id), Err(VaultError::NotInBin));
    assert_eq!(desk::resolve_in_bin(&desk.store, "work/servers/mail"), Err(VaultError::NotInBin));
    assert_eq!(desk::resolve_in_bin(&desk.store, "nobody"), Err(VaultError::NoSuchEntry));
    desk.remove("bank").unwrap();
    assert_eq!(place(&desk, "bank"), Err(VaultError::Ambiguous { entries: 2 }));
}

#[test]
fn entries_of_one_title_in_one_group_are_told_apart_by_id() {
    let mut desk = Desk::new();
    let ids = [desk.import(1, GroupId::ROOT, titled("twin")), desk.import(2, GroupId::ROOT, titled("twin"))];
    assert_eq!(place(&desk, "/twin"), Err(VaultError::Ambiguous { entries: 2 }));
    let lines = desk.list("");
    assert!(lines.iter().all(|line| line.ambiguous));
    let named = lines.iter().map(|line| desk::resolve(&desk.store, &line.id).unwrap());
    assert_eq!(named.collect::<Vec<_>>(), ids);
}
