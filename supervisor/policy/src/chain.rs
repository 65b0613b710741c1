//! Chains of rules over a request's fields, read in place.
//!
//! The blob (little endian): `count u16, 0 u16, offset u32 * (count + 1)`, then the chains; chain `k` is the bytes from
//! offset `k` to offset `k + 1`. A chain is `rules u8`, then each rule: `outcome u8, conditions u8`, then each condition:
//! `field u8, tests u8`, then each test: an op byte and its payload. A rule holds when every condition holds; a condition
//! holds when one of its tests does.
//!
//! | op | payload | holds when the field is |
//! |---|---|---|
//! | 1 bool | value u8 | that bool |
//! | 2 unsigned | low u64, high u64 | an unsigned integer in low..=high |
//! | 3 signed | low i64, high i64 | a signed integer in low..=high |
//! | 4 text | length u8, bytes | exactly that text |
//! | 5 glob | prefix length u8, suffix length u8, prefix, suffix | a text that begins and ends so, without overlap |
//!
//! [`Chains::parse`] checks the whole blob once; judging still reads every byte through a checked cursor, so a mistake in
//! the first cannot become a panic in the second, only a denial.

use crate::decide::Verdict;
use crate::fields::{Fields, Value};

/// Longest chain, in bytes. With [`CHAIN_TESTS_MAX`] it bounds what one message can cost.
pub const CHAIN_BYTES_MAX: usize = 1024;
/// Most tests in one chain: without this cap a kilobyte of one-byte tests would cost more than an exit may.
pub const CHAIN_TESTS_MAX: u32 = 64;
/// Most chains in one system: one for each method of each channel could not be more.
pub const CHAINS_MAX: usize = 64 * 32;

/// Test: the field is this bool.
pub const OP_BOOL: u8 = 1;
/// Test: the field is an unsigned integer within bounds.
pub const OP_UNSIGNED: u8 = 2;
/// Test: the field is a signed integer within bounds.
pub const OP_SIGNED: u8 = 3;
/// Test: the field is this text.
pub const OP_TEXT: u8 = 4;
/// Test: the field is a text with this beginning and this end.
pub const OP_TEXT_GLOB: u8 = 5;

/// Why a chain blob is refused. The image writer is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChainError {
    /// It ends before its tables do, or an offset points outside or backwards.
    Truncated,
    /// A chain has bytes left after its last rule.
    Trailing,
    /// An op, an outcome or a bool that does not exist, or a low bound over its high bound.
    Unknown,
    /// A chain over [`CHAIN_BYTES_MAX`] or [`CHAIN_TESTS_MAX`], or more than [`CHAINS_MAX`] chains.
    TooLarge,
}

/// All chains of a system.
#[derive(Debug, Clone, Copy)]
pub struct Chains<'a> {
    blob: &'a [u8],
    count: u16,
}

impl<'a> Chains<'a> {
    /// No chains at all.
    pub const EMPTY: Chains<'static> = Chains { blob: &[], count: 0 };

    /// Checks the whole blob once.
    ///
    /// # Errors
    /// Says what is wrong with the first bad chain.
    pub fn parse(blob: &'a [u8]) -> Result<Chains<'a>, ChainError> {
        let mut head = Cursor(blob);
        let count = head.u16().ok_or(ChainError::Truncated)?;
        if head.u16() != Some(0) {
            return Err(ChainError::Unknown);
        }
        if usize::from(count) > CHAINS_MAX {
            return Err(ChainError::TooLarge);
        }
        let chains = Chains { blob, count };
        let table_end = 4 + 4 * (usize::from(count) + 1);
        let (first, last) = (chains.offset(0), chains.offset(count));
        if first != Some(table_end) || last != Some(blob.len()) {
            return Err(ChainError::Truncated);
        }
        for index in 0..count {
            check(chains.chain(index).ok_or(ChainError::Truncated)?)?;
        }
        Ok(chains)
    }

    /// How many chains there are.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    fn offset(&self, index: u16) -> Option<usize> {
        let at = 4 + 4 * usize::from(index);
        let bytes = self.blob.get(at..at + 4)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    fn chain(&self, index: u16) -> Option<&'a [u8]> {
        if index >= self.count {
            return None;
        }
        self.blob.get(self.offset(index)?..self.offset(index + 1)?)
    }

    /// The verdict of chain `index`; what cannot be evaluated denies.
    pub(crate) fn judge(&self, index: u16, fields: &impl Fields) -> Verdict {
        self.chain(index).and_then(|chain| first_match(chain, fields)).unwrap_or(Verdict::Deny)
    }
}

