//! Sessions with files: pasted, shown, attached.

use super::*;
use crate::base64;
use crate::fake_vault::Kept;
use ipc_proto_vault_api::VaultError;

/// Lines of base64 as `base64` prints them.
fn lines_of(content: &[u8], width: usize) -> Vec<String> {
    let mut text = String::new();
    base64::encode(content, &mut |piece| text.push_str(piece));
    text.as_bytes().chunks(width).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
}

/// Types a command, then these lines, then the line that ends a file.
fn paste(world: &mut FakeWorld, before: &[&str], file: &[String], after: &[&str]) -> String {
    let file = file.iter().map(String::as_str);
    let lines: Vec<&str> =
        before.iter().copied().chain(file).chain(["."]).chain(after.iter().copied()).collect();
    play(world, &lines)
}

fn with_entry(world: &mut FakeWorld) {
    opened(world);
    let kept =
        Kept { title: "bank".into(), user: "me".into(), password: "s3cret-pw".into(), ..Kept::default() };
    world.machine.borrow_mut().vault("vault").entries.push(kept);
}

const ASKED: &str =
    "Paste the file as lines of base64, then a line with a single dot; Ctrl-C gives up. Nothing is shown.";

#[test]
fn a_pasted_file_is_taken_in_and_no_byte_of_it_is_shown() {
    let content = b"KDBX file-pass\nwork|github|me|p1\n|bank|me|p2\nbroken\n";
    for width in [4, 61, 76, 1_024] {
        let mut world = FakeWorld::new();
        with_entry(&mut world);
        let file = lines_of(content, width);
        let shown =
            paste(&mut world, &["vault import kdbx --group old", "file-pass"], &file, &["ls group:old"]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "skep> vault import kdbx --group old",
                "Passphrase of the file:",
                ASKED,
                "52 bytes came.",
                "Deriving the key (Argon2id) ...",
                "Added 1 entry. 1 were there already, just so. 1 item could not be taken.",
                "skep> ls group:old",
                "TITLE                    GROUP                USER                         CODES",
                "github                   old                  me",
                "1 entry",
            ],
            "{width}"
        );
        assert_eq!(world.machine.borrow_mut().vault("vault").uploaded, content);
    }
}

#[test]
fn a_long_file_goes_in_pieces_and_shows_how_far_it_is() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let content = format!("CSV \n{}", "#123456789\n".repeat(5_000));
    let shown = paste(&mut world, &["vault import csv"], &lines_of(content.as_bytes(), 76), &[]);
    assert!(shown.ends_with(&format!("{} bytes came.\nAdded no entries.\n", content.len())), "{shown}");
    assert_eq!(world.machine.borrow_mut().vault("vault").uploaded, content.as_bytes());
    let calls = &world.machine.borrow().calls;
    let uploads = calls.iter().filter(|call| *call == "vault-files.upload").count();
    assert_eq!(uploads, content.len().div_ceil(4_096));
}

#[test]
fn pieces_end_exactly_where_the_file_does() {
    for length in [0, 1, 4_095, 4_096, 4_097, 8_192] {
        let mut world = FakeWorld::new();
        with_entry(&mut world);
        let content = std::vec![0xa5; length];
        let shown = paste(&mut world, &["vault attach bank a.bin"], &lines_of(&content, 76), &[]);
        assert!(shown.ends_with(&format!("{length} bytes came.\nAttached 'a.bin' to 'bank'.\n")), "{shown}");
        let mut machine = world.machine.borrow_mut();
        assert_eq!(machine.vault("vault").entry("bank").files, [("a.bin".into(), content)]);
    }
}

#[test]
fn a_bad_line_is_named_and_what_follows_is_never_taken_for_commands() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let bad: Vec<String> = ["Q1NW", "IA==", "qubes", "poweroff"].map(String::from).into();
    let shown = paste(&mut world, &["vault import csv"], &bad, &["vault status"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "skep> vault import csv",
            ASKED,
            "Line 3 is no base64, or longer than 1024 characters.",
            "Nothing was done. What still comes is dropped, up to the line with the dot.",
            "skep> vault status",
            "open, no entries.",
            "Entries are in memory: they end with the qube.",
        ]
    );
    let calls = &world.machine.borrow().calls;
    assert!(!calls.iter().any(|call| call == "vault-files.import" || call == "ctl.poweroff"), "{calls:?}");
}

