//! One-time codes: TOTP per RFC 6238 on HOTP per RFC 4226, with SHA-1, SHA-256 and SHA-512; Steam's
//! codes, which are five symbols of another alphabet on the same truncation.
//!
//! The code is a pure function of the secret, the settings and the time, which is an argument. Six to eight digits, a
//! period of up to an hour, counted from the Unix epoch (T0 = 0).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroize;

/// The hash under the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, what almost every site uses.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How codes are made from a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The hash.
    pub hash: Hash,
    form: Form,
    period_s: u16,
}

/// How the truncated number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// So many decimal digits, 6 to 8.
    Decimal(u8),
    /// Five symbols, as Steam writes them.
    Steam,
}

/// The fewest digits a code has (RFC 4226 section 5.3).
pub const DIGITS_MIN: u8 = 6;
/// The most digits a code has (RFC 6238 appendix B; nine would not be uniform in 31 bits).
pub const DIGITS_MAX: u8 = 8;
/// The longest period in seconds. Sites use 30, rarely 60; the longest that tools offer is a day, and a code that holds
/// for hours is none.
pub const PERIOD_MAX_S: u16 = 3_600;
/// How many symbols a code of Steam has.
pub const STEAM_SYMBOLS: u8 = 5;
/// How long a code of Steam holds, in seconds.
pub const STEAM_PERIOD_S: u16 = 30;
/// Steam's alphabet: no vowels and no look-alikes. The least significant symbol is written first.
const STEAM_ALPHABET: &[u8; 26] = b"23456789BCDFGHJKMNPQRTVWXY";

impl Settings {
    /// Steam's: SHA-1, five symbols, half a minute.
    pub const STEAM: Self = Self { hash: Hash::Sha1, form: Form::Steam, period_s: STEAM_PERIOD_S };

    /// Settings, if they are legal: 6 to 8 digits, a period of 1 to [`PERIOD_MAX_S`] seconds.
    #[must_use]
    pub fn new(hash: Hash, digits: u8, period_s: u16) -> Option<Self> {
        ((DIGITS_MIN..=DIGITS_MAX).contains(&digits) && (1..=PERIOD_MAX_S).contains(&period_s))
            .then_some(Self { hash, form: Form::Decimal(digits), period_s })
    }

    /// How a code is written.
    #[must_use]
    pub fn form(self) -> Form {
        self.form
    }

    /// How many symbols a code has: 6 to 8, of Steam 5.
    #[must_use]
    pub fn digits(self) -> u8 {
        match self.form {
            Form::Decimal(digits) => digits,
            Form::Steam => STEAM_SYMBOLS,
        }
    }

    /// How long a code holds, in seconds, 1 to [`PERIOD_MAX_S`].
    #[must_use]
    pub fn period_s(self) -> u16 {
        self.period_s
    }

    /// How many seconds the code of `unix_s` still holds, 1 to the period.
    #[must_use]
    pub fn seconds_left(self, unix_s: u64) -> u16 {
        let gone = unix_s % u64::from(self.period_s);
        self.period_s - u16::try_from(gone).unwrap_or(0)
    }

    /// The code for the time `unix_s`, as ASCII in the front of the returned array; the rest is zero.
    #[must_use]
    pub fn code(self, secret: &[u8], unix_s: u64) -> [u8; DIGITS_MAX as usize] {
        let counter = (unix_s / u64::from(self.period_s)).to_be_bytes();
        let mut number = match self.hash {
            Hash::Sha1 => truncated::<Hmac<Sha1>>(secret, &counter),
            Hash::Sha256 => truncated::<Hmac<Sha256>>(secret, &counter),
            Hash::Sha512 => truncated::<Hmac<Sha512>>(secret, &counter),
        };
        let mut text = [0; DIGITS_MAX as usize];
        match self.form {
            Form::Decimal(digits) => {
                for place in text.iter_mut().take(usize::from(digits)).rev() {
                    *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
                    number /= 10;
                }
            }
            Form::Steam => {
                for place in text.iter_mut().take(usize::from(STEAM_SYMBOLS)) {
                    *place = STEAM_ALPHABET[usize::try_from(number % 26).unwrap_or(0)];
                    number /= 26;
                }
            }
        }
        text
    }
}

