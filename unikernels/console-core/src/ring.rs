//! Bytes typed and not yet read: a ring that forgets what was taken out.
//!
//! A passphrase comes through here, so a place is zeroed the moment its byte leaves it.

/// A queue of at most `N` bytes.
pub struct Ring<const N: usize> {
    bytes: [u8; N],
    start: usize,
    length: usize,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Ring<N> {
    /// The empty ring.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N > 0, "a ring holds something") };
        Self { bytes: [0; N], start: 0, length: 0 }
    }

    /// Whether another byte would be refused.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.length == N
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Puts a byte at the end; false when the ring is full.
    pub fn push(&mut self, byte: u8) -> bool {
        if self.is_full() {
            return false;
        }
        self.bytes[(self.start + self.length) % N] = byte;
        self.length += 1;
        true
    }

    /// Takes the oldest byte.
    pub fn pop(&mut self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let byte = core::mem::take(&mut self.bytes[self.start]);
        self.start = (self.start + 1) % N;
        self.length -= 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_leave_nothing_behind() {
        let mut ring = Ring::<4>::new();
        for round in 0..10_u8 {
            for byte in 1..=4 {
                assert!(ring.push(byte + round));
            }
            assert!(!ring.push(99) && ring.is_full());
            for byte in 1..=4 {
                assert_eq!(ring.pop(), Some(byte + round));
                let live = ring.bytes.iter().filter(|byte| **byte != 0).count();
                assert_eq!(live, usize::from(4 - byte));
            }
            assert_eq!(ring.pop(), None);
            assert!(ring.push(7) && ring.pop() == Some(7), "the start wanders");
        }
    }
}
