//! From file to database. Every step holds what the next one relies on.

use alloc::vec::Vec;
use hmac::Mac;
use sha2::{Digest, Sha256};
use vault_app_kdf::Block;

use crate::blocks;
use crate::bounds::{FILE_MAX, PAYLOAD_MAX, XML_NODES_MAX};
use crate::bytes::Reader;
use crate::cipher::Cipher;
use crate::database::{Binary, Database};
use crate::entry::Entry;
use crate::error::KdbxError;
use crate::gzip::{self, Compression};
use crate::header::{self, Header, RawHeader};
use crate::inner;
use crate::kdf::Kdf;
use crate::key::{CompositeKey, FileKeys, SecretBytes};
use crate::tree::Element;
use crate::xml::{self, Reading};

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
    open_with(file, key, memory, limits, None)
}

/// Opens a file and gives its entries away one by one, with the number of their group and all attachments' contents. The
/// database has none then, so that no more than one is held as a tree. Groups are numbered in the order in which they begin,
/// from 0, the outermost. [`Limits::nodes`] counts what is held at a time.
///
/// # Errors
/// As [`open_within`]. The entries that were given away until then are authentic, but perhaps not all.
pub fn open_each(
    file: &[u8],
    key: &CompositeKey,
    memory: &mut [Block],
    limits: Limits,
    visit: Visit<'_>,
) -> Result<Database, KdbxError> {
    open_with(file, key, memory, limits, Some(visit))
}

/// Takes an entry: the number of its group, itself, and what its attachments refer to.
pub type Visit<'a> = &'a mut dyn FnMut(usize, Entry<'_>, &[Binary]);

fn open_with(
    file: &[u8],
    key: &CompositeKey,
    memory: &mut [Block],
    limits: Limits,
    visit: Option<Visit<'_>>,
) -> Result<Database, KdbxError> {
    let (raw, header, rest) = checked_header(file)?;
    let transformed = header.kdf.derive(key.composite(), memory)?;
    let keys = FileKeys::new(&header.seed, &transformed);
    let mut reader = Reader::new(rest);
    let mac = reader.array::<32>()?;
    keys.header_mac(raw.bytes).verify_slice(mac).map_err(|_| KdbxError::WrongKey)?;
    let mut payload = blocks::read(reader.rest(), &keys)?;
    header.cipher.decrypt(&keys.cipher, &header.iv, &mut payload)?;
    let mut database = read_within(payload, header.compression, limits, visit)?;
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
    read_within(contents, compression, Limits::MAX, None)
}

fn read_within(
    mut contents: SecretBytes,
    compression: Compression,
    limits: Limits,
    visit: Option<Visit<'_>>,
) -> Result<Database, KdbxError> {
    let most = limits.payload.min(PAYLOAD_MAX);
    if compression == Compression::Gzip {
        contents = gzip::inflate(&contents, most)?;
    }
    if contents.len() > most {
        return Err(KdbxError::PayloadTooLarge);
    }
    let mut inner = inner::read(&contents)?;
    let binaries = &inner.binaries;
    let mut give = visit.map(|visit| |group: usize, entry: &Element| visit(group, Entry(entry), binaries));
    let document = Reading {
        nodes_max: limits.nodes,
        reveal: &mut |element| xml::reveal(element, &mut inner.stream),
        visit: give.as_mut().map(|give| give as &mut dyn FnMut(usize, &Element)),
    }
    .read(inner.document)?;
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
