//! Restoring a backup with `restore.py`, which is written from `docs/backup.md` alone and shares no code with the crate.
//!
//! The script runs under Debian's own interpreter, since its two libraries are Debian packages. What is not here: what a
//! damaged file does to the crate's own reader (`vault-app/backup/tests`).

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Debian's interpreter.
const PYTHON: &str = "/usr/bin/python3";

/// Named parts.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// The script.
#[must_use]
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("restore.py")
}

/// Runs the script on a backup, in a folder where it may leave things: what it restored, or what it said.
///
/// # Errors
/// The script or the folder cannot be used at all.
pub fn restore(folder: &Path, backup: &[u8], passphrase: &[u8]) -> io::Result<Result<Parts, String>> {
    fs::create_dir_all(folder)?;
    let [file, typed, restored] = ["backup", "passphrase", "restored"].map(|name| folder.join(name));
    fs::write(&file, backup)?;
    fs::write(&typed, passphrase)?;
    if restored.exists() {
        fs::remove_dir_all(&restored)?;
    }
    let mut python = Command::new(PYTHON);
    python.arg(script()).args([&file, &restored]).stdin(File::open(&typed)?);
    let Output { status, stderr, .. } = python.output()?;
    if !status.success() {
        // A script that failed has written nothing.
        return match restored.exists() {
            true => Err(io::Error::other("the script failed and left something")),
            false => Ok(Err(String::from_utf8_lossy(&stderr).into_owned())),
        };
    }
    let files = fs::read_dir(&restored)?.map(|entry| {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        Ok((name, fs::read(path)?))
    });
    files.collect::<io::Result<Parts>>().map(Ok)
}
