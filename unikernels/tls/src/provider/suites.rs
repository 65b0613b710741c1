//! The cipher suites.

use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::Tls12AeadAlgorithm;
use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, KeyExchangeAlgorithm};
use rustls::{CipherSuite, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

use super::aead::{Tls12, Tls12Explicit, Tls13};
use super::hash::{HMAC_SHA256, HMAC_SHA384, SHA256, SHA384};

/// Records under one key of AES-GCM, after which an attacker's advantage is no longer negligible (RFC 8446
/// section 5.5: 2^24.5 full ones).
const GCM_RECORDS_MAX: u64 = 1 << 24;
/// ChaCha20-Poly1305 reaches the end of its sequence numbers first (the same section).
const CHACHA_RECORDS_MAX: u64 = u64::MAX;

static PRF_SHA256: PrfUsingHmac<'static> = PrfUsingHmac(&HMAC_SHA256);
static PRF_SHA384: PrfUsingHmac<'static> = PrfUsingHmac(&HMAC_SHA384);

/// ChaCha20 first: it is constant time in software, and faster there.
pub(crate) static SUITES: [SupportedCipherSuite; 9] = [
    SupportedCipherSuite::Tls13(&TLS13_CHACHA20),
    SupportedCipherSuite::Tls13(&TLS13_AES_128),
    SupportedCipherSuite::Tls13(&TLS13_AES_256),
    SupportedCipherSuite::Tls12(&ECDSA_CHACHA20),
    SupportedCipherSuite::Tls12(&RSA_CHACHA20),
    SupportedCipherSuite::Tls12(&ECDSA_AES_128),
    SupportedCipherSuite::Tls12(&RSA_AES_128),
    SupportedCipherSuite::Tls12(&ECDSA_AES_256),
    SupportedCipherSuite::Tls12(&RSA_AES_256),
];

static TLS13_CHACHA20: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        hash_provider: &SHA256,
        confidentiality_limit: CHACHA_RECORDS_MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Tls13::<ChaCha20Poly1305>::ONE,
    quic: None,
};

static TLS13_AES_128: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_128_GCM_SHA256,
        hash_provider: &SHA256,
        confidentiality_limit: GCM_RECORDS_MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Tls13::<Aes128Gcm>::ONE,
    quic: None,
};

static TLS13_AES_256: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
        hash_provider: &SHA384,
        confidentiality_limit: GCM_RECORDS_MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA384),
    aead_alg: &Tls13::<Aes256Gcm>::ONE,
    quic: None,
};

/// What signs the key exchange of the ECDSA suites of TLS 1.2.
const ECDSA: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];
/// What signs the key exchange of the RSA suites of TLS 1.2.
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

/// A suite of TLS 1.2 over SHA-256.
const fn with_sha256(
    suite: CipherSuite,
    records_max: u64,
    sign: &'static [SignatureScheme],
    aead_alg: &'static dyn Tls12AeadAlgorithm,
) -> Tls12CipherSuite {
    Tls12CipherSuite {
        common: CipherSuiteCommon { suite, hash_provider: &SHA256, confidentiality_limit: records_max },
        prf_provider: &PRF_SHA256,
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg,
    }
}

/// A suite of TLS 1.2 with AES-256 over SHA-384.
const fn aes_256(suite: CipherSuite, sign: &'static [SignatureScheme]) -> Tls12CipherSuite {
    Tls12CipherSuite {
        common: CipherSuiteCommon { suite, hash_provider: &SHA384, confidentiality_limit: GCM_RECORDS_MAX },
        prf_provider: &PRF_SHA384,
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg: &Tls12Explicit::<Aes256Gcm>::ONE,
    }
}

static ECDSA_CHACHA20: Tls12CipherSuite = with_sha256(
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CHACHA_RECORDS_MAX,
    ECDSA,
    &Tls12::<ChaCha20Poly1305>::ONE,
);
static RSA_CHACHA20: Tls12CipherSuite = with_sha256(
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CHACHA_RECORDS_MAX,
    RSA,
    &Tls12::<ChaCha20Poly1305>::ONE,
);
static ECDSA_AES_128: Tls12CipherSuite = with_sha256(
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    GCM_RECORDS_MAX,
    ECDSA,
    &Tls12Explicit::<Aes128Gcm>::ONE,
);
static RSA_AES_128: Tls12CipherSuite = with_sha256(
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    GCM_RECORDS_MAX,
    RSA,
    &Tls12Explicit::<Aes128Gcm>::ONE,
);
static ECDSA_AES_256: Tls12CipherSuite = aes_256(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ECDSA);
static RSA_AES_256: Tls12CipherSuite = aes_256(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, RSA);
