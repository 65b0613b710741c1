//! `otpauth://totp/` URIs, as QR codes carry them, read and printed; `steam://` and bare secrets, read.
//!
//! Source: the key URI format of Google Authenticator's wiki; `encoder=steam` is KeePassXC's, `steam://SECRET` Bitwarden's.
//! Read generously where people and sites differ (letters of either case, blanks, padding, parameters that are not known)
//! and strictly where a code would come out wrong: counters (HOTP), hashes and digits that are not known, a parameter
//! given twice. Printed in one way, which reads back the same.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use vault_app_codes::base32;
use vault_app_codes::totp::{Form, Hash, Settings};
use zeroize::Zeroizing;

use crate::caps;
use crate::entry::Totp;
use crate::text::{Plain, SecretBytes, SecretText};

/// Everything but what RFC 3986 section 2.3 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const DIGITS: u8 = 6;
const PERIOD_S: u16 = 30;

/// Why a text says nothing about one-time codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpauthError {
    /// Longer than [`caps::OTPAUTH_MAX`], or a part longer than its cap.
    TooLong,
    /// Neither `otpauth://totp/`, `steam://` nor base32.
    Scheme,
    /// Codes by counter (`otpauth://hotp/`): each use would have to be stored.
    Counter,
    /// What the percent escapes hide is no UTF-8.
    Escape,
    /// No secret, or an empty one.
    NoSecret,
    /// A secret that is no base32.
    Secret,
    /// An algorithm that is not SHA1, SHA256 or SHA512.
    Algorithm,
    /// Digits that are not 6 to 8.
    Digits,
    /// A period that is not 1 to 3600 seconds.
    Period,
    /// An encoder that is not `steam`.
    Encoder,
    /// A parameter given twice.
    Twice,
}

impl fmt::Display for OtpauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "one-time codes: the text is too long",
            Self::Scheme => "one-time codes: neither otpauth://totp/, steam:// nor a base32 secret",
            Self::Counter => "one-time codes by counter (HOTP) are not supported",
            Self::Escape => "one-time codes: a percent escape is wrong",
            Self::NoSecret => "one-time codes: no secret",
            Self::Secret => "one-time codes: the secret is not base32",
            Self::Algorithm => "one-time codes: the algorithm is not SHA1, SHA256 or SHA512",
            Self::Digits => "one-time codes: the digits are not 6, 7 or 8",
            Self::Period => "one-time codes: the period is not 1 to 3600 seconds",
            Self::Encoder => "one-time codes: the encoder is not steam",
            Self::Twice => "one-time codes: a parameter is given twice",
        })
    }
}

