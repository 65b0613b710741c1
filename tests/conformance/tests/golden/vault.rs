//! The examples of the password store's three services.

use ipc_proto_types::{Bytes, Secret, Text};
use ipc_proto_vault_api as api;
use ipc_proto_vault_api::{VaultError, files, keys};

use crate::examples::{list, secret, text};
use crate::{Vector, call, event, reply};

type Outcome<T> = Result<T, VaultError>;

/// Service `vault`.
pub(crate) fn vault() -> Vec<Vector> {
    let mut vectors = opening();
    vectors.extend(changing());
    vectors.extend(showing());
    vectors.extend(keeping());
    vectors
}

fn name() -> (Text<256>,) {
    (text("work/github"),)
}

fn opening() -> Vec<Vector> {
    let status = api::Status {
        state: api::State::Locked,
        storage: api::Storage::Volume,
        entries: 0,
        retry_after_ms: 4000,
        key_file: true,
        auto_lock_s: 300,
        generation: 0,
    };
    let keys = |passphrase| api::Keys { passphrase: secret(passphrase), key_file: None };
    let key_file = Some(Secret::new(Bytes::try_from([0x5a; 32].as_slice()).expect("an example fits")));
    vec![
        call("status", ()),
        reply("status", status),
        call("init", (api::Keys { key_file, ..keys("correct horse") },)),
        reply("init", Outcome::Ok(())),
        call("unlock", (keys("wrong"),)),
        reply("unlock", Outcome::<()>::Err(VaultError::WrongPassphrase { retry_after_ms: 2000 })),
        reply("unlock", Outcome::<()>::Err(VaultError::TooSoon { retry_after_ms: 1 })),
        call("lock", ()),
        reply("lock", ()),
        call("change", (keys("old"), keys("new"))),
        reply("change", Outcome::<()>::Err(VaultError::EmptyPassphrase)),
        call("auto_lock", (300_u32,)),
        reply("auto_lock", Outcome::Ok(())),
    ]
}

fn changing() -> Vec<Vector> {
    let recipe = api::Recipe {
        length: 24,
        lower: true,
        upper: true,
        digits: true,
        symbols: false,
        no_look_alikes: true,
    };
    let totp = api::NewTotp {
        secret_base32: secret("GEZDGNBVGY3TQOJQ"),
        algorithm: api::Algorithm::Sha256,
        digits: 6,
        period_s: 30,
    };
    let generated = api::NewEntry {
        title: text("github"),
        group: text("work"),
        user: text("me"),
        url: text("https://github.com"),
        tags: list(&[text("code"), text("daily")]),
        password: api::NewPassword::Generate(recipe),
        totp: Some(totp.clone()),
        expires: Some(api::Expiry { unix_s: 1_798_761_600 }),
    };
    let given = api::NewPassword::Given(secret("correct horse"));
    let words = api::NewPassword::Words(api::Words { count: 6, separator: text("-") });
    let plain = api::NewEntry { password: given, totp: None, expires: None, ..generated.clone() };
    let edit = |change| call("edit", (text::<256>("github"), change));
    let field = api::Change::Field { name: text("PIN"), value: secret("1234"), protected: true };
    vec![
        call("add", (plain.clone(),)),
        call("add", (api::NewEntry { password: words.clone(), ..plain },)),
        call("add", (generated,)),
        reply("add", Outcome::Ok(api::Added { entropy_centibits: 14_289, generated: true })),
        edit(api::Change::Title(text("GitHub"))),
        edit(api::Change::Group(text(""))),
        edit(api::Change::User(text("you"))),
        edit(api::Change::Password(words)),
        edit(api::Change::Url(text(""))),
        edit(api::Change::Notes(secret("first line\nsecond line"))),
        edit(api::Change::Tags(list(&[]))),
        edit(api::Change::Totp(Some(totp))),
        edit(api::Change::Expires(None)),
        edit(field),
        edit(api::Change::NoField(text("PIN"))),
        reply("edit", Outcome::<api::Added>::Err(VaultError::Ambiguous { entries: 2 })),
    ]
}

