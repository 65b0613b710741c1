//! Entries of the store, as they go in and come out.

use ipc_proto_derive::Schema;
use ipc_proto_types::{List, Secret, Text};
use serde::{Deserialize, Serialize};

/// An entry to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct NewEntry {
    /// Its name; no two are equal.
    pub name: Text<64>,
    /// Whom to log in as.
    pub user: Text<128>,
    /// The password, or how to make one.
    pub password: NewPassword,
    /// How to make one-time codes.
    pub totp: Option<NewTotp>,
}

/// Where the password of a new entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum NewPassword {
    /// This one.
    Given(Secret<Text<256>>),
    /// Made by the vault.
    Generate(Recipe),
}

/// How to make a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Recipe {
    /// How many characters.
    pub length: u8,
    /// With small letters.
    pub lower: bool,
    /// With capital letters.
    pub upper: bool,
    /// With digits.
    pub digits: bool,
    /// With punctuation.
    pub symbols: bool,
}

/// How to make one-time codes (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct NewTotp {
    /// The shared secret in base32.
    pub secret_base32: Secret<Text<128>>,
    /// The hash.
    pub algorithm: Algorithm,
    /// Digits of a code: 6 to 8.
    pub digits: u8,
    /// How long a code lives, in seconds.
    pub period_s: u8,
}

/// The hash of a one-time code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Algorithm {
    /// SHA-1, what most sites use.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// What became of a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Added {
    /// Entropy of a generated password in hundredths of a bit; 0 for a given one.
    pub entropy_centibits: u32,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Summary {
    /// Its name.
    pub name: Text<64>,
    /// Whom to log in as.
    pub user: Text<128>,
    /// Whether it makes one-time codes.
    pub totp: bool,
}

/// Some lines of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Page {
    /// The lines.
    pub entries: List<Summary, 8>,
    /// How many entries there are in all.
    pub total: u16,
}

/// An entry, shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Entry {
    /// Its name.
    pub name: Text<64>,
    /// Whom to log in as.
    pub user: Text<128>,
    /// The password, when it was asked for.
    pub password: Option<Secret<Text<256>>>,
    /// Entropy of a generated password in hundredths of a bit; 0 for a given one.
    pub entropy_centibits: u32,
    /// Whether it makes one-time codes.
    pub totp: bool,
}

/// A one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Code {
    /// The digits.
    pub digits: Secret<Text<8>>,
    /// How long it still lives.
    pub seconds_left: u8,
}
