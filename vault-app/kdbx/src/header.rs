//! The outer header: what is in the clear, and how the rest is to be read.

use alloc::vec::Vec;

use crate::bounds::{HEADER_FIELD_MAX, HEADER_FIELDS_MAX};
use crate::bytes::{Reader, push_run, u32_of};
use crate::cipher::Cipher;
use crate::error::KdbxError;
use crate::gzip::Compression;
use crate::kdf::Kdf;

/// Both signatures.
const SIGNATURE: [u8; 8] = [0x03, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5];
const MAJOR: u16 = 4;
/// What KeePass 2.48 and later write.
pub(crate) const MINOR: u16 = 1;

const END: u8 = 0;
const CIPHER: u8 = 2;
const COMPRESSION: u8 = 3;
const SEED: u8 = 4;
const IV: u8 = 7;
const KDF: u8 = 11;
/// Fields of KDBX 3.
const OLD: [u8; 5] = [5, 6, 8, 9, 10];
const END_VALUE: &[u8] = b"\r\n\r\n";

/// A field of a header that this crate keeps and does not read: comment, public custom data, what others add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawField {
    /// Its number.
    pub id: u8,
    /// Its value: at most [`HEADER_FIELD_MAX`] bytes in the outer header, which is not secret.
    pub value: Vec<u8>,
}

/// An outer header.
pub(crate) struct Header {
    pub(crate) minor: u16,
    pub(crate) cipher: Cipher,
    pub(crate) compression: Compression,
    pub(crate) seed: [u8; 32],
    /// As long as the cipher wants it.
    pub(crate) iv: Vec<u8>,
    pub(crate) kdf: Kdf,
    pub(crate) extra: Vec<RawField>,
}

/// Whether this field is one that [`Header`] has a place for.
pub(crate) fn is_own(id: u8) -> bool {
    [END, CIPHER, COMPRESSION, SEED, IV, KDF].contains(&id) || OLD.contains(&id)
}

/// The fields as they stand in the file, each once, and where the header ends.
pub(crate) struct RawHeader<'a> {
    minor: u16,
    fields: Vec<(u8, &'a [u8])>,
    /// The header's own bytes, signatures and end field included.
    pub(crate) bytes: &'a [u8],
    /// What follows it.
    pub(crate) rest: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Splits a file into header and rest; no value is looked at.
    pub(crate) fn split(file: &'a [u8]) -> Result<Self, KdbxError> {
        let mut reader = Reader::new(file);
        let head = reader.array::<8>();
        if head.map_err(|_| KdbxError::NotKdbx)? != &SIGNATURE {
            return Err(KdbxError::NotKdbx);
        }
        let (minor, major) = (reader.u16()?, reader.u16()?);
        if major != MAJOR {
            return Err(KdbxError::Version { major, minor });
        }
        let mut fields: Vec<(u8, &[u8])> = Vec::new();
        loop {
            let id = reader.u8()?;
            let value = reader.run()?;
            if value.len() > HEADER_FIELD_MAX || fields.iter().any(|field| field.0 == id) || OLD.contains(&id)
            {
                return Err(KdbxError::HeaderField(id));
            }
            if id == END {
                break;
            }
            if fields.len() == HEADER_FIELDS_MAX {
                return Err(KdbxError::HeaderTooLong);
            }
            fields.push((id, value));
        }
        let rest = reader.rest();
        let bytes = file.get(..file.len() - rest.len()).ok_or(KdbxError::Truncated)?;
        Ok(Self { minor, fields, bytes, rest })
    }

    fn find(&self, id: u8) -> Result<&'a [u8], KdbxError> {
        let field = self.fields.iter().find(|field| field.0 == id);
        field.map(|field| field.1).ok_or(KdbxError::HeaderMissing(id))
    }

    /// Reads the values and checks them against every cap.
    pub(crate) fn parse(&self) -> Result<Header, KdbxError> {
        let cipher = Cipher::from_id(self.find(CIPHER)?).ok_or(KdbxError::UnknownCipher)?;
        let flags = u32_of(self.find(COMPRESSION)?).ok_or(KdbxError::HeaderField(COMPRESSION))?;
        let iv = self.find(IV)?.to_vec();
        if iv.len() != cipher.iv_size() {
            return Err(KdbxError::HeaderField(IV));
        }
        let extra = self.fields.iter().filter(|field| !is_own(field.0));
        Ok(Header {
            minor: self.minor,
            cipher,
            compression: Compression::from_flags(flags).ok_or(KdbxError::UnknownCompression)?,
            seed: self.find(SEED)?.try_into().map_err(|_| KdbxError::HeaderField(SEED))?,
            iv,
            kdf: Kdf::read(self.find(KDF)?)?,
            extra: extra.map(|field| RawField { id: field.0, value: field.1.to_vec() }).collect(),
        })
    }
}

impl Header {
    /// The header's bytes, end field included.
    pub(crate) fn write(&self) -> Result<Vec<u8>, KdbxError> {
        let mut out = SIGNATURE.to_vec();
        out.extend_from_slice(&self.minor.to_le_bytes());
        out.extend_from_slice(&MAJOR.to_le_bytes());
        let kdf = self.kdf.write();
        let compression = self.compression.flags().to_le_bytes();
        let own: [(u8, &[u8]); 5] = [
            (CIPHER, self.cipher.id()),
            (COMPRESSION, &compression),
            (SEED, &self.seed),
            (KDF, &kdf),
            (IV, &self.iv),
        ];
        if self.extra.len() > HEADER_FIELDS_MAX - own.len() {
            return Err(KdbxError::HeaderTooLong);
        }
        for (at, field) in self.extra.iter().enumerate() {
            let doubled = self.extra.iter().take(at).any(|other| other.id == field.id);
            if doubled || is_own(field.id) || field.value.len() > HEADER_FIELD_MAX {
                return Err(KdbxError::HeaderField(field.id));
            }
        }
        let extra = self.extra.iter().map(|field| (field.id, field.value.as_slice()));
        for (id, value) in own.into_iter().chain(extra).chain([(END, END_VALUE)]) {
            out.push(id);
            push_run(&mut out, value);
        }
        Ok(out)
    }
}
