//! Lines and what they mean.

extern crate std;

use super::*;
use ipc_proto_types::Text;
use ipc_proto_vault_api::files::Format;
use ipc_proto_vault_api::keys::Grant;
use std::boxed::Box;
use std::format;
use std::string::{String, ToString};

fn check(line: &str, expected: &Command<'_>) {
    let words = Words::split(line).ok().unwrap();
    assert_eq!(parse(&words, false).ok().flatten().as_ref(), Some(expected), "{line}");
}

fn refused(line: &str) -> String {
    let words = match Words::split(line) {
        Ok(words) => words,
        Err(error) => return Misuse::Words(error).to_string(),
    };
    match parse(&words, false) {
        Ok(command) => panic!("{line} was understood as {command:?}"),
        Err(misuse) => misuse.to_string(),
    }
}

fn added(title: &'static str) -> Add<'static> {
    Add {
        title,
        group: "",
        user: "",
        url: "",
        tags: "",
        expires: None,
        password: Password::Asked,
        totp: None,
    }
}

/// Operands that every command of the table takes.
fn operands(spec: &Spec) -> &'static str {
    match spec.operands {
        "QUBE TEXT" => "echo hi",
        "who-can-reach QUBE" => "who-can-reach vault",
        "VAULT NEW-VAULT" | "NAME FIELD" | "NAME FILE" | "PATH TO" | "URL NAME" => "one two",
        "SECONDS|never" => "300",
        "NAME NUMBER" => "name 1",
        "NAME OPTION..." => "name --user me",
        "kdbx|csv|bitwarden|backup [--group PATH]" | "kdbx|csv|backup" => "kdbx",
        "make COMMENT | ls | import | rm KEY" => "ls",
        "QUBE KEY once|SECONDS" => "builder 66687aadf862bd77 once",
        "QUBE KEY" => "builder 66687aadf862bd77",
        other if other.starts_with('[') => "",
        "" => "",
        _ => "name",
    }
}

#[test]
fn every_command_of_the_table_is_understood() {
    // What follows `call` are no words of a command line.
    for spec in spec::all().filter(|spec| spec.name != "call") {
        let line = format!("{} {}", spec.name, operands(spec));
        assert!(matches!(parse(&Words::split(&line).ok().unwrap(), false), Ok(Some(_))), "{line}");
    }
    assert!(matches!(parse(&Words::split("  ").ok().unwrap(), false), Ok(None)));
}

#[test]
fn operands_and_options_arrive() {
    check("say echo \"grüße an alle\"", &Command::Say { peer: "echo", text: "grüße an alle" });
    check("say echo --x", &Command::Say { peer: "echo", text: "--x" });
    check("kill vault", &Command::Kill("vault"));
    check("start viewer-1", &Command::Start("viewer-1"));
    check("close viewer-1", &Command::Close(Some("viewer-1")));
    check("close", &Command::Close(None));
    check("open http://host.test/a?b=c&d", &Command::Open { what: "http://host.test/a?b=c&d", place: None });
    check("links", &Command::Links);
    check("open 3", &Command::Open { what: "3", place: None });
    let place = Some("personal-bills");
    check("open http://a/ in personal-bills", &Command::Open { what: "http://a/", place });
    check("open 3 in personal-bills", &Command::Open { what: "3", place });
    check("convert a.png", &Command::ConvertPasted("a.png"));
    check("convert 'two words.png'", &Command::ConvertPasted("two words.png"));
    check("vault convert x a.png", &Command::Vault(None, VaultCommand::Convert { name: "x", file: "a.png" }));
    check("convert http://h.test/a a.png", &Command::ConvertUrl { url: "http://h.test/a", name: "a.png" });
    check("policy who-can-reach vault", &Command::WhoCanReach("vault"));
    check("audit", &Command::Audit { count: 20, all: false });
    check("audit 5", &Command::Audit { count: 5, all: false });
    check("audit --all 7", &Command::Audit { count: 7, all: true });
    check("date", &Command::Clock);
    check("help vault add", &Command::Help(Topic::Command(spec::of_vault("add").unwrap())));
    check("help add", &Command::Help(Topic::Command(spec::of_vault("add").unwrap())));
    check("help vault", &Command::Help(Topic::Vault));
    check("vault show github", &Command::Vault(None, VaultCommand::Show { name: "github", reveal: false }));
    check(
        "vault show --reveal github",
        &Command::Vault(None, VaultCommand::Show { name: "github", reveal: true }),
    );
    check(
        "vault show '--reveal'",
        &Command::Vault(None, VaultCommand::Show { name: "--reveal", reveal: false }),
    );
}

