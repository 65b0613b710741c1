//! From composite key to transformed key: Argon2d, Argon2id (RFC 9106) and AES-KDF.
//!
//! A file's parameters pass the caps before a [`Kdf`] exists, and Argon2 works in memory that the caller lends; so a file
//! can neither take memory nor more time than the caps say. That memory is wiped after every derivation.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use alloc::vec::Vec;
use ipc_proto_types::Secret;
use sha2::{Digest, Sha256};
use vault_app_kdf::{ArgonKind, Block, Cost, KdfError, Version, derive_with};
use zeroize::Zeroize;

use crate::bounds::{AES_ROUNDS_MAX, SALT_MAX, SALT_MIN};
use crate::error::KdbxError;
use crate::variant::{Dictionary, Writer};

const ARGON2D: [u8; 16] = *b"\xef\x63\x6d\xdf\x8c\x29\x44\x4b\x91\xf7\xa9\xa4\x03\xe3\x0a\x0c";
const ARGON2ID: [u8; 16] = *b"\x9e\x29\x8b\x19\x56\xdb\x47\x73\xb2\x3d\xfc\x3e\xc6\xf0\xa1\xe6";
/// AES-KDF has two numbers; programs write the older one also in KDBX4.
const AES_KDF: [[u8; 16]; 2] = [
    *b"\xc9\xd9\xf3\x9a\x62\x8a\x44\x60\xbf\x74\x0d\x08\xc1\x8a\x4f\xea",
    *b"\x7c\x02\xbb\x82\x79\xa7\x4a\xc0\x92\x7d\x11\x4a\x00\x64\x82\x38",
];

/// How a file's key is derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kdf {
    /// Argon2.
    Argon2 {
        /// Which one.
        kind: ArgonKind,
        /// What it costs.
        cost: Cost,
        /// Which version of the algorithm.
        version: Version,
        /// The salt.
        salt: Vec<u8>,
    },
    /// AES-256 in rounds; only read.
    Aes {
        /// How many, at most [`AES_ROUNDS_MAX`].
        rounds: u64,
        /// The key of AES.
        seed: [u8; 32],
    },
}

impl Kdf {
    /// Reads the parameters and checks them against the caps.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, KdbxError> {
        let mut items = Dictionary::read(bytes)?;
        let id = items.bytes("$UUID")?;
        let kdf = if AES_KDF.iter().any(|aes| aes == id) {
            read_aes(&mut items)?
        } else if id == ARGON2D {
            read_argon(&mut items, ArgonKind::D)?
        } else if id == ARGON2ID {
            read_argon(&mut items, ArgonKind::Id)?
        } else {
            return Err(KdbxError::UnknownKdf);
        };
        items.end()?;
        Ok(kdf)
    }

    /// The parameters as the header holds them.
    pub(crate) fn write(&self) -> Vec<u8> {
        match self {
            Self::Argon2 { kind, cost, version, salt } => Writer::new()
                .bytes("$UUID", if *kind == ArgonKind::D { &ARGON2D } else { &ARGON2ID })
                .bytes("S", salt)
                .u32("P", cost.lanes())
                .u64("M", u64::from(cost.memory_kib()) * 1024)
                .u64("I", u64::from(cost.passes()))
                .u32("V", u32::from(*version))
                .finish(),
            Self::Aes { rounds, seed } => {
                Writer::new().bytes("$UUID", &AES_KDF[0]).u64("R", *rounds).bytes("S", seed).finish()
            }
        }
    }

    /// Derives the transformed key and wipes `memory`.
    pub(crate) fn derive(
        &self,
        composite: &Secret<[u8; 32]>,
        memory: &mut [Block],
    ) -> Result<Secret<[u8; 32]>, KdbxError> {
        match self {
            Self::Argon2 { kind, cost, version, salt } => {
                let mut key = Secret::new([0; 32]);
                derive_with((*kind, *version), *cost, composite.expose(), salt, memory, key.expose_mut())
                    .map(|()| key)
                    .map_err(|error| match error {
                        KdfError::TooFewBlocks => KdbxError::NeedsMemory(*cost),
                        _ => KdbxError::KdfParameters,
                    })
            }
            Self::Aes { rounds, seed } => Ok(derive_aes(*rounds, seed, composite)),
        }
    }
}

