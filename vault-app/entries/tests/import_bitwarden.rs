//! Bitwarden's JSON.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Seeded, plain};
use proptest::prelude::*;
use vault_app_entries::import::bitwarden::{BitwardenError, ItemFault, ItemWhy, read};
use vault_app_entries::import::{Import, ImportEntry};
use vault_app_entries::otpauth::OtpauthError;
use vault_app_entries::{Breach, GroupId, Item, Part, Store, Times, caps};

/// An export as Bitwarden's client writes it, one item of each type.
const EXPORT: &str = r#"{
  "encrypted": false,
  "folders": [
    {"id": "f1", "name": "Web/Shops"},
    {"id": "f2", "name": "Empty"}
  ],
  "items": [
    {
      "passwordHistory": [
        {"lastUsedDate": "2021-01-01T00:00:00.000Z", "password": "older"},
        {"lastUsedDate": "2022-01-01T00:00:00.000Z", "password": "old"}
      ],
      "revisionDate": "2024-02-29T12:34:56.000Z", "creationDate": "2020-01-01T00:00:00.000Z", "deletedDate": null,
      "id": "i1", "organizationId": null, "folderId": "f1", "type": 1, "reprompt": 1,
      "name": "Shop", "notes": "line\n\"two\" \u00e9", "favorite": true,
      "fields": [
        {"name": "plain", "value": "v1", "type": 0, "linkedId": null},
        {"name": "hidden", "value": "v2", "type": 1, "linkedId": null},
        {"name": "flag", "value": "true", "type": 2, "linkedId": null},
        {"name": "link", "value": null, "type": 3, "linkedId": 100},
        {"name": "plain", "value": "again", "type": 0}, {"name": null, "value": null, "type": 0}
      ],
      "login": {
        "fido2Credentials": [{"credentialId": "c", "keyValue": "k", "counter": "0", "rpId": "shop.example", "discoverable": "true"}],
        "uris": [{"match": null, "uri": "https://shop.example"}, {"match": 3, "uri": "https://b.example"}],
        "username": "me", "password": "pw", "totp": "otpauth://totp/Shop:me?secret=GEZDGNBV&issuer=Shop"
      },
      "collectionIds": null
    },
    {"type": 2, "name": "Note", "notes": "text", "folderId": null, "secureNote": {"type": 0}, "favorite": false},
    {"type": 3, "name": "Card", "card": {"cardholderName": "M", "brand": "Visa", "number": "4111", "expMonth": "1", "code": "123"},
      "deletedDate": "2023-01-01T00:00:00.000Z"},
    {"type": 4, "name": "Me", "identity": {"title": "Dr", "firstName": "A", "ssn": "0815", "passportNumber": null}},
    {"type": 5, "name": "Key", "sshKey": {"privateKey": "-----BEGIN", "publicKey": "ssh-ed25519 A", "keyFingerprint": "SHA256:x"}}
  ]
}"#;

fn fields(entry: &ImportEntry) -> Vec<(&str, &str, bool)> {
    let fields = entry.content.fields.iter();
    fields.map(|field| (field.name.as_str(), field.value.expose(), field.protected)).collect()
}

#[test]
fn a_login_comes_in_with_all_it_has() {
    let Import { groups, entries } = read(EXPORT).unwrap();
    assert_eq!(groups, [vec![plain("Web"), plain("Shops")], vec![plain("Empty")]]);
    let shop = &entries[0];
    assert_eq!(shop.path, ["Web", "Shops"].map(plain));
    assert_eq!(shop.times, Some(Times { created_s: 1_577_836_800, modified_s: 1_709_210_096 }));
    assert_eq!(shop.recycled_s, None);
    let content = &shop.content;
    assert_eq!(
        (content.title.as_str(), content.user.as_str(), content.password.expose()),
        ("Shop", "me", "pw")
    );
    assert_eq!(content.notes.expose(), "line\n\"two\" é");
    assert_eq!(content.urls, ["https://shop.example", "https://b.example"].map(plain));
    assert_eq!(content.tags, [plain("favorite")]);
    let totp = content.totp.as_ref().unwrap();
    assert_eq!((totp.secret.expose(), totp.issuer.as_str()), (&b"12345"[..], "Shop"));
    assert_eq!(
        fields(shop),
        [
            ("passkey 1 credentialId", "c", true),
            ("passkey 1 keyValue", "k", true),
            ("passkey 1 counter", "0", true),
            ("passkey 1 rpId", "shop.example", false),
            ("passkey 1 discoverable", "true", true),
            ("plain", "v1", false),
            ("hidden", "v2", true),
            ("flag", "true", false),
            ("link", "linked to 100", false),
            ("plain (2)", "again", false),
            ("field", "", false),
        ]
    );
    let former: Vec<(u64, &str)> =
        shop.history.iter().map(|version| (version.modified_s, version.content.password.expose())).collect();
    assert_eq!(former, [(1_640_995_200, "old"), (1_609_459_200, "older")]);
}

