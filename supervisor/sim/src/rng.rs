//! Numbers that follow from a seed and from nothing else (splitmix64, Steele, Lea and Flood 2014), or from a script that a
//! fuzzer wrote. Not for secrets.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    /// Bytes that come first; all forks take from the same ones.
    script: Option<Rc<RefCell<VecDeque<u8>>>>,
}

/// Bytes of a script up to this one are a number each; a greater one says that a number of eight bytes follows.
const SMALL_MAX: u8 = 0xef;

impl Rng {
    /// The stream of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, script: None }
    }

    /// The numbers that these bytes spell, then the stream of seed 0. Most numbers are one byte, so that a byte more or
    /// less changes one decision and not all that follow.
    #[must_use]
    pub fn scripted(bytes: &[u8]) -> Self {
        Self { state: 0, script: Some(Rc::new(RefCell::new(bytes.iter().copied().collect()))) }
    }

    /// The next number of the script.
    fn scripted_number(&self) -> Option<u64> {
        let mut script = self.script.as_ref()?.borrow_mut();
        let first = script.pop_front()?;
        if first <= SMALL_MAX {
            return Some(u64::from(first));
        }
        let mut number = 0;
        for place in 0..8 {
            number |= u64::from(script.pop_front().unwrap_or(0)) << (8 * place);
        }
        Some(number)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        if let Some(number) = self.scripted_number() {
            return number;
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// A small number below `limit`, which is not 0.
    pub fn small(&mut self, limit: u16) -> u16 {
        u16::try_from(self.below(limit.into())).unwrap_or(0)
    }

    /// A place in something of `len` parts, which is not 0.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.place(choices.len())]
    }

    /// Fills `into`.
    pub fn fill(&mut self, into: &mut [u8]) {
        for chunk in into.chunks_mut(8) {
            let bytes = self.number().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    /// A stream of its own, so that what one user takes does not shift another's numbers.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self { state: self.number(), script: self.script.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_spelled_out_first_and_by_all_forks_together() {
        let mut rng = Rng::scripted(&[3, 0xff, 1, 2, 0, 0, 0, 0, 0, 0, 9, 7]);
        assert_eq!((rng.number(), rng.number()), (3, 0x201));
        let mut fork = rng.fork();
        assert_eq!((fork.number(), fork.number()), (7, Rng::new(9).number()));
        assert_eq!(rng.number(), Rng::new(0).number());
    }

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.number(), 6_457_827_717_110_365_317);
        assert_eq!(rng.number(), 3_203_168_211_198_807_973);
    }
}
