//! The key inside a key file.
//!
//! Order of guesses, as KeePass and KeePassXC make them: XML, 32 raw bytes, 64 hexadecimal digits, anything else hashed. XML
//! whose root is `KeyFile` is never hashed: a damaged key file says so instead of opening nothing.

use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use ipc_proto_types::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::bounds::KEY_FILE_XML_MAX;
use crate::error::KdbxError;
use crate::tree::Element;
use crate::xml;

/// Digits of a key's hash in a version 2 file.
const HASH_DIGITS: usize = 8;

/// The key of a key file's contents.
pub(crate) fn key(file: &[u8]) -> Result<Secret<[u8; 32]>, KdbxError> {
    if let Some(root) = key_file_element(file) {
        return xml_key(&root).ok_or(KdbxError::KeyFile);
    }
    let mut key = Secret::new([0; 32]);
    if file.len() == 32 {
        key.expose_mut().copy_from_slice(file);
    } else if !(file.len() == 64 && unhex(file, key.expose_mut())) {
        key = Secret::new(Sha256::digest(file).into());
    }
    Ok(key)
}

fn key_file_element(file: &[u8]) -> Option<Element> {
    if file.len() > KEY_FILE_XML_MAX {
        return None;
    }
    let document = xml::read(file).ok()?;
    (document.root.name == "KeyFile").then_some(document.root)
}

fn xml_key(root: &Element) -> Option<Secret<[u8; 32]>> {
    let version = root.child("Meta")?.child("Version")?.text()?;
    let data = root.child("Key")?.child("Data")?;
    let text = data.text()?;
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut key = Secret::new([0; 32]);
    match version.trim().split('.').next()? {
        "1" => {
            let len = Base64::decode(&digits, key.expose_mut()).ok()?.len();
            (len == 32).then_some(key)
        }
        "2" => {
            if digits.len() != 64 || !unhex(&digits, key.expose_mut()) {
                return None;
            }
            let mut wanted = [0; HASH_DIGITS / 2];
            let hash = data.attribute("Hash")?;
            let is_hash = hash.len() == HASH_DIGITS && unhex(hash.as_bytes(), &mut wanted);
            let found = Sha256::digest(key.expose());
            let same: bool = found.get(..wanted.len())?.ct_eq(&wanted).into();
            (is_hash && same).then_some(key)
        }
        _ => None,
    }
}

/// Fills `out` from twice as many hexadecimal digits; whether they all were.
fn unhex(digits: &[u8], out: &mut [u8]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = digits.as_chunks();
    for ([high, low], byte) in pairs.iter().zip(out) {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return false };
        *byte = high << 4 | low;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

    fn check(file: &[u8], expected: Result<[u8; 32], KdbxError>) {
        assert_eq!(key(file).map(|key| *key.expose()), expected, "{}", String::from_utf8_lossy(file));
    }

    fn hex() -> String {
        KEY.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn v2(hash: &str) -> String {
        let hex = hex();
        let (a, b) = hex.split_at(30);
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<KeyFile>\n\t<Meta>\n\t\t<Version>2.0</Version>\n\t</Meta>\n\
             \t<Key>\n\t\t<Data Hash=\"{hash}\">\n\t\t\t{a}\n\t\t\t{b}\n\t\t</Data>\n\t</Key>\n</KeyFile>\n"
        )
    }

    #[test]
    fn every_kind_of_key_file_gives_its_key() {
        check(&KEY, Ok(KEY));
        check(hex().as_bytes(), Ok(KEY));
        check(hex().to_lowercase().as_bytes(), Ok(KEY));
        let v1 = "<KeyFile><Meta><Version>1.00</Version></Meta>\
                  <Key><Data>MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=</Data></Key></KeyFile>";
        check(v1.as_bytes(), Ok(KEY));
        let hash: String = Sha256::digest(KEY).iter().take(4).map(|byte| format!("{byte:02X}")).collect();
        check(v2(&hash).as_bytes(), Ok(KEY));
        for other in [&b""[..], b"x", &[0; 31], &[7; 33], &[b'g'; 64], b"<a/>", b"<KeyFile>"] {
            check(other, Ok(Sha256::digest(other).into()));
        }
    }

    #[test]
    fn a_damaged_xml_key_file_is_refused_and_not_hashed() {
        check(v2("00000000").as_bytes(), Err(KdbxError::KeyFile));
        check(v2("").as_bytes(), Err(KdbxError::KeyFile));
        check(v2("0").replace("2.0", "3.0").as_bytes(), Err(KdbxError::KeyFile));
        check(b"<KeyFile/>", Err(KdbxError::KeyFile));
        check(
            b"<KeyFile><Meta><Version>1.0</Version></Meta><Key><Data>MDEy</Data></Key></KeyFile>",
            Err(KdbxError::KeyFile),
        );
    }
}
