//! Numbers and fields at places that are known to exist.

/// The `N` bytes at `at`; zeroes where the slice ends before.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    let there = bytes.get(at..).unwrap_or(&[]);
    for (to, from) in field.iter_mut().zip(there) {
        *to = *from;
    }
    field
}

/// Writes `field` at `at`; what does not fit is a defect of the layout's constants.
pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}