#[test]
fn lines_too_long_and_files_that_are_not_whole_are_refused() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let long = std::vec!["Q".repeat(1_025), "qubes".into()];
    let shown = paste(&mut world, &["vault import csv"], &long, &[]);
    assert!(shown.contains("Line 1 is no base64, or longer than 1024 characters.\n"), "{shown}");
    assert_eq!(world.terminal.bells, 0, "a paste is no alarm");
    world.terminal = crate::fake::Fake::default();
    let shown = paste(&mut world, &["vault import csv"], &["Q1N".into()], &[]);
    assert!(shown.contains("The last line of base64 is not whole; nothing was done.\n"), "{shown}");
    assert!(!world.machine.borrow().calls.iter().any(|call| call == "vault-files.import"));
}

#[test]
fn a_vault_that_takes_no_more_stops_the_file_and_drops_the_rest() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    world.machine.borrow_mut().vault("vault").upload_max = 5_000;
    let file = lines_of(&[7; 20_000], 76);
    let shown = paste(&mut world, &["vault import csv"], &file, &["clock"]);
    assert!(
        shown.contains(
            "The vault is full.\nNothing was done. What still comes is dropped, up to the line with the dot.\n\
             skep> clock\n"
        ),
        "{shown}"
    );
    let calls = &world.machine.borrow().calls;
    assert_eq!(calls.iter().filter(|call| *call == "vault-files.upload").count(), 2, "{calls:?}");
}

#[test]
fn a_paste_is_given_up_with_ctrl_c() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    world.terminal.script.push_back(Step::Type(b"vault import csv\rQ1NW\r\x03".to_vec()));
    let shown = play(&mut world, &["ls"]);
    assert!(shown.contains("^C\nGiven up; nothing was done.\nskep> ls\nno entries\n"), "{shown}");
    assert!(!world.machine.borrow().calls.iter().any(|call| call.starts_with("vault-files")));
}

#[test]
fn an_import_that_fails_says_why() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let shown = paste(&mut world, &["vault import kdbx", "wrong"], &lines_of(b"KDBX right\n", 76), &[]);
    assert!(shown.ends_with("The file is of another format, or damaged, or its passphrase is another.\n"));
    world.terminal = crate::fake::Fake::default();
    world.machine.borrow_mut().vault("vault").import_fails = Some(VaultError::FileTooCostly);
    let shown = paste(&mut world, &["vault import bitwarden"], &lines_of(b"x", 76), &[]);
    assert!(shown.ends_with("more memory or time to be opened than the vault gives it.\n"), "{shown}");
}

#[test]
fn a_backup_goes_into_an_empty_vault_only() {
    check_in(
        with_entry,
        &["vault import backup"],
        &[
            "skep> vault import backup",
            "The vault has entries already; a backup goes into an empty one only.",
        ],
    );
}

/// The content of the file between the lines of dashes.
fn shown_file(shown: &str, name: &str) -> Vec<u8> {
    let (begin, end) =
        (format!("-----BEGIN SKEP FILE {name}-----\n"), format!("-----END SKEP FILE {name}-----\n"));
    let (_, rest) = shown.split_once(&begin).unwrap();
    let (lines, _) = rest.split_once(&end).unwrap();
    let (mut decoder, mut bytes) = (base64::Decoder::default(), Vec::new());
    for line in lines.lines() {
        assert!(line.len() <= 76);
        decoder.feed(line, &mut |piece| bytes.extend_from_slice(piece)).unwrap();
    }
    assert!(decoder.is_whole());
    bytes
}

#[test]
fn an_export_is_shown_and_taken_in_again() {
    let mut world = FakeWorld::new();
    with_entry(&mut world);
    let shown = play(&mut world, &["vault export backup", "bp", "bp"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "skep> vault export backup",
            "Passphrase for the backup:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "-----BEGIN SKEP FILE backup-----",
        ]
    );
    let content = shown_file(&shown, "backup");
    assert!(content.starts_with(b"BACKUP bp\n|bank|me|s3cret-pw\n###") && content.len() > 9_000);
    assert!(lines[5..lines.len() - 2].iter().all(|line| line.len() == 76));

    // Pasted back as it stood on the screen, lines of dashes and all.
    let begin = lines.iter().position(|line| line.starts_with("-----BEGIN")).unwrap();
    let file: Vec<String> = lines[begin..].iter().map(|line| String::from(*line)).collect();
    let mut world = FakeWorld::new();
    opened(&mut world);
    let shown = paste(&mut world, &["vault import backup", "bp"], &file, &[]);
    assert!(shown.ends_with("Added 1 entry.\n"), "{shown}");
    let mut machine = world.machine.borrow_mut();
    assert_eq!(machine.vault("vault").entry("bank").password, "s3cret-pw");
}

