//! How much memory a transfer takes, and that what would take more is refused before.
//!
//! Each step runs in a process of its own, whose peak the kernel tells (`VmHWM`): a heap that was used before hides what is
//! taken of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{ROOM, Rest, Vault, plain};
use vault_app_entries::{Content, Entry, EntryId, GroupId};
use vault_app_transfer::{Format, TransferError};

fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Bytes that `action` takes at most beyond what is there before.
fn taken<T>(action: impl FnOnce() -> T) -> usize {
    let before = status("VmRSS:");
    let done = action();
    let peak = status("VmHWM:");
    drop(done);
    peak.saturating_sub(before)
}

fn vault(entries: u32) -> Vault {
    let entries = (0..entries).map(|number| {
        let mut id = [0x11; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let content = Content {
            title: plain(&format!("Entry of the number {number}")),
            user: plain("somebody@example.org"),
            password: format!("a password of usual length {number}").as_str().into(),
            urls: vec![plain("https://example.org/login")],
            notes: "a line of notes".into(),
            ..Content::default()
        };
        Entry::new(EntryId::from_bytes(id), GroupId::ROOT, content, 1_700_000_000)
    });
    Vault::new(vec![], entries.collect(), Rest::default())
}

const TEST: &str = "memory::a_transfer_takes_no_more_than_it_says";
const STEP: &str = "SKEP_TRANSFER_STEP";
const FOLDER: &str = "SKEP_TRANSFER_FOLDER";
const ENTRIES: u32 = 4_000;
/// What a process takes for itself: pages of code and stack that are touched the first time.
const SLACK: usize = 3 << 20;
/// Less than any of the files takes.
const SMALL: usize = 1 << 20;

/// What happens in a process of its own; the peak is printed.
fn step(name: &str, folder: &Path) {
    let file = |format| folder.join(format!("{format:?}"));
    let format = if name.ends_with("kdbx") { Format::Kdbx } else { Format::Backup };
    let peak = match name.split_once(' ').unwrap().0 {
        "out" => {
            let mut vault = vault(ENTRIES);
            taken(|| fs::write(file(format), vault.export(format).bytes.expose()).unwrap())
        }
        "in" => {
            let bytes = fs::read(file(format)).unwrap();
            taken(|| Vault::default().import(&bytes, format, GroupId::ROOT).unwrap())
        }
        _ => {
            let bytes = fs::read(file(format)).unwrap();
            taken(|| {
                let refused = Vault::default().import_with(
                    &bytes,
                    format,
                    GroupId::ROOT,
                    crate::common::PASSPHRASE,
                    SMALL,
                );
                assert_eq!(refused.err(), Some(TransferError::NeedsRoom(0)));
            })
        }
    };
    println!("peak={peak}");
}

/// What an export says that it needs.
fn needs(vault: &mut Vault, format: Format) -> usize {
    match vault.export_within(format, 0).err() {
        Some(TransferError::NeedsRoom(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_transfer_takes_no_more_than_it_says() {
    if let Ok(name) = std::env::var(STEP) {
        return step(&name, Path::new(&std::env::var(FOLDER).unwrap()));
    }
    let folder = std::env::temp_dir().join(format!("skep-transfer-memory-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let run = |name: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([TEST, "--exact", "--nocapture", "--test-threads=1"]);
        let output = child.env(STEP, name).env(FOLDER, &folder).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{name}: {text}");
        let peak = text.lines().find_map(|line| line.split_once("peak=")).unwrap().1;
        peak.parse::<usize>().unwrap()
    };
    let length = |format: Format| fs::metadata(folder.join(format!("{format:?}"))).unwrap().len();
    let length = |format: Format| usize::try_from(length(format)).unwrap();

    let estimate = needs(&mut vault(ENTRIES), Format::Kdbx);
    let (out, kdbx) = (run("out kdbx"), length(Format::Kdbx));
    println!("kdbx: {kdbx} bytes; writing takes {out} of {estimate}");
    assert!(out <= estimate + SLACK, "{out} {estimate}");
    let read = run("in kdbx");
    println!("kdbx: reading takes {read}");
    assert!(read <= ROOM);
    let (out, backup) = (run("out backup"), length(Format::Backup));
    let read = run("in backup");
    println!("backup: {backup} bytes; writing takes {out}, reading {read}");
    assert!(out <= 2 * backup + SLACK, "{out}");
    assert!(read <= 8 * backup + SLACK, "{read}");
    for name in ["refused kdbx", "refused backup"] {
        let most = run(name);
        println!("{name}: {most}");
        assert!(most <= 2 * SMALL + SLACK, "{name} {most}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_does_not_fit_is_refused_before() {
    let mut vault = vault(100);
    for format in [Format::Kdbx, Format::Backup] {
        let bytes = needs(&mut vault, format);
        let refused = vault.export_within(format, bytes - 1).err();
        assert_eq!(refused, Some(TransferError::NeedsRoom(bytes)));
        let file = vault.export_within(format, bytes).unwrap().bytes;
        assert!(file.expose().len() <= bytes && bytes <= 4 * file.expose().len());
    }
}
