//! From file to database. Every step holds what the next one relies on.

use alloc::vec::Vec;
use hmac::Mac;
use sha2::{Digest, Sha256};
use vault_app_kdf::Block;

use crate::blocks;
use crate::bounds::{FILE_MAX, PAYLOAD_MAX, XML_NODES_MAX};
use crate::bytes::Reader;
use crate::cipher::Cipher;
use crate::database::Database;
use crate::error::KdbxError;
use crate::gzip::{self, Compression};
use crate::header::{self, Header, RawHeader};
use crate::inner;
use crate::kdf::Kdf;
use crate::key::{CompositeKey, FileKeys, SecretBytes};
use crate::xml;

/// What a file says in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// How its contents are encrypted.
    pub cipher: Cipher,
    /// Whether they are compressed.
    pub compression: Compression,
    /// How the key is derived, and what that costs.
    pub kdf: Kdf,
}

/// Looks at the header of a file: what must be lent to [`open`] it. The header's checksum and caps have held; that it is
/// authentic can be known only with the key.
///
/// # Errors
/// Everything that [`open`] finds before it derives the key.
pub fn peek(file: &[u8]) -> Result<FileInfo, KdbxError> {
    let (_, header, _) = checked_header(file)?;
    Ok(FileInfo { cipher: header.cipher, compression: header.compression, kdf: header.kdf })
}

/// What the contents of a file may take, for who has less memory than the caps of [`crate::bounds`] allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of what the file holds, inflated; at most [`PAYLOAD_MAX`].
    pub payload: usize,
    /// Most elements and comments of the document; at most [`XML_NODES_MAX`].
    pub nodes: usize,
}

impl Limits {
    /// The caps.
    pub const MAX: Self = Self { payload: PAYLOAD_MAX, nodes: XML_NODES_MAX };
}

/// Opens a file. `memory` is what Argon2 works in: as many blocks as [`peek`] says, none for AES-KDF; it is wiped.
///
/// # Errors
/// What is wrong with the file, the key or `memory`; nothing of the contents is given out then.
pub fn open(file: &[u8], key: &CompositeKey, memory: &mut [Block]) -> Result<Database, KdbxError> {
    open_within(file, key, memory, Limits::MAX)
}

/// Opens a file as [`open`] does, if its contents keep the limits, which are checked before memory is taken.
///
/// # Errors
/// As [`open`]; [`KdbxError::PayloadTooLarge`] and [`XmlError::TooMany`](crate::XmlError::TooMany) for the limits.
pub fn open_within(
    file: &[u8],
    key: &CompositeKey,
    memory: &mut [Block],
    limits: Limits,
) -> Result<Database, KdbxError> {
    let (raw, header, rest) = checked_header(file)?;
    let transformed = header.kdf.derive(key.composite(), memory)?;
    let keys = FileKeys::new(&header.seed, &transformed);
    let mut reader = Reader::new(rest);
    let mac = reader.array::<32>()?;
    keys.header_mac(raw.bytes).verify_slice(mac).map_err(|_| KdbxError::WrongKey)?;
    let mut payload = blocks::read(reader.rest(), &keys)?;
    header.cipher.decrypt(&keys.cipher, &header.iv, &mut payload)?;
    let mut database = read_within(payload, header.compression, limits)?;
    database.public = header.extra;
    database.minor = header.minor;
    Ok(database)
}

/// Reads decrypted contents: inflates them, reads inner header and document. It is what [`open`] does last, when all is
/// known to be authentic; by itself it is for tests of the parsers, which need no key then.
///
/// # Errors
/// What is wrong with the contents.
pub fn read_contents(contents: SecretBytes, compression: Compression) -> Result<Database, KdbxError> {
    read_within(contents, compression, Limits::MAX)
}

fn read_within(
    mut contents: SecretBytes,
    compression: Compression,
    limits: Limits,
) -> Result<Database, KdbxError> {
    let most = limits.payload.min(PAYLOAD_MAX);
    if compression == Compression::Gzip {
        contents = gzip::inflate(&contents, most)?;
    }
    if contents.len() > most {
        return Err(KdbxError::PayloadTooLarge);
    }
    let mut inner = inner::read(&contents)?;
    let mut document = xml::read_within(inner.document, limits.nodes)?;
    xml::reveal(&mut document.root, &mut inner.stream)?;
    Ok(Database {
        document,
        binaries: inner.binaries,
        public: Vec::new(),
        inner_extra: inner.extra,
        minor: header::MINOR,
    })
}

/// The header, split and parsed, and what follows its checksum.
fn checked_header(file: &[u8]) -> Result<(RawHeader<'_>, Header, &[u8]), KdbxError> {
    if file.len() > FILE_MAX {
        return Err(KdbxError::FileTooLarge);
    }
    let raw = RawHeader::split(file)?;
    let mut reader = Reader::new(raw.rest);
    let checksum = reader.array::<32>()?;
    if Sha256::digest(raw.bytes).as_slice() != checksum {
        return Err(KdbxError::HeaderDamaged);
    }
    let header = raw.parse()?;
    Ok((raw, header, reader.rest()))
}
