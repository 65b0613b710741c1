//! The outer cipher: AES-256 in CBC mode with PKCS #7 padding, or ChaCha20.
//!
//! Neither authenticates; the HMAC block stream around it does, before anything is decrypted.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt};
use chacha20::cipher::{KeyIvInit, StreamCipher};
use ipc_proto_types::Secret;

use crate::error::KdbxError;
use crate::key::SecretBytes;

const AES256: [u8; 16] = *b"\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff";
const CHACHA20: [u8; 16] = *b"\xd6\x03\x8a\x2b\x8b\x6f\x4c\xb5\xa5\x24\x33\x9a\x31\xdb\xb5\x9a";
const AES_BLOCK: usize = 16;

/// How the contents of a file are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// AES-256-CBC: what every program takes by default.
    Aes256,
    /// ChaCha20 (RFC 8439): faster where the processor has no AES.
    ChaCha20,
}

impl Cipher {
    pub(crate) fn from_id(id: &[u8]) -> Option<Self> {
        [Self::Aes256, Self::ChaCha20].into_iter().find(|cipher| cipher.id() == id)
    }

    pub(crate) const fn id(self) -> &'static [u8; 16] {
        match self {
            Self::Aes256 => &AES256,
            Self::ChaCha20 => &CHACHA20,
        }
    }

    pub(crate) const fn iv_size(self) -> usize {
        match self {
            Self::Aes256 => AES_BLOCK,
            Self::ChaCha20 => 12,
        }
    }

    /// Decrypts in place; the padding is gone after it.
    pub(crate) fn decrypt(
        self,
        key: &Secret<[u8; 32]>,
        iv: &[u8],
        data: &mut SecretBytes,
    ) -> Result<(), KdbxError> {
        match self {
            Self::Aes256 => {
                let aes = cbc::Decryptor::<aes::Aes256>::new_from_slices(key.expose(), iv);
                let aes = aes.map_err(|_| KdbxError::Padding)?;
                let len = aes.decrypt_padded::<Pkcs7>(data).map_err(|_| KdbxError::Padding)?.len();
                data.truncate(len);
            }
            Self::ChaCha20 => chacha(key, iv, data)?,
        }
        Ok(())
    }

    /// Bytes of ciphertext for `len` of plaintext.
    pub(crate) const fn encrypted_len(self, len: usize) -> usize {
        match self {
            Self::Aes256 => (len / AES_BLOCK + 1) * AES_BLOCK,
            Self::ChaCha20 => len,
        }
    }

    /// Encrypts in place. Room for the padding should be reserved, so that nothing moves.
    pub(crate) fn encrypt(
        self,
        key: &Secret<[u8; 32]>,
        iv: &[u8],
        data: &mut SecretBytes,
    ) -> Result<(), KdbxError> {
        match self {
            Self::Aes256 => {
                let len = data.len();
                data.resize(self.encrypted_len(len), 0);
                let aes = cbc::Encryptor::<aes::Aes256>::new_from_slices(key.expose(), iv);
                let aes = aes.map_err(|_| KdbxError::Padding)?;
                aes.encrypt_padded::<Pkcs7>(data, len).map_err(|_| KdbxError::Padding)?;
            }
            Self::ChaCha20 => chacha(key, iv, data)?,
        }
        Ok(())
    }
}

fn chacha(key: &Secret<[u8; 32]>, iv: &[u8], data: &mut [u8]) -> Result<(), KdbxError> {
    let stream = chacha20::ChaCha20::new_from_slices(key.expose(), iv);
    // The counter lasts for 256 GiB, far beyond any bound here.
    stream.map_err(|_| KdbxError::Padding)?.try_apply_keystream(data).map_err(|_| KdbxError::Padding)
}
