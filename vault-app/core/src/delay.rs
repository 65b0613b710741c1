//! What a wrong passphrase costs: a wait that doubles, from 1 second to 5 minutes.
//!
//! Time is an argument, in milliseconds of a clock that never goes back. A right passphrase takes the wait away. During the
//! wait no passphrase is looked at, so not even the right one tells an attacker anything.
//!
//! Deliberately absent: a memory beyond the qube's life. Today the store dies with the qube, so there is nothing to guess
//! at after a restart; the vault's disk must bring this with it.

/// The wait after the first wrong passphrase.
pub const WAIT_MIN_MS: u32 = 1_000;
/// The longest wait.
pub const WAIT_MAX_MS: u32 = 300_000;

/// Counts wrong passphrases and says when the next one may come.
#[derive(Debug, Default)]
pub struct Delay {
    failures: u32,
    until_ms: u64,
}

impl Delay {
    /// No wrong passphrase yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0, until_ms: 0 }
    }

    /// How long the next attempt must still wait, in milliseconds; 0 when it may come.
    #[must_use]
    pub fn left_ms(&self, now_ms: u64) -> u32 {
        u32::try_from(self.until_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX).min(WAIT_MAX_MS)
    }

    /// Notes a wrong passphrase at `now_ms` and returns the wait it costs.
    pub fn fail(&mut self, now_ms: u64) -> u32 {
        let doublings = self.failures.min(16);
        let wait = (WAIT_MIN_MS << doublings).min(WAIT_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        self.until_ms = now_ms.saturating_add(u64::from(wait));
        wait
    }

    /// Notes a right passphrase.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_one_second_to_five_minutes() {
        let mut delay = Delay::default();
        let waits = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000];
        for wait in waits {
            assert_eq!(delay.fail(7), wait);
            assert_eq!(delay.left_ms(7), wait);
        }
        for _ in 0..100 {
            assert_eq!(delay.fail(7), WAIT_MAX_MS);
        }
    }

    #[test]
    fn the_wait_runs_out_with_time() {
        let mut delay = Delay::default();
        delay.fail(10_000);
        assert_eq!(delay.left_ms(10_999), 1);
        assert_eq!(delay.left_ms(11_000), 0);
        assert_eq!(delay.left_ms(u64::MAX), 0);
    }

    #[test]
    fn a_right_passphrase_takes_the_wait_away() {
        let mut delay = Delay::default();
        delay.fail(0);
        delay.fail(0);
        delay.clear();
        assert_eq!(delay.left_ms(0), 0);
        assert_eq!(delay.fail(0), WAIT_MIN_MS);
    }

    #[test]
    fn the_end_of_time_is_no_way_around_the_wait() {
        let mut delay = Delay::default();
        delay.fail(u64::MAX);
        assert_eq!(delay.left_ms(u64::MAX - 5_000_000_000), WAIT_MAX_MS);
    }
}