#[test]
fn vault_commands_are_understood_without_the_word_vault() {
    let check = |line: &str, expected| super::tests::check(line, &Command::Vault(None, expected));
    check("ls", VaultCommand::List { search: Text::new() });
    check("show github", VaultCommand::Show { name: "github", reveal: false });
    check("copy-once github", VaultCommand::CopyOnce("github"));
    check("totp github", VaultCommand::Totp("github"));
    check("rm github", VaultCommand::Remove("github"));
    check("restore github", VaultCommand::Restore("github"));
    check("lock", VaultCommand::Lock);
    check("unlock", VaultCommand::Unlock { key_file: false });
    check("passwd", VaultCommand::Passwd { key_file: false, no_key_file: false });
}

#[test]
fn a_first_word_that_is_a_vault_addresses_it() {
    let parsed = |line: &'static str, is_vault| {
        let words = Box::leak(Box::new(Words::split(line).ok().unwrap()));
        parse(words, is_vault).map(Option::unwrap)
    };
    let unlock = || VaultCommand::Unlock { key_file: false };
    assert_eq!(parsed("vault-work unlock", true), Ok(Command::Vault(Some("vault-work"), unlock())));
    assert_eq!(parsed("vault unlock", true), Ok(Command::Vault(None, unlock())));
    assert_eq!(parsed("vault-work", true), Err(Misuse::BareVault));
    assert!(matches!(parsed("vault-work qubes", true), Err(Misuse::UnknownVaultCommand { .. })));
    assert!(matches!(parsed("vault-work unlock", false), Err(Misuse::UnknownCommand { .. })));
    // A qube can't take the name of a command away.
    assert_eq!(parsed("log", true), Ok(Command::Log));
    assert_eq!(
        parsed("clone vault vault-work", true),
        Ok(Command::Clone { from: "vault", to: "vault-work" })
    );
}

#[test]
fn opening_takes_key_files() {
    let check = |line: &str, expected| super::tests::check(line, &Command::Vault(None, expected));
    check("vault init --key-file", VaultCommand::Init { key_file: true });
    check("unlock --key-file", VaultCommand::Unlock { key_file: true });
    check("passwd --key-file", VaultCommand::Passwd { key_file: true, no_key_file: false });
    check("passwd --no-key-file", VaultCommand::Passwd { key_file: false, no_key_file: true });
    check("vault auto-lock 300", VaultCommand::AutoLock(300));
    check("vault auto-lock never", VaultCommand::AutoLock(0));
}

#[test]
fn a_search_keeps_the_words_of_the_line() {
    for (line, search) in [
        ("ls", ""),
        ("find git hub", "git hub"),
        ("ls group:work tag:daily is:expired", "group:work tag:daily is:expired"),
        ("ls 'two words' x", "\"two words\" x"),
        ("ls 'tag:two words'", "tag:\"two words\""),
        ("ls 'group:a b' \"note: c\"", "group:\"a b\" \"note: c\""),
    ] {
        let search = Text::try_from(search).unwrap();
        check(line, &Command::Vault(None, VaultCommand::List { search }));
    }
}

#[test]
fn parts_bin_groups_and_history_are_understood() {
    let check = |line: &str, expected| super::tests::check(line, &Command::Vault(None, expected));
    check("vault notes x", VaultCommand::Notes("x"));
    check("vault write 'a plan'", VaultCommand::Write("a plan"));
    check("vault field x 'recovery code'", VaultCommand::Field { name: "x", field: "recovery code" });
    check("vault history x", VaultCommand::History { name: "x", reveal: false });
    check("vault history --reveal x", VaultCommand::History { name: "x", reveal: true });
    check("vault history x --forget", VaultCommand::ForgetHistory("x"));
    check("vault revert x 3", VaultCommand::Revert { name: "x", version: 3 });
    check("vault purge x", VaultCommand::Purge("x"));
    check("vault empty-bin", VaultCommand::EmptyBin);
    check("vault groups", VaultCommand::Groups);
    check("vault mkgroup work/a", VaultCommand::MakeGroup("work/a"));
    check("vault mvgroup work/a b", VaultCommand::MoveGroup { path: "work/a", to: "b" });
    check("vault rmgroup b", VaultCommand::RemoveGroup("b"));
    check("vault report", VaultCommand::Report);
}

