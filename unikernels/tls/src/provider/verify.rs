//! Signatures of certificates and handshakes: ECDSA, Ed25519, RSA. Verification only.
//!
//! Source: RFC 8446 section 4.2.3, RFC 8017, RFC 5758.

use core::fmt;
use core::marker::PhantomData;

use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Bits of an RSA key: what certificate authorities sign (CA/Browser Forum, 6.1.5), up to what costs a server
/// nothing and us seconds.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// What rustls and webpki may ask for.
pub(crate) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        P256_SHA256,
        P256_SHA384,
        P384_SHA256,
        P384_SHA384,
        ED25519,
        PSS_SHA256,
        PSS_SHA384,
        PSS_SHA512,
        PKCS1_SHA256,
        PKCS1_SHA384,
        PKCS1_SHA512,
    ],
    mapping: &[
        // TLS 1.3 takes the first of each row, TLS 1.2 any: there a scheme does not say the curve.
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[P384_SHA384, P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[P256_SHA256, P384_SHA256]),
        (SignatureScheme::ED25519, &[ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[PKCS1_SHA256]),
    ],
};

const P256_SHA256: Algorithm = &By::<P256, Sha256>::new(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
const P256_SHA384: Algorithm = &By::<P256, Sha384>::new(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384);
const P384_SHA256: Algorithm = &By::<P384, Sha256>::new(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256);
const P384_SHA384: Algorithm = &By::<P384, Sha384>::new(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384);
const PSS_SHA256: Algorithm = &By::<Pss, Sha256>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256);
const PSS_SHA384: Algorithm = &By::<Pss, Sha384>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384);
const PSS_SHA512: Algorithm = &By::<Pss, Sha512>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512);
const PKCS1_SHA256: Algorithm = &By::<Pkcs1, Sha256>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256);
const PKCS1_SHA384: Algorithm = &By::<Pkcs1, Sha384>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384);
const PKCS1_SHA512: Algorithm = &By::<Pkcs1, Sha512>::new(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512);
const ED25519: Algorithm = &Ed25519;

/// A kind of signature over a hash.
trait Scheme<D>: 'static {
    /// Whether `signature` is one of `key` over `message`. `None`: it is not, or either is malformed.
    fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()>;
}

/// A kind of signature with a hash, and what certificates call both.
struct By<S, D> {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    kind: PhantomData<fn() -> (S, D)>,
}

impl<S, D> By<S, D> {
    const fn new(key: AlgorithmIdentifier, signature: AlgorithmIdentifier) -> Self {
        Self { key, signature, kind: PhantomData }
    }
}

impl<S, D> fmt::Debug for By<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By").field("key", &self.key).field("signature", &self.signature).finish()
    }
}

impl<S: Scheme<D>, D: 'static> SignatureVerificationAlgorithm for By<S, D> {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        S::verify(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

struct P256;

impl<D: Digest> Scheme<D> for P256 {
    fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
        key.verify_prehash(&D::digest(message), &signature).ok()
    }
}

struct P384;

impl<D: Digest> Scheme<D> for P384 {
    fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
        key.verify_prehash(&D::digest(message), &signature).ok()
    }
}

/// RSA with the padding of PKCS #1 v1.5.
struct Pkcs1;

/// RSA with the padding PSS; its salt is as long as the hash, as TLS wants it.
struct Pss;

macro_rules! rsa_schemes {
    ($($hash:ty),*) => { $(
        impl Scheme<$hash> for Pkcs1 {
            fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
                rsa_key(key, signature)?.pkcs1v15_verify_prehash::<$hash>(&<$hash>::digest(message), signature).ok()
            }
        }

        impl Scheme<$hash> for Pss {
            fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
                rsa_key(key, signature)?.pss_verify_prehash::<$hash>(&<$hash>::digest(message), signature).ok()
            }
        }
    )* };
}

rsa_schemes!(Sha256, Sha384, Sha512);

/// The public key in these bytes: a sequence of modulus and exponent (RFC 8017, A.1.1). `None` as well when the
/// signature is not as long as its modulus.
fn rsa_key(bytes: &[u8], signature: &[u8]) -> Option<rsa::PublicKey> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let (modulus, exponent) = reader
        .sequence(|numbers| Ok::<_, der::Error>((UintRef::decode(numbers)?, UintRef::decode(numbers)?)))
        .ok()?;
    reader.finish().ok()?;
    let number = |number: UintRef<'_>| BoxedUint::from_be_slice_vartime(number.as_bytes());
    let key = rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), RSA_BITS).ok()?;
    (key.size() == signature.len()).then_some(key)
}

#[derive(Debug)]
struct Ed25519;

impl SignatureVerificationAlgorithm for Ed25519 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = key.try_into().map_err(|_| InvalidSignature)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = signature.try_into().map_err(|_| InvalidSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verify_strict(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}
