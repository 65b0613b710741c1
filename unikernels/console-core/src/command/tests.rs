//! Lines and what they mean.

extern crate std;

use super::*;
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

fn added(name: &'static str) -> Add<'static> {
    Add {
        name,
        user: "",
        generate: None,
        classes: [true; 4],
        totp: false,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period_s: 30,
    }
}

#[test]
fn every_command_of_the_table_is_understood() {
    let operands = |spec: &Spec| match spec.operands {
        "" | "[COUNT] [--all]" | "[COMMAND]" => "",
        "QUBE TEXT" => "echo hi",
        "who-can-reach QUBE" => "who-can-reach vault",
        _ => "name",
    };
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
    check("ls", &Command::Vault(None, VaultCommand::List));
    check("show github", &Command::Vault(None, VaultCommand::Show { name: "github", reveal: false }));
    check("copy-once github", &Command::Vault(None, VaultCommand::CopyOnce("github")));
    check("totp github", &Command::Vault(None, VaultCommand::Totp("github")));
    check("rm github", &Command::Vault(None, VaultCommand::Remove("github")));
    check("lock", &Command::Vault(None, VaultCommand::Lock));
    check("unlock", &Command::Vault(None, VaultCommand::Unlock));
    check("passwd", &Command::Vault(None, VaultCommand::Passwd));
}

#[test]
fn add_takes_its_options_in_any_order() {
    check("vault add github", &Command::Vault(None, VaultCommand::Add(added("github"))));
    let expected = Add { user: "me", generate: Some(24), ..added("github") };
    check("vault add github --user me --generate 24", &Command::Vault(None, VaultCommand::Add(expected)));
    let expected = Add {
        user: "me too",
        generate: Some(12),
        classes: [true, false, true, false],
        totp: true,
        algorithm: Algorithm::Sha256,
        digits: 8,
        period_s: 60,
        ..added("bank")
    };
    let line = "add --no-symbols --totp --algorithm=sha256 --digits 8 --period=60 --no-upper --generate=12 bank \
                --user 'me too'";
    check(line, &Command::Vault(None, VaultCommand::Add(expected)));
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
        (
            "add x --generate",
            "'--generate' needs a value.\n\
            Usage: vault add NAME [--user USER] [--generate LENGTH] [--totp]",
        ),
        ("add x --generate 0", "'0' is no --generate: expected a number from 1 to 255."),
        ("add x --algorithm md5", "'md5' is no algorithm: expected sha1, sha256 or sha512."),
        ("add x --digits 9", "'9' is no --digits: expected a number from 6 to 8."),
        ("add ''", "The name is empty."),
    ] {
        assert_eq!(refused(line), sentence);
    }
}

#[test]
fn what_is_too_long_is_refused_by_its_bound() {
    let long = |length| "x".repeat(length);
    assert_eq!(refused(&format!("show {}", long(65))), "The name is longer than 64 bytes.");
    assert_eq!(refused(&format!("add a --user {}", long(129))), "The user is longer than 128 bytes.");
    assert_eq!(refused(&format!("say echo {}", long(1025))), "The text is longer than 1024 bytes.");
    let fits = long(1024);
    check(&format!("say echo {fits}"), &Command::Say { peer: "echo", text: &fits });
}
