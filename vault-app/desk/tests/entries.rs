//! Entries: added, edited, shown; their passwords and one-time codes made.

mod common;

use common::{Desk, NOW_S, RECIPE, Seeded, given, new, password, plain, text, titled};
use ipc_proto_types::{List, Secret};
use ipc_proto_vault_api::{
    Added, Algorithm, Change, Expiry, NewEntry, NewPassword, NewTotp, Recipe, Reveal, VaultError, Words,
};
use vault_app_codes::phrase;
use vault_app_desk as desk;
use vault_app_entries::{Content, GroupId};

/// `12345678901234567890`, the secret of RFC 6238.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn totp(secret: &str, algorithm: Algorithm, digits: u8, period_s: u8) -> NewTotp {
    NewTotp { secret_base32: Secret::new(text(secret)), algorithm, digits, period_s }
}

fn words(count: u8, separator: &str) -> NewPassword {
    NewPassword::Words(Words { count, separator: text(separator) })
}

#[test]
fn a_new_entry_holds_what_it_was_given() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    let tags = List::try_from([text("a"), text("b"), text("a")].as_slice()).unwrap();
    let expires = Some(Expiry { unix_s: NOW_S + 5 });
    desk.add(&NewEntry { tags, expires, ..new("work", "mail") }).unwrap();
    let entry = desk.show("mail").unwrap();
    assert_eq!((&*entry.title, &*entry.group, &*entry.user), ("mail", "work", "ada"));
    assert_eq!((password(&entry), entry.generated, entry.totp), ("hunter2", false, false));
    assert_eq!(entry.urls.as_slice(), [text("https://example.org")]);
    assert_eq!(entry.tags.as_slice(), [text("a"), text("b")]);
    assert_eq!((entry.created_unix_s, entry.modified_unix_s), (NOW_S + 1, NOW_S + 1));
    assert_eq!((entry.expires, entry.versions, entry.more, entry.in_bin), (expires, 0, false, false));
    assert_eq!(entry.id.len(), 33);
    assert_eq!(desk::entry(&desk.store, "mail", false).unwrap().password, None);
}

#[test]
fn an_entry_may_have_no_password_and_is_no_weak_one_then() {
    let mut desk = Desk::new();
    let added = desk.add(&NewEntry { password: given(""), ..new("", "plan") }).unwrap();
    assert_eq!((added.entropy_centibits, added.generated), (0, false));
    let text = Secret::new(text("Meet at noon.\n\nBring the map."));
    desk.edit("plan", &Change::Notes(text)).unwrap();
    assert_eq!(desk.show("plan").unwrap().notes_bytes, 29);
    assert_eq!(desk.edit("plan", &Change::Password(given(""))), Err(VaultError::EmptyPassphrase));
}

#[test]
fn titles_are_one_of_a_kind_in_a_group_and_not_empty() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    desk.add(&new("", "mail")).unwrap();
    desk.add(&new("work", "mail")).unwrap();
    desk.add(&new("work", "web")).unwrap();
    for (group, title, error) in [
        ("", "mail", VaultError::EntryExists),
        ("work", "mail", VaultError::EntryExists),
        ("", "", VaultError::EmptyPassphrase),
        ("home", "mail", VaultError::NoSuchGroup),
    ] {
        assert_eq!(desk.add(&new(group, title)), Err(error), "{group}/{title}");
    }
    for (name, change, error) in [
        ("web", Change::Title(text("mail")), VaultError::EntryExists),
        ("web", Change::Title(text("")), VaultError::EmptyPassphrase),
        ("work/mail", Change::Group(text("")), VaultError::EntryExists),
        ("web", Change::Group(text("home")), VaultError::NoSuchGroup),
        ("nobody", Change::Title(text("x")), VaultError::NoSuchEntry),
        ("mail", Change::User(text("x")), VaultError::Ambiguous { entries: 2 }),
    ] {
        assert_eq!(desk.edit(name, &change), Err(error), "{name}: {change:?}");
    }
    // In the bin a title is free again, and so is its own.
    desk.remove("work/mail").unwrap();
    desk.edit("web", &Change::Title(text("mail"))).unwrap();
    desk.edit("work/mail", &Change::Title(text("mail"))).unwrap();
    assert_eq!(desk.show("work/mail").unwrap().versions, 1);
}

