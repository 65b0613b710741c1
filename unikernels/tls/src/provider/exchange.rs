//! Key exchange over X25519, P-256 and P-384.
//!
//! Source: RFC 7748, RFC 8446 section 4.2.8.2 and 7.4.2.

use alloc::boxed::Box;
use core::fmt::Debug;
use core::marker::PhantomData;

use p256::NistP256;
use p256::elliptic_curve::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, Sec1Point, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytes, FieldBytesSize, PublicKey, SecretKey};
use p384::NistP384;
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey as X25519Key, StaticSecret};
use zeroize::Zeroizing;

use super::random;

/// Tries for a scalar below the order of a curve: of P-256, one in 2^32 random numbers is not.
const TRIES_MAX: usize = 8;
/// How an uncompressed point begins.
const UNCOMPRESSED: u8 = 4;

/// X25519.
#[derive(Debug)]
pub(crate) struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random::fill(&mut *seed)?;
        Ok(Box::new(OverX25519::new(*seed)))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

pub(crate) struct OverX25519 {
    secret: StaticSecret,
    public: X25519Key,
}

impl OverX25519 {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let secret = StaticSecret::from(seed);
        let public = X25519Key::from(&secret);
        Self { secret, public }
    }
}

impl ActiveKeyExchange for OverX25519 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&X25519Key::from(peer));
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

/// A curve of NIST, by its type.
#[derive(Debug)]
pub(crate) struct Nist<C>(PhantomData<fn() -> C>);

/// P-256, for servers without X25519.
pub(crate) static P256: Nist<NistP256> = Nist(PhantomData);
/// P-384: in TLS 1.2, who does not take it for keys gets no certificate with such a key (RFC 8422 section 5.1).
pub(crate) static P384: Nist<NistP384> = Nist(PhantomData);

/// What TLS calls the curves that it takes.
pub(crate) trait Named: CurveArithmetic + Debug {
    /// Its name.
    const NAME: NamedGroup;
}

impl Named for NistP256 {
    const NAME: NamedGroup = NamedGroup::secp256r1;
}

impl Named for NistP384 {
    const NAME: NamedGroup = NamedGroup::secp384r1;
}

impl<C: Named> SupportedKxGroup for Nist<C>
where
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new(FieldBytes::<C>::default());
        for _ in 0..TRIES_MAX {
            random::fill(&mut seed)?;
            if let Ok(secret) = SecretKey::<C>::from_bytes(&seed) {
                let public = secret.public_key().to_sec1_point(false);
                return Ok(Box::new(OverNist { secret, public }));
            }
        }
        Err(GetRandomFailed.into())
    }

    fn name(&self) -> NamedGroup {
        C::NAME
    }
}

struct OverNist<C: CurveArithmetic>
where
    FieldBytesSize<C>: ModulusSize,
{
    secret: SecretKey<C>,
    public: Sec1Point<C>,
}

impl<C: Named> ActiveKeyExchange for OverNist<C>
where
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        // TLS knows uncompressed points only (RFC 8446 section 4.2.8.2).
        if peer.first() != Some(&UNCOMPRESSED) {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        let peer = PublicKey::<C>::from_sec1_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = diffie_hellman::<C>(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        C::NAME
    }
}
