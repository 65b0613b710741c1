//! A generator of random bytes: ChaCha20 with fast key erasure.
//!
//! Every request first replaces the key with generator output, so bytes that were given out
//! can't be computed from a later state of the memory. The seed is the platform's business.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use zeroize::Zeroize;

/// Bytes of a seed.
pub const SEED_BYTES: usize = 32;

/// A seeded generator.
pub struct Csprng {
    key: [u8; SEED_BYTES],
}

impl Csprng {
    /// Starts from a seed of full entropy.
    #[must_use]
    pub const fn new(seed: [u8; SEED_BYTES]) -> Self {
        Self { key: seed }
    }

    /// Mixes in another seed; the state is at least as good as the better of the two.
    pub fn reseed(&mut self, seed: &[u8; SEED_BYTES]) {
        let mut fresh = [0; SEED_BYTES];
        self.fill(&mut fresh);
        for ((key, a), b) in self.key.iter_mut().zip(&fresh).zip(seed) {
            *key = a ^ b;
        }
        fresh.zeroize();
    }

    /// Fills the buffer with random bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        let mut stream = ChaCha20Rng::from_seed(self.key);
        stream.fill_bytes(&mut self.key);
        stream.fill_bytes(buffer);
    }

    /// A random number.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl Drop for Csprng {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key stream of ChaCha20 for key and nonce zero (RFC 8439, appendix A.1, vector 1).
    const STREAM: [u8; 64] = [
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd,
        0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41,
        0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8,
        0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    ];

    #[test]
    fn output_follows_the_bytes_that_became_the_key() {
        let mut csprng = Csprng::new([0; SEED_BYTES]);
        let mut out = [0; 32];
        csprng.fill(&mut out);
        assert_eq!(out, STREAM[32..]);
        assert_eq!(csprng.key, STREAM[..32], "the old key is gone");
    }

    #[test]
    fn a_reseed_changes_everything_after_it() {
        let (mut plain, mut reseeded) = (Csprng::new([7; 32]), Csprng::new([7; 32]));
        assert_eq!(plain.next_u64(), reseeded.next_u64());
        reseeded.reseed(&[0; 32]);
        let differ = (0..4).all(|_| plain.next_u64() != reseeded.next_u64());
        assert!(differ);
    }

    #[test]
    fn long_requests_do_not_repeat() {
        let mut csprng = Csprng::new([1; 32]);
        let mut long = [0; 4096];
        csprng.fill(&mut long);
        let mut words: [u64; 512] = core::array::from_fn(|i| {
            let bytes = long[8 * i..].first_chunk().expect("in range");
            u64::from_le_bytes(*bytes)
        });
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
