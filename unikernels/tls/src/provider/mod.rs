//! The cryptography that rustls asks for, made of the RustCrypto crates: suites, groups, signatures.
//!
//! AEADs only, forward secrecy only, nothing with SHA-1. Constant time is what those crates promise; `rsa` only
//! verifies, so nothing of its arithmetic is secret. Source: RFC 8446 section 9.1, RFC 9325 section 4.

mod aead;
mod exchange;
mod hash;
pub(crate) mod random;
mod suites;
#[cfg(test)]
mod tests;
mod verify;

use alloc::sync::Arc;
use alloc::vec;

use rustls::Error;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

/// All of it, in our order of preference.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: suites::SUITES.to_vec(),
        kx_groups: vec![&exchange::X25519, &exchange::P256, &exchange::P384],
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: &random::Current,
        key_provider: &NoKeys,
    }
}

/// A client without certificates has no key to sign with.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("no keys of clients".into()))
    }
}
