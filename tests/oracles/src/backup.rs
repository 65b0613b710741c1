//! Oracle `backup`: damaged backups, and authentic ones that say anything, against a plain reading of `docs/backup.md`.
//!
//! Input: a byte that says what the rest is. 0: a header. 1: the plaintext of a backup, which is sealed as it is; every 8th
//! byte value stands for a run of 4 KiB, so that a short input makes many chunks. 2: lengths of parts, then edits of the
//! file that the crate writes of them. A backup that is taken is exactly what was saved; of one that is refused, a beginning.

use std::sync::OnceLock;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hmac::{Hmac, Mac};
use vault_app_backup::{
    BackupError, Block, Complete, Cost, HEADER_SIZE, Key, Opening, Part, PartName, Reader, Sink, Stopped,
    Writer,
};

use crate::input::Input;

const PASSPHRASE: &[u8] = b"passphrase";
const SALT: [u8; 16] = [1; 16];
const ID: [u8; 16] = [2; 16];
/// The cheapest cost there is: memory in KiB, passes, lanes.
const COST: [u32; 3] = [8, 1, 1];
/// Plaintext of a chunk.
const PLAIN_MAX: usize = 32_752;
/// Longest plaintext made of an input: some ten chunks.
const LENGTH_MAX: usize = 350_000;

type Parts = Vec<(Vec<u8>, Vec<u8>)>;

/// The oracle.
///
/// # Panics
/// A backup was read as something that it is not.
pub fn backup(input: &[u8]) {
    match input.split_first() {
        Some((0, rest)) => header(rest),
        Some((1, rest)) => plaintext(rest),
        Some((2, rest)) => edited(rest),
        _ => {}
    }
}

/// The crate's key of the cheapest cost.
fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    let [memory, passes, lanes] = COST;
    KEY.get_or_init(|| {
        let cost = Cost::new(memory, passes, lanes).expect("within the caps");
        Key::derive(cost, SALT, PASSPHRASE, &mut [Block::new(); 8]).expect("enough blocks")
    })
}

fn header(bytes: &[u8]) {
    let mut header = [0; HEADER_SIZE];
    let taken = bytes.len().min(HEADER_SIZE);
    header[..taken].copy_from_slice(&bytes[..taken]);
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let [memory, passes, lanes, zero] = [8, 12, 16, 20].map(number);
    let opened = Opening::parse(&header);
    if header[..8] != *b"skepbak1" || zero != 0 {
        assert_eq!(opened.err(), Some(BackupError::NotABackup));
    } else if !(1..=8).contains(&lanes)
        || !(1..=65_536).contains(&passes)
        || !(8 * lanes..=262_144).contains(&memory)
        || u64::from(memory) * u64::from(passes) > 1 << 26
    {
        assert_eq!(opened.err(), Some(BackupError::CostRefused));
    } else {
        let cost = opened.expect("a good header").cost();
        assert_eq!([cost.memory_kib(), cost.passes(), cost.lanes()], [memory, passes, lanes]);
        assert!(cost.blocks() <= 262_144, "memory beyond the cap");
    }
}

/// Keeps everything.
#[derive(Default)]
struct Shelf(Parts);

impl Sink for Shelf {
    fn part(&mut self, part: &Part) -> Result<(), Stopped> {
        self.0.push((part.name.as_str().into(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.0.last_mut().expect("data before a part").1.extend_from_slice(bytes);
        Ok(())
    }
}

/// Reads a file in pieces of this length.
fn read(file: &[u8], piece: usize) -> (Result<Complete, BackupError>, Parts) {
    let mut shelf = Shelf::default();
    let finished = open(file).and_then(|(mut reader, rest)| {
        let fed = rest.chunks(piece.max(1)).try_for_each(|piece| reader.feed(piece, &mut shelf));
        let finished = fed.and_then(|()| reader.finish(&mut shelf));
        let again = reader.feed(&[0], &mut shelf);
        assert!(finished.is_ok() || again.err() == finished.err(), "an error was forgotten");
        finished
    });
    (finished, shelf.0)
}

fn open(file: &[u8]) -> Result<(Reader, &[u8]), BackupError> {
    let (header, rest) = file.split_first_chunk::<HEADER_SIZE>().ok_or(BackupError::NotABackup)?;
    Ok((Opening::parse(header)?.unlock_with(key())?, rest))
}

/// Any plaintext, sealed.
fn plaintext(input: &[u8]) {
    let Some((piece, input)) = input.split_first() else { return };
    let mut plain = Vec::new();
    for byte in input {
        let run = if byte & 7 == 7 && plain.len() < LENGTH_MAX { 4096 } else { 1 };
        plain.extend(std::iter::repeat_n(*byte, run));
    }
    let (finished, got) = read(&seal(&plain), usize::from(*piece) * 257);
    match parse(&plain) {
        Some(parts) => {
            let bytes = parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
            assert_eq!(finished, Ok(Complete { parts: parts.len(), bytes }));
            assert!(got == parts, "other parts than the plain reading finds");
        }
        None => assert!(finished.is_err(), "taken, and should be refused"),
    }
}

/// A plain reading of a plaintext; `None` when it is none.
fn parse(plain: &[u8]) -> Option<Parts> {
    let (count, mut rest) = plain.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count);
    let mut table: Vec<(Vec<u8>, usize)> = Vec::new();
    for _ in 0..count {
        let (length, more) = rest.split_first()?;
        let (name, more) = more.split_at_checked(usize::from(*length))?;
        let (size, more) = more.split_first_chunk::<8>()?;
        let first = *name.first()?;
        let is_good = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let ascends = table.last().is_none_or(|(last, _)| last.as_slice() < name);
        if !ascends || name.len() > 64 || !name.iter().all(is_good) || b"._-".contains(&first) {
            return None;
        }
        table.push((name.to_vec(), usize::try_from(u64::from_le_bytes(*size)).ok()?));
        rest = more;
    }
    let mut parts = Vec::new();
    for (name, size) in table {
        let (bytes, more) = rest.split_at_checked(size)?;
        parts.push((name, bytes.to_vec()));
        rest = more;
    }
    (count <= 32_768 && rest.is_empty()).then_some(parts)
}

/// Seals a plaintext as `docs/backup.md` says.
fn seal(plain: &[u8]) -> Vec<u8> {
    let mut file = b"skepbak1".to_vec();
    COST.iter().chain(&[0]).for_each(|number| file.extend(number.to_le_bytes()));
    file.extend(SALT);
    file.extend(ID);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(master()).expect("any length");
    mac.update(&file);
    let cipher = ChaCha20Poly1305::new(&mac.finalize().into_bytes());
    let chunks: Vec<&[u8]> = std::iter::once(&[][..]).chain(plain.chunks(PLAIN_MAX)).collect();
    for (number, chunk) in chunks.iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&(number as u64).to_le_bytes());
        nonce[8] = u8::from(number > 0 && number == chunks.len() - 1);
        let mut sealed = chunk.to_vec();
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], sealed.as_mut_slice().into());
        file.extend(sealed);
        file.extend(tag.expect("short"));
    }
    file
}

