//! Sizes as text: `"64KiB"`, `"2MiB"`.

/// The bytes a size stands for: a whole number and `KiB` or `MiB`, nothing else; at most 1 TiB.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix("KiB") {
        Some(number) => (number, 1 << 10),
        None => (text.strip_suffix("MiB")?, 1 << 20),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes <= 1 << 40)
}

/// The shortest text for a size; what is no multiple of a KiB rounds up to one.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    if bytes > 0 && bytes.is_multiple_of(1 << 20) {
        format!("{}MiB", bytes >> 20)
    } else {
        format!("{}KiB", bytes.div_ceil(1 << 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_both_ways() {
        for (text, bytes) in [("64KiB", 65536), ("2MiB", 2 << 20), ("1025KiB", 1025 << 10), ("0KiB", 0)] {
            assert_eq!(parse_size(text), Some(bytes));
            assert_eq!(format_size(bytes), text);
        }
    }

    #[test]
    fn anything_else_is_no_size() {
        for text in ["", "KiB", "64", "64KB", "64 KiB", "-1MiB", "+1MiB", "1.5MiB", "99999999999999999999MiB"]
        {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
