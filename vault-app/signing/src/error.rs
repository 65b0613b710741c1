//! What the owner of keys is told, and the one thing that callers are told.

/// No signature. There is one refusal, so that it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// Why the owner of the keys did not get what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningError {
    /// The keys are locked.
    Locked,
    /// There is no such key.
    NoSuchKey,
    /// This key is there already.
    KeyExists,
    /// There are as many keys, or consents, as there may be.
    Full,
    /// A comment is too long or has control characters.
    BadComment,
    /// Consent cannot be for so long, or for no time.
    BadTime,
    /// A record is no key: its version, its length or its comment is wrong.
    BadRecord,
    /// A record has another number than its key.
    WrongRecord,
    /// The file is longer than key files are.
    FileTooLong,
    /// The file is no OpenSSH private key, or a damaged one.
    BadFile,
    /// The file's key is no Ed25519 key.
    OtherAlgorithm,
    /// The file is encrypted; it takes a passphrase.
    Encrypted,
    /// The passphrase is wrong, or the file is damaged.
    WrongPassphrase,
    /// The file asks for more rounds of its key derivation than the cap allows.
    TooManyRounds,
    /// The file's public key does not belong to its private key.
    WrongPublicKey,
}