/// RFC 4226 section 5.3: the last nibble says where the 31 bits of the code begin.
fn truncated<M: Mac + KeyInit>(secret: &[u8], counter: &[u8; 8]) -> u32 {
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("an HMAC takes a key of any length");
    mac.update(counter);
    let mut digest = mac.finalize().into_bytes();
    let start = usize::from(digest.last().map_or(0, |byte| byte & 0x0f));
    let number = digest.iter().skip(start).take(4).fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
    digest.as_mut_slice().zeroize();
    number & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &[u8] = b"12345678901234567890";
    const SHA256: &[u8] = b"12345678901234567890123456789012";
    const SHA512: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b_hold() {
        let vectors: [(u64, [&[u8]; 3]); 6] = [
            (59, [b"94287082", b"46119246", b"90693936"]),
            (1_111_111_109, [b"07081804", b"68084774", b"25091201"]),
            (1_111_111_111, [b"14050471", b"67062674", b"99943326"]),
            (1_234_567_890, [b"89005924", b"91819424", b"93441116"]),
            (2_000_000_000, [b"69279037", b"90698825", b"38618901"]),
            (20_000_000_000, [b"65353130", b"77737706", b"47863826"]),
        ];
        for (time, codes) in vectors {
            for ((hash, secret), code) in
                [(Hash::Sha1, SHA1), (Hash::Sha256, SHA256), (Hash::Sha512, SHA512)].into_iter().zip(codes)
            {
                let settings = Settings::new(hash, 8, 30).unwrap();
                assert_eq!(settings.code(secret, time), code, "{hash:?} at {time}");
            }
        }
    }

    #[test]
    fn the_vectors_of_rfc_4226_appendix_d_hold() {
        let codes: [&[u8]; 10] = [
            b"755224", b"287082", b"359152", b"969429", b"338314", b"254676", b"287922", b"162583",
            b"399871", b"520489",
        ];
        let settings = Settings::new(Hash::Sha1, 6, 30).unwrap();
        for (counter, code) in (0_u64..).zip(codes) {
            assert_eq!(&settings.code(SHA1, counter * 30)[..6], code);
            assert_eq!(&settings.code(SHA1, counter * 30 + 29)[..6], code);
            assert_eq!(settings.code(SHA1, counter * 30)[6..], [0, 0]);
        }
    }

    #[test]
    fn the_codes_that_keepassxc_tests_steam_with_hold() {
        let mut secret = [0; 20];
        crate::base32::decode(b"63BEDWCQZKTQWPESARIERL5DTTQFCJTK", &mut secret).unwrap();
        assert_eq!(Settings::STEAM.code(&secret, 1_511_200_518), *b"FR8RV\0\0\0");
        assert_eq!(Settings::STEAM.code(&secret, 1_511_200_714), *b"9P3VP\0\0\0");
        assert_eq!((Settings::STEAM.digits(), Settings::STEAM.period_s()), (5, 30));
    }

    #[test]
    fn a_code_says_how_long_it_still_holds() {
        let settings = Settings::new(Hash::Sha1, 6, 30).unwrap();
        assert_eq!(settings.seconds_left(0), 30);
        assert_eq!(settings.seconds_left(1), 29);
        assert_eq!(settings.seconds_left(59), 1);
        assert_eq!(settings.seconds_left(60), 30);
        assert_eq!(Settings::new(Hash::Sha1, 6, 255).unwrap().seconds_left(254), 1);
    }

    #[test]
    fn settings_outside_the_rfc_are_refused() {
        for (digits, period_s) in [(5, 30), (9, 30), (6, 0), (0, 0), (6, 3_601)] {
            assert_eq!(Settings::new(Hash::Sha1, digits, period_s), None);
        }
    }
}