#[test]
fn files_and_keys_are_understood() {
    let check = |line: &str, expected| super::tests::check(line, &Command::Vault(None, expected));
    let import = |format| VaultCommand::Import { format, group: "" };
    check("vault import kdbx", import(Format::Kdbx));
    check("vault import csv", import(Format::Csv));
    check("vault import bitwarden", import(Format::Bitwarden));
    check("vault import backup", import(Format::Backup));
    check("vault import --group old kdbx", VaultCommand::Import { format: Format::Kdbx, group: "old" });
    check("vault export kdbx", VaultCommand::Export(Format::Kdbx));
    check("vault export csv", VaultCommand::Export(Format::Csv));
    check("vault export backup", VaultCommand::Export(Format::Backup));
    check("vault verify", VaultCommand::Verify);
    check("vault attach x a.txt", VaultCommand::Attach { name: "x", file: "a.txt" });
    check("vault detach x a.txt", VaultCommand::Detach { name: "x", file: "a.txt" });
    check("vault fetch x a.txt", VaultCommand::Fetch { name: "x", file: "a.txt" });
    check("vault key make 'me @ example'", VaultCommand::KeyMake("me @ example"));
    check("vault key ls", VaultCommand::KeyList);
    check("vault key import", VaultCommand::KeyImport);
    check("vault key rm 00000000000000ff", VaultCommand::KeyRemove(255));
    let id = 0x6668_7aad_f862_bd77;
    let allow = |grant| VaultCommand::Allow { qube: "builder", id, grant };
    check("vault allow builder 66687aadf862bd77 once", allow(Grant::Once));
    check("vault allow builder 66687AADF862BD77 600", allow(Grant::Seconds(600)));
    check("vault disallow builder 66687aadf862bd77", VaultCommand::Disallow { qube: "builder", id });
    check("vault requests", VaultCommand::Requests);
}

#[test]
fn add_takes_its_options_in_any_order() {
    let check = |line: &str, expected| {
        super::tests::check(line, &Command::Vault(None, VaultCommand::Add(expected)));
    };
    check("vault add github", added("github"));
    let all = [true; 4];
    let characters = |length, classes| Password::Characters { length, classes, no_look_alikes: false };
    check(
        "vault add github --user me --generate 24",
        Add { user: "me", password: characters(24, all), ..added("github") },
    );
    let totp = Totp { algorithm: Algorithm::Sha256, digits: 8, period_s: 60 };
    check(
        "add --no-symbols --totp --algorithm=sha256 --digits 8 --period=60 --no-upper --generate=12 bank \
         --user 'me too'",
        Add {
            user: "me too",
            password: characters(12, [true, false, true, false]),
            totp: Some(totp),
            ..added("bank")
        },
    );
    check(
        "add x --words 6 --group work/a --url https://x.org --tags 'a, b' --expires 1970-01-03 --steam",
        Add {
            group: "work/a",
            url: "https://x.org",
            tags: "a, b",
            expires: Some(2 * 86_400),
            password: Password::Words { count: 6, separator: "-" },
            totp: Some(Totp { algorithm: Algorithm::Steam, digits: 6, period_s: 30 }),
            ..added("x")
        },
    );
    check(
        "add x --words 4 --separator ' ' --expires never",
        Add { password: Password::Words { count: 4, separator: " " }, ..added("x") },
    );
    let no_look_alikes = Password::Characters { length: 20, classes: all, no_look_alikes: true };
    check("add x --generate 20 --no-look-alikes", Add { password: no_look_alikes, ..added("x") });
}