fn showing() -> Vec<Vector> {
    let summary = api::Summary {
        title: text("github"),
        group: text("work"),
        user: text("me"),
        totp: true,
        expired: false,
        ambiguous: true,
        id: text("#3f9a"),
    };
    let entry = api::Entry {
        title: text("github"),
        group: text("work"),
        user: text("me"),
        password: Some(secret("hunter2")),
        entropy_centibits: 14_289,
        generated: true,
        totp: false,
        urls: list(&[text("https://github.com")]),
        tags: list(&[text("code")]),
        fields: list(&[api::Custom { name: text("PIN"), protected: true }]),
        attachments: list(&[text("codes.txt")]),
        more: false,
        notes_bytes: 22,
        versions: 3,
        created_unix_s: 1_767_225_600,
        modified_unix_s: 1_767_312_000,
        expires: Some(api::Expiry { unix_s: 1_798_761_600 }),
        in_bin: false,
        id: text("#3f9a00112233445566778899aabbccdd"),
    };
    let reveal = |what| call("reveal", (text::<256>("github"), what));
    vec![
        call("list", (text::<256>("tag:code"), 0_u32)),
        reply("list", Outcome::Ok(api::Page { entries: list(&[summary.clone(), summary]), total: 300 })),
        call("show", (text::<256>("github"), true)),
        reply("show", Outcome::Ok(api::Entry { password: None, expires: None, ..entry.clone() })),
        reply("show", Outcome::Ok(entry)),
        reveal(api::Reveal::Password),
        reveal(api::Reveal::Notes),
        reveal(api::Reveal::Field(text("PIN"))),
        reveal(api::Reveal::OldPassword(0)),
        reveal(api::Reveal::Totp),
        reply("reveal", Outcome::Ok(secret::<4096>("1234"))),
        reply("reveal", Outcome::<Secret<Text<4096>>>::Err(VaultError::NoSuchPart)),
        call("copy_once", name()),
        reply("copy_once", Outcome::Ok(secret::<1024>("hunter2"))),
        call("totp", name()),
        reply("totp", Outcome::Ok(api::Code { digits: secret("755224"), seconds_left: 30 })),
    ]
}

fn keeping() -> Vec<Vector> {
    let version = api::Version {
        modified_unix_s: 1_767_225_600,
        title: text("github"),
        user: text("me"),
        other_password: true,
    };
    let finding = |fault| api::Finding { title: text("github"), group: text("work"), fault };
    let findings = [
        finding(api::Fault::Expired),
        finding(api::Fault::ExpiresSoon),
        finding(api::Fault::Weak { centibits: 2_301 }),
        finding(api::Fault::Reused { group: 1 }),
    ];
    vec![
        call("remove", name()),
        reply("remove", Outcome::<()>::Err(VaultError::NoSuchEntry)),
        call("restore", name()),
        reply("restore", Outcome::<()>::Err(VaultError::NotInBin)),
        call("purge", name()),
        reply("purge", Outcome::<()>::Ok(())),
        call("empty_bin", ()),
        reply("empty_bin", Outcome::Ok(12_u32)),
        call("history", name()),
        reply("history", Outcome::Ok(api::Versions { versions: list(&[version]) })),
        call("revert", (text::<256>("github"), 2_u8)),
        reply("revert", Outcome::<()>::Err(VaultError::NoSuchPart)),
        call("forget_history", name()),
        reply("forget_history", Outcome::<()>::Ok(())),
        call("groups", (16_u32,)),
        reply(
            "groups",
            Outcome::Ok(api::GroupPage { groups: list(&[text("work"), text("work/a")]), total: 2 }),
        ),
        call("make_group", (text::<256>("work/servers"),)),
        reply("make_group", Outcome::<()>::Err(VaultError::NoSuchGroup)),
        call("move_group", (text::<256>("work/servers"), text::<256>("servers"))),
        reply("move_group", Outcome::<()>::Err(VaultError::GroupExists)),
        call("remove_group", (text::<256>("servers"),)),
        reply("remove_group", Outcome::<()>::Err(VaultError::Storage)),
        call("report", (0_u32,)),
        reply("report", Outcome::Ok(api::ReportPage { findings: list(&findings), total: 4 })),
    ]
}

