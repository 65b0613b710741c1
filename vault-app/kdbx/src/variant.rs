//! The dictionary of typed values that holds the KDF's parameters ("VariantDictionary", version 1.0).

use alloc::vec::Vec;

use crate::bounds::{VARIANT_ITEMS_MAX, VARIANT_VALUE_MAX};
use crate::bytes::{Reader, push_run, u32_of, u64_of};
use crate::error::KdbxError;

/// Version 1.0; another minor part may only add.
const VERSION: u16 = 0x0100;
const VERSION_MAJOR: u16 = 0xff00;
const TYPE_END: u8 = 0;
const TYPE_U32: u8 = 0x04;
const TYPE_U64: u8 = 0x05;
const TYPE_BYTES: u8 = 0x42;

/// Names and values of a dictionary, borrowed from the file. Each is taken once; what is left is not known.
pub(crate) struct Dictionary<'a> {
    items: Vec<(&'a [u8], u8, &'a [u8])>,
}

impl<'a> Dictionary<'a> {
    /// Reads all of `bytes`. Names must be unique, values are looked at when taken.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, KdbxError> {
        let mut reader = Reader::new(bytes);
        let malformed = |_| KdbxError::KdfParameters;
        if reader.u16().map_err(malformed)? & VERSION_MAJOR != VERSION {
            return Err(KdbxError::KdfParameters);
        }
        let mut items: Vec<(&[u8], u8, &[u8])> = Vec::new();
        loop {
            let kind = reader.u8().map_err(malformed)?;
            if kind == TYPE_END {
                break;
            }
            let name = reader.run().map_err(malformed)?;
            let value = reader.run().map_err(malformed)?;
            let doubled = items.iter().any(|item| item.0 == name);
            if doubled || items.len() == VARIANT_ITEMS_MAX || name.len().max(value.len()) > VARIANT_VALUE_MAX
            {
                return Err(KdbxError::KdfParameters);
            }
            items.push((name, kind, value));
        }
        if reader.rest().is_empty() { Ok(Self { items }) } else { Err(KdbxError::KdfParameters) }
    }

    fn take(&mut self, name: &str, kind: u8) -> Result<&'a [u8], KdbxError> {
        let at = self.items.iter().position(|item| item.0 == name.as_bytes() && item.1 == kind);
        Ok(self.items.swap_remove(at.ok_or(KdbxError::KdfParameters)?).2)
    }

    pub(crate) fn bytes(&mut self, name: &str) -> Result<&'a [u8], KdbxError> {
        self.take(name, TYPE_BYTES)
    }

    pub(crate) fn u32(&mut self, name: &str) -> Result<u32, KdbxError> {
        u32_of(self.take(name, TYPE_U32)?).ok_or(KdbxError::KdfParameters)
    }

    pub(crate) fn u64(&mut self, name: &str) -> Result<u64, KdbxError> {
        u64_of(self.take(name, TYPE_U64)?).ok_or(KdbxError::KdfParameters)
    }

    /// Everything has been taken. A parameter nobody knows would change the key, or be lost on writing.
    pub(crate) fn end(self) -> Result<(), KdbxError> {
        if self.items.is_empty() { Ok(()) } else { Err(KdbxError::KdfParameters) }
    }
}

/// Writes a dictionary.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(VERSION.to_le_bytes().to_vec())
    }

    fn push(mut self, kind: u8, name: &str, value: &[u8]) -> Self {
        self.0.push(kind);
        push_run(&mut self.0, name.as_bytes());
        push_run(&mut self.0, value);
        self
    }

    pub(crate) fn bytes(self, name: &str, value: &[u8]) -> Self {
        self.push(TYPE_BYTES, name, value)
    }

    pub(crate) fn u32(self, name: &str, value: u32) -> Self {
        self.push(TYPE_U32, name, &value.to_le_bytes())
    }

    pub(crate) fn u64(self, name: &str, value: u64) -> Self {
        self.push(TYPE_U64, name, &value.to_le_bytes())
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(TYPE_END);
        self.0
    }
}