#[test]
fn notes_cards_identities_and_keys_come_in() {
    let entries = read(EXPORT).unwrap().entries;
    assert_eq!((entries[1].content.title.as_str(), entries[1].content.notes.expose()), ("Note", "text"));
    assert_eq!((entries[1].times, entries[1].path.len()), (None, 0));
    assert_eq!(
        fields(&entries[2]),
        [
            ("cardholderName", "M", false),
            ("brand", "Visa", false),
            ("number", "4111", true),
            ("expMonth", "1", false),
            ("code", "123", true),
        ]
    );
    assert_eq!(entries[2].recycled_s, Some(1_672_531_200));
    assert_eq!(
        fields(&entries[3]),
        [("title", "Dr", false), ("firstName", "A", false), ("ssn", "0815", true)]
    );
    let key = [("privateKey", "-----BEGIN", true), ("publicKey", "ssh-ed25519 A", false)];
    assert_eq!(fields(&entries[4])[..2], key);
}

#[test]
fn all_of_it_is_in_the_store_after_one_commit() {
    let mut store = Store::new();
    let changes = store.import(read(EXPORT).unwrap(), GroupId::ROOT, &mut Seeded(1), 99).unwrap();
    assert_eq!(changes.records().unwrap().len(), 3 + 5);
    store.commit(changes).unwrap();
    let mut paths: Vec<String> = store.groups().map(|group| store.path(group.id).to_string()).collect();
    paths.sort();
    assert_eq!(paths, ["Empty", "Web", "Web/Shops"]);
    let recycled = store.entries().filter(|entry| store.is_recycled(Item::Entry(entry.id)));
    assert_eq!(recycled.map(|entry| entry.content.title.as_str()).collect::<Vec<_>>(), ["Card"]);
    // Once more: the groups are found again.
    let changes = store.import(read(EXPORT).unwrap(), GroupId::ROOT, &mut Seeded(2), 99).unwrap();
    assert_eq!(changes.records().unwrap().len(), 5);
}

#[test]
fn collections_of_an_organisation_are_groups_too() {
    let text = r#"{"encrypted":false,"collections":[{"id":"c","name":"Team"}],
        "items":[{"type":1,"name":"x","login":null,"collectionIds":["c"]}]}"#;
    let import = read(text).unwrap();
    assert_eq!(import.entries[0].path, [plain("Team")]);
}

#[test]
fn an_encrypted_export_is_refused_with_a_sentence() {
    for text in [
        r#"{"encrypted":true,"encKeyValidation_DO_NOT_EDIT":"2.x","folders":[],"items":[]}"#,
        r#"{"encrypted":true,"passwordProtected":true,"salt":"s","kdfType":0,"data":"2.x"}"#,
        r#"{"passwordProtected":true,"data":"2.x"}"#,
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error, BitwardenError::Encrypted);
        assert!(
            error.to_string().starts_with("this export is encrypted and can't be read here; export again")
        );
    }
}