/// Service `vault-files`.
pub(crate) fn files() -> Vec<Vector> {
    let piece = |bytes: &[u8]| Secret::new(Bytes::<{ files::PIECE_MAX }>::try_from(bytes).expect("it fits"));
    let key = keys::Key { id: 0x6668_7aad_f862_bd77, public: text("ssh-ed25519 AAAA me@example") };
    let imported = files::Imported { added: 40, skipped: 2, refused: 1 };
    let part = || (text::<256>("github"), text::<256>("codes.txt"));
    let import = |format, passphrase| call("import", (format, passphrase, text::<256>("imported")));
    vec![
        call("upload", (0_u32, piece(b"SKEP"))),
        reply("upload", Outcome::<()>::Err(VaultError::NoFile)),
        call("download", (4096_u32,)),
        reply("download", Outcome::Ok(piece(&[]))),
        import(files::Format::Kdbx, Some(secret::<256>("correct horse"))),
        import(files::Format::Csv, None),
        import(files::Format::Bitwarden, None),
        reply("import", Outcome::Ok(imported)),
        reply("import", Outcome::<files::Imported>::Err(VaultError::FileTooCostly)),
        call("export", (files::Format::Backup, Some(secret::<256>("correct horse")))),
        reply(
            "export",
            Outcome::Ok(files::Exported { bytes: 70_000, entries: 42, in_clear: 0, left_out: 3 }),
        ),
        call("verify", (secret::<256>("correct horse"),)),
        reply("verify", Outcome::Ok(files::Verified { entries: 42, groups: 3, attachments: 1, keys: 2 })),
        call("attach", part()),
        reply("attach", Outcome::<()>::Err(VaultError::NoSuchEntry)),
        call("detach", part()),
        reply("detach", Outcome::<()>::Err(VaultError::NoSuchPart)),
        call("fetch", part()),
        reply("fetch", Outcome::Ok(1234_u32)),
        call("key_import", (None::<Secret<Text<256>>>,)),
        reply("key_import", Outcome::Ok(key)),
    ]
}

/// Service `vault-keys`.
pub(crate) fn keys() -> Vec<Vector> {
    let key = keys::Key { id: 0x6668_7aad_f862_bd77, public: text("ssh-ed25519 AAAA me@example") };
    let pending = keys::Pending { qube: text("builder"), id: key.id, seconds_ago: 12 };
    let question = keys::Question {
        number: 3,
        qube: text("builder"),
        id: key.id,
        comment: text("me@example"),
        digest: Bytes::from([0xab; 32]),
        length: 312,
        seconds: 60,
    };
    let allow = |grant| call("allow", (text::<32>("builder"), key.id, grant));
    vec![
        call("make", (text::<128>("me@example"),)),
        reply("make", Outcome::Ok(key.clone())),
        call("list", (0_u32,)),
        reply("list", Outcome::Ok(keys::KeyPage { keys: list(std::slice::from_ref(&key)), total: 9 })),
        call("remove", (key.id,)),
        reply("remove", Outcome::<()>::Err(VaultError::NoSuchKey)),
        allow(keys::Grant::Once),
        allow(keys::Grant::Seconds(600)),
        reply("allow", Outcome::<()>::Ok(())),
        call("disallow", (text::<32>("builder"), key.id)),
        reply("disallow", Outcome::<()>::Ok(())),
        call("pending", ()),
        reply("pending", Outcome::Ok(keys::PendingPage { requests: list(&[pending]) })),
        call("answer", (1_u32, keys::Answer::No)),
        call("answer", (2_u32, keys::Answer::Once)),
        call("answer", (3_u32, keys::Answer::Seconds(60))),
        reply("answer", Outcome::Ok(true)),
        event("asked", (question,)),
    ]
}
