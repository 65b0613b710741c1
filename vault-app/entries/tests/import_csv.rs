//! CSV in and out.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Seeded, content, entry_id, plain, titled};
use proptest::prelude::*;
use vault_app_codes::totp::Settings;
use vault_app_entries::export::Protected;
use vault_app_entries::import::csv::{Fault, Why, read};
use vault_app_entries::import::{Import, ImportEntry};
use vault_app_entries::otpauth::OtpauthError;
use vault_app_entries::{Breach, Content, Field, GroupId, Item, Part, Store, Times, caps};

fn path(entry: &ImportEntry) -> Vec<&str> {
    entry.path.iter().map(|name| name.as_str()).collect()
}

fn one(text: &str) -> ImportEntry {
    let Import { groups, mut entries } = read(text).unwrap();
    assert_eq!((groups.len(), entries.len()), (0, 1));
    entries.pop().unwrap()
}

#[test]
fn what_keepassxc_writes_is_read() {
    let text = concat!(
        "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n",
        "\"Passwords/Web/a\\/b\",\"Bank, the\",\"me\",\"p\"\"w,1\",\"https://bank.example\",\"two\nlines\",",
        "\"otpauth://totp/Bank:me?secret=GEZDGNBV&period=30&digits=6&issuer=Bank\",\"0\",",
        "\"2024-02-29T12:34:56Z\",\"2020-01-01T00:00:00Z\"\n",
        "\"Passwords\",\"\",\"\",\"\",\"\",\"\",\"\",\"0\",\"2024-02-29T12:34:56Z\",\"2024-02-29T12:34:56Z\"\n",
    );
    let import = read(text).unwrap();
    let bank = &import.entries[0];
    assert_eq!(path(bank), ["Web", "a/b"]);
    assert_eq!((bank.content.title.as_str(), bank.content.user.as_str()), ("Bank, the", "me"));
    assert_eq!(bank.content.password.expose(), "p\"w,1");
    assert_eq!(bank.content.notes.expose(), "two\nlines");
    assert_eq!(bank.content.urls, [plain("https://bank.example")]);
    assert_eq!(bank.content.totp.as_ref().unwrap().secret.expose(), b"12345");
    assert_eq!(bank.times, Some(Times { created_s: 1_577_836_800, modified_s: 1_709_210_096 }));
    assert_eq!(path(&import.entries[1]), [""; 0]);
    assert_eq!(import.entries[1].content, Content::default());
}

#[test]
fn what_bitwarden_writes_is_read() {
    let text = concat!(
        "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\r\n",
        "Web/Shops,1,login,Shop,,\"PIN: 1234\nhint: a: b\nsecond line\",0,",
        "\"https://shop.example/a,b,https://www.shop.example\",me,secret,steam://GEZDGNBV\r\n",
        ",,note,Diary,dear diary,,0,,,,\r\n",
    );
    let import = read(text).unwrap();
    let shop = &import.entries[0];
    assert_eq!(path(shop), ["Web", "Shops"]);
    assert_eq!(shop.content.urls, ["https://shop.example/a,b", "https://www.shop.example"].map(plain));
    assert_eq!(shop.content.totp.as_ref().unwrap().settings, Settings::STEAM);
    assert_eq!(shop.content.tags, [plain("favorite")]);
    let fields: Vec<(&str, &str, bool)> = shop
        .content
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.value.expose(), field.protected))
        .collect();
    assert_eq!(fields, [("PIN", "1234", true), ("hint", "a: b\nsecond line", true)]);
    assert_eq!(path(&import.entries[1]), [""; 0]);
    assert_eq!(import.entries[1].content.notes.expose(), "dear diary");
}