#[test]
fn twins_of_an_import_can_be_edited_in_all_but_their_titles() {
    let mut desk = Desk::new();
    let ids = [1, 2].map(|first| desk.import(first, GroupId::ROOT, titled("twin")));
    let name = desk::short_id(&desk.store, ids[0]);
    desk.edit(&name, &Change::User(text("eve"))).unwrap();
    assert_eq!(desk.show(&name).unwrap().user, "eve");
    desk.edit(&name, &Change::Title(text("one"))).unwrap();
    assert_eq!(desk.edit("one", &Change::Title(text("twin"))), Err(VaultError::EntryExists));
    desk.revert("one", 0).unwrap_err();
    assert_eq!(desk.show("twin").unwrap().user, "");
}

#[test]
fn every_change_changes_its_thing_and_nothing_else() {
    let mut desk = Desk::new();
    desk.make_group("work").unwrap();
    desk.add(&new("", "mail")).unwrap();
    let field = |value: &str, protected| Change::Field {
        name: text("pin"),
        value: Secret::new(text(value)),
        protected,
    };
    let changes = [
        Change::User(text("eve")),
        Change::Password(given("correct horse")),
        Change::Url(text("https://example.com")),
        Change::Notes(Secret::new(text("a line\nand another"))),
        Change::Tags(List::try_from([text("x")].as_slice()).unwrap()),
        Change::Totp(Some(totp(SECRET, Algorithm::Sha1, 8, 30))),
        Change::Expires(Some(Expiry { unix_s: 5 })),
        field("1234", false),
        field("5678", true),
    ];
    for (count, change) in (1..).zip(&changes) {
        let before = desk.show("mail").unwrap();
        desk.edit("mail", change).unwrap();
        let after = desk.show("mail").unwrap();
        assert_eq!((after.versions, after.modified_unix_s), (count, desk.now_s - 1), "{change:?}");
        let differs = [
            before.user != after.user,
            before.password != after.password,
            before.urls != after.urls,
            before.notes_bytes != after.notes_bytes,
            before.tags != after.tags,
            before.totp != after.totp,
            before.expires != after.expires,
            before.fields != after.fields,
        ];
        let place = usize::from(count) - 1;
        let expected: Vec<bool> = (0..8).map(|thing| thing == place.min(7)).collect();
        assert_eq!(differs.as_slice(), expected, "{change:?}");
    }
    let secret = |what| desk::reveal(&desk.store, "mail", &what).map(|text| text.expose().to_string());
    assert_eq!(secret(Reveal::Field(text("pin"))), Ok("5678".into()));
    assert_eq!(secret(Reveal::Notes), Ok("a line\nand another".into()));
    assert!(desk.show("mail").unwrap().fields[0].protected);
    desk.edit("mail", &Change::NoField(text("pin"))).unwrap();
    assert_eq!(desk.edit("mail", &Change::NoField(text("pin"))), Err(VaultError::NoSuchPart));
    desk.edit("mail", &Change::Url(text(""))).unwrap();
    desk.edit("mail", &Change::Totp(None)).unwrap();
    desk.edit("mail", &Change::Expires(None)).unwrap();
    let entry = desk.show("mail").unwrap();
    assert_eq!((entry.fields.len(), entry.urls.len(), entry.totp, entry.expires), (0, 0, false, None));
    assert_eq!(entry.versions, 10);
    desk.edit("mail", &Change::Group(text("work"))).unwrap();
    assert_eq!(desk.show("mail").unwrap().group, "work");
}

#[test]
fn a_change_to_what_is_there_already_is_none() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    for change in [
        Change::Title(text("mail")),
        Change::User(text("ada")),
        Change::Group(text("")),
        Change::Url(text("https://example.org")),
        Change::Password(given("hunter2")),
    ] {
        let (changes, _) = desk::edit(&desk.store, "mail", &change, &mut desk.random, 9).unwrap();
        assert!(changes.is_empty(), "{change:?}");
    }
}

#[test]
fn the_main_url_changes_and_the_others_stay() {
    let mut desk = Desk::new();
    let urls = vec![plain("https://a"), plain("https://b")];
    desk.import(1, GroupId::ROOT, Content { urls, ..titled("site") });
    let urls = |desk: &Desk| -> Vec<String> {
        desk.show("site").unwrap().urls.iter().map(ToString::to_string).collect()
    };
    desk.edit("site", &Change::Url(text("https://c"))).unwrap();
    assert_eq!(urls(&desk), ["https://c", "https://b"]);
    desk.edit("site", &Change::Url(text(""))).unwrap();
    assert_eq!(urls(&desk), ["https://b"]);
}

