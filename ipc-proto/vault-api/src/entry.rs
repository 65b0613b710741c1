//! Entries of the store, as they go in and come out.

use ipc_proto_derive::Schema;
use ipc_proto_types::{List, Secret, Text};
use serde::{Deserialize, Serialize};

/// An entry to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct NewEntry {
    /// Its title; no two of a group are equal.
    pub title: Text<256>,
    /// The group it goes into.
    pub group: Text<256>,
    /// Whom to log in as.
    pub user: Text<256>,
    /// Where it is used; empty for nowhere.
    pub url: Text<512>,
    /// Tags.
    pub tags: List<Text<64>, 8>,
    /// The password, or how to make one; an empty one is none.
    pub password: NewPassword,
    /// How to make one-time codes.
    pub totp: Option<NewTotp>,
    /// When the password should be used no more.
    pub expires: Option<Expiry>,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum NewPassword {
    /// This one.
    Given(Secret<Text<1024>>),
    /// Made by the vault, of characters.
    Generate(Recipe),
    /// Made by the vault, of words.
    Words(Words),
}

/// How to make a password of characters.
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
    /// Without characters that look like others: 0 and O, 1, l and I.
    pub no_look_alikes: bool,
}

/// How to make a passphrase of words of the EFF's long list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Words {
    /// How many words.
    pub count: u8,
    /// What stands between them.
    pub separator: Text<8>,
}

/// How to make one-time codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct NewTotp {
    /// The shared secret in base32.
    pub secret_base32: Secret<Text<256>>,
    /// The hash (RFC 6238), or how Steam does it.
    pub algorithm: Algorithm,
    /// Digits of a code: 6 to 8; Steam's have 5 characters whatever this says.
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
    /// SHA-1, with characters in place of digits.
    Steam,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Expiry {
    /// Seconds since 1970 began.
    pub unix_s: u64,
}

/// A change of one thing of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger ones on")]
pub enum Change {
    /// Another title.
    Title(Text<256>),
    /// Another group.
    Group(Text<256>),
    /// Another user.
    User(Text<256>),
    /// Another password.
    Password(NewPassword),
    /// Another main URL; none when it is empty.
    Url(Text<512>),
    /// Other notes.
    Notes(Secret<Text<4096>>),
    /// Other tags.
    Tags(List<Text<64>, 8>),
    /// Other one-time codes, or none.
    Totp(Option<NewTotp>),
    /// Another end, or none.
    Expires(Option<Expiry>),
    /// Another value for a custom field, which is made if it is not there.
    Field {
        /// Its name.
        name: Text<256>,
        /// Its value.
        value: Secret<Text<4096>>,
        /// Whether it is shown and found only by name.
        protected: bool,
    },
    /// A custom field less.
    NoField(Text<256>),
}

/// What became of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Added {
    /// Entropy of a generated password in hundredths of a bit, an estimate for a given one.
    pub entropy_centibits: u32,
    /// Whether it was generated.
    pub generated: bool,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Summary {
    /// Its title, cut if it is longer.
    pub title: Text<256>,
    /// The path of its group.
    pub group: Text<256>,
    /// Whom to log in as.
    pub user: Text<256>,
    /// Whether it makes one-time codes.
    pub totp: bool,
    /// Whether it is past its time.
    pub expired: bool,
    /// Whether another entry of the list has this title.
    pub ambiguous: bool,
    /// `#` and the first digits of its id, as many as make it unique.
    pub id: Text<40>,
}

/// Some lines of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Page {
    /// The lines.
    pub entries: List<Summary, 8>,
    /// How many entries were found in all.
    pub total: u32,
}

/// A custom field of an entry, shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Custom {
    /// Its name.
    pub name: Text<256>,
    /// Whether it is protected: [`Reveal::Field`] shows it.
    pub protected: bool,
}

/// An entry, shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Entry {
    /// Its title.
    pub title: Text<256>,
    /// The path of its group.
    pub group: Text<256>,
    /// Whom to log in as.
    pub user: Text<256>,
    /// The password, when it was asked for.
    pub password: Option<Secret<Text<1024>>>,
    /// Entropy of a generated password in hundredths of a bit, an estimate for a given one.
    pub entropy_centibits: u32,
    /// Whether it was generated.
    pub generated: bool,
    /// Whether it makes one-time codes.
    pub totp: bool,
    /// Where it is used, the main one first; at most 4 of them.
    pub urls: List<Text<512>, 4>,
    /// Tags; at most 16 of them.
    pub tags: List<Text<64>, 16>,
    /// Custom fields; at most 8 of them.
    pub fields: List<Custom, 8>,
    /// Names of attachments; at most 8 of them.
    pub attachments: List<Text<256>, 8>,
    /// Whether any of these has more than this answer holds.
    pub more: bool,
    /// Bytes of notes.
    pub notes_bytes: u32,
    /// How many earlier versions it has.
    pub versions: u8,
    /// When it was made.
    pub created_unix_s: u64,
    /// When what it holds last changed.
    pub modified_unix_s: u64,
    /// When the password should be used no more.
    pub expires: Option<Expiry>,
    /// Whether it is in the bin.
    pub in_bin: bool,
    /// `#` and the digits of its id.
    pub id: Text<40>,
}

/// One secret of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum Reveal {
    /// The password.
    Password,
    /// The notes.
    Notes,
    /// The value of the custom field of this name.
    Field(Text<256>),
    /// The password of an earlier version; 0 is the newest.
    OldPassword(u8),
    /// The secret of the one-time codes, as an `otpauth` URI.
    Totp,
}

/// A one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Code {
    /// The digits.
    pub digits: Secret<Text<8>>,
    /// How long it still lives.
    pub seconds_left: u8,
}

/// An earlier version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Version {
    /// When that had been written.
    pub modified_unix_s: u64,
    /// Its title then.
    pub title: Text<256>,
    /// Its user then.
    pub user: Text<256>,
    /// Whether it had another password than the entry has now.
    pub other_password: bool,
}

/// Earlier versions of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Versions {
    /// The newest first.
    pub versions: List<Version, 10>,
}

/// Some groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct GroupPage {
    /// Their paths.
    pub groups: List<Text<256>, 16>,
    /// How many there are in all.
    pub total: u32,
}
