//! The inner header: attachments, and the stream cipher that hides protected values inside the document.

use alloc::vec::Vec;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use ipc_proto_types::Secret;
use salsa20::Salsa20;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::bounds::{INNER_FIELDS_MAX, INNER_KEY_MAX};
use crate::bytes::{Reader, push_run, u32_of};
use crate::database::Binary;
use crate::error::KdbxError;

const END: u8 = 0;
const CIPHER: u8 = 1;
const KEY: u8 = 2;
const BINARY: u8 = 3;
const SALSA20: u32 = 2;
const CHACHA20: u32 = 3;
/// Salsa20's nonce is the same in every file; its key is not.
const SALSA20_NONCE: [u8; 8] = [0xe8, 0x30, 0x09, 0x4b, 0x97, 0x20, 0x5d, 0x2a];
/// Bytes of a new key, as KeePass makes it.
pub(crate) const NEW_KEY_SIZE: usize = 64;
/// A field's number and length.
const FIELD_OVERHEAD: usize = 5;

/// The key stream that protected values take their bytes from, in the document's order.
pub(crate) struct InnerStream(Kind);

enum Kind {
    ChaCha20(ChaCha20),
    Salsa20(Salsa20),
}

impl InnerStream {
    /// The stream of new files.
    pub(crate) fn chacha20(key: &[u8]) -> Self {
        let mut hash = Sha512::digest(key);
        let mut cipher_key = chacha20::Key::default();
        let mut nonce = chacha20::Nonce::default();
        cipher_key.copy_from_slice(&hash[..32]);
        nonce.copy_from_slice(&hash[32..44]);
        let stream = ChaCha20::new(&cipher_key, &nonce);
        hash.zeroize();
        cipher_key.zeroize();
        Self(Kind::ChaCha20(stream))
    }

    fn salsa20(key: &[u8]) -> Self {
        let mut hash = Sha256::digest(key);
        let stream = Salsa20::new(&hash, &SALSA20_NONCE.into());
        hash.zeroize();
        Self(Kind::Salsa20(stream))
    }

    /// Encrypts or decrypts the next bytes.
    pub(crate) fn apply(&mut self, data: &mut [u8]) -> Result<(), KdbxError> {
        // The counters last far longer than any document may be.
        let done = match &mut self.0 {
            Kind::ChaCha20(stream) => stream.try_apply_keystream(data),
            Kind::Salsa20(stream) => stream.try_apply_keystream(data),
        };
        done.map_err(|_| KdbxError::PayloadTooLarge)
    }
}

/// A field of the inner header that this crate keeps and does not read.
#[derive(Clone)]
pub(crate) struct InnerField {
    pub(crate) id: u8,
    pub(crate) value: Secret<Vec<u8>>,
}

/// An inner header, and where the document begins.
pub(crate) struct InnerHeader<'a> {
    pub(crate) stream: InnerStream,
    pub(crate) binaries: Vec<Binary>,
    pub(crate) extra: Vec<InnerField>,
    pub(crate) document: &'a [u8],
}

/// Reads the inner header.
pub(crate) fn read(payload: &[u8]) -> Result<InnerHeader<'_>, KdbxError> {
    let mut reader = Reader::new(payload);
    let (mut cipher, mut key) = (None, None);
    let (mut binaries, mut extra) = (Vec::new(), Vec::new());
    loop {
        let id = reader.u8()?;
        let value = reader.run()?;
        match id {
            END => break,
            CIPHER if cipher.is_none() => cipher = Some(u32_of(value).ok_or(KdbxError::InnerField(CIPHER))?),
            KEY if key.is_none() && value.len() <= INNER_KEY_MAX => key = Some(value),
            CIPHER | KEY => return Err(KdbxError::InnerField(id)),
            BINARY => {
                let (flags, data) = value.split_first().ok_or(KdbxError::InnerField(BINARY))?;
                binaries.push(Binary { flags: *flags, data: Secret::new(data.to_vec()) });
            }
            _ => extra.push(InnerField { id, value: Secret::new(value.to_vec()) }),
        }
        if binaries.len() + extra.len() > INNER_FIELDS_MAX {
            return Err(KdbxError::InnerTooLong);
        }
    }
    let key = key.ok_or(KdbxError::InnerMissing(KEY))?;
    let stream = match cipher.ok_or(KdbxError::InnerMissing(CIPHER))? {
        CHACHA20 => InnerStream::chacha20(key),
        SALSA20 => InnerStream::salsa20(key),
        other => return Err(KdbxError::UnknownInnerCipher(other)),
    };
    Ok(InnerHeader { stream, binaries, extra, document: reader.rest() })
}

/// Bytes that [`write`] appends.
pub(crate) fn written_len(binaries: &[Binary], extra: &[InnerField]) -> usize {
    let binaries: usize = binaries.iter().map(|binary| FIELD_OVERHEAD + 1 + binary.data().len()).sum();
    let extra: usize = extra.iter().map(|field| FIELD_OVERHEAD + field.value.expose().len()).sum();
    3 * FIELD_OVERHEAD + 4 + NEW_KEY_SIZE + binaries + extra
}

/// Appends an inner header for ChaCha20 under `key`.
pub(crate) fn write(
    out: &mut Zeroizing<Vec<u8>>,
    key: &[u8; NEW_KEY_SIZE],
    binaries: &[Binary],
    extra: &[InnerField],
) -> Result<(), KdbxError> {
    if binaries.len() + extra.len() > INNER_FIELDS_MAX {
        return Err(KdbxError::InnerTooLong);
    }
    out.push(CIPHER);
    push_run(out, &CHACHA20.to_le_bytes());
    out.push(KEY);
    push_run(out, key);
    for binary in binaries {
        let len = u32::try_from(binary.data().len() + 1).map_err(|_| KdbxError::PayloadTooLarge)?;
        out.push(BINARY);
        out.extend_from_slice(&len.to_le_bytes());
        out.push(binary.flags);
        out.extend_from_slice(binary.data());
    }
    for field in extra {
        out.push(field.id);
        push_run(out, field.value.expose());
    }
    out.push(END);
    push_run(out, &[]);
    Ok(())
}
