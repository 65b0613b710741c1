//! One entry as bytes: a record of fixed size and layout inside the arena.
//!
//! Fixed size, so that sealed bytes tell nothing about lengths, and so that wiping an entry is overwriting its record.
//! Little endian:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | length of the name |
//! | 1 | 1 | length of the user |
//! | 2 | 2 | length of the password |
//! | 4 | 1 | TOTP: 0 none, 1 SHA-1, 2 SHA-256, 3 SHA-512 |
//! | 5 | 1 | TOTP: digits |
//! | 6 | 1 | TOTP: period in seconds |
//! | 7 | 1 | length of the TOTP secret |
//! | 8 | 4 | entropy in hundredths of a bit, 0 unknown |
//! | 12 | 64 | name, UTF-8 |
//! | 76 | 128 | user, UTF-8 |
//! | 204 | 256 | password, UTF-8 |
//! | 460 | 80 | TOTP secret, bytes |
//!
//! Only this file reads or writes these offsets. Unused bytes are zero.

use crate::totp::{Form, Hash, Settings};
use core::ops::Range;

/// The longest name in bytes.
pub const NAME_MAX: usize = 64;
/// The longest user in bytes.
pub const USER_MAX: usize = 128;
/// The longest password in bytes.
pub const PASSWORD_MAX: usize = 256;
/// The longest TOTP secret in bytes: what 128 characters of base32 hold.
pub const TOTP_SECRET_MAX: usize = 80;

/// A record's size in bytes.
pub(crate) const SLOT_SIZE: usize = 540;

const PASSWORD_LENGTH: Range<usize> = 2..4;
const TOTP: Range<usize> = 4..8;
const ENTROPY: Range<usize> = 8..12;
const NAME: usize = 12;
const USER: usize = NAME + NAME_MAX;
const PASSWORD: usize = USER + USER_MAX;
const TOTP_SECRET: usize = PASSWORD + PASSWORD_MAX;
const _: () = assert!(TOTP_SECRET + TOTP_SECRET_MAX == SLOT_SIZE);

/// A record being read. The store only makes it from records it wrote and whose seal held.
#[derive(Clone, Copy)]
pub struct Entry<'a>(&'a [u8; SLOT_SIZE]);

impl<'a> Entry<'a> {
    /// Reads a record.
    pub(crate) fn new(slot: &'a [u8; SLOT_SIZE]) -> Self {
        Self(slot)
    }

    /// The name, unique in the store.
    #[must_use]
    pub fn name(self) -> &'a str {
        text(&self.0[NAME..USER], usize::from(self.0[0]))
    }

    /// The user name at the site.
    #[must_use]
    pub fn user(self) -> &'a str {
        text(&self.0[USER..PASSWORD], usize::from(self.0[1]))
    }

    /// The password, in the clear.
    #[must_use]
    pub fn password(self) -> &'a str {
        let [low, high] = [self.0[PASSWORD_LENGTH.start], self.0[PASSWORD_LENGTH.start + 1]];
        text(&self.0[PASSWORD..TOTP_SECRET], usize::from(u16::from_le_bytes([low, high])))
    }

    /// What a generated password is worth in hundredths of a bit; 0 for one somebody made up.
    #[must_use]
    pub fn entropy_centibits(self) -> u32 {
        self.0[ENTROPY].iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
    }

    /// The secret and the settings of one-time codes, if the entry has them.
    #[must_use]
    pub fn totp(self) -> Option<(&'a [u8], Settings)> {
        let [hash, digits, period_s, length] = [self.0[4], self.0[5], self.0[6], self.0[7]];
        let hash = match hash {
            1 => Hash::Sha1,
            2 => Hash::Sha256,
            3 => Hash::Sha512,
            _ => return None,
        };
        let secret = self.0[TOTP_SECRET..].get(..usize::from(length))?;
        Some((secret, Settings::new(hash, digits, period_s.into())?))
    }
}

/// The first `length` bytes as text; what is no text reads as empty.
fn text(field: &[u8], length: usize) -> &str {
    field.get(..length).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
}

/// A record being written. Every method expects the field to be still zero.
pub(crate) struct SlotMut<'a>(pub(crate) &'a mut [u8; SLOT_SIZE]);