#[test]
fn what_browsers_write_is_read() {
    let chrome =
        one("name,url,username,password,note\nshop.example,https://shop.example/,me,pw,old account\n");
    assert_eq!(chrome.content.title.as_str(), "shop.example");
    assert_eq!(chrome.content.notes.expose(), "old account");
    let firefox = one(concat!(
        "\"url\",\"username\",\"password\",\"httpRealm\",\"formActionOrigin\",\"guid\",\"timeCreated\",",
        "\"timeLastUsed\",\"timePasswordChanged\"\r\n",
        "\"https://me@shop.example:8080/login?x\",\"me\",\"pw\",,\"https://shop.example\",\"{1}\",\"1600000000123\",",
        "\"1700000000000\",\"1650000000999\"\r\n",
    ));
    assert_eq!(firefox.content.title.as_str(), "shop.example:8080");
    assert_eq!(firefox.content.password.expose(), "pw");
    assert_eq!(firefox.times, Some(Times { created_s: 1_600_000_000, modified_s: 1_650_000_000 }));
    assert!(firefox.content.fields.is_empty());
}

#[test]
fn columns_that_are_not_known_become_protected_fields() {
    let entry = one("\u{feff}Title,Password,Answer,PIN\nx,pw,42,\n");
    let expected = Field { name: plain("Answer"), value: "42".into(), protected: true };
    assert_eq!(entry.content.fields, [expected]);
}

fn check(text: &str, expected: &[(usize, usize, &str, Why)]) {
    let faults = read(text).err().unwrap_or_default();
    let got: Vec<(usize, usize, &str, Why)> =
        faults.iter().map(|fault| (fault.line, fault.column, fault.name.as_str(), fault.why)).collect();
    assert_eq!(got, expected, "{:?}", text.chars().take(80).collect::<String>());
}

#[test]
fn hostile_files_are_refused_by_line_and_column() {
    check("", &[(1, 1, "", Why::Empty)]);
    check("\r\n\n", &[(1, 1, "", Why::Empty)]);
    check("a,b\n", &[(1, 1, "", Why::NoPassword)]);
    check("password,,x\n", &[(1, 2, "", Why::NoName)]);
    check("password,Password\n", &[(1, 2, "Password", Why::Twice)]);
    check("password,x,x\n", &[(1, 3, "x", Why::Twice)]);
    check("password,title\nab\"c,d\n", &[(2, 1, "", Why::StrayQuote)]);
    check("password,title\nx,\"open\n\nmore", &[(2, 2, "", Why::OpenQuote)]);
    check("password,title\n\"a\nb\",x\n\n\"c\"d,e\n", &[(5, 1, "", Why::BehindQuote)]);
    check("password,title\nx,y\rz,1\n", &[(2, 2, "", Why::Return)]);
    check("password,title\nx\ny,z\na,b,c\n", &[(2, 2, "", Why::Width), (4, 3, "", Why::Width)]);
    check("password,totp\nx,hunter2!\n", &[(2, 2, "totp", Why::Totp(OtpauthError::Secret))]);
    check("password,created\nx,yesterday\n", &[(2, 2, "created", Why::Date)]);
    check("password,timecreated\nx,-1\n", &[(2, 2, "timecreated", Why::Date)]);
    check(&format!("password,folder\nx,{}\n", "a/".repeat(17)), &[(2, 2, "folder", Why::Path)]);
    check(&format!("password,folder\nx,{}\n", "a".repeat(257)), &[(2, 2, "folder", Why::Path)]);
    let long = "x".repeat(caps::PASSWORD_MAX + 1);
    let breach = Why::Breach(Breach::TooLong(Part::Password));
    check(&format!("title,password\na,b\nc,{long}\n"), &[(3, 2, "password", breach)]);
    check(
        &format!("password,{}", "a,".repeat(caps::COLUMNS_MAX)),
        &[(1, caps::COLUMNS_MAX + 1, "", Why::Columns)],
    );
    let rows = "x\n".repeat(caps::ENTRIES_MAX + 1);
    check(&format!("password\n{rows}"), &[(caps::ENTRIES_MAX + 2, 1, "", Why::Rows)]);
    check(&" ".repeat(caps::IMPORT_MAX + 1), &[(1, 1, "", Why::TooLong)]);
}