/// The outcome of the first rule that holds. `None`: no match, or something that cannot be evaluated.
fn first_match(chain: &[u8], fields: &impl Fields) -> Option<Verdict> {
    let mut cursor = Cursor(chain);
    for _ in 0..cursor.u8()? {
        let outcome = Verdict::from_word(u16::from(cursor.u8()?))?;
        let mut holds = true;
        for _ in 0..cursor.u8()? {
            holds &= condition_holds(&mut cursor, fields)?;
        }
        if holds {
            return Some(outcome);
        }
    }
    None
}

fn condition_holds(cursor: &mut Cursor<'_>, fields: &impl Fields) -> Option<bool> {
    let value = fields.field(cursor.u8()?)?;
    let mut holds = false;
    for _ in 0..cursor.u8()? {
        holds |= test_holds(Test::read(cursor)?, value)?;
    }
    Some(holds)
}

/// Whether one test holds; `None` when the field is of another type.
fn test_holds(test: Test<'_>, value: Value<'_>) -> Option<bool> {
    match (test, value) {
        (Test::Bool(want), Value::Bool(is)) => Some(want == is),
        (Test::Unsigned(low, high), Value::Unsigned(is)) => Some(low <= is && is <= high),
        (Test::Signed(low, high), Value::Signed(is)) => Some(low <= is && is <= high),
        (Test::Text(want), Value::Text(is)) => Some(want == is),
        (Test::Glob(prefix, suffix), Value::Text(is)) => {
            Some(is.strip_prefix(prefix).is_some_and(|rest| rest.ends_with(suffix)))
        }
        _ => None,
    }
}

/// One test, read in place.
#[derive(Debug, Clone, Copy)]
enum Test<'a> {
    Bool(bool),
    Unsigned(u64, u64),
    Signed(i64, i64),
    Text(&'a [u8]),
    Glob(&'a [u8], &'a [u8]),
}

impl<'a> Test<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Test<'a>> {
        match cursor.u8()? {
            OP_BOOL => match cursor.u8()? {
                0 => Some(Test::Bool(false)),
                1 => Some(Test::Bool(true)),
                _ => None,
            },
            OP_UNSIGNED => {
                let (low, high) = (cursor.u64()?, cursor.u64()?);
                (low <= high).then_some(Test::Unsigned(low, high))
            }
            OP_SIGNED => {
                let (low, high) = (cursor.u64()?.cast_signed(), cursor.u64()?.cast_signed());
                (low <= high).then_some(Test::Signed(low, high))
            }
            OP_TEXT => {
                let length = cursor.u8()?;
                Some(Test::Text(cursor.take(usize::from(length))?))
            }
            OP_TEXT_GLOB => {
                let (prefix, suffix) = (cursor.u8()?, cursor.u8()?);
                Some(Test::Glob(cursor.take(usize::from(prefix))?, cursor.take(usize::from(suffix))?))
            }
            _ => None,
        }
    }
}

/// Checks one chain's form: every op known, the tests within the cap, nothing left over.
fn check(chain: &[u8]) -> Result<(), ChainError> {
    if chain.len() > CHAIN_BYTES_MAX {
        return Err(ChainError::TooLarge);
    }
    let mut cursor = Cursor(chain);
    let mut tests_left = CHAIN_TESTS_MAX;
    for _ in 0..cursor.u8().ok_or(ChainError::Truncated)? {
        let outcome = cursor.u8().ok_or(ChainError::Truncated)?;
        if Verdict::from_word(u16::from(outcome)).is_none() {
            return Err(ChainError::Unknown);
        }
        for _ in 0..cursor.u8().ok_or(ChainError::Truncated)? {
            let _field = cursor.u8().ok_or(ChainError::Truncated)?;
            for _ in 0..cursor.u8().ok_or(ChainError::Truncated)? {
                tests_left = tests_left.checked_sub(1).ok_or(ChainError::TooLarge)?;
                Test::read(&mut cursor).ok_or(ChainError::Unknown)?;
            }
        }
    }
    if cursor.0.is_empty() { Ok(()) } else { Err(ChainError::Trailing) }
}

