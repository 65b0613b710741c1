//! What the crate writes, the script restores, byte for byte; and what is damaged the script refuses.

use std::path::{Path, PathBuf};

use tests_backup::{Parts, restore, script};
use vault_app_backup::{Block, Cost, HEADER_SIZE, Key, Part, PartName, Writer};

/// Most lines of code in the script: so much is promised.
const LINES_MAX: usize = 30;
const PASSPHRASE: &[u8] = "Grüße, 🐝".as_bytes();

fn folder(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()))
}

fn backup(cost: Cost, parts: &Parts) -> Vec<u8> {
    let mut blocks = vec![Block::new(); cost.blocks()];
    let key = Key::derive(cost, [3; 16], PASSPHRASE, &mut blocks).expect("enough blocks");
    let name = |name: &str| PartName::new(name).expect("a good name");
    let table: Vec<Part> =
        parts.iter().map(|(text, bytes)| Part { name: name(text), length: bytes.len() as u64 }).collect();
    let mut file = Vec::new();
    let mut out = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok(())
    };
    let mut writer = Writer::begin(&key, [4; 16], &table, &mut out).expect("a good table");
    for (text, bytes) in parts {
        writer.data(&name(text), bytes, &mut out).expect("what the table says");
    }
    writer.finish(&mut out).expect("all parts");
    file
}

/// Bytes without a pattern (SplitMix64).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn parts(lengths: &[usize]) -> Parts {
    let part = |(number, &length): (usize, &usize)| (format!("part.{number:04}"), noise(7, length));
    lengths.iter().enumerate().map(part).collect()
}

#[test]
fn the_script_restores_what_the_crate_wrote() {
    let cheap = |lanes| Cost::new(64, 2, lanes).expect("within the caps");
    let many: Vec<usize> = (0..1000).map(|length| length % 700).collect();
    let cases: [(Cost, &[usize]); 7] = [
        (cheap(1), &[]),
        (cheap(1), &[0]),
        (cheap(4), &[1, 0, 100]),
        // With the table of contents (4 and 18 bytes) one chunk exactly, and one byte more.
        (cheap(1), &[32_752 - 22]),
        (cheap(1), &[32_752 - 21]),
        (cheap(8), &[200_000, 0, 70_000]),
        (Cost::FULL, &many),
    ];
    for (number, (cost, lengths)) in cases.into_iter().enumerate() {
        let saved = parts(lengths);
        let restored = restore(&folder(&format!("good-{number}")), &backup(cost, &saved), PASSPHRASE);
        let restored = restored.expect("the script runs").unwrap_or_else(|said| panic!("{number}: {said}"));
        assert_eq!(restored.len(), saved.len(), "case {number}");
        for (name, bytes) in &saved {
            assert!(restored.get(name) == Some(bytes), "case {number}: {name} differs");
        }
    }
}

#[test]
fn the_script_refuses_what_is_damaged_and_leaves_nothing() {
    let file = backup(Cost::new(8, 1, 1).expect("within the caps"), &parts(&[100, 40_000]));
    let flipped = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    let folder = folder("bad");
    let refused = |damaged: &[u8], passphrase| {
        let said = restore(&folder, damaged, passphrase).expect("the script runs").expect_err("damaged");
        assert!(said.starts_with("not restored"), "{said}");
    };
    refused(&file, b"wrong");
    for at in [0, 21, 30, 50, 60, HEADER_SIZE, HEADER_SIZE + 32_768, file.len() - 1] {
        refused(&flipped(at), PASSPHRASE);
    }
    for length in [0, 50, HEADER_SIZE, HEADER_SIZE + 32_768, file.len() - 1] {
        refused(&file[..length], PASSPHRASE);
    }
    refused(&[file.as_slice(), &[0]].concat(), PASSPHRASE);
    // 4 GiB, which the caps forbid.
    let mut dear = file.clone();
    dear[11] = 0x40;
    refused(&dear, PASSPHRASE);
}

#[test]
fn the_script_is_as_short_as_promised() {
    let text = std::fs::read_to_string(script()).expect("the script");
    let outside_of_its_header = text.split("\"\"\"").step_by(2);
    let lines = outside_of_its_header.flat_map(str::lines).map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert!((20..=LINES_MAX).contains(&code), "{code} lines of code");
}