/// Reads a URI, a `steam://` secret or a bare base32 secret.
///
/// # Errors
/// See [`OtpauthError`].
pub fn parse(text: &str) -> Result<Totp, OtpauthError> {
    let text = text.trim();
    if text.len() > caps::OTPAUTH_MAX {
        return Err(OtpauthError::TooLong);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return bare(text, Settings::new(Hash::Sha1, DIGITS, PERIOD_S).ok_or(OtpauthError::Digits)?);
    };
    if scheme.eq_ignore_ascii_case("steam") {
        return bare(rest, Settings::STEAM);
    }
    if !scheme.eq_ignore_ascii_case("otpauth") {
        return Err(OtpauthError::Scheme);
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    if kind.eq_ignore_ascii_case("hotp") {
        return Err(OtpauthError::Counter);
    }
    if !kind.eq_ignore_ascii_case("totp") {
        return Err(OtpauthError::Scheme);
    }
    Parameters::read(query)?.totp(label)
}

/// Prints the URI. What [`parse`] makes of it is the same again.
#[must_use]
pub fn print(totp: &Totp) -> SecretText {
    // As long as everything escaped can be, so that it never grows and leaves a copy behind.
    let labels = 2 * totp.issuer.len() + totp.account.len();
    let mut uri = Zeroizing::new(String::with_capacity(256 + 3 * labels + 2 * totp.secret.expose().len()));
    let issuer = utf8_percent_encode(&totp.issuer, ESCAPED);
    uri.push_str("otpauth://totp/");
    if !totp.issuer.is_empty() || totp.account.contains(':') {
        uri.extend(issuer.clone());
        uri.push(':');
    }
    uri.extend(utf8_percent_encode(&totp.account, ESCAPED));
    uri.push_str("?secret=");
    uri.extend(base32::encode(totp.secret.expose()));
    if !totp.issuer.is_empty() {
        uri.push_str("&issuer=");
        uri.extend(issuer);
    }
    let hash = match totp.settings.hash {
        Hash::Sha1 => "SHA1",
        Hash::Sha256 => "SHA256",
        Hash::Sha512 => "SHA512",
    };
    let period_s = totp.settings.period_s();
    // Writing to a String does not fail.
    let _ = match totp.settings.form() {
        Form::Decimal(digits) => write!(uri, "&algorithm={hash}&digits={digits}&period={period_s}"),
        Form::Steam => write!(uri, "&encoder=steam"),
    };
    SecretText::new(&uri)
}

fn bare(secret: &str, settings: Settings) -> Result<Totp, OtpauthError> {
    Ok(Totp { secret: secret_of(secret)?, settings, issuer: Plain::default(), account: Plain::default() })
}

/// Reads a secret as people type it.
fn secret_of(text: &str) -> Result<SecretBytes, OtpauthError> {
    let mut bytes = Zeroizing::new([0; caps::TOTP_SECRET_MAX]);
    match base32::decode_typed(text.as_bytes(), bytes.as_mut()) {
        Ok(0) => Err(OtpauthError::NoSecret),
        Ok(length) => Ok(SecretBytes::new(&bytes[..length])),
        Err(base32::Base32Error::TooLong) => Err(OtpauthError::TooLong),
        Err(_) => Err(OtpauthError::Secret),
    }
}

/// The parameters of a URI, still escaped.
#[derive(Default)]
struct Parameters<'a> {
    secret: Option<&'a str>,
    issuer: Option<&'a str>,
    algorithm: Option<&'a str>,
    digits: Option<&'a str>,
    period: Option<&'a str>,
    encoder: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, OtpauthError> {
        let mut all = Self::default();
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let place = match name {
                "secret" => &mut all.secret,
                "issuer" => &mut all.issuer,
                "algorithm" => &mut all.algorithm,
                "digits" => &mut all.digits,
                "period" => &mut all.period,
                "encoder" => &mut all.encoder,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(OtpauthError::Twice);
            }
        }
        Ok(all)
    }

    fn totp(&self, label: &str) -> Result<Totp, OtpauthError> {
        let secret = secret_of(&unescaped(self.secret.ok_or(OtpauthError::NoSecret)?)?)?;
        let (before, account) = halves(label);
        let issuer = unescaped(self.issuer.filter(|issuer| !issuer.is_empty()).unwrap_or(before))?;
        let account = unescaped(account)?;
        let account = Plain::new(account.trim_start_matches(' ').into());
        if issuer.len() > caps::TOTP_LABEL_MAX || account.len() > caps::TOTP_LABEL_MAX {
            return Err(OtpauthError::TooLong);
        }
        Ok(Totp { secret, settings: self.settings()?, issuer, account })
    }

    fn settings(&self) -> Result<Settings, OtpauthError> {
        match self.encoder {
            Some(encoder) if encoder.eq_ignore_ascii_case("steam") => return Ok(Settings::STEAM),
            Some(_) => return Err(OtpauthError::Encoder),
            None => {}
        }
        let hash = match self.algorithm {
            None => Hash::Sha1,
            Some(name) if is(name, &["SHA1", "SHA-1", "HMAC-SHA-1"]) => Hash::Sha1,
            Some(name) if is(name, &["SHA256", "SHA-256", "HMAC-SHA-256"]) => Hash::Sha256,
            Some(name) if is(name, &["SHA512", "SHA-512", "HMAC-SHA-512"]) => Hash::Sha512,
            Some(_) => return Err(OtpauthError::Algorithm),
        };
        let digits = self.digits.map_or(Ok(DIGITS), |text| text.parse().map_err(|_| OtpauthError::Digits))?;
        let period_s =
            self.period.map_or(Ok(PERIOD_S), |text| text.parse().map_err(|_| OtpauthError::Period))?;
        Settings::new(hash, DIGITS, period_s).ok_or(OtpauthError::Period)?;
        Settings::new(hash, digits, period_s).ok_or(OtpauthError::Digits)
    }
}

/// Issuer and account of a label that is still escaped, and so may the colon between them be.
fn halves(label: &str) -> (&str, &str) {
    let colon = |text: &'static str| label.split_once(text);
    colon(":").or_else(|| colon("%3A")).or_else(|| colon("%3a")).unwrap_or(("", label))
}

fn is(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// The text behind the escapes, decoded in place so that no copy is left.
fn unescaped(text: &str) -> Result<Plain, OtpauthError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(percent_decode_str(text));
    let plain = core::str::from_utf8(&bytes).map_err(|_| OtpauthError::Escape)?;
    Ok(Plain::new(plain.into()))
}

#[cfg(test)]
mod tests;
