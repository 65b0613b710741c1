//! The list of entries and the report.

mod common;

use std::collections::BTreeMap;

use common::{Desk, NOW_S, RECIPE, given, new, text};
use ipc_proto_types::List;
use ipc_proto_vault_api::{Change, Expiry, Fault, NewEntry, NewPassword, VaultError};
use vault_app_desk as desk;

#[test]
fn the_list_is_in_the_order_of_groups_and_then_of_titles() {
    let mut desk = Desk::new();
    for path in ["work", "work/a", "Home"] {
        desk.make_group(path).unwrap();
    }
    for (group, title) in [
        ("work/a", "1"),
        ("", "z"),
        ("work", "mail"),
        ("Home", "b"),
        ("Home", "A"),
        ("", "Mail"),
        ("work", "C"),
        ("Home", "c"),
        ("work", "b"),
        ("work", "web"),
    ] {
        desk.add(&new(group, title)).unwrap();
    }
    let listed: Vec<String> =
        desk.list("").iter().map(|line| format!("{}/{}", line.group, line.title)).collect();
    let expected = [
        "/Mail",
        "/z",
        "Home/A",
        "Home/b",
        "Home/c",
        "work/b",
        "work/C",
        "work/mail",
        "work/web",
        "work/a/1",
    ];
    assert_eq!(listed, expected);
}

#[test]
fn a_line_says_what_there_is_to_say() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    let expires = Some(Expiry { unix_s: NOW_S + 3 });
    desk.add(&NewEntry { expires, ..new("", "mail") }).unwrap();
    desk.add(&new("work", "mail")).unwrap();
    desk.add(&new("work", "web")).unwrap();
    let lines = desk.list("");
    let seen: Vec<_> = lines.iter().map(|line| (&*line.group, line.ambiguous, line.expired)).collect();
    assert_eq!(seen, [("", true, true), ("work", true, false), ("work", false, false)]);
    assert!(lines.iter().all(|line| line.user == "ada" && line.id.len() == 7 && !line.totp));
}

#[test]
fn a_search_finds_what_its_terms_say_and_says_when_it_is_none() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    let tags = List::try_from([text("Bank")].as_slice()).unwrap();
    desk.add(&NewEntry { tags, ..new("", "giro") }).unwrap();
    desk.add(&new("work", "mail")).unwrap();
    let expires = Some(Expiry { unix_s: 1 });
    desk.add(&NewEntry { expires, ..new("work", "old") }).unwrap();
    desk.add(&new("work", "gone")).unwrap();
    desk.remove("gone").unwrap();
    for (search, expected) in [
        ("", ["giro", "mail", "old"].as_slice()),
        ("tag:bank", &["giro"]),
        ("group:work", &["mail", "old"]),
        ("is:expired", &["old"]),
        ("is:recycled", &["gone"]),
        ("example.org MAIL", &["mail"]),
        ("hunter2", &[]),
    ] {
        assert_eq!(desk.titles(search), expected, "{search:?}");
    }
    for (search, error) in [
        ("\"open", VaultError::BadQuery),
        ("is:odd", VaultError::BadQuery),
        ("tag:", VaultError::BadQuery),
        (&"x ".repeat(17), VaultError::TooLong),
    ] {
        assert_eq!(desk::page(&desk.store, search, 0, 0), Err(error), "{search:?}");
    }
}

#[test]
fn pages_beyond_the_end_are_empty() {
    let mut desk = Desk::new();
    for number in 0..9 {
        desk.add(&new("", &number.to_string())).unwrap();
    }
    for (from, count) in [(0, 8), (1, 8), (2, 7), (8, 1), (9, 0), (u32::MAX, 0)] {
        let page = desk::page(&desk.store, "", from, 0).unwrap();
        assert_eq!((page.entries.len(), page.total), (count, 9), "from {from}");
    }
}

/// All findings, page by page, as title and fault.
fn findings(desk: &Desk) -> Vec<(String, Fault)> {
    let findings = desk::Findings::new(&desk.store, desk.now_s);
    let mut all = Vec::new();
    loop {
        let from = u32::try_from(all.len()).expect("few findings");
        let page = findings.page(&desk.store, from).expect("the store they are of");
        assert_eq!(desk::report_page(&desk.store, from, desk.now_s).as_ref(), Ok(&page));
        if page.findings.is_empty() {
            assert_eq!(usize::try_from(page.total), Ok(all.len()));
            return all;
        }
        all.extend(page.findings.iter().map(|finding| (finding.title.to_string(), finding.fault)));
    }
}

#[test]
fn the_report_names_what_is_wrong_the_worst_first() {
    let mut desk = Desk::new();
    let mut add = |title: &str, password: NewPassword, expires: Option<u64>| {
        let expires = expires.map(|unix_s| Expiry { unix_s });
        desk.add(&NewEntry { password, expires, ..new("", title) }).unwrap()
    };
    let strong = NewPassword::Generate(RECIPE);
    add("fine", strong.clone(), None);
    add("past", strong.clone(), Some(5));
    add("long past", strong.clone(), Some(4));
    add("soon", strong.clone(), Some(NOW_S + desk::SOON_S));
    add("later", strong, Some(NOW_S + desk::SOON_S + 1_000));
    let worst = add("worst", given("123456"), None);
    let weak = add("weak", given("sunshine42"), None);
    for title in ["one", "two", "three"] {
        add(title, given("vX3!pq9$LmR2#tz"), None);
    }
    assert!(worst.entropy_centibits < weak.entropy_centibits);
    let found = findings(&desk);
    let mut by_fault: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (title, fault) in &found {
        let fault = match fault {
            Fault::Weak { .. } => "weak",
            Fault::Reused { .. } => "reused",
            Fault::Expired => "expired",
            Fault::ExpiresSoon => "soon",
        };
        by_fault.entry(fault).or_default().push(title);
    }
    by_fault.get_mut("reused").unwrap().sort_unstable();
    let expected = BTreeMap::from([
        ("weak", vec!["worst", "weak"]),
        ("reused", vec!["one", "three", "two"]),
        ("expired", vec!["long past", "past"]),
        ("soon", vec!["soon"]),
    ]);
    assert_eq!(by_fault, expected);
    assert_eq!(found[0].1, Fault::Weak { centibits: worst.entropy_centibits });
    let groups = found.iter().filter(|(_, fault)| *fault == Fault::Reused { group: 1 }).count();
    assert_eq!(groups, 3);
    desk.remove("worst").unwrap();
    desk.edit("weak", &Change::Password(NewPassword::Generate(RECIPE))).unwrap();
    assert!(!findings(&desk).iter().any(|(_, fault)| matches!(fault, Fault::Weak { .. })));
}

#[test]
fn findings_of_another_store_are_not_given() {
    let mut desk = Desk::new();
    desk.add(&NewEntry { password: given("123456"), ..new("", "weak") }).unwrap();
    let findings = desk::Findings::new(&desk.store, 0);
    assert_eq!(findings.page(&Desk::new().store, 0), Err(VaultError::Internal));
}
