//! Says back what it is told, and panics at the word `panic`: for tests of what a person sees then. It keeps what it was told,
//! backwards, so that a test can tell its memory from that of everybody else who saw the words; at `recall` it says how much.
//!
//! As a place for files it panics over every backup it is to verify, and words its panic with all it was told: nothing that is
//! secret may show in the report.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write as _;

use ipc_proto_echo_api::{self as api, Echo};
use ipc_proto_rpc::{Caller, Ticks};
use ipc_proto_types::{Bytes, List, Secret, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::files::{self, Exported, Files, Format, Imported, PIECE_MAX, Verified};
use ipc_proto_vault_api::keys::Key;
use unikernels_rt::{Qube, main};

main!(fragile);

fn fragile(qube: Qube) -> i32 {
    let mut ports = qube.servers(&api::SERVICE);
    let mut files = qube.servers(&files::SERVICE);
    let mut fragile = Fragile { told: List::new() };
    qube.ready();
    loop {
        let is_idle = files.serve(&mut |port, buffers| files::serve(&mut fragile, port, buffers));
        let until = if is_idle { None } else { Some(Ticks(0)) };
        ports.turn(until, &mut |port, buffers| api::serve(&mut fragile, port, buffers));
    }
}

/// Lines that are kept; more are not.
const TOLD_MAX: usize = 64;

struct Fragile {
    told: List<Text<64>, TOLD_MAX>,
}

impl Echo for Fragile {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        assert!(text != "panic", "it was told to panic");
        if text == "recall" {
            let mut answer = Text::new();
            let _ = write!(answer, "{} lines", self.told.len());
            return answer;
        }
        let mut backwards = Text::<64>::new();
        for letter in text.chars().rev() {
            let _ = write!(backwards, "{letter}");
        }
        let _ = self.told.push(backwards);
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {}

    fn sunk(&mut self, _: &Caller) -> u64 {
        0
    }
}

type Passphrase = Secret<Text<256>>;

impl Files for Fragile {
    fn upload(&mut self, _: &Caller, _: u32, _: Secret<Bytes<PIECE_MAX>>) -> Result<(), VaultError> {
        Err(VaultError::Internal)
    }

    fn download(&mut self, _: &Caller, _: u32) -> Result<Secret<Bytes<PIECE_MAX>>, VaultError> {
        Err(VaultError::Internal)
    }

    fn import(
        &mut self,
        _: &Caller,
        _: Format,
        _: Option<Passphrase>,
        _: Text<256>,
    ) -> Result<Imported, VaultError> {
        Err(VaultError::Internal)
    }

    fn export(&mut self, _: &Caller, _: Format, _: Option<Passphrase>) -> Result<Exported, VaultError> {
        Err(VaultError::Internal)
    }

    fn verify(&mut self, _: &Caller, passphrase: Passphrase) -> Result<Verified, VaultError> {
        panic!("it was told {passphrase:?}")
    }

    fn attach(&mut self, _: &Caller, _: Text<256>, _: Text<256>) -> Result<(), VaultError> {
        Err(VaultError::Internal)
    }

    fn detach(&mut self, _: &Caller, _: Text<256>, _: Text<256>) -> Result<(), VaultError> {
        Err(VaultError::Internal)
    }

    fn fetch(&mut self, _: &Caller, _: Text<256>, _: Text<256>) -> Result<u32, VaultError> {
        Err(VaultError::Internal)
    }

    fn key_import(&mut self, _: &Caller, _: Option<Passphrase>) -> Result<Key, VaultError> {
        Err(VaultError::Internal)
    }
}
