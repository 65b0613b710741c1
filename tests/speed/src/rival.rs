//! The same messages as rkyv has them: relative pointers, checked by bytecheck before they are used.

use crate::messages;

/// A byte string.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub(crate) struct Blob {
    /// The bytes.
    pub data: Vec<u8>,
}

/// A text.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub(crate) struct Book {
    /// The text.
    pub text: String,
}

/// As [`messages::Mixed`].
#[derive(rkyv::Archive, rkyv::Serialize)]
pub(crate) struct Mixed {
    /// As there.
    pub serial: u64,
    /// As there.
    pub size: u32,
    /// As there.
    pub port: u16,
    /// As there.
    pub count: u8,
    /// As there.
    pub offset: i32,
    /// As there.
    pub done: bool,
    /// As there.
    pub parent: Option<u32>,
    /// As there.
    pub name: String,
    /// As there.
    pub digest: Vec<u8>,
}

/// Many of them.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub(crate) struct Records {
    /// The records.
    pub records: Vec<Mixed>,
}

impl From<&messages::Mixed> for Mixed {
    fn from(value: &messages::Mixed) -> Self {
        Self {
            serial: value.serial,
            size: value.size,
            port: value.port,
            count: value.count,
            offset: value.offset,
            done: value.done,
            parent: value.parent,
            name: value.name.as_str().to_owned(),
            digest: value.digest.to_vec(),
        }
    }
}
