//! Decisions of known probability, as VP8 packs them. Source: RFC 6386, section 7.

/// Bytes behind the end that are read as zeros: eight bits are compared, of which the last decision needs few.
/// Data that need more are cut short.
const BEYOND_MAX: u32 = 1;
/// A decision that may be either.
const EVEN: u8 = 128;

pub(crate) struct Bools<'a> {
    rest: &'a [u8],
    /// What was read: 8 bits that are compared, and below them `ahead` bits for later.
    value: u64,
    ahead: u32,
    /// From 128 to 255.
    range: u32,
    /// Bytes taken from behind the end.
    beyond: u32,
}

impl<'a> Bools<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let (first, rest, beyond) = match data.split_first() {
            Some((first, rest)) => (*first, rest, 0),
            None => (0, data, 1),
        };
        Self { rest, value: first.into(), ahead: 0, range: 255, beyond }
    }

    /// A decision that is false in `probability` of 256 cases.
    #[inline]
    pub(crate) fn read(&mut self, probability: u8) -> bool {
        if self.ahead < 8 {
            self.fill();
        }
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        let bound = u64::from(split) << self.ahead;
        let is_set = self.value >= bound;
        if is_set {
            self.value -= bound;
            self.range -= split;
        } else {
            self.range = split;
        }
        let shift = self.range.leading_zeros().saturating_sub(24);
        self.range <<= shift;
        // At least 8 were ahead, and a range is at least 1.
        self.ahead = self.ahead.saturating_sub(shift);
        is_set
    }

    /// More bytes ahead, zeros behind the end.
    fn fill(&mut self) {
        while self.ahead <= 40 {
            let byte = match self.rest.split_first() {
                Some((byte, rest)) => {
                    self.rest = rest;
                    *byte
                }
                None => {
                    self.beyond = self.beyond.saturating_add(1);
                    0
                }
            };
            self.value = self.value << 8 | u64::from(byte);
            self.ahead += 8;
        }
    }

    /// More was read than there is.
    pub(crate) fn is_cut(&self) -> bool {
        self.beyond.saturating_sub(self.ahead / 8) > BEYOND_MAX
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.read(EVEN)
    }

    /// A number of at most 8 bits, the highest first.
    pub(crate) fn number(&mut self, bits: u32) -> u8 {
        (0..bits).fold(0, |number, _| number << 1 | u8::from(self.flag()))
    }

    /// A number of at most 7 bits, and its sign.
    pub(crate) fn signed(&mut self, bits: u32) -> i32 {
        let number = i32::from(self.number(bits));
        if self.flag() { -number } else { number }
    }

    /// A signed number, if a flag says that there is one.
    pub(crate) fn optional(&mut self, bits: u32) -> Option<i32> {
        self.flag().then(|| self.signed(bits))
    }
}