fn item(json: &str) -> Result<Import, BitwardenError> {
    read(&format!(r#"{{"encrypted":false,"folders":[],"items":[{{"type":1,"name":"ok"}},{json}]}}"#))
}

fn refused(json: &str, why: ItemWhy) {
    let fault = ItemFault { number: 2, name: "x".into(), why };
    assert_eq!(item(json), Err(BitwardenError::Items(vec![fault])), "{}", &json[..json.len().min(80)]);
}

#[test]
fn what_cannot_be_kept_is_named_and_nothing_comes_in() {
    refused(r#"{"type":9,"name":"x"}"#, ItemWhy::Type);
    refused(r#"{"type":1,"name":"x","folderId":"f"}"#, ItemWhy::Folder);
    refused(r#"{"type":1,"name":"x","creationDate":"yesterday"}"#, ItemWhy::Date);
    let hotp = r#"{"type":1,"name":"x","login":{"totp":"otpauth://hotp/a?secret=GEZDGNBV"}}"#;
    refused(hotp, ItemWhy::Totp(OtpauthError::Counter));
    let long = "y".repeat(caps::NOTES_MAX + 1);
    let notes = format!(r#"{{"type":2,"name":"x","notes":"{long}"}}"#);
    refused(&notes, ItemWhy::Breach(Breach::TooLong(Part::Notes)));
    let many = r#"{"name":"f","value":"v","type":0},"#.repeat(90_000);
    let fields = format!(r#"{{"type":1,"name":"x","fields":[{}]}}"#, many.trim_end_matches(','));
    refused(&fields, ItemWhy::Breach(Breach::TooLong(Part::FieldName)));
    let deep =
        format!(r#"{{"encrypted":false,"folders":[{{"id":"f","name":"{}"}}],"items":[]}}"#, "a/".repeat(17));
    let fault = ItemFault { number: 0, name: "a/".repeat(17), why: ItemWhy::Path };
    assert_eq!(read(&deep), Err(BitwardenError::Items(vec![fault])));
    let both = item(r#"{"type":9,"name":"x"},{"type":8,"name":"z\u001b[2J"}"#).unwrap_err();
    assert_eq!(
        both.to_string(),
        "item 2 \"x\": its type is not known\nitem 3 \"z\\u{1b}[2J\": its type is not known"
    );
}

#[test]
fn other_json_is_refused() {
    assert_eq!(read("{}"), Err(BitwardenError::NoItems));
    assert_eq!(read(r#"{"encrypted":false}"#), Err(BitwardenError::NoItems));
    assert_eq!(read("{\n  \"items\": 1}"), Err(BitwardenError::Syntax { line: 2, column: 12 }));
    assert!(matches!(read(""), Err(BitwardenError::Syntax { .. })));
    assert!(matches!(read("[]]"), Err(BitwardenError::Syntax { .. })));
    assert_eq!(read(&" ".repeat(caps::IMPORT_MAX + 1)), Err(BitwardenError::TooLong));
    let many = r#"{"type":2},"#.repeat(caps::ENTRIES_MAX + 1);
    let text = format!(r#"{{"items":[{}]}}"#, many.trim_end_matches(','));
    assert_eq!(read(&text), Err(BitwardenError::TooMany));
    // Nesting that would exhaust a stack.
    let nested = format!(r#"{{"x":{}"#, "[".repeat(100_000));
    assert!(matches!(read(&nested), Err(BitwardenError::Syntax { .. })));
    let card = format!(r#"{{"type":3,"name":"x","card":{{"x":{}"#, "[".repeat(100_000));
    assert!(matches!(item(&card), Err(BitwardenError::Syntax { .. })));
}

#[test]
fn every_truncation_is_refused() {
    for length in (0..EXPORT.len()).filter(|length| EXPORT.is_char_boundary(*length)) {
        assert!(read(&EXPORT[..length]).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(at in any::<prop::sample::Index>(), with in "[\"{}\\[\\],:0-9a-z]{0,4}", cut in 0_usize..20) {
        let at = at.index(EXPORT.len());
        prop_assume!(EXPORT.is_char_boundary(at));
        let rest: String = EXPORT[at..].chars().skip(cut).collect();
        if let Ok(import) = read(&format!("{}{with}{rest}", &EXPORT[..at])) {
            let changes = Store::new().import(import, GroupId::ROOT, &mut Seeded(3), 1);
            prop_assert!(changes.unwrap().records().is_ok());
        }
    }
}
