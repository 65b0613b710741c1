//! Key files of OpenSSH: private ones come in, public ones go out. The formats are `ssh-key`'s business.
//!
//! What is bounded here and not there: the file's length, and the rounds of its key derivation (bcrypt).

use alloc::string::{String, ToString};

use ssh_key::private::KeypairData;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Error, Kdf, PrivateKey};

use crate::SigningError;
use crate::key::{Key, PublicKey, Seed};

/// Longest file in bytes: an Ed25519 key with the longest comment takes less than 1 KiB.
pub const FILE_MAX: usize = 8 * 1024;
/// Most rounds of bcrypt: `ssh-keygen` writes 16 or 24 unless told otherwise; a file could ask for hours.
pub const ROUNDS_MAX: u32 = 2048;

/// The key in a private key file (`-----BEGIN OPENSSH PRIVATE KEY-----`), encrypted or not.
///
/// # Errors
/// What is wrong with the file or the passphrase.
pub(crate) fn import(file: &[u8], passphrase: Option<&[u8]>) -> Result<Key, SigningError> {
    if file.len() > FILE_MAX {
        return Err(SigningError::FileTooLong);
    }
    let mut private = PrivateKey::from_openssh(file).map_err(|error| match error {
        // Kinds of keys that this build of `ssh-key` does not know.
        Error::AlgorithmUnknown | Error::AlgorithmUnsupported { .. } => SigningError::OtherAlgorithm,
        _ => SigningError::BadFile,
    })?;
    if private.is_encrypted() {
        if matches!(private.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds > ROUNDS_MAX) {
            return Err(SigningError::TooManyRounds);
        }
        let passphrase = passphrase.ok_or(SigningError::Encrypted)?;
        private = private.decrypt(passphrase).map_err(|_| SigningError::WrongPassphrase)?;
    }
    let KeypairData::Ed25519(pair) = private.key_data() else { return Err(SigningError::OtherAlgorithm) };
    let comment = private.comment().as_str().map_err(|_| SigningError::BadComment)?;
    let key = Key::new(&Seed::new(pair.private.to_bytes()), comment)?;
    // Else its owner would wait for signatures by another key.
    if key.public().0 != pair.public.0 {
        return Err(SigningError::WrongPublicKey);
    }
    Ok(key)
}

/// A line for `authorized_keys`.
pub(crate) fn public_line(public: &PublicKey, comment: &str) -> Result<String, SigningError> {
    let data = KeyData::Ed25519(Ed25519PublicKey(public.0));
    let line = ssh_key::PublicKey::new(data, comment).to_openssh();
    // It has the form by construction.
    line.map(|line| line.trim_end().to_string()).map_err(|_| SigningError::BadComment)
}
