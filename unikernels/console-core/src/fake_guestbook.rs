//! A service the console is not built with: it knows it only by its description.

extern crate std;

use crate::fake_machine::{Machine, text};
use ipc_proto_derive::{Schema, service};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, Secret, Text};
use serde::{Deserialize, Serialize};
use std::format;

/// How somebody felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) enum Mood {
    /// Well.
    Happy,
    /// So many hours without sleep.
    Tired(u8),
}

/// Something written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) struct Entry {
    /// Who wrote it.
    pub(crate) name: Text<16>,
    /// What they wrote.
    pub(crate) message: Text<64>,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) enum GuestError {
    /// The book is full.
    Full,
}

/// A book that guests sign.
#[service(name = "guestbook", version = 1)]
pub(crate) trait Guestbook {
    /// Writes into it.
    fn sign(&mut self, name: Text<16>, message: Text<64>, mood: Option<Mood>) -> Result<u32, GuestError>;

    /// What is in it.
    fn read(&mut self) -> List<Entry, 4>;

    /// Opens the locked pages.
    fn open(&mut self, key: Secret<Text<16>>) -> Secret<Text<32>>;

    /// Turns a page.
    #[oneway]
    fn turn(&mut self, pages: u16);

    /// Somebody signed.
    #[event]
    fn signed(&mut self, name: Text<16>);
}

impl Guestbook for Machine {
    fn sign(
        &mut self,
        _: &Caller,
        name: Text<16>,
        message: Text<64>,
        mood: Option<Mood>,
    ) -> Result<u32, GuestError> {
        if name == "Eve" {
            return Err(GuestError::Full);
        }
        self.guests.push(format!("{name}: {message} {mood:?}"));
        Ok(u32::try_from(self.guests.len()).unwrap())
    }

    fn read(&mut self, _: &Caller) -> List<Entry, 4> {
        let entry = Entry { name: text("Ada"), message: text("hi \x1b[31m\"you\"") };
        List::try_from([entry].as_slice()).unwrap()
    }

    fn open(&mut self, _: &Caller, key: Secret<Text<16>>) -> Secret<Text<32>> {
        Secret::new(Text::truncated(&format!("inside of {}", key.expose())))
    }

    fn turn(&mut self, _: &Caller, pages: u16) {
        self.guests.push(format!("turned {pages}"));
    }
}