fn read_argon(items: &mut Dictionary<'_>, kind: ArgonKind) -> Result<Kdf, KdbxError> {
    let salt = items.bytes("S")?;
    let version = Version::try_from(items.u32("V")?).map_err(|_| KdbxError::KdfParameters)?;
    if !(SALT_MIN..=SALT_MAX).contains(&salt.len()) {
        return Err(KdbxError::KdfParameters);
    }
    let memory_kib = u32::try_from(items.u64("M")? / 1024).map_err(|_| KdbxError::ArgonCost)?;
    let passes = u32::try_from(items.u64("I")?).map_err(|_| KdbxError::ArgonCost)?;
    let cost = Cost::new(memory_kib, passes, items.u32("P")?).map_err(|_| KdbxError::ArgonCost)?;
    Ok(Kdf::Argon2 { kind, cost, version, salt: salt.to_vec() })
}

fn read_aes(items: &mut Dictionary<'_>) -> Result<Kdf, KdbxError> {
    let seed = items.bytes("S")?.try_into().map_err(|_| KdbxError::KdfParameters)?;
    let rounds = items.u64("R")?;
    if rounds > AES_ROUNDS_MAX { Err(KdbxError::AesRounds(rounds)) } else { Ok(Kdf::Aes { rounds, seed }) }
}

/// Both halves of the key through AES-256 again and again, then SHA-256.
fn derive_aes(rounds: u64, seed: &[u8; 32], composite: &Secret<[u8; 32]>) -> Secret<[u8; 32]> {
    let aes = aes::Aes256::new(seed.into());
    let (low, high) = composite.expose().split_at(16);
    let mut halves = [aes::Block::default(); 2];
    halves[0].copy_from_slice(low);
    halves[1].copy_from_slice(high);
    for _ in 0..rounds {
        aes.encrypt_blocks(&mut halves);
    }
    let mut hash = Sha256::new();
    for half in &mut halves {
        hash.update(*half);
        half.zeroize();
    }
    Secret::new(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_from_a_file_are_capped_before_anything_is_allocated() {
        let argon = |memory: u64, passes: u64, lanes: u32| {
            let salt = [1; 32];
            let items = Writer::new().bytes("$UUID", &ARGON2ID).bytes("S", &salt).u32("P", lanes);
            Kdf::read(&items.u64("M", memory).u64("I", passes).u32("V", 0x13).finish())
        };
        assert!(argon(256 << 20, 2, 8).is_ok());
        for (memory, passes, lanes) in [
            ((256 << 20) + 1024, 2, 1),
            (u64::MAX, 2, 1),
            (1 << 42, 2, 1),
            (1 << 20, (1 << 16) + 1, 1),
            (1 << 20, u64::MAX, 1),
            (1 << 20, 2, 9),
            (1 << 20, 2, u32::MAX),
            (0, 2, 1),
            (1 << 20, 0, 1),
            (1 << 20, 2, 0),
        ] {
            assert_eq!(argon(memory, passes, lanes), Err(KdbxError::ArgonCost));
        }
        let aes = |rounds| {
            Kdf::read(
                &Writer::new().bytes("$UUID", &AES_KDF[0]).u64("R", rounds).bytes("S", &[1; 32]).finish(),
            )
        };
        assert!(aes(AES_ROUNDS_MAX).is_ok());
        assert_eq!(aes(AES_ROUNDS_MAX + 1), Err(KdbxError::AesRounds(AES_ROUNDS_MAX + 1)));
    }

    #[test]
    fn parameters_are_written_as_they_are_read() {
        let cost = Cost::new(1024, 3, 4).unwrap();
        let argon =
            Kdf::Argon2 { kind: ArgonKind::Id, cost, version: Version::V0x13, salt: alloc::vec![9; 32] };
        for kdf in [argon, Kdf::Aes { rounds: 1000, seed: [5; 32] }] {
            let bytes = kdf.write();
            assert_eq!(Kdf::read(&bytes), Ok(kdf));
            for len in 0..bytes.len() {
                assert!(Kdf::read(&bytes[..len]).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn too_little_memory_is_an_error_that_says_how_much() {
        let cost = Cost::new(64, 1, 1).unwrap();
        let kdf = Kdf::Argon2 { kind: ArgonKind::D, cost, version: Version::V0x13, salt: alloc::vec![0; 32] };
        let key = kdf.derive(&Secret::new([1; 32]), &mut alloc::vec![Block::new(); 63]);
        assert_eq!(key.err(), Some(KdbxError::NeedsMemory(cost)));
    }

    #[test]
    fn memory_is_wiped_after_a_derivation() {
        let cost = Cost::new(64, 1, 1).unwrap();
        let kdf = Kdf::Argon2 { kind: ArgonKind::D, cost, version: Version::V0x13, salt: alloc::vec![0; 32] };
        let mut memory = alloc::vec![Block::new(); 64];
        kdf.derive(&Secret::new([1; 32]), &mut memory).unwrap();
        assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }
}