#[test]
fn what_may_not_be_kept_is_refused_by_name() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    let empty_tag = List::try_from([text("")].as_slice()).unwrap();
    let nameless = Change::Field { name: text(""), value: Secret::new(text("x")), protected: false };
    let before = desk.show("mail").unwrap();
    for (change, error) in [
        (Change::Password(given("")), VaultError::EmptyPassphrase),
        (Change::Tags(empty_tag), VaultError::EmptyPassphrase),
        (nameless, VaultError::EmptyPassphrase),
        (Change::Password(words(3, "-")), VaultError::WeakRecipe),
        (Change::Password(words(21, "-")), VaultError::WeakRecipe),
        (Change::Password(words(6, "a")), VaultError::WeakRecipe),
        (Change::Password(words(6, "·")), VaultError::WeakRecipe),
        (Change::Password(NewPassword::Generate(Recipe { length: 5, ..RECIPE })), VaultError::WeakRecipe),
    ] {
        assert_eq!(desk.edit("mail", &change), Err(error), "{change:?}");
    }
    assert_eq!(desk.show("mail").unwrap(), before);
    desk.random = Seeded(None);
    let generate = Change::Password(NewPassword::Generate(RECIPE));
    assert_eq!(desk.edit("mail", &generate), Err(VaultError::Internal));
    assert_eq!(desk.edit("mail", &Change::Password(words(6, " "))), Err(VaultError::Internal));
    assert_eq!(desk.add(&new("", "x")), Err(VaultError::Internal));
    assert_eq!(desk.make_group("x"), Err(VaultError::Internal));
    // What needs no randomness goes on.
    desk.edit("mail", &Change::User(text("eve"))).unwrap();
}

#[test]
fn generated_passwords_are_of_their_recipe_and_worth_what_is_said() {
    let mut desk = Desk::new();
    for (seed, no_look_alikes) in [(1, false), (2, true)] {
        desk.random = Seeded(Some(seed));
        for number in 0..100 {
            let recipe = Recipe { no_look_alikes, ..RECIPE };
            let title = format!("{seed} {number}");
            let made = NewEntry { password: NewPassword::Generate(recipe), ..new("", &title) };
            let added = desk.add(&made).unwrap();
            let entry = desk.show(&title).unwrap();
            let password = password(&entry);
            assert_eq!(password.len(), 16);
            let has = |class: fn(&u8) -> bool| password.bytes().any(|byte| class(&byte));
            assert!(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase));
            assert!(has(u8::is_ascii_digit) && has(u8::is_ascii_punctuation));
            assert!(!no_look_alikes || !password.contains(['0', 'O', '1', 'l', 'I']), "{password}");
            assert_eq!((entry.entropy_centibits, entry.generated), (added.entropy_centibits, true));
            // 16 of 90 characters are 103.8 bits, one of each class paid for; of 75 less.
            assert!(
                if no_look_alikes { 9_700..10_000 } else { 10_200..10_387 }
                    .contains(&added.entropy_centibits)
            );
        }
    }
}

#[test]
fn passwords_of_words_are_of_the_list_and_can_be_told_apart() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    for separator in ["-", " ", ".", "7", " - ", "--------"] {
        let added = desk.edit("mail", &Change::Password(words(6, separator))).unwrap();
        assert_eq!(added, Added { entropy_centibits: 7_754, generated: true }, "{separator:?}");
        let entry = desk.show("mail").unwrap();
        let found = password(&entry).split(separator).filter(|word| phrase::contains(word)).count();
        // A word of the list may hold a hyphen itself.
        assert!(found == 6 || separator == "-" && found >= 4, "{separator:?}: {found}");
    }
    desk.edit("mail", &Change::Password(words(6, ""))).unwrap();
    let entry = desk.show("mail").unwrap();
    assert_eq!(password(&entry).bytes().filter(u8::is_ascii_uppercase).count(), 6);
    let longest = desk.edit("mail", &Change::Password(words(20, "--------"))).unwrap();
    assert_eq!(longest.entropy_centibits, 25_849);
}

