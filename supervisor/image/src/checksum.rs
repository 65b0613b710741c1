//! The image's checksum: four FNV-like lanes over 64-bit words.
//!
//! It finds a damaged file, not a forged one: an image is trusted as much as the supervisor beside it. It is written to
//! retire under three instructions a word, because the whole image passes through it at every start. Each lane multiplies
//! by an odd constant and rotates once a block, so every bit of the input reaches every bit of its lane.

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
const SEEDS: [u64; 4] =
    [0xcbf2_9ce4_8422_2325, 0x8422_2325_cbf2_9ce4, 0x6c62_272e_07bb_0142, 0x62b8_2175_6295_c58d];
const _: () = assert!(PRIME % 2 == 1, "an even factor would lose bits");

/// Checksum of `bytes`, whose length is a multiple of [`crate::layout::BLOCK`]; a shorter tail does not count.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    let [mut a, mut b, mut c, mut d] = SEEDS;
    let (words, _) = bytes.as_chunks::<8>();
    let (blocks, _) = words.as_chunks::<8>();
    for [w0, w1, w2, w3, w4, w5, w6, w7] in blocks {
        a = step(a, w0, w4);
        b = step(b, w1, w5);
        c = step(c, w2, w6);
        d = step(d, w3, w7);
    }
    let length = bytes.len() as u64;
    [a, b, c, d].iter().fold(length, |sum, lane| (sum ^ lane).wrapping_mul(PRIME).rotate_left(31))
}

/// One lane's share of a block.
#[inline(always)]
fn step(lane: u64, first: &[u8; 8], second: &[u8; 8]) -> u64 {
    let lane = (lane ^ u64::from_le_bytes(*first)).wrapping_mul(PRIME);
    (lane ^ u64::from_le_bytes(*second)).wrapping_mul(PRIME).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_bit_counts() {
        let clean = [0x5a; 192];
        let expected = checksum(&clean);
        for bit in 0..clean.len() * 8 {
            let mut flipped = clean;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&flipped), expected, "bit {bit}");
        }
    }

    #[test]
    fn swapped_words_and_added_zeros_count() {
        let mut bytes = [0u8; 128];
        bytes[0] = 1;
        let mut swapped = [0u8; 128];
        swapped[32] = 1;
        assert_ne!(checksum(&bytes), checksum(&swapped));
        assert_ne!(checksum(&bytes), checksum(&bytes[..64]));
        assert_ne!(checksum(&[]), checksum(&[0; 64]));
    }

    /// Computed once by another program from the description above.
    const GOLDEN: u64 = 0x97c4_48e4_f02e_d8a4;

    #[test]
    fn the_value_is_fixed_for_ever() {
        let bytes: [u8; 128] = core::array::from_fn(|at| at.to_le_bytes()[0]);
        assert_eq!(checksum(&bytes), GOLDEN, "{:#x}", checksum(&bytes));
    }
}
