//! Where the vault's randomness comes from.
//!
//! Everything the vault draws (salts, nonces, passwords) comes through [`Random`], which the caller passes in: the qube
//! gives its entropy device, a test gives a scripted source. A source that fails must say so: a silent failure would hand
//! out the nonce "all zero" twice, and with it the whole store.
//!
//! Deliberately absent: a generator of our own. Who wants one puts it behind this trait.

use zeroize::Zeroize;

/// The source gave no randomness; what was asked for has not been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomError;

/// A source of bytes that nobody can predict.
pub trait Random {
    /// Fills all of `out`.
    ///
    /// # Errors
    /// [`RandomError`] when the source can't deliver; `out` must not be used then.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// One request to the source: what `virtio-rng` hands out at most.
const POOL: usize = 64;

/// Draws numbers below a bound without bias, from whole requests of 64 bytes.
pub(crate) struct Dice<'r, R: Random> {
    source: &'r mut R,
    pool: [u8; POOL],
    left: usize,
}

impl<'r, R: Random> Dice<'r, R> {
    /// Starts with an empty pool.
    pub(crate) fn new(source: &'r mut R) -> Self {
        Self { source, pool: [0; POOL], left: 0 }
    }

    /// A number in `0..sides`, each as likely as the other: a byte beyond the last whole multiple of `sides` is thrown
    /// away instead of being folded down (the modulo bias).
    pub(crate) fn roll(&mut self, sides: u8) -> Result<u8, RandomError> {
        assert!(sides > 0, "a die has at least one side");
        let whole = 256 - 256 % u16::from(sides);
        loop {
            let byte = self.byte()?;
            if u16::from(byte) < whole {
                return Ok(byte % sides);
            }
        }
    }

    /// The same for up to 65,536 sides, from two bytes a throw.
    pub(crate) fn roll_wide(&mut self, sides: u16) -> Result<u16, RandomError> {
        assert!(sides > 0, "a die has at least one side");
        let whole = 65_536 - 65_536 % u32::from(sides);
        loop {
            let throw = u16::from_le_bytes([self.byte()?, self.byte()?]);
            if u32::from(throw) < whole {
                return Ok(throw % sides);
            }
        }
    }

    fn byte(&mut self) -> Result<u8, RandomError> {
        if self.left == 0 {
            self.source.fill(&mut self.pool)?;
            self.left = POOL;
        }
        self.left -= 1;
        Ok(core::mem::take(&mut self.pool[self.left]))
    }
}

impl<R: Random> Drop for Dice<'_, R> {
    fn drop(&mut self) {
        self.pool.zeroize();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;
    use super::*;

    /// A deterministic source (SplitMix64) for tests; `None` fails.
    pub(crate) struct Seeded(pub(crate) Option<u64>);

    impl Random for Seeded {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            let state = self.0.as_mut().ok_or(RandomError)?;
            for byte in out {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                *byte = (z ^ (z >> 31)).to_le_bytes()[0];
            }
            Ok(())
        }
    }

    /// Gives the bytes 0, 1, 2, ... 255, 0, ...
    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            for byte in out {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
            Ok(())
        }
    }

    #[test]
    fn every_side_falls_equally_often_when_every_byte_does() {
        for sides in 1..=255_u8 {
            let mut source = Counting(0);
            let mut dice = Dice::new(&mut source);
            let mut seen = [0_u32; 256];
            let whole = 256 - 256 % usize::from(sides);
            for _ in 0..whole {
                seen[usize::from(dice.roll(sides).unwrap())] += 1;
            }
            let expected = u32::try_from(whole).unwrap() / u32::from(sides);
            assert!(seen[..usize::from(sides)].iter().all(|&n| n == expected), "{sides} sides");
        }
    }

    /// Gives every pair of bytes once, in order.
    struct CountingPairs(u16, bool);

    impl Random for CountingPairs {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            for byte in out {
                let [low, high] = self.0.to_le_bytes();
                *byte = if self.1 { high } else { low };
                self.0 = self.0.wrapping_add(u16::from(self.1));
                self.1 = !self.1;
            }
            Ok(())
        }
    }

    #[test]
    fn every_side_of_a_wide_die_falls_equally_often_when_every_pair_does() {
        for sides in [1_u16, 2, 1_000, 7_776, 40_000, u16::MAX] {
            let mut source = CountingPairs(0, false);
            let mut dice = Dice::new(&mut source);
            let mut seen = std::vec![0_u32; usize::from(sides)];
            let whole = 65_536 - 65_536 % u32::from(sides);
            for _ in 0..whole {
                seen[usize::from(dice.roll_wide(sides).unwrap())] += 1;
            }
            assert!(seen.iter().all(|&n| n == whole / u32::from(sides)), "{sides} sides");
        }
    }

    #[test]
    fn a_failing_source_fails_the_roll() {
        assert_eq!(Dice::new(&mut Seeded(None)).roll(6), Err(RandomError));
        assert_eq!(Dice::new(&mut Seeded(None)).roll_wide(6), Err(RandomError));
    }
}
