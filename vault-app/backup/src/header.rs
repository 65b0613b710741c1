//! The header: what the file is, what its key costs, salt and file id, and a seal of its own.
//!
//! Little endian; the table is in `docs/backup.md`. Every byte of it goes into the file's key, so a header belongs to the
//! chunks it was written with and to no others. The seal tells a wrong passphrase before anything else is read.

use vault_app_kdf::Cost;

use crate::BackupError;
use crate::cipher::TAG_SIZE;
use crate::cost::SALT_SIZE;

/// A file id's length in bytes.
pub const FILE_ID_SIZE: usize = 16;
/// The header with its seal, in bytes: what [`Opening::parse`](crate::Opening::parse) takes.
pub const HEADER_SIZE: usize = PLAIN_SIZE + TAG_SIZE;
/// The header without its seal.
pub(crate) const PLAIN_SIZE: usize = 56;

/// Names the format and its version.
const MAGIC: [u8; 8] = *b"skepbak1";

/// The bytes of a header.
pub(crate) fn to_bytes(cost: Cost, salt: [u8; SALT_SIZE], file_id: [u8; FILE_ID_SIZE]) -> [u8; PLAIN_SIZE] {
    let mut bytes = [0; PLAIN_SIZE];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&cost.memory_kib().to_le_bytes());
    bytes[12..16].copy_from_slice(&cost.passes().to_le_bytes());
    bytes[16..20].copy_from_slice(&cost.lanes().to_le_bytes());
    bytes[24..40].copy_from_slice(&salt);
    bytes[40..56].copy_from_slice(&file_id);
    bytes
}

/// The cost and the salt of a header.
///
/// # Errors
/// [`BackupError::NotABackup`], [`BackupError::CostRefused`].
pub(crate) fn parse(bytes: &[u8; PLAIN_SIZE]) -> Result<(Cost, [u8; SALT_SIZE]), BackupError> {
    if bytes[..8] != MAGIC || bytes[20..24] != [0; 4] {
        return Err(BackupError::NotABackup);
    }
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let cost = Cost::new(number(8), number(12), number(16)).map_err(|_| BackupError::CostRefused)?;
    let mut salt = [0; SALT_SIZE];
    salt.copy_from_slice(&bytes[24..40]);
    Ok((cost, salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_these_bytes_and_reads_back() {
        let cost = Cost::new(0x0102, 3, 4).unwrap();
        let bytes = to_bytes(cost, [5; SALT_SIZE], [6; FILE_ID_SIZE]);
        let expected =
            [b"skepbak1\x02\x01\0\0\x03\0\0\0\x04\0\0\0\0\0\0\0".as_slice(), &[5; 16], &[6; 16]].concat();
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(parse(&bytes), Ok((cost, [5; SALT_SIZE])));
    }

    #[test]
    fn another_magic_or_a_reserved_byte_is_no_backup() {
        let bytes = to_bytes(Cost::FULL, [5; SALT_SIZE], [6; FILE_ID_SIZE]);
        for at in (0..8).chain(20..24) {
            let mut other = bytes;
            other[at] ^= 1;
            assert_eq!(parse(&other), Err(BackupError::NotABackup));
        }
    }

    #[test]
    fn a_cost_beyond_the_caps_is_refused_while_reading() {
        for at in [11, 15, 19] {
            let mut bytes = to_bytes(Cost::FULL, [5; SALT_SIZE], [6; FILE_ID_SIZE]);
            bytes[at] = 0xff;
            assert_eq!(parse(&bytes), Err(BackupError::CostRefused));
        }
    }
}
