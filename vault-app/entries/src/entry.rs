//! Entries: what an entry holds now, what it held before, where it is.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use vault_app_codes::totp::{self, Settings};
use zeroize::Zeroizing;

use crate::id::{ContentId, EntryId, GroupId};
use crate::text::{Plain, SecretBytes, SecretText};

/// An entry. Its bounds are checked by [`Entry::check`], which everything that stores or reads one calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name for good.
    pub id: EntryId,
    /// The group it is in. An entry in the recycle bin keeps it, to be restored there.
    pub group: GroupId,
    /// When it was put into the recycle bin, in Unix seconds, if it is there by itself and not by its group.
    pub recycled_s: Option<u64>,
    /// When it was made and last edited.
    pub times: Times,
    /// What it holds.
    pub content: Content,
    /// What it held, newest first.
    pub history: Vec<Version>,
}

/// Moments of an entry or a group, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When it was made.
    pub created_s: u64,
    /// When what it holds last changed. Moving, recycling and restoring change nothing of that.
    pub modified_s: u64,
}

impl Times {
    /// Of what is made now.
    #[must_use]
    pub const fn new(now_s: u64) -> Self {
        Self { created_s: now_s, modified_s: now_s }
    }
}

/// What an entry holds: all that editing changes and the history keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What a person calls it.
    pub title: Plain,
    /// The user name.
    pub user: Plain,
    /// The password.
    pub password: SecretText,
    /// What a generated password is worth in hundredths of a bit; nothing when somebody made it up.
    pub entropy_centibits: Option<u32>,
    /// Where it is used, the main one first.
    pub urls: Vec<Plain>,
    /// Notes. Secret, since people write recovery codes there.
    pub notes: SecretText,
    /// Tags, no two the same.
    pub tags: Vec<Plain>,
    /// Custom fields, no two of one name.
    pub fields: Vec<Field>,
    /// Attachments, no two of one name.
    pub attachments: Vec<Attachment>,
    /// How to make one-time codes.
    pub totp: Option<Totp>,
    /// From when on the password should be used no more, in Unix seconds.
    pub expires_s: Option<u64>,
}

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: Plain,
    /// Its value, which never prints, protected or not.
    pub value: SecretText,
    /// Whether it is kept from search, display and export unless asked for by name.
    pub protected: bool,
}

/// A file that belongs to an entry. Its content is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file's name.
    pub name: Plain,
    /// Which content.
    pub content: ContentId,
    /// Its size in bytes.
    pub size: u64,
}

/// An earlier content of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// When that content had been written, in Unix seconds.
    pub modified_s: u64,
    /// The content.
    pub content: Content,
}

/// How to make one-time codes (RFC 6238, or Steam's).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    /// The shared secret.
    pub secret: SecretBytes,
    /// Hash, form and period.
    #[serde(with = "crate::record::settings")]
    pub settings: Settings,
    /// Who gave the secret out; may be empty.
    pub issuer: Plain,
    /// For which account; may be empty.
    pub account: Plain,
}

impl Totp {
    /// The code at `unix_s` and how many seconds it still holds.
    #[must_use]
    pub fn code(&self, unix_s: u64) -> (SecretText, u16) {
        let text = Zeroizing::new(self.settings.code(self.secret.expose(), unix_s));
        let length = usize::from(self.settings.digits().min(totp::DIGITS_MAX));
        // Codes are ASCII.
        let code = core::str::from_utf8(&text[..length]).unwrap_or("");
        (SecretText::new(code), self.settings.seconds_left(unix_s))
    }
}

impl Entry {
    /// A new entry that holds `content`.
    #[must_use]
    pub const fn new(id: EntryId, group: GroupId, content: Content, now_s: u64) -> Self {
        Self { id, group, recycled_s: None, times: Times::new(now_s), content, history: Vec::new() }
    }

    /// The contents of all attachments that the entry or its history mentions; one may come more than once.
    pub fn contents(&self) -> impl Iterator<Item = ContentId> + '_ {
        let versions = self.history.iter().map(|version| &version.content);
        core::iter::once(&self.content)
            .chain(versions)
            .flat_map(|content| &content.attachments)
            .map(|attachment| attachment.content)
    }
}

impl Content {
    /// Whether it is past its time.
    #[must_use]
    pub fn is_expired(&self, now_s: u64) -> bool {
        self.expires_s.is_some_and(|expires_s| expires_s <= now_s)
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.as_str() == name)
    }
}
