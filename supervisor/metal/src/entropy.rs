//! Random numbers for qubes: ChaCha20, seeded at boot and rekeyed with every block it gives, so that what was given cannot
//! be worked out later from what is in memory.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// Bytes of a key.
const KEY: usize = 32;
/// Longest output of one call.
pub(crate) const OUTPUT_MAX: usize = 64;

/// The generator.
pub(crate) struct Entropy {
    key: [u8; KEY],
}

impl Entropy {
    /// Starts from a seed.
    pub(crate) fn new(seed: [u8; KEY]) -> Self {
        Self { key: seed }
    }

    /// Fills `into`; what is beyond [`OUTPUT_MAX`] bytes is left as it is.
    pub(crate) fn fill(&mut self, into: &mut [u8]) {
        // The nonce never changes because the key always does.
        let mut cipher = ChaCha20::new(&self.key.into(), &[0; 12].into());
        let mut stream = [0; KEY + OUTPUT_MAX];
        cipher.apply_keystream(&mut stream);
        let (key, output) = stream.split_at_mut(KEY);
        self.key.copy_from_slice(key);
        for (slot, byte) in into.iter_mut().zip(output.iter()) {
            *slot = *byte;
        }
        stream.fill(0);
    }
}
