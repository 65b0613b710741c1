//! Canaries: values that stand nowhere by chance, planted as secrets and then looked for.
//!
//! Any [`WINDOW`] bytes in a row of any form of a canary count as found, so a buffer that was overwritten in part does not
//! hide what is left in it.

use std::collections::HashMap;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

/// Bytes in a row that count: 48 bits of a base64 text, more of others, which no memory holds by chance.
const WINDOW: usize = 8;
/// Pages of nothing are passed over.
const PAGE: usize = 4096;

/// Text that stands nowhere else: as many characters as asked for, at most 64, made of the name.
#[must_use]
pub fn text(name: &str, length: usize) -> String {
    made(name, length, b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
}

/// The same of the characters of base32, whole groups of 8.
#[must_use]
pub fn base32(name: &str) -> String {
    made(name, 32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

fn made(name: &str, length: usize, alphabet: &[u8]) -> String {
    let digests = [Sha256::digest(format!("canary {name}")), Sha256::digest(format!("another {name}"))];
    let bytes = digests.iter().flat_map(|digest| digest.iter().copied());
    bytes.take(length).map(|byte| char::from(alphabet[usize::from(byte) % alphabet.len()])).collect()
}

/// The bytes of text in base32.
///
/// # Panics
/// It is none.
#[must_use]
pub fn base32_bytes(text: &str) -> Vec<u8> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => panic!("{c} is not of base32"),
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    bytes
}

/// What is looked for.
#[derive(Default)]
pub struct Canaries {
    names: Vec<String>,
    /// From the bytes of a window to the canary they are of.
    windows: HashMap<[u8; WINDOW], usize>,
    /// Whether a window begins with these two bytes.
    begins: Vec<bool>,
}

impl Canaries {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self { begins: vec![false; 1 << 16], ..Self::default() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Text to be planted, of this name; also looked for as base64 of a file that it stands in.
    pub fn plant(&mut self, name: &str) -> String {
        let text = text(name, 24);
        self.add(name, text.as_bytes());
        text
    }

    /// The same as names of hosts are written: small letters and digits.
    pub fn plant_lower(&mut self, name: &str) -> String {
        let text = made(name, 24, b"abcdefghijkmnpqrstuvwxyz23456789");
        self.add(name, text.as_bytes());
        text
    }

    /// Looks for these bytes, and for their base64, too.
    ///
    /// # Panics
    /// They are shorter than what counts.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= WINDOW, "{name} is too short to be told from chance");
        let number = self.names.len();
        self.names.push(name.to_owned());
        self.windows_of(number, bytes);
        for before in 0..3 {
            let file = [&[0; 3][..before], bytes].concat();
            let encoded = Base64::encode_string(&file);
            // The characters at either end hold bits of what stands around it, too.
            let own = &encoded.as_bytes()[(before * 8).div_ceil(6)..file.len() * 8 / 6];
            self.windows_of(number, own);
        }
    }

    /// Looks for these words. One alone is in every dictionary: what counts is the end of one and the beginning of the next.
    pub fn add_words(&mut self, name: &str, words: &str) {
        let number = self.names.len();
        self.names.push(name.to_owned());
        for window in words.as_bytes().windows(WINDOW) {
            if window[2..WINDOW - 2].iter().any(|byte| !byte.is_ascii_alphanumeric()) {
                self.windows_of(number, window);
            }
        }
    }

    fn windows_of(&mut self, number: usize, bytes: &[u8]) {
        for window in bytes.windows(WINDOW) {
            self.begins[usize::from(u16::from_le_bytes([window[0], window[1]]))] = true;
            self.windows.insert(window.try_into().unwrap_or_default(), number);
        }
    }

    /// Where some of a canary stands in `memory`: its name, and the address.
    #[must_use]
    pub fn found<'c>(&'c self, memory: &[u8]) -> Vec<(&'c str, usize)> {
        let mut found = Vec::new();
        for start in (0..memory.len()).step_by(PAGE) {
            let end = (start + PAGE + WINDOW - 1).min(memory.len());
            let page = &memory[start..end];
            if page[..PAGE.min(page.len())] == [0; PAGE][..PAGE.min(page.len())] {
                continue;
            }
            for (at, window) in page.windows(WINDOW).enumerate() {
                if self.begins[usize::from(u16::from_le_bytes([window[0], window[1]]))]
                    && let Some(number) = self.windows.get(window)
                {
                    found.push((self.names[*number].as_str(), start + at));
                }
            }
        }
        found
    }

    /// Fails when some of a canary stands in `memory`.
    ///
    /// # Panics
    /// When it does: with names, addresses and what stands around it.
    pub fn assert_none(&self, memory: &[u8], when: &str) {
        let found = self.found(memory);
        let mut said = String::new();
        let mut last = usize::MAX;
        for (name, at) in found.iter().filter(|(_, at)| {
            let goes_on = *at == last.wrapping_add(1);
            last = *at;
            !goes_on
        }) {
            let around = &memory[at.saturating_sub(32)..(at + 64).min(memory.len())];
            said += &format!("  {at:#x} {name}: {}\n", around.escape_ascii());
        }
        assert!(found.is_empty(), "{when}: these are left:\n{said}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_as_it_is_and_in_base64_across_pages_and_in_part() {
        let mut canaries = Canaries::new();
        let text = canaries.plant("one");
        for at in [0, 5, PAGE - 3, PAGE, 2 * PAGE - 24] {
            for before in 0..3 {
                let plain = [vec![b'x'; before], text.clone().into_bytes(), vec![b'y'; 9]].concat();
                let encoded = Base64::encode_string(&plain).into_bytes();
                for bytes in [plain, encoded] {
                    let mut memory = vec![0; 4 * PAGE];
                    memory[at..at + bytes.len()].copy_from_slice(&bytes);
                    let found = canaries.found(&memory);
                    assert!(found.first().is_some_and(|(name, _)| *name == "one"), "{at} {before}");
                }
            }
        }
        let mut memory = vec![0; 2 * PAGE];
        memory[PAGE - 2..PAGE + 6].copy_from_slice(&text.as_bytes()[7..15]);
        assert_eq!(canaries.found(&memory), [("one", PAGE - 2)]);
        memory[PAGE] = b'-';
        canaries.assert_none(&memory, "seven bytes");
    }

    #[test]
    fn base32_is_what_rfc_4648_says() {
        assert_eq!(base32_bytes("MZXW6YTB"), b"fooba");
    }
}