#[test]
fn faults_are_counted_out_and_say_no_secret() {
    let faults = read(&format!("password,created\n{}", "hunter2,hunter2\n".repeat(100))).unwrap_err();
    assert_eq!(faults.len(), caps::FAULTS_MAX);
    assert_eq!(faults[1].to_string(), "line 3, column 2 (created): not a date");
    assert!(faults.iter().all(|fault: &Fault| !fault.to_string().contains("hunter2")));
    // So are those of the names themselves: 40 columns without one, all the same, none of passwords.
    assert_eq!(read(&",".repeat(39)).unwrap_err().len(), caps::FAULTS_MAX);
}

#[test]
fn large_hostile_cells_are_read_in_linear_time() {
    let many = |cell: &str, times: usize| {
        format!("password,login_uri,fields,tags\nx,{cell}\n", cell = cell.repeat(times))
    };
    let too_long = |part| Why::Breach(Breach::TooLong(part));
    let commas = format!("\"{}\",,", ",".repeat(1_000_000));
    check(&many(&commas, 1), &[(2, 2, "login_uri", too_long(Part::Url))]);
    let fields = format!(",\"{}\",", "a: b\n".repeat(200_000));
    check(&many(&fields, 1), &[(2, 3, "fields", too_long(Part::FieldName))]);
    let tags: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    check(&many(&format!(",,\"{tags}\""), 1), &[(2, 4, "tags", too_long(Part::Tag))]);
    let quotes = "\"\"".repeat(1_000_000);
    check(&many(&format!("\"{quotes}\",,"), 1), &[(2, 2, "login_uri", too_long(Part::Url))]);
}