#[test]
fn a_given_password_gets_an_estimate_by_who_knows_the_rest_of_the_entry() {
    let mut desk = Desk::new();
    let added = |desk: &mut Desk, title: &str, password: &str| {
        desk.add(&NewEntry { password: given(password), ..new("", title) }).unwrap()
    };
    let weak = added(&mut desk, "a", "password1");
    let strong = added(&mut desk, "b", "vX3!pq9$LmR2#tz");
    let own = added(&mut desk, "gobbledygook", "gobbledygook1");
    let other = added(&mut desk, "c", "gobbledygook1");
    assert!(weak.entropy_centibits < 1_500 && strong.entropy_centibits > 4_500, "{weak:?} {strong:?}");
    assert!(own.entropy_centibits < other.entropy_centibits, "{own:?} {other:?}");
    assert!(![weak, strong, own, other].iter().any(|added| added.generated));
    let unchanged = desk.edit("b", &Change::User(text("x"))).unwrap();
    assert_eq!(unchanged, strong);
}

#[test]
fn one_time_codes_are_those_of_the_rfcs_and_of_steam() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    let steam = "63BEDWCQZKTQWPESARIERL5DTTQFCJTK";
    for (settings, now_s, code, left) in [
        (totp(SECRET, Algorithm::Sha1, 8, 30), 59, "94287082", 1),
        (totp("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", Algorithm::Sha1, 6, 30), 60, "359152", 30),
        (totp(steam, Algorithm::Steam, 0, 30), 1_511_200_518, "FR8RV", 12),
        (totp(SECRET, Algorithm::Sha256, 6, 60), 0, "", 60),
        (totp(SECRET, Algorithm::Sha512, 7, 255), 254, "", 1),
    ] {
        desk.edit("mail", &Change::Totp(Some(settings.clone()))).unwrap();
        let got = desk::totp(&desk.store, "mail", now_s).unwrap();
        assert_eq!(got.seconds_left, left, "{settings:?}");
        assert!(code.is_empty() || got.digits.expose().as_str() == code, "{settings:?}");
        assert_eq!(got.digits.expose().len(), if code == "FR8RV" { 5 } else { settings.digits.into() });
    }
    let uri = desk::reveal(&desk.store, "mail", &Reveal::Totp).unwrap();
    assert!(uri.expose().starts_with("otpauth://totp/?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"));
    desk.edit("mail", &Change::Totp(None)).unwrap();
    assert_eq!(desk::totp(&desk.store, "mail", 0).err(), Some(VaultError::NoTotp));
    assert_eq!(desk::reveal(&desk.store, "mail", &Reveal::Totp).err(), Some(VaultError::NoTotp));
}

#[test]
fn one_time_codes_out_of_range_are_refused() {
    let mut desk = Desk::new();
    desk.add(&new("", "mail")).unwrap();
    for settings in [
        totp("not base32!", Algorithm::Sha1, 6, 30),
        totp("", Algorithm::Sha1, 6, 30),
        totp("GEZDGNBVGY3TQOI", Algorithm::Sha1, 6, 30),
        totp(&"A".repeat(256), Algorithm::Sha1, 6, 30),
        totp(SECRET, Algorithm::Sha1, 5, 30),
        totp(SECRET, Algorithm::Sha1, 9, 30),
        totp(SECRET, Algorithm::Sha1, 6, 0),
        totp(SECRET, Algorithm::Steam, 5, 60),
    ] {
        let added = desk.add(&NewEntry { totp: Some(settings.clone()), ..new("", "x") });
        assert_eq!(added, Err(VaultError::BadTotp), "{settings:?}");
        assert_eq!(desk.edit("mail", &Change::Totp(Some(settings))), Err(VaultError::BadTotp));
    }
    assert_eq!(desk.titles(""), ["mail"]);
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let mut desk = Desk::new();
    let canary = "canary-4711";
    let made = NewEntry { password: given(canary), ..new("", "mail") };
    let (changes, _) = desk::add(&desk.store, &made, &mut desk.random, 0).unwrap();
    let printed = format!("{made:?} {changes:?}");
    desk.commit(changes);
    let notes = Change::Notes(Secret::new(text(canary)));
    desk.edit("mail", &notes).unwrap();
    let secret = desk::reveal(&desk.store, "mail", &Reveal::Notes).unwrap();
    let shown = desk.show("mail").unwrap();
    let printed = format!("{printed} {notes:?} {secret:?} {shown:?} {:?}", desk.store);
    assert!(!printed.contains(canary) && printed.contains("***"));
}
