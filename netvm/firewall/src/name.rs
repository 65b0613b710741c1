//! `HostName`: a name of DNS in its one canonical form.

use alloc::boxed::Box;
use core::fmt;

/// Longest name in bytes, as text without the last dot (RFC 1035 section 2.3.4: 255 bytes on the wire).
pub const HOST_MAX: usize = 253;

/// Longest part between two dots in bytes (RFC 1035 section 2.3.4).
pub(crate) const LABEL_MAX: usize = 63;

/// A name of DNS: small letters, digits, `-` and `_` between dots, without a dot at the end. Names with other letters
/// come as Punycode.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Box<str>);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Nothing.
    Empty,
    /// More than 253 bytes.
    TooLong,
    /// A part between dots is empty or has more than 63 bytes.
    Label,
    /// Another letter than a name may have.
    Letter,
    /// The last part is a number: it was meant as an address, which other programs may read as another one.
    Address,
}

impl HostName {
    /// The name in `text`; large letters become small, one dot at the end is dropped.
    ///
    /// # Errors
    /// Says which rule of the type is broken.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > HOST_MAX {
            return Err(NameError::TooLong);
        }
        if !text.chars().all(is_letter) {
            return Err(NameError::Letter);
        }
        let name = text.to_ascii_lowercase().into_boxed_str();
        if name.split('.').any(|label| label.is_empty() || label.len() > LABEL_MAX) {
            return Err(NameError::Label);
        }
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(NameError::Address);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name may have this letter or dot.
pub(crate) fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// Whether some program would read this as a number: decimal, octal, or hexadecimal after `0x`.
pub(crate) fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => label.bytes().all(|digit| digit.is_ascii_digit()),
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl core::str::FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_form() {
        let check = |text: &str, expected: Result<&str, NameError>| {
            let name = HostName::new(text);
            assert_eq!(name.as_ref().map(HostName::as_str).map_err(|error| *error), expected, "{text:?}");
        };
        check("bank.example", Ok("bank.example"));
        check("Bank.EXAMPLE.", Ok("bank.example"));
        check("_dns.xn--bcher-kva.example", Ok("_dns.xn--bcher-kva.example"));
        check("localhost", Ok("localhost"));
        check("1password.com", Ok("1password.com"));
        check("", Err(NameError::Empty));
        check(".", Err(NameError::Empty));
        check("a..b", Err(NameError::Label));
        check(".a", Err(NameError::Label));
        check("a.b..", Err(NameError::Label));
        check("bücher.example", Err(NameError::Letter));
        check("a b", Err(NameError::Letter));
        check("a\0.example", Err(NameError::Letter));
        check("*.example", Err(NameError::Letter));
        check("10.0.0.1", Err(NameError::Address));
        check("127.1", Err(NameError::Address));
        check("2130706433", Err(NameError::Address));
        check("0x7f.0x1", Err(NameError::Address));
        check("fe80::1", Err(NameError::Letter));
        check(&"a".repeat(63), Ok(&"a".repeat(63)));
        check(&"a".repeat(64), Err(NameError::Label));
        let long = [const { "abcdefg" }; 31].join(".") + ".abcde";
        assert_eq!(long.len(), HOST_MAX);
        check(&long, Ok(&long));
        check(&(long + "f"), Err(NameError::TooLong));
    }
}
