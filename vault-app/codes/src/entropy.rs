//! How much a generated password is worth, in hundredths of a bit, counted exactly and rounded down.
//!
//! The generator draws uniformly from all passwords of the asked length that hold at least one character of each asked
//! class. There are `A^L * p` of them, where `A` is the alphabet's size, `L` the length and `p` the share of all strings
//! that miss no class; `p` follows from inclusion and exclusion over the classes. The entropy is the logarithm of that
//! number, so the promise "one of each" is paid for in the figure, not hidden.
//!
//! Fixed point only (`no_std` has no logarithm): `p` in 2^-62, logarithms in 2^-32, every step rounded down. Tests hold it
//! against counting by hand and against floating point.

/// One in 2^-62 fixed point.
const ONE: u64 = 1 << 62;

/// The entropy of a password of `length` characters in which each class of the given sizes appears, in hundredths of a
/// bit. 0 when there is no such password or only one.
#[must_use]
pub fn centibits(length: u8, class_sizes: &[u8]) -> u32 {
    let alphabet: u64 = class_sizes.iter().map(|&size| u64::from(size)).sum();
    if alphabet < 2 || usize::from(length) < class_sizes.len() {
        return 0;
    }
    let share = share_with_every_class(length, class_sizes, alphabet);
    if share == 0 {
        return 0;
    }
    let all = i128::from(length) * i128::from(log2(alphabet));
    let bits = all + i128::from(log2(share)) - (62 << 32);
    u32::try_from((bits * 100) >> 32).unwrap_or(0)
}

/// The entropy of `draws` independent uniform draws from `choices`, in hundredths of a bit, rounded down. 0 for no choice.
#[must_use]
pub fn uniform_centibits(draws: u32, choices: u64) -> u32 {
    if choices == 0 {
        return 0;
    }
    let bits = i128::from(draws) * i128::from(log2(choices));
    u32::try_from((bits * 100) >> 32).unwrap_or(u32::MAX)
}

/// The share of all strings of `length` over the alphabet that miss no class, in 2^-62.
fn share_with_every_class(length: u8, class_sizes: &[u8], alphabet: u64) -> u64 {
    let mut share = 0_i128;
    for missing in 0..1_u32 << class_sizes.len() {
        let without: u64 = class_sizes
            .iter()
            .enumerate()
            .filter(|(class, _)| missing >> class & 1 == 1)
            .map(|(_, &size)| u64::from(size))
            .sum();
        let term = i128::from(power(alphabet - without, alphabet, length));
        share += if missing.count_ones() % 2 == 0 { term } else { -term };
    }
    u64::try_from(share.clamp(0, i128::from(ONE))).unwrap_or(0)
}

/// `(part / whole)^exponent` in 2^-62, rounded down.
fn power(part: u64, whole: u64, exponent: u8) -> u64 {
    let ratio = (u128::from(part) << 62) / u128::from(whole);
    let power = (0..exponent).fold(u128::from(ONE), |power, _| (power * ratio) >> 62);
    u64::try_from(power).unwrap_or(ONE)
}

/// The logarithm of `x >= 1` to base 2, in 2^-32, rounded down: the whole part from the highest bit, then one bit of the
/// fraction for each squaring.
fn log2(x: u64) -> i64 {
    let whole = x.ilog2();
    let mut mantissa = u128::from(x) << (63 - whole);
    let mut log = i64::from(whole);
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 63;
        log <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn check(length: u8, classes: &[u8], expected: u32) {
        assert_eq!(centibits(length, classes), expected, "{length} of {classes:?}");
    }

    #[test]
    fn one_class_gives_length_times_the_logarithm_of_its_size() {
        check(1, &[2], 100);
        check(10, &[10], 3_321);
        check(12, &[26], 5_640);
        check(255, &[26], 119_861);
        check(16, &[1], 0);
        check(16, &[], 0);
        check(0, &[26], 0);
    }

    #[test]
    fn one_of_each_is_paid_for() {
        // Two characters, one of each of two classes of one: "ab" and "ba", one bit.
        check(2, &[1, 1], 100);
        // 4 characters, one of each of four classes: 26 * 26 * 10 * 28 * 4! strings.
        check(4, &[26, 26, 10, 28], 2_211);
        // Fewer characters than classes: no such password.
        check(3, &[26, 26, 10, 28], 0);
    }

    #[test]
    fn the_figure_is_what_floating_point_counts_and_never_above_it() {
        for length in 4..=255_u8 {
            let sizes = [26_u8, 26, 10, 28];
            let mut share = 0.0_f64;
            for missing in 0..16_u32 {
                let without: u8 = (0..4).filter(|c| missing >> c & 1 == 1).map(|c| sizes[c]).sum();
                let term = (f64::from(90 - without) / 90.0).powi(i32::from(length));
                share += if missing.count_ones() % 2 == 0 { term } else { -term };
            }
            let exact = 100.0 * (f64::from(length) * 90_f64.log2() + share.log2());
            let got = f64::from(centibits(length, &sizes));
            assert!(got <= exact + 1e-6 && got > exact - 1.01, "{length}: {got} against {exact}");
        }
    }

    #[test]
    fn the_figure_matches_counting_every_string() {
        // Alphabet of 2 + 3 + 1 letters, every string of up to 6 characters counted.
        let class_of = [0, 0, 1, 1, 1, 2];
        for length in 3..=6_u32 {
            let mut good = 0_u32;
            for mut string in 0..6_u32.pow(length) {
                let mut seen = 0;
                for _ in 0..length {
                    seen |= 1 << class_of[usize::try_from(string % 6).unwrap()];
                    string /= 6;
                }
                good += u32::from(seen == 0b111);
            }
            let exact = 100.0 * f64::from(good).log2();
            let got = f64::from(centibits(u8::try_from(length).unwrap(), &[2, 3, 1]));
            assert!(got <= exact && got > exact - 1.01, "{length}: {got} against {exact}");
        }
    }
}
