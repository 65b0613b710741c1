//! What is longer than its place on the wire, which an import can bring: secrets whole or not at all, all else marked.

mod common;

use common::{Desk, plain, titled};
use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{Reveal, VaultError};
use vault_app_codes::totp::{Hash, Settings};
use vault_app_desk as desk;
use vault_app_entries::{Attachment, Content, ContentId, Field, GroupId, SecretBytes, Totp, otpauth};

fn show(content: Content) -> Result<ipc_proto_vault_api::Entry, VaultError> {
    let mut desk = Desk::new();
    let id = desk.import(1, GroupId::ROOT, content);
    desk.show(&desk::short_id(&desk.store, id))
}

#[test]
fn an_answer_with_less_than_there_is_says_so() {
    let many = |count: usize| (0..count).map(|number| plain(&format!("t{number}"))).collect::<Vec<_>>();
    let fields = |count| {
        let field = |name| Field { name, value: "x".into(), protected: false };
        many(count).into_iter().map(field).collect::<Vec<_>>()
    };
    let attachments = |count| {
        let file = |name| Attachment { name, content: ContentId::from_bytes([1; 16]), size: 1 };
        many(count).into_iter().map(file).collect::<Vec<_>>()
    };
    let base = || titled("x");
    for (content, more) in [
        (base(), false),
        (Content { title: plain(&"x".repeat(256)), ..base() }, false),
        (Content { title: plain(&"x".repeat(257)), ..base() }, true),
        (Content { user: plain(&"x".repeat(257)), ..base() }, true),
        (Content { urls: vec![plain(&"x".repeat(512))], ..base() }, false),
        (Content { urls: vec![plain(&"x".repeat(513))], ..base() }, true),
        (Content { urls: many(4), ..base() }, false),
        (Content { urls: many(5), ..base() }, true),
        (Content { tags: many(16), ..base() }, false),
        (Content { tags: many(17), ..base() }, true),
        (Content { tags: vec![plain(&"x".repeat(65))], ..base() }, true),
        (Content { fields: fields(8), ..base() }, false),
        (Content { fields: fields(9), ..base() }, true),
        (Content { attachments: attachments(8), ..base() }, false),
        (Content { attachments: attachments(9), ..base() }, true),
    ] {
        assert_eq!(show(content.clone()).map(|entry| entry.more), Ok(more), "{content:?}");
    }
    let entry = show(Content { tags: many(20), ..base() }).unwrap();
    assert_eq!(entry.tags.len(), List::<Text<64>, 16>::CAPACITY);
    let entry = show(Content { title: plain(&"ä".repeat(200)), ..base() }).unwrap();
    assert_eq!(*entry.title, format!("{}…", "ä".repeat(126)));
}

#[test]
fn a_secret_is_whole_or_not_there() {
    let mut desk = Desk::new();
    for (title, length) in [("short", 1_024), ("long", 1_025)] {
        let content = Content { password: "p".repeat(length).as_str().into(), ..titled(title) };
        desk.import(1, GroupId::ROOT, content);
    }
    let length = |text: &Text<1024>| text.len();
    assert_eq!(desk::copy_once(&desk.store, "short").map(|text| length(text.expose())), Ok(1_024));
    assert_eq!(desk::copy_once(&desk.store, "long"), Err(VaultError::TooLong));
    assert_eq!(desk.show("long"), Err(VaultError::TooLong));
    assert_eq!(desk::entry(&desk.store, "long", false).unwrap().password, None);
    let revealed = desk::reveal(&desk.store, "long", &Reveal::Password).unwrap();
    assert_eq!(revealed.expose().len(), 1_025);
    let notes = "n".repeat(4_097);
    let field = Field { name: plain("key"), value: notes.as_str().into(), protected: true };
    let content = Content { notes: notes.as_str().into(), fields: vec![field], ..titled("notes") };
    desk.import(2, GroupId::ROOT, content);
    for what in [Reveal::Notes, Reveal::Field(Text::truncated("key"))] {
        assert_eq!(desk::reveal(&desk.store, "notes", &what), Err(VaultError::TooLong), "{what:?}");
    }
    assert_eq!(desk.show("notes").unwrap().notes_bytes, 4_097);
}

#[test]
fn a_title_that_is_no_name_is_listed_with_the_id_that_is() {
    let mut desk = Desk::new();
    let long = "x".repeat(300);
    let id = desk.import(1, GroupId::ROOT, titled(&long));
    let line = &desk.list("")[0];
    assert!(line.ambiguous && line.title.ends_with('…'));
    assert_eq!(desk::resolve(&desk.store, &line.id), Ok(id));
    assert_eq!(desk::resolve(&desk.store, &line.title), Err(VaultError::NoSuchEntry));
}

#[test]
fn the_largest_one_time_codes_have_room_and_the_longest_life_is_cut() {
    let mut desk = Desk::new();
    let label = plain(&"ü".repeat(128));
    let totp = Totp {
        secret: SecretBytes::new(&[0xff; 128]),
        settings: Settings::new(Hash::Sha512, 8, 3_600).unwrap(),
        issuer: label.clone(),
        account: label,
    };
    let printed = otpauth::print(&totp);
    desk.import(1, GroupId::ROOT, Content { totp: Some(totp), ..titled("codes") });
    let uri = desk::reveal(&desk.store, "codes", &Reveal::Totp).unwrap();
    assert_eq!(uri.expose().as_str(), printed.expose());
    assert_eq!(desk::totp(&desk.store, "codes", 0).unwrap().seconds_left, 255);
    assert_eq!(desk::totp(&desk.store, "codes", 3_500).unwrap().seconds_left, 100);
}
