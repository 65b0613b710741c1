//! A second, plain writing of `docs/backup.md`, which can also write what no honest writer writes; and a reader's shelf.
#![allow(dead_code, reason = "each test uses its part of it")]
#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use vault_app_backup::{
    BackupError, Block, Complete, Cost, HEADER_SIZE, Key, Opening, Part, PartName, Sink, Stopped, Writer,
};

pub(crate) const SALT: [u8; 16] = [7; 16];
pub(crate) const ID: [u8; 16] = [9; 16];
pub(crate) const PASSPHRASE: &[u8] = b"correct horse";
pub(crate) const PLAIN_MAX: usize = 32_752;

/// Named parts.
pub(crate) type Parts = Vec<(String, Vec<u8>)>;

/// The cheapest cost there is.
pub(crate) fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

pub(crate) fn key() -> Key {
    Key::derive(cheap(), SALT, PASSPHRASE, &mut [Block::new(); 8]).unwrap()
}

pub(crate) fn parts(parts: &[(&str, usize)]) -> Parts {
    let bytes = |length: usize| (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    parts.iter().map(|(name, length)| ((*name).to_owned(), bytes(*length))).collect()
}

pub(crate) fn name(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

pub(crate) fn table(parts: &Parts) -> Vec<Part> {
    parts.iter().map(|(text, bytes)| Part { name: name(text), length: bytes.len() as u64 }).collect()
}

/// The file that the crate writes, and the lengths of what it handed out.
pub(crate) fn write(key: &Key, id: [u8; 16], parts: &Parts, piece: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut lengths) = (Vec::new(), Vec::new());
    let mut out = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        lengths.push(bytes.len());
        Ok(())
    };
    let mut writer = Writer::begin(key, id, &table(parts), &mut out).unwrap();
    for (text, bytes) in parts {
        for piece in bytes.chunks(piece) {
            writer.data(&name(text), piece, &mut out).unwrap();
        }
    }
    writer.finish(&mut out).unwrap();
    (file, lengths)
}

/// Keeps everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shelf(pub(crate) Parts);

impl Sink for Shelf {
    fn part(&mut self, part: &Part) -> Result<(), Stopped> {
        self.0.push((part.name.to_string(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.0.last_mut().expect("a part began").1.extend_from_slice(bytes);
        Ok(())
    }
}

/// Reads a file with the key, in pieces of this length; also what is said to be missing.
pub(crate) fn read_with(
    key: &Key,
    file: &[u8],
    piece: usize,
) -> (Result<Complete, BackupError>, Shelf, Vec<String>) {
    let mut shelf = Shelf::default();
    let Some((header, rest)) = file.split_first_chunk::<HEADER_SIZE>() else {
        return (Err(BackupError::NotABackup), shelf, Vec::new());
    };
    let mut reader = match Opening::parse(header).and_then(|opening| opening.unlock_with(key)) {
        Ok(reader) => reader,
        Err(error) => return (Err(error), shelf, Vec::new()),
    };
    let fed = rest.chunks(piece).try_for_each(|piece| reader.feed(piece, &mut shelf));
    let finished = fed.and_then(|()| reader.finish(&mut shelf));
    let missing = reader.missing().iter().map(|part| part.name.to_string()).collect();
    (finished, shelf, missing)
}

pub(crate) fn read(file: &[u8]) -> (Result<Complete, BackupError>, Shelf, Vec<String>) {
    read_with(&key(), file, 4096)
}

/// The plaintext of these parts.
pub(crate) fn plain(parts: &Parts) -> Vec<u8> {
    let mut plain = u32::try_from(parts.len()).unwrap().to_le_bytes().to_vec();
    for (name, bytes) in parts {
        plain.push(u8::try_from(name.len()).unwrap());
        plain.extend(name.bytes());
        plain.extend((bytes.len() as u64).to_le_bytes());
    }
    parts.iter().for_each(|(_, bytes)| plain.extend(bytes));
    plain
}

/// Seals any plaintext as the chunks of a file.
pub(crate) fn seal(id: [u8; 16], plain: &[u8]) -> Vec<u8> {
    let mut header = b"skepbak1".to_vec();
    for number in [8_u32, 1, 1, 0] {
        header.extend(number.to_le_bytes());
    }
    header.extend(SALT);
    header.extend(id);
    let params = Params::new(8, 1, 1, Some(32)).unwrap();
    let mut master = [0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into_with_memory(PASSPHRASE, &SALT, &mut master, [Block::new(); 8]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&master).unwrap();
    mac.update(&header);
    let cipher = ChaCha20Poly1305::new(&mac.finalize().into_bytes());
    let seal = |number: u64, last: u32, plain: &[u8]| {
        let nonce = [number.to_le_bytes().as_slice(), &last.to_le_bytes()].concat();
        cipher.encrypt(&Nonce::try_from(nonce.as_slice()).unwrap(), plain).unwrap()
    };
    let mut file = header.clone();
    file.extend(seal(0, 0, &[]));
    let chunks: Vec<_> = plain.chunks(PLAIN_MAX).collect();
    for (number, chunk) in (1..).zip(&chunks) {
        file.extend(seal(number, u32::from(number == chunks.len() as u64), chunk));
    }
    file
}