proptest! {
    #[test]
    fn what_is_well_formed_reads_as_everybody_reads_it(
        rows in proptest::collection::vec(["[ -~\r\nä]{1,8}", "[a-z\",\n\r ]{0,8}"], 1..8),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["password", "notes"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let import = read(&text).unwrap();
        let got: Vec<[&str; 2]> = import
            .entries
            .iter()
            .map(|entry| [entry.content.password.expose(), entry.content.notes.expose()])
            .collect();
        let expected: Vec<[&str; 2]> = rows.iter().map(|row| [row[0].as_str(), row[1].as_str()]).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn what_is_read_of_any_text_is_what_everybody_reads(cells in "[a\",\n ]{0,24}") {
        let text = format!("password,notes\n{cells}");
        if let Ok(import) = read(&text) {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let theirs: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
            prop_assert_eq!(theirs.len(), import.entries.len());
            for (theirs, ours) in theirs.iter().zip(&import.entries) {
                prop_assert_eq!(&theirs[0], ours.content.password.expose());
                prop_assert_eq!(&theirs[1], ours.content.notes.expose());
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", header in "(password|group|totp|fields|,|\n|\"){0,6}") {
        if let Err(faults) = read(&format!("{header}{text}")) {
            prop_assert!(!faults.is_empty() && faults.len() <= caps::FAULTS_MAX);
        }
    }

    #[test]
    fn what_is_exported_comes_back(contents in proptest::collection::vec(content(), 1..4)) {
        let mut store = Store::new();
        let mut random = Seeded(1);
        for (number, mut content) in (1..).zip(contents) {
            // What CSV does not hold: see the header of the export.
            content.attachments.clear();
            content.entropy_centibits = None;
            content.expires_s = content.expires_s.map(|at_s| at_s % 100_000_000_000);
            content.fields = content
                .fields
                .iter()
                .map(|field| Field { name: plain(&field.name.replace(':', "")), protected: true, ..field.clone() })
                .filter(|field| !field.name.is_empty() && !field.value.expose().contains(['\r', '\u{85}']))
                .collect();
            content.fields.dedup_by(|a, b| a.name == b.name);
            if content.check().is_err() {
                continue;
            }
            let changes = store.add(entry_id(number), GroupId::ROOT, content, 1_000).unwrap();
            store.commit(changes).unwrap();
        }
        let export = store.export_csv(Protected::Include);
        let import = read(export.text.expose()).unwrap();
        let before: Vec<&Content> = store.entries().map(|entry| &entry.content).collect();
        let after: Vec<&Content> = import.entries.iter().map(|entry| &entry.content).collect();
        prop_assert_eq!(before, after);
        let mut second = Store::new();
        let changes = second.import(import, GroupId::ROOT, &mut random, 5).unwrap();
        second.commit(changes).unwrap();
        prop_assert_eq!(second.entries().count(), store.entries().count());
        prop_assert!(second.entries().all(|entry| entry.times == Times::new(1_000)));
    }
}

#[test]
fn an_export_says_what_it_leaves_out_and_what_is_dangerous() {
    let mut store = Store::new();
    let mut commit = |make: &dyn Fn(&Store) -> vault_app_entries::Changes| {
        let changes = make(&store);
        store.commit(changes).unwrap();
    };
    let mut bank = titled("=HYPERLINK(\"http://evil\")");
    bank.fields = vec![
        Field { name: plain("customer"), value: "4711".into(), protected: false },
        Field { name: plain("pin"), value: "0815".into(), protected: true },
    ];
    bank.password = "-minus".into();
    let group = common::group_id(1);
    commit(&|store| store.add_group(group, GroupId::ROOT, "a/b\\c", 1).unwrap());
    commit(&|store| store.add(entry_id(1), group, bank.clone(), 1).unwrap());
    commit(&|store| store.edit(entry_id(1), Content { user: plain("u"), ..bank.clone() }, 2).unwrap());
    commit(&|store| store.add(entry_id(2), GroupId::ROOT, titled("gone"), 1).unwrap());
    commit(&|store| store.remove(Item::Entry(entry_id(2)), 1).unwrap());
    let export = store.export_csv(Protected::Leave);
    assert_eq!(
        export.text.expose(),
        concat!(
            "Group,Title,Username,Password,URL,Notes,TOTP,Last Modified,Created,Tags,Fields,Expires\r\n",
            "Root/a\\/b\\\\c,\"=HYPERLINK(\"\"http://evil\"\")\",u,-minus,,,,1970-01-01T00:00:02Z,1970-01-01T00:00:01Z,,",
            "customer: 4711,\r\n",
        )
    );
    let counts = (export.entries, export.recycled, export.versions, export.protected, export.formulas);
    assert_eq!(counts, (1, 1, 1, 1, 2));
    let all = store.export_csv(Protected::Include);
    assert!(all.text.expose().contains("\"customer: 4711\npin: 0815\""));
    assert_eq!(all.protected, 0);
    assert_eq!(path(&read(all.text.expose()).unwrap().entries[0]), ["a/b\\c"]);
}

#[test]
fn an_entry_as_deep_as_groups_go_comes_back_and_one_deeper_is_refused() {
    let mut store = Store::new();
    let mut parent = GroupId::ROOT;
    for number in 1..=u8::try_from(caps::GROUP_DEPTH_MAX).unwrap() {
        let group = common::group_id(number.into());
        let changes = store.add_group(group, parent, "g", 1).unwrap();
        store.commit(changes).unwrap();
        parent = group;
    }
    let changes = store.add(entry_id(1), parent, titled("deep"), 1).unwrap();
    store.commit(changes).unwrap();
    let export = store.export_csv(Protected::Leave);
    let import = read(export.text.expose()).unwrap();
    assert_eq!(path(&import.entries[0]), ["g"; caps::GROUP_DEPTH_MAX]);

    // Where not all paths begin with the same name it is none of a root, and counts.
    let deep = "/g".repeat(caps::GROUP_DEPTH_MAX);
    let fault = |line, name: &str| vec![Fault { line, column: 1, name: name.into(), why: Why::Path }];
    for (text, faults) in [
        (format!("Group,Password\nRoot,p\nother{deep},p\n"), fault(3, "Group")),
        (format!("Group,Password\nRoot{deep}/g,p\n"), fault(2, "Group")),
        (format!("folder,Password\nRoot{deep},p\n"), fault(2, "folder")),
    ] {
        assert_eq!(read(&text), Err(faults), "{text}");
    }
}