impl SlotMut<'_> {
    /// Writes the name; false when it is too long.
    pub(crate) fn set_name(&mut self, name: &str) -> bool {
        self.0[0] = u8::try_from(name.len()).unwrap_or(u8::MAX);
        put(&mut self.0[NAME..USER], name.as_bytes())
    }

    /// Writes the user; false when it is too long.
    pub(crate) fn set_user(&mut self, user: &str) -> bool {
        self.0[1] = u8::try_from(user.len()).unwrap_or(u8::MAX);
        put(&mut self.0[USER..PASSWORD], user.as_bytes())
    }

    /// Writes a password somebody made up; false when it is too long.
    pub(crate) fn set_password(&mut self, password: &str) -> bool {
        self.set_password_length(password.len());
        put(&mut self.0[PASSWORD..TOTP_SECRET], password.as_bytes())
    }

    /// The password's field, for a generator to fill; [`Self::set_generated`] must follow.
    pub(crate) fn password_field(&mut self) -> &mut [u8] {
        &mut self.0[PASSWORD..TOTP_SECRET]
    }

    /// Says how long the generated password is and what it is worth.
    pub(crate) fn set_generated(&mut self, length: usize, entropy_centibits: u32) {
        self.set_password_length(length);
        self.0[ENTROPY].copy_from_slice(&entropy_centibits.to_le_bytes());
    }

    /// The field of the TOTP secret, for a decoder to fill; [`Self::set_totp`] must follow.
    pub(crate) fn totp_secret_field(&mut self) -> &mut [u8] {
        &mut self.0[TOTP_SECRET..]
    }

    /// Says how codes are made and how long their secret is; false when the record has no room for the settings.
    pub(crate) fn set_totp(&mut self, settings: Settings, secret_length: usize) -> bool {
        let hash = match settings.hash {
            Hash::Sha1 => 1,
            Hash::Sha256 => 2,
            Hash::Sha512 => 3,
        };
        let (Form::Decimal(digits), Ok(period_s), Ok(length)) =
            (settings.form(), u8::try_from(settings.period_s()), u8::try_from(secret_length))
        else {
            return false;
        };
        self.0[TOTP].copy_from_slice(&[hash, digits, period_s, length]);
        true
    }

    fn set_password_length(&mut self, length: usize) {
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        self.0[PASSWORD_LENGTH].copy_from_slice(&length.to_le_bytes());
    }
}

fn put(field: &mut [u8], bytes: &[u8]) -> bool {
    field.get_mut(..bytes.len()).map(|front| front.copy_from_slice(bytes)).is_some()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut bytes = [0; SLOT_SIZE];
        let mut slot = SlotMut(&mut bytes);
        assert!(slot.set_name("github") && slot.set_user("grüße") && slot.set_password("pässword"));
        slot.totp_secret_field()[..3].copy_from_slice(&[1, 2, 3]);
        let settings = Settings::new(Hash::Sha512, 8, 60).unwrap();
        assert!(!slot.set_totp(Settings::STEAM, 3));
        assert!(!slot.set_totp(Settings::new(Hash::Sha512, 8, 256).unwrap(), 3));
        assert!(slot.set_totp(settings, 3));
        let entry = Entry::new(&bytes);
        assert_eq!((entry.name(), entry.user(), entry.password()), ("github", "grüße", "pässword"));
        assert_eq!(entry.totp(), Some((&[1, 2, 3][..], settings)));
        assert_eq!(entry.entropy_centibits(), 0);
    }

    #[test]
    fn the_longest_fields_fit_and_longer_ones_are_refused() {
        let mut bytes = [0; SLOT_SIZE];
        let text = |length| String::from_iter(std::iter::repeat_n('x', length));
        let mut slot = SlotMut(&mut bytes);
        assert!(!slot.set_name(&text(65)) && !slot.set_user(&text(129)) && !slot.set_password(&text(257)));
        assert!(slot.set_name(&text(64)) && slot.set_user(&text(128)) && slot.set_password(&text(256)));
        slot.set_generated(256, 0x0102_0304);
        let entry = Entry::new(&bytes);
        assert_eq!((entry.name().len(), entry.user().len(), entry.password().len()), (64, 128, 256));
        assert_eq!(entry.entropy_centibits(), 0x0102_0304);
        assert_eq!(entry.totp(), None);
    }

    #[test]
    fn a_record_of_nonsense_reads_as_nothing() {
        let entry = [0xff; SLOT_SIZE];
        let entry = Entry::new(&entry);
        assert_eq!((entry.name(), entry.user(), entry.password()), ("", "", ""));
        assert_eq!(entry.totp(), None);
    }
}
