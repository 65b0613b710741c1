//! Reading a body by the rules of strict postcard, a leaf at a time.

use core::fmt;

use crate::grammar::Unfit;

/// A body, or the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<'b> {
    /// The bytes there are.
    pub bytes: &'b [u8],
    /// How many bytes it had when it was sent: more than there are, when it was cut.
    pub size: usize,
}

impl<'b> Body<'b> {
    /// A body that was not cut.
    #[must_use]
    pub const fn whole(bytes: &'b [u8]) -> Self {
        Self { bytes, size: bytes.len() }
    }
}

/// Where a body is none of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Place in the body, in bytes from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: Fault,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what.text(), self.at)
    }
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It ends before its value does.
    Ends,
    /// A number is not written the shortest way, or is too large.
    Number,
    /// A bool is neither 0 nor 1.
    Bool,
    /// A text is no UTF-8.
    Text,
    /// A length is over its bound.
    Bound,
    /// There is no such variant.
    Variant,
    /// Bytes follow the value.
    LeftOver,
    /// There is no such type: the body was shown with the description of another part.
    Type,
}

impl Fault {
    const fn text(self) -> &'static str {
        match self {
            Self::Ends => "the body ends",
            Self::Number => "no number",
            Self::Bool => "neither true nor false",
            Self::Text => "no UTF-8",
            Self::Bound => "over its bound",
            Self::Variant => "no such variant",
            Self::LeftOver => "bytes left over",
            Self::Type => "no type",
        }
    }
}

/// Why showing a value stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The body was cut here.
    Cut,
    Broken(Broken),
    /// What is shown to takes no more.
    Sink,
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::Sink
    }
}

impl From<Unfit> for Stop {
    fn from(_: Unfit) -> Self {
        Self::Broken(Broken { at: 0, what: Fault::Type })
    }
}

/// How exact a number has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Strict,
    /// In a secret that may be masked: zeros where its bytes were.
    Masked,
}

pub(crate) struct Reader<'b> {
    rest: &'b [u8],
    at: usize,
    is_cut: bool,
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(body: Body<'b>) -> Self {
        Self { rest: body.bytes, at: 0, is_cut: body.size > body.bytes.len() }
    }

    /// How many bytes were taken.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) const fn broken(&self, what: Fault) -> Stop {
        Stop::Broken(Broken { at: self.at, what })
    }

    /// Where the bytes end: the body was cut, or is too short.
    pub(crate) const fn end(&self) -> Stop {
        if self.is_cut { Stop::Cut } else { self.broken(Fault::Ends) }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Stop> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.end())?;
        self.rest = rest;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    /// At most so many bytes, as many as there are.
    pub(crate) fn up_to(&mut self, count: usize) -> &'b [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    /// One byte below `limit`.
    pub(crate) fn choice(&mut self, limit: u8, fault: Fault) -> Result<u8, Stop> {
        match self.rest.first() {
            None => Err(self.end()),
            Some(&byte) if byte < limit => self.byte(),
            Some(_) => Err(self.broken(fault)),
        }
    }

    /// A varint of at most so many bits.
    pub(crate) fn varint(&mut self, bits: u32, rule: Rule) -> Result<u64, Stop> {
        let start = self.at;
        let fault = Stop::Broken(Broken { at: start, what: Fault::Number });
        let mut value = 0_u64;
        // Seven bits a byte: the longest has ten.
        for shift in (0..bits).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            let room = bits.saturating_sub(shift);
            if room < 7 && part >> room != 0 {
                return Err(fault);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                let is_minimal = byte != 0 || shift == 0;
                return if is_minimal || rule == Rule::Masked { Ok(value) } else { Err(fault) };
            }
        }
        Err(fault)
    }

    /// A length of at most `max`.
    pub(crate) fn length(&mut self, max: u32, rule: Rule) -> Result<usize, Stop> {
        let start = self.at;
        let length = self.varint(32, rule)?;
        let fault = Stop::Broken(Broken { at: start, what: Fault::Bound });
        if length > u64::from(max) { Err(fault) } else { usize::try_from(length).map_err(|_| fault) }
    }
}

/// The signed number behind a zigzag one.
pub(crate) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg()
}
