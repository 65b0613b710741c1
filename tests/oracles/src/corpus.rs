//! The committed corpus: one text file a target, an input a line in hex, so that a change of it can be read in review.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Longest committed input in bytes.
pub const INPUT_MAX: usize = 4096;

/// Folder of the corpus: `tests/fuzz/corpus`.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// The committed inputs of a target.
///
/// # Errors
/// The file cannot be read, or a line is not hex.
pub fn read(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let path = folder().join(format!("{target}.txt"));
    let text = fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let wrong = || format!("{}:{number}: not pairs of hex digits", path.display());
            unhex(line).ok_or_else(|| io::Error::other(wrong()))
        })
        .collect()
}

/// Writes the inputs of a target, each once, shortest first.
///
/// # Errors
/// The file cannot be written.
pub fn write(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) -> io::Result<usize> {
    let inputs: BTreeSet<(usize, Vec<u8>)> = inputs
        .into_iter()
        .filter(|input| input.len() <= INPUT_MAX)
        .map(|input| (input.len(), input))
        .collect();
    let mut text = format!(
        "# Inputs of fuzz target `{target}`, one a line, shortest first (`cargo skep fuzz --keep`).\n"
    );
    for (_, input) in &inputs {
        text += &hex(input);
        text.push('\n');
    }
    fs::create_dir_all(folder())?;
    fs::write(folder().join(format!("{target}.txt")), text)?;
    Ok(inputs.len())
}

/// Bytes as hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}

/// Hex digits as bytes.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
