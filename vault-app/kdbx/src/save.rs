//! From database to file. Seeds, nonces and the inner key are new each time; sizes are measured before anything is
//! allocated, so that growing leaves no copies of the contents behind.

use alloc::vec;
use alloc::vec::Vec;
use hmac::Mac;
use ipc_proto_types::Secret;
use sha2::{Digest, Sha256};
use vault_app_codes::Random;
use vault_app_kdf::{ArgonKind, Block, Cost, Version};

use crate::blocks;
use crate::bounds::{FILE_MAX, PAYLOAD_MAX};
use crate::cipher::Cipher;
use crate::database::Database;
use crate::error::KdbxError;
use crate::gzip::{self, Compression};
use crate::header::Header;
use crate::inner::{self, InnerStream, NEW_KEY_SIZE};
use crate::kdf::Kdf;
use crate::key::{CompositeKey, FileKeys, SecretBytes};
use crate::xml::{self, Fill};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How its contents are encrypted.
    pub cipher: Cipher,
    /// Whether they are compressed. Compression shows an onlooker how alike the contents are to themselves.
    pub compression: Compression,
    /// Which Argon2 derives the key.
    pub kind: ArgonKind,
    /// What that costs.
    pub cost: Cost,
}

/// The version of Argon2 that RFC 9106 describes.
const ARGON_VERSION: Version = Version::V0x13;

/// Writes a file. `memory` is what Argon2 works in: at least [`Cost::blocks`] of the options' cost; it is wiped.
///
/// # Errors
/// Whatever [`crate::open`] would refuse, [`KdbxError::Random`], or [`KdbxError::NeedsMemory`].
pub fn save(
    database: &Database,
    key: &CompositeKey,
    options: &Options,
    random: &mut impl Random,
    memory: &mut [Block],
) -> Result<Vec<u8>, KdbxError> {
    save_filled(database, &|_, _| Ok(()), key, options, random, memory)
}

/// Writes a file whose groups are filled while they are written, so that never all entries are held as a tree. `fill` is
/// called twice for every group, to measure and to write, and must put the same both times.
///
/// # Errors
/// As [`save`].
pub fn save_filled(
    database: &Database,
    fill: Fill<'_>,
    key: &CompositeKey,
    options: &Options,
    random: &mut impl Random,
    memory: &mut [Block],
) -> Result<Vec<u8>, KdbxError> {
    let mut salt = vec![0; 32];
    let mut iv = vec![0; options.cipher.iv_size()];
    let mut seed = [0; 32];
    let mut inner_key = Secret::new([0; NEW_KEY_SIZE]);
    for place in [&mut salt[..], &mut iv, &mut seed, inner_key.expose_mut()] {
        random.fill(place)?;
    }
    let kdf = Kdf::Argon2 { kind: options.kind, cost: options.cost, version: ARGON_VERSION, salt };
    let header = Header {
        minor: database.minor,
        cipher: options.cipher,
        compression: options.compression,
        seed,
        iv,
        kdf,
        extra: database.public.clone(),
    };
    let head = header.write()?;
    let mut payload = payload(database, fill, options, inner_key.expose())?;
    let transformed = header.kdf.derive(key.composite(), memory)?;
    let keys = FileKeys::new(&header.seed, &transformed);
    options.cipher.encrypt(&keys.cipher, &header.iv, &mut payload)?;

    let len = head.len() + 64 + blocks::written_len(payload.len());
    if len > FILE_MAX {
        return Err(KdbxError::FileTooLarge);
    }
    let mut file = Vec::with_capacity(len);
    file.extend_from_slice(&head);
    file.extend_from_slice(&Sha256::digest(&head));
    file.extend_from_slice(&keys.header_mac(&head).finalize().into_bytes());
    blocks::write(&mut file, &payload, &keys);
    Ok(file)
}

/// How many bytes the contents of a file will have, before they are compressed and encrypted: attachments and document.
///
/// # Errors
/// What can't be written, or of which there is too much.
pub fn contents_len(database: &Database, fill: Fill<'_>) -> Result<usize, KdbxError> {
    let extra = &database.inner_extra;
    let len = inner::written_len(&database.binaries, extra) + xml::written_len(&database.document, fill)?;
    if len > PAYLOAD_MAX { Err(KdbxError::PayloadTooLarge) } else { Ok(len) }
}

/// What is encrypted, with room for the cipher's padding.
fn payload(
    database: &Database,
    fill: Fill<'_>,
    options: &Options,
    inner_key: &[u8; NEW_KEY_SIZE],
) -> Result<SecretBytes, KdbxError> {
    let len = contents_len(database, fill)?;
    let room = options.cipher.encrypted_len(0);
    let mut plain = SecretBytes::new(Vec::with_capacity(len + room));
    inner::write(&mut plain, inner_key, &database.binaries, &database.inner_extra)?;
    xml::write(&mut plain, &database.document, fill, &mut InnerStream::chacha20(inner_key))?;
    debug_assert_eq!(plain.len(), len);
    match options.compression {
        Compression::None => Ok(plain),
        Compression::Gzip => gzip::deflate(&plain, room),
    }
}
