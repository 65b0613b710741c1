//! Key exchange over X25519 and P-256.
//!
//! Source: RFC 7748, RFC 8446 section 4.2.8.2 and 7.4.2.

use alloc::boxed::Box;

use p256::elliptic_curve::sec1::ToSec1Point;
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::random;

/// Tries for a scalar below the order of P-256: one in 2^32 random numbers is not, so a second is never seen.
const TRIES_MAX: usize = 8;
/// Bytes of an uncompressed point of P-256.
const POINT_LEN: usize = 65;
/// How an uncompressed point begins.
const UNCOMPRESSED: u8 = 4;

/// X25519.
#[derive(Debug)]
pub(crate) struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random::fill(&mut *seed)?;
        let secret = StaticSecret::from(*seed);
        let public = PublicKey::from(&secret);
        Ok(Box::new(OverX25519 { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct OverX25519 {
    secret: StaticSecret,
    public: PublicKey,
}

impl ActiveKeyExchange for OverX25519 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(peer));
        // A peer with a point of small order would choose the secret alone (RFC 8446 section 7.4.2).
        if !shared.was_contributory() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(shared.as_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// P-256, for servers without X25519.
#[derive(Debug)]
pub(crate) struct P256;

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        for _ in 0..TRIES_MAX {
            random::fill(&mut *seed)?;
            if let Ok(secret) = p256::SecretKey::from_slice(&*seed) {
                return Ok(Box::new(OverP256::new(secret)?));
            }
        }
        Err(GetRandomFailed.into())
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

struct OverP256 {
    secret: p256::SecretKey,
    public: [u8; POINT_LEN],
}

impl OverP256 {
    fn new(secret: p256::SecretKey) -> Result<Self, Error> {
        let point = secret.public_key().to_sec1_point(false);
        let public = point.as_bytes().try_into().map_err(|_| GetRandomFailed)?;
        Ok(Self { secret, public })
    }
}

impl ActiveKeyExchange for OverP256 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        // TLS knows uncompressed points only (RFC 8446 section 4.2.8.2).
        if peer.first() != Some(&UNCOMPRESSED) {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}
