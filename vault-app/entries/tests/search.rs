//! Search and report.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Seeded, entry_id, group_id, plain, titled};
use proptest::prelude::*;
use vault_app_codes::generate::Recipe;
use vault_app_entries::report::Report;
use vault_app_entries::search::{Query, QueryError};
use vault_app_entries::{Changes, Content, Field, GroupId, Item, SecretText, Store, StoreError, caps};

const NOW: u64 = 1_000_000;
const DAY: u64 = 86_400;

fn does(store: &mut Store, changes: impl FnOnce(&Store) -> Result<Changes, StoreError>) {
    let changes = changes(store).unwrap();
    store.commit(changes).unwrap();
}

/// Ten entries' worth of everything that can be searched.
fn filled() -> Store {
    let mut store = Store::new();
    does(&mut store, |store| store.add_group(group_id(1), GroupId::ROOT, "Work", 1));
    does(&mut store, |store| store.add_group(group_id(2), group_id(1), "Straße", 1));
    let mut bank = titled("Bank");
    bank.user = plain("ÅSA");
    bank.urls = vec![plain("https://BANK.example/login")];
    bank.notes = "call 0800 first".into();
    bank.tags = vec![plain("Money"), plain("two words")];
    bank.fields = vec![
        Field { name: plain("customer"), value: "4711".into(), protected: false },
        Field { name: plain("pin"), value: "0815-pin".into(), protected: true },
    ];
    bank.expires_s = Some(NOW);
    does(&mut store, |store| store.add(entry_id(1), GroupId::ROOT, bank, 1));
    does(&mut store, |store| store.add(entry_id(2), group_id(2), titled("mail"), 1));
    does(&mut store, |store| store.add(entry_id(3), group_id(1), titled("Old mail"), 1));
    does(&mut store, |store| store.remove(Item::Entry(entry_id(3)), 2));
    store
}

fn check(query: &str, expected: &[&str]) {
    let store = filled();
    let found = store.search(&Query::parse(query).unwrap(), NOW);
    let titles: Vec<&str> = found.iter().map(|entry| entry.content.title.as_str()).collect();
    assert_eq!(titles, expected, "{query}");
}

#[test]
fn every_open_part_is_searched_without_case() {
    for query in ["bank", "BANK", "ank", "åsa", "bank.EXAMPLE", "0800", "money", "customer", "4711", "pin"] {
        check(query, &["Bank"]);
    }
    check("", &["Bank", "mail"]);
    check("mail", &["mail"]);
    check("\"call 0800\"", &["Bank"]);
    check("call first", &["Bank"]);
    check("call mail", &[]);
}

#[test]
fn nothing_protected_is_searched() {
    for query in ["hunter2", "hunter", "0815", "\"0815-pin\""] {
        check(query, &[]);
    }
}

#[test]
fn terms_mean_what_they_say() {
    check("tag:money", &["Bank"]);
    check("TAG:Money bank", &["Bank"]);
    check("tag:mone", &[]);
    check("tag:\"two words\"", &["Bank"]);
    check("group:work", &["mail"]);
    check("group:straße", &["mail"]);
    check("group:\"work/str\"", &["mail"]);
    check("is:expired", &["Bank"]);
    check("is:recycled", &["Old mail"]);
    check("is:recycled bank", &[]);
    let early = filled();
    assert!(early.search(&Query::parse("is:expired").unwrap(), NOW - 1).is_empty());
}

#[test]
fn a_query_that_says_nothing_is_refused() {
    for (query, error) in [
        ("tag:", QueryError::Empty),
        ("bank group: x", QueryError::Empty),
        ("is:weak", QueryError::Is),
        ("is:", QueryError::Is),
        ("\"bank", QueryError::Quote),
        ("tag:\"bank", QueryError::Quote),
    ] {
        assert_eq!(Query::parse(query), Err(error), "{query}");
    }
    assert_eq!(Query::parse(&"x".repeat(caps::QUERY_MAX + 1)), Err(QueryError::TooLong));
    assert_eq!(Query::parse(&"x ".repeat(caps::TERMS_MAX + 1)), Err(QueryError::TooLong));
    assert!(Query::parse(&"x ".repeat(caps::TERMS_MAX)).is_ok());
}

proptest! {
    #[test]
    fn a_part_of_a_title_finds_it(title in "[^\"\\s:\\pC]{3,12}", start in 0_usize..3, upper in any::<bool>()) {
        let mut store = Store::new();
        does(&mut store, |store| store.add(entry_id(1), GroupId::ROOT, titled(&title), 1));
        let part: String = title.chars().skip(start).collect();
        let part = if upper && part.is_ascii() { part.to_uppercase() } else { part };
        prop_assert_eq!(store.search(&Query::parse(&part).unwrap(), NOW).len(), 1);
    }

    #[test]
    fn no_query_panics(text in ".{0,80}") {
        let store = filled();
        if let Ok(query) = Query::parse(&text) {
            prop_assert!(store.search(&query, NOW).len() <= 2);
        }
    }
}

fn with_password(password: &str) -> Content {
    Content { password: SecretText::new(password), ..Content::default() }
}

#[test]
fn the_report_names_what_wants_changing_and_nothing_else() {
    let mut store = Store::new();
    let mut out = [0; 255];
    let recipe = Recipe::new(24, [true; 4]).unwrap();
    let length = recipe.generate(&mut Seeded(1), &mut out).unwrap();
    let strong = core::str::from_utf8(&out[..length]).unwrap();
    let contents = [
        with_password("password"),
        with_password(strong),
        with_password("correct-horse-battery-staple-9"),
        with_password(strong),
        with_password(""),
        with_password("password"),
        with_password("password"),
        Content { expires_s: Some(NOW), ..with_password("") },
        Content { expires_s: Some(NOW - DAY), ..with_password("") },
        Content { expires_s: Some(NOW + DAY), ..with_password("") },
        Content { expires_s: Some(NOW + DAY + 1), ..with_password("") },
        Content { title: plain("quintenz"), ..with_password("Quintenz") },
        Content { entropy_centibits: Some(3_999), ..with_password("whatever it is, we know") },
    ];
    for (number, content) in (1..).zip(contents) {
        does(&mut store, |store| store.add(entry_id(number), GroupId::ROOT, content, 1));
    }
    does(&mut store, |store| store.remove(Item::Entry(entry_id(7)), 1));
    let report = store.report(NOW, DAY);
    let weak: Vec<_> = report.weak.iter().map(|(id, _)| *id).collect();
    assert_eq!(weak, [1, 6, 12, 13].map(entry_id));
    assert_eq!(report.reused, [vec![entry_id(1), entry_id(6)], vec![entry_id(2), entry_id(4)]]);
    assert_eq!(report.expired, [9, 8].map(entry_id));
    assert_eq!(report.expiring, [(entry_id(10), NOW + DAY)]);
    assert_eq!(Store::new().report(NOW, DAY), Report::default());
    assert_eq!(store.report(0, u64::MAX).expiring.len(), 4);
}