#[test]
fn edit_knows_what_is_to_be_another() {
    let check = |line: &str, expected| {
        super::tests::check(line, &Command::Vault(None, VaultCommand::Edit(expected)));
    };
    let edit = || Edit { name: "x", ..Edit::default() };
    check("edit x --title y --user me", Edit { title: Some("y"), user: Some("me"), ..edit() });
    check(
        "edit x --group '' --url '' --tags ''",
        Edit { group: Some(""), url: Some(""), tags: Some(""), ..edit() },
    );
    check("edit x --expires never", Edit { expires: Some(None), ..edit() });
    check("edit x --expires 1970-01-02", Edit { expires: Some(Some(86_400)), ..edit() });
    check("edit x --password", Edit { password: Some(Password::Asked), ..edit() });
    check(
        "edit x --words 5",
        Edit { password: Some(Password::Words { count: 5, separator: "-" }), ..edit() },
    );
    check("edit --notes x", Edit { notes: true, ..edit() });
    check("edit x --field PIN", Edit { field: Some(("PIN", false)), ..edit() });
    check("edit x --protected --field PIN", Edit { field: Some(("PIN", true)), ..edit() });
    check("edit x --no-field PIN", Edit { no_field: Some("PIN"), ..edit() });
    let totp = Totp { algorithm: Algorithm::Sha1, digits: 6, period_s: 30 };
    check("edit x --totp", Edit { totp: Some(Some(totp)), ..edit() });
    check("edit x --no-totp", Edit { totp: Some(None), ..edit() });
}

#[test]
fn what_is_wrong_is_said_with_the_nearest_right_word() {
    for (line, sentence) in [
        ("qbues", "Unknown command 'qbues'. Did you mean 'qubes'?"),
        ("reboot", "Unknown command 'reboot'. Type 'help'."),
        ("vault", "'vault' needs a command after it. Type 'help vault'."),
        ("vault shwo x", "The vault has no command 'shwo'. Did you mean 'vault show'?"),
        ("vault qubes", "The vault has no command 'qubes'. Type 'help vault'."),
        ("help audti", "There is no command 'audti'. Did you mean 'audit'?"),
        ("say", "'say' needs the QUBE to talk to.\nUsage: say QUBE TEXT"),
        ("say echo", "'say' needs a TEXT.\nUsage: say QUBE TEXT"),
        ("say echo hello world", "'world' is one word too many.\nUsage: say QUBE TEXT"),
        ("say echo \"hello", "A quote \" is opened and not closed."),
        ("qubes now", "'now' is one word too many.\nUsage: qubes"),
        ("kill", "'kill' needs the QUBE to end.\nUsage: kill QUBE"),
        ("policy why", "'why' is no policy question: expected who-can-reach QUBE."),
        ("audit many", "'many' is no COUNT: expected a number from 1 to 64."),
        ("audit 65", "'65' is no COUNT: expected a number from 1 to 64."),
        ("vault show", "'vault show' needs the NAME of the entry.\nUsage: vault show NAME [--reveal]"),
        ("vault show x --revael", "Unknown option '--revael'. Did you mean '--reveal'?"),
        ("add x --generate 0", "'0' is no --generate: expected a number from 1 to 255."),
        ("add x --algorithm md5", "'md5' is no algorithm: expected sha1, sha256 or sha512."),
        ("add x --digits 9", "'9' is no --digits: expected a number from 6 to 8."),
        ("add ''", "The name is empty."),
        ("add x --words 33", "'33' is no --words: expected a number from 1 to 32."),
        ("add x --generate 9 --words 3", "'--generate' and '--words' exclude each other."),
        ("add x --steam --algorithm sha1", "'--steam' and '--algorithm' exclude each other."),
        ("add x --expires tomorrow", "'tomorrow' is no date: expected YEAR-MONTH-DAY or never."),
        ("add x --tags a,b,c,d,e,f,g,h,i", "8 tags are the most."),
        (
            "add x --title y",
            "Unknown option '--title'.\nUsage: vault add NAME [--group PATH] [--user USER] [--url URL] [--tags A,B] [--expires DATE] \
             [--generate LENGTH | --words COUNT] [--totp]",
        ),
        ("edit x --titel y", "Unknown option '--titel'. Did you mean '--title'?"),
        ("edit x", "'vault edit' needs something to change.\nUsage: vault edit NAME OPTION..."),
        (
            "edit x --protected",
            "'vault edit' needs --field NAME with --protected.\nUsage: vault edit NAME OPTION...",
        ),
        ("edit x --password --words 3", "'--password' and '--generate or --words' exclude each other."),
        ("edit x --totp --no-totp", "'--totp' and '--no-totp' exclude each other."),
        ("find", "'vault find' needs WORDs to look for.\nUsage: vault find SEARCH..."),
        ("ls --all", "Unknown option '--all'.\nUsage: vault ls [SEARCH...]"),
        ("vault auto-lock 0", "'0' is no number of seconds: expected a number from 1 to 86400."),
        ("vault revert x 0", "'0' is no number of a version: expected a number from 1 to 10."),
        ("vault import doc", "'doc' is no format: expected kdbx, csv, bitwarden or backup."),
        ("vault import backup --group x", "'backup' and '--group' exclude each other."),
        ("vault export bitwarden", "'bitwarden' is no format for an export: expected kdbx, csv or backup."),
        (
            "vault key",
            "'vault key' needs what to do: make, ls, import or rm.\nUsage: vault key make COMMENT | ls | import | rm KEY",
        ),
        ("vault key mk", "'mk' is no key command: expected make, ls, import or rm."),
        ("vault key rm 12", "'12' is no key: expected its 16 digits, as 'vault key ls' shows them."),
        ("vault key ls x", "'x' is one word too many.\nUsage: vault key make COMMENT | ls | import | rm KEY"),
        (
            "vault allow builder 66687aadf862bd77 0",
            "'0' is no number of seconds: expected a number from 1 to 86400.",
        ),
        ("vault lcok", "The vault has no command 'lcok'. Did you mean 'vault lock'?"),
        ("vault emtpy-bin", "The vault has no command 'emtpy-bin'. Did you mean 'vault empty-bin'?"),
        ("vault status now", "'now' is one word too many.\nUsage: vault status"),
        (
            "clone vault",
            "'clone' needs the NEW vault, a qube that holds nothing yet.\nUsage: clone VAULT NEW-VAULT",
        ),
    ] {
        assert_eq!(refused(line), sentence);
    }
}