/// The passphrase's key, derived without the crate.
fn master() -> &'static [u8; 32] {
    static MASTER: OnceLock<[u8; 32]> = OnceLock::new();
    let [memory, passes, lanes] = COST;
    MASTER.get_or_init(|| {
        let mut master = [0; 32];
        let params = Params::new(memory, passes, lanes, Some(32)).expect("good parameters");
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let blocks = [Block::new(); 8];
        argon.hash_password_into_with_memory(PASSPHRASE, &SALT, &mut master, blocks).expect("enough blocks");
        master
    })
}

/// What the crate writes, edited.
fn edited(input: &[u8]) {
    let mut input = Input::new(input);
    let parts = parts(&mut input);
    let file = write(&parts);
    let mut damaged = file.clone();
    while !input.is_empty() && damaged.len() < 2 * LENGTH_MAX {
        edit(&mut damaged, &mut input);
    }
    let (finished, got) = read(&damaged, 5000);
    assert_eq!(finished.is_ok(), damaged == file, "{finished:?}");
    assert!(finished.is_err() || got == parts, "other parts than were saved");
    for (got, saved) in got.iter().zip(&parts) {
        assert!(got.0 == saved.0 && saved.1.starts_with(&got.1), "bytes that were never saved");
    }
}

/// Up to three parts, of up to 64 KiB.
fn parts(input: &mut Input<'_>) -> Parts {
    let count = input.byte() & 3;
    let lengths: Vec<u16> = (0..count).map(|_| input.u16()).collect();
    let bytes = |length: u16| (0..length).map(|at| at.to_le_bytes()[usize::from(at & 1)]).collect();
    (b'a'..).zip(lengths).map(|(name, length)| (vec![name], bytes(length))).collect()
}

/// The file that the crate writes.
fn write(parts: &Parts) -> Vec<u8> {
    let name = |name: &[u8]| PartName::new(&String::from_utf8_lossy(name)).expect("a letter");
    let table: Vec<Part> =
        parts.iter().map(|(letter, bytes)| Part { name: name(letter), length: bytes.len() as u64 }).collect();
    let mut file = Vec::new();
    let mut out = |bytes: &[u8]| {
        assert!(bytes.len() <= 32_768, "a chunk of {} bytes", bytes.len());
        file.extend_from_slice(bytes);
        Ok(())
    };
    let mut writer = Writer::begin(key(), ID, &table, &mut out).expect("a good table");
    for (letter, bytes) in parts {
        for piece in bytes.chunks(20_000) {
            writer.data(&name(letter), piece, &mut out).expect("what the table says");
        }
    }
    writer.finish(&mut out).expect("all parts");
    file
}

/// One change: a byte, the end, or the order of chunks.
fn edit(file: &mut Vec<u8>, input: &mut Input<'_>) {
    let chunk = |number: u8, file: &[u8]| {
        let at = |number: usize| (HEADER_SIZE + number * 32_768).min(file.len());
        let number = usize::from(number & 7);
        at(number)..at(number + 1)
    };
    match input.byte() % 5 {
        0 => {
            let at = input.u32() as usize % file.len().max(1);
            let value = input.byte();
            file.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= value);
        }
        1 => file.truncate(input.u32() as usize),
        2 => file.extend(input.counted()),
        3 => {
            let (from, to) = (chunk(input.byte(), file), chunk(input.byte(), file));
            let moved: Vec<u8> = file.drain(from).collect();
            let at = to.start.min(file.len());
            file.splice(at..at, moved);
        }
        _ => {
            let (from, to) = (chunk(input.byte(), file), chunk(input.byte(), file));
            let copied = file.get(from).unwrap_or_default().to_vec();
            file.splice(to, copied);
        }
    }
}
