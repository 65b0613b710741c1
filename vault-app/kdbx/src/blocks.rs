//! The HMAC block stream: every block has a key of its own, so none can be changed, moved, doubled or cut off.

use alloc::vec::Vec;
use hmac::Mac;

use crate::bounds::BLOCK_SIZE;
use crate::bytes::Reader;
use crate::error::KdbxError;
use crate::key::{FileKeys, SecretBytes};

/// What stands before a block's data: HMAC and length.
const OVERHEAD: usize = 32 + 4;

/// Checks all blocks and joins their data. The stream ends with an empty block, and nothing follows.
pub(crate) fn read(stream: &[u8], keys: &FileKeys) -> Result<SecretBytes, KdbxError> {
    // At most the stream itself, which is in memory already; so one allocation does.
    let mut joined = SecretBytes::new(Vec::with_capacity(stream.len()));
    let mut reader = Reader::new(stream);
    for index in 0_u64.. {
        let mac = reader.array::<32>()?;
        let mut ahead = reader;
        let len = *ahead.array::<4>()?;
        let data = reader.run()?;
        keys.block_mac(index, len, data).verify_slice(mac).map_err(|_| KdbxError::BlockDamaged(index))?;
        if data.is_empty() {
            break;
        }
        joined.extend_from_slice(data);
    }
    if reader.rest().is_empty() { Ok(joined) } else { Err(KdbxError::TrailingBytes) }
}

/// How many bytes [`write`] appends for `len` bytes of data.
pub(crate) fn written_len(len: usize) -> usize {
    len + (len.div_ceil(BLOCK_SIZE) + 1) * OVERHEAD
}

/// Appends `data` to `out` in blocks, the empty one last.
pub(crate) fn write(out: &mut Vec<u8>, data: &[u8], keys: &FileKeys) {
    let blocks = data.chunks(BLOCK_SIZE).chain([&[][..]]);
    for (index, block) in (0_u64..).zip(blocks) {
        // A block is at most a mebibyte.
        let len = u32::try_from(block.len()).unwrap_or(u32::MAX).to_le_bytes();
        out.extend_from_slice(&keys.block_mac(index, len, block).finalize().into_bytes());
        out.extend_from_slice(&len);
        out.extend_from_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_proto_types::Secret;
    use std::vec;

    fn keys() -> FileKeys {
        FileKeys::new(&[1; 32], &Secret::new([2; 32]))
    }

    fn stream(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, data, &keys());
        assert_eq!(out.len(), written_len(data.len()));
        out
    }

    #[test]
    fn what_was_written_is_read() {
        for len in [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 2 * BLOCK_SIZE] {
            let data = vec![7; len];
            assert_eq!(read(&stream(&data), &keys()).map(|read| *read == data), Ok(true), "{len}");
        }
    }

    #[test]
    fn blocks_cannot_be_swapped_doubled_dropped_or_followed() {
        let mut data = vec![1; BLOCK_SIZE];
        data.extend(vec![2; BLOCK_SIZE]);
        let good = stream(&data);
        let block = BLOCK_SIZE + OVERHEAD;
        let (first, second, end) = (&good[..block], &good[block..2 * block], &good[2 * block..]);
        let check = |parts: &[&[u8]], error| {
            assert_eq!(read(&parts.concat(), &keys()).err(), Some(error));
        };
        check(&[second, first, end], KdbxError::BlockDamaged(0));
        check(&[first, first, second, end], KdbxError::BlockDamaged(1));
        check(&[second, end], KdbxError::BlockDamaged(0));
        check(&[first, end], KdbxError::BlockDamaged(1));
        check(&[first, second], KdbxError::Truncated);
        check(&[first, second, end, b"x"], KdbxError::TrailingBytes);
        check(&[first, second, end, end], KdbxError::TrailingBytes);
    }
}