#[test]
fn what_is_wrong_with_a_document_is_said_too() {
    for (line, sentence) in [
        (
            "open",
            "'open' needs the URL of a document, or the number of a link.\nUsage: open URL | NUMBER [in NAME]",
        ),
        ("open 1 2", "'2' is one word too many.\nUsage: open URL | NUMBER [in NAME]"),
        (
            "convert http://h.test/",
            "'convert' needs the NAME of the file it becomes.\nUsage: convert URL NAME | FILE",
        ),
        (
            "convert",
            "'convert' needs the URL of a picture and a NAME, or the name of a FILE that you paste.\n\
             Usage: convert URL NAME | FILE",
        ),
        (
            "convert h.test/a a.png",
            "'h.test/a' is no URL: expected http:// or https:// and a host before a NAME, or one name alone for a \
             FILE that you paste.",
        ),
        ("convert http://h.test/ a.png b", "'b' is one word too many.\nUsage: convert URL NAME | FILE"),
        ("vault convert a", "'vault convert' needs the name of the FILE.\nUsage: vault convert NAME FILE"),
        ("close a b", "'b' is one word too many.\nUsage: close [DISPOSABLE]"),
    ] {
        assert_eq!(refused(line), sentence);
    }
}

#[test]
fn what_is_too_long_is_refused_by_its_bound() {
    let long = |length| "x".repeat(length);
    assert_eq!(refused(&format!("show {}", long(257))), "The name is longer than 256 bytes.");
    assert_eq!(refused(&format!("add a --user {}", long(257))), "The user is longer than 256 bytes.");
    assert_eq!(refused(&format!("add a --url {}", long(513))), "The URL is longer than 512 bytes.");
    assert_eq!(refused(&format!("add a --tags b,{}", long(65))), "The tag is longer than 64 bytes.");
    assert_eq!(
        refused(&format!("add a --words 3 --separator {}", long(9))),
        "The separator is longer than 8 bytes."
    );
    assert_eq!(refused(&format!("find {} {}", long(200), long(200))), "The search is longer than 256 bytes.");
    assert_eq!(refused(&format!("vault key make {}", long(129))), "The comment is longer than 128 bytes.");
    assert_eq!(
        refused(&format!("vault disallow {} 66687aadf862bd77", long(17))),
        "The name of a qube is longer than 16 bytes."
    );
    assert_eq!(refused(&format!("say echo {}", long(1025))), "The text is longer than 1024 bytes.");
    let fits = long(1024);
    check(&format!("say echo {fits}"), &Command::Say { peer: "echo", text: &fits });
}