#[test]
fn an_export_in_the_clear_is_asked_about_first() {
    let mut world = FakeWorld::new();
    with_entry(&mut world);
    let shown = play(&mut world, &["vault export csv", "", "vault export csv", "y"]);
    let lines: Vec<&str> = shown.lines().collect();
    let warning =
        "Warning: every password will stand in this file in the clear, and in the terminal's scrollback.";
    assert_eq!(
        lines[..6],
        [
            "skep> vault export csv",
            warning,
            "Show it all the same? [y/N]",
            "Nothing was changed.",
            "skep> vault export csv",
            warning,
        ]
    );
    assert_eq!(shown_file(&shown, "csv"), b"CSV \n|bank|me|s3cret-pw");
    assert!(shown.ends_with(
        "1 thing could not go along: the format has no place for them.\n\
         1 secret stands in it in the clear.\n"
    ));
    assert_eq!(world.machine.borrow().calls.iter().filter(|call| *call == "vault-files.export").count(), 1);
}

#[test]
fn a_file_is_attached_fetched_and_taken_off() {
    let mut world = FakeWorld::new();
    with_entry(&mut world);
    let content: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let after = ["vault fetch bank codes.bin", "vault detach bank codes.bin", "vault fetch bank codes.bin"];
    let shown = paste(&mut world, &["vault attach bank codes.bin"], &lines_of(&content, 76), &after);
    assert_eq!(shown_file(&shown, "codes.bin"), content);
    assert!(
        shown.ends_with(
            "Took 'codes.bin' off 'bank'.\nskep> vault fetch bank codes.bin\n\
             The entry 'bank' has nothing of that name or number.\n"
        ),
        "{shown}"
    );
    world.terminal = crate::fake::Fake::default();
    let shown = play(&mut world, &["vault attach nothing x"]);
    assert!(shown.ends_with("The vault has no entry 'nothing'.\n"), "it is said before anything is pasted");
}

#[test]
fn a_file_that_ends_early_is_of_no_use() {
    let mut world = FakeWorld::new();
    with_entry(&mut world);
    world.machine.borrow_mut().vault("vault").ends_early = true;
    let shown = play(&mut world, &["vault export backup", "bp", "bp"]);
    assert!(shown.contains("it is of no use.\n") && !shown.contains("-----END"), "{shown}");
}

#[test]
fn a_backup_is_verified_without_a_change() {
    let mut world = FakeWorld::new();
    with_entry(&mut world);
    let file = lines_of(b"BACKUP bp\nwhatever", 76);
    let shown = paste(&mut world, &["vault verify", "bp"], &file, &[]);
    assert!(shown.ends_with("The backup is whole: 2 entries, 1 group, 0 attachments, 0 keys.\n"), "{shown}");
    world.terminal = crate::fake::Fake::default();
    let shown = paste(&mut world, &["vault verify", "other"], &file, &[]);
    assert!(shown.ends_with("damaged, or its passphrase is another.\n"), "{shown}");
}

#[test]
fn a_qube_that_prints_or_ends_does_not_disturb_a_paste() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let from = QubeName::new("hello").ok().unwrap();
    let file = lines_of(b"CSV \n|github|me|pw", 12);
    let (first, rest) = file.split_at(1);
    let script = &mut world.terminal.script;
    script.push_back(Step::Type(format!("vault import csv\r{}\r", first[0]).into_bytes()));
    script.push_back(Step::Print(Printed { from, label: Label::Untrusted, text: Text::truncated("hi\n") }));
    script.push_back(Step::Type(format!("{}\r.\r", rest.join("\r")).into_bytes()));
    let shown = play(&mut world, &[]);
    assert!(shown.contains("[●hello] hi\n") && shown.ends_with("Added 1 entry.\n"), "{shown}");
}