/// The rest of a chain; every read is checked.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{FIRST_CHAIN, decide};

    struct One(Value<'static>);

    impl Fields for One {
        fn field(&self, number: u8) -> Option<Value<'_>> {
            (number == 0).then_some(self.0)
        }
    }

    /// A blob of one chain of one rule: allow when field 0 passes one of `tests`.
    fn blob(tests: &[&[u8]]) -> Vec<u8> {
        let mut chain = vec![1, 1, 1, 0, u8::try_from(tests.len()).unwrap()];
        chain.extend(tests.concat());
        pack(&[&chain])
    }

    fn pack(chains: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![u8::try_from(chains.len()).unwrap(), 0, 0, 0];
        let mut at = 4 + 4 * (chains.len() + 1);
        out.extend(u32::try_from(at).unwrap().to_le_bytes());
        for chain in chains {
            at += chain.len();
            out.extend(u32::try_from(at).unwrap().to_le_bytes());
        }
        out.extend(chains.concat());
        out
    }

    fn judge(tests: &[&[u8]], value: Value<'static>) -> Verdict {
        let blob = blob(tests);
        decide(FIRST_CHAIN, &Chains::parse(&blob).unwrap(), &One(value))
    }

    fn range(op: u8, low: u64, high: u64) -> Vec<u8> {
        let mut test = vec![op];
        test.extend(low.to_le_bytes());
        test.extend(high.to_le_bytes());
        test
    }

    #[test]
    fn each_op_holds_for_its_values_and_no_others() {
        let ports = range(OP_UNSIGNED, 1, 10);
        let cold = range(OP_SIGNED, (-5i64).cast_unsigned(), (-1i64).cast_unsigned());
        let cases: &[(&[u8], Value<'static>, bool)] = &[
            (&[OP_BOOL, 1], Value::Bool(true), true),
            (&[OP_BOOL, 1], Value::Bool(false), false),
            (&ports, Value::Unsigned(10), true),
            (&ports, Value::Unsigned(11), false),
            (&ports, Value::Unsigned(0), false),
            (&cold, Value::Signed(-5), true),
            (&cold, Value::Signed(0), false),
            (b"\x04\x03abc", Value::Text(b"abc"), true),
            (b"\x04\x03abc", Value::Text(b"abcd"), false),
            (b"\x05\x02\x00ab", Value::Text(b"abacus"), true),
            (b"\x05\x00\x04.com", Value::Text(b"bank.com"), true),
            (b"\x05\x02\x02abba", Value::Text(b"abba"), true),
            (b"\x05\x02\x02abba", Value::Text(b"aba"), false),
        ];
        for (test, value, holds) in cases {
            let expected = if *holds { Verdict::Allow } else { Verdict::Deny };
            assert_eq!(judge(&[test], *value), expected, "{test:?} on {value:?}");
        }
    }

    #[test]
    fn one_of_several_tests_is_enough() {
        let tests: &[&[u8]] = &[b"\x04\x01a", b"\x04\x01b"];
        assert_eq!(judge(tests, Value::Text(b"b")), Verdict::Allow);
        assert_eq!(judge(tests, Value::Text(b"c")), Verdict::Deny);
    }

    #[test]
    fn a_value_of_another_type_denies_even_when_a_later_rule_would_allow() {
        let chain = [2, 0, 1, 0, 1, OP_BOOL, 1, 1, 0];
        let blob = pack(&[&chain]);
        let chains = Chains::parse(&blob).unwrap();
        assert_eq!(decide(FIRST_CHAIN, &chains, &One(Value::Unsigned(1))), Verdict::Deny);
        assert_eq!(decide(FIRST_CHAIN, &chains, &One(Value::Bool(false))), Verdict::Allow);
    }

    #[test]
    fn a_field_the_request_lacks_denies() {
        let chain = [2, 0, 1, 9, 1, OP_BOOL, 1, 1, 0];
        let blob = pack(&[&chain]);
        let chains = Chains::parse(&blob).unwrap();
        assert_eq!(decide(FIRST_CHAIN, &chains, &One(Value::Bool(true))), Verdict::Deny);
    }

    #[test]
    fn every_truncation_of_a_blob_is_refused() {
        let blob = blob(&[b"\x04\x03abc", b"\x05\x02\x02abba", &[OP_BOOL, 0]]);
        assert!(Chains::parse(&blob).is_ok());
        for length in 0..blob.len() {
            assert!(Chains::parse(&blob[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_judged_but_never_panics() {
        let blob = blob(&[b"\x04\x03abc", &range(OP_UNSIGNED, 1, 2)]);
        for at in 0..blob.len() {
            for byte in 0..=255 {
                let mut changed = blob.clone();
                changed[at] = byte;
                if let Ok(chains) = Chains::parse(&changed) {
                    let _ = decide(FIRST_CHAIN, &chains, &One(Value::Text(b"abc")));
                }
            }
        }
    }

    #[test]
    fn a_chain_over_its_caps_is_refused() {
        let many: Vec<&[u8]> = vec![&[OP_BOOL, 1]; 65];
        assert_eq!(Chains::parse(&blob(&many)).unwrap_err(), ChainError::TooLarge);
        let long = [&[OP_TEXT, 250][..], &[b'a'; 250]].concat();
        let long: Vec<&[u8]> = vec![&long; 5];
        assert_eq!(Chains::parse(&blob(&long)).unwrap_err(), ChainError::TooLarge);
    }
}
