//! What can be wrong with a file, a key or a document.

use vault_app_codes::RandomError;
use vault_app_kdf::Cost;

/// Why a file was not opened or not written. Nothing has been done then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdbxError {
    /// It does not begin with the two signatures of KDBX.
    NotKdbx,
    /// It is KDBX of another major version.
    Version {
        /// The part that must be 4.
        major: u16,
        /// The part that may be anything.
        minor: u16,
    },
    /// It ends before it should.
    Truncated,
    /// Bytes follow its end.
    TrailingBytes,
    /// It is, or would become, larger than [`crate::bounds::FILE_MAX`].
    FileTooLarge,
    /// An outer header field is malformed, doubled or not of this version; its number.
    HeaderField(u8),
    /// An outer header field is missing; its number.
    HeaderMissing(u8),
    /// More outer header fields than [`crate::bounds::HEADER_FIELDS_MAX`].
    HeaderTooLong,
    /// The cipher is neither AES-256 nor ChaCha20.
    UnknownCipher,
    /// The compression is neither gzip nor none.
    UnknownCompression,
    /// The key derivation function is neither Argon2d, Argon2id nor AES-KDF.
    UnknownKdf,
    /// The parameters of the key derivation function are malformed, doubled, missing or not known.
    KdfParameters,
    /// Argon2 asks for more memory, passes, lanes or work than the caps of [`Cost`], or for none.
    ArgonCost,
    /// AES-KDF asks for more rounds than [`crate::bounds::AES_ROUNDS_MAX`].
    AesRounds(u64),
    /// The caller lent fewer blocks than the file's cost needs ([`Cost::blocks`]).
    NeedsMemory(Cost),
    /// The header does not match its checksum: it is damaged, whatever the key.
    HeaderDamaged,
    /// The header's HMAC does not match: the key is wrong, or header and checksum were changed together. The format
    /// cannot tell which.
    WrongKey,
    /// A block does not match its HMAC though the key is right: the file is damaged there. Counted from 0.
    BlockDamaged(u64),
    /// What was decrypted does not end in valid padding; whoever wrote it had the key.
    Padding,
    /// The gzip stream is malformed or does not match its length or checksum.
    Gzip,
    /// The contents are larger than [`crate::bounds::PAYLOAD_MAX`].
    PayloadTooLarge,
    /// An inner header field is malformed or doubled; its number.
    InnerField(u8),
    /// An inner header field is missing; its number.
    InnerMissing(u8),
    /// More inner header fields than [`crate::bounds::INNER_FIELDS_MAX`].
    InnerTooLong,
    /// Protected values are encrypted with something else than ChaCha20 or Salsa20; its number.
    UnknownInnerCipher(u32),
    /// The document is not the XML we read or can write.
    Xml(XmlError),
    /// A protected value is not text in base64, or its element has other children.
    ProtectedValue,
    /// Neither a passphrase nor a key file was given.
    NoKey,
    /// A key file in XML is malformed, of an unknown version, or does not match its own hash.
    KeyFile,
    /// The source of randomness failed.
    Random,
    /// There is no such group or entry in the document, or the document has not the shape of a KeePass file.
    NotFound,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlError {
    /// Not UTF-8, in fact or by declaration.
    Encoding,
    /// Not well-formed.
    Malformed,
    /// An end tag without its start tag, or the other way round.
    Unbalanced,
    /// Text, or a second element, beside the root.
    OutsideRoot,
    /// A document type declaration, which we do not read.
    Dtd,
    /// A processing instruction, which we do not read.
    Instruction,
    /// A reference to anything but a character or the five named ones.
    Entity,
    /// A character that XML 1.0 does not allow.
    Character,
    /// A malformed or too long name.
    Name,
    /// An attribute given twice, or too many of them.
    Attributes,
    /// A comment that would end early.
    Comment,
    /// Nested deeper than [`crate::bounds::XML_DEPTH_MAX`].
    TooDeep,
    /// More elements and comments than [`crate::bounds::XML_NODES_MAX`].
    TooMany,
}

impl From<XmlError> for KdbxError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

impl From<RandomError> for KdbxError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

impl core::fmt::Display for KdbxError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotKdbx => f.write_str("this is not a KeePass file"),
            Self::Version { major, minor } => write!(f, "this is KDBX {major}.{minor}; only KDBX 4 is read"),
            Self::Truncated => f.write_str("the file ends too early"),
            Self::TrailingBytes => f.write_str("the file goes on after its end"),
            Self::FileTooLarge => f.write_str("the file is too large"),
            Self::HeaderField(id) => write!(f, "header field {id} is malformed, doubled or not of KDBX 4"),
            Self::HeaderMissing(id) => write!(f, "header field {id} is missing"),
            Self::HeaderTooLong => f.write_str("the header has too many fields"),
            Self::UnknownCipher => f.write_str("the cipher is neither AES-256 nor ChaCha20"),
            Self::UnknownCompression => f.write_str("the compression is neither gzip nor none"),
            Self::UnknownKdf => f.write_str("the key derivation is neither Argon2d, Argon2id nor AES-KDF"),
            Self::KdfParameters => f.write_str("the parameters of the key derivation are malformed"),
            Self::ArgonCost => f.write_str("Argon2 asks for more than is allowed"),
            Self::AesRounds(rounds) => write!(f, "AES-KDF asks for {rounds} rounds, more than is allowed"),
            Self::NeedsMemory(cost) => write!(f, "Argon2 needs {} KiB of memory", cost.memory_kib()),
            Self::HeaderDamaged => f.write_str("the header is damaged"),
            Self::WrongKey => f.write_str("the key is wrong, or the header was changed"),
            Self::BlockDamaged(index) => write!(f, "block {index} is damaged"),
            Self::Padding => f.write_str("the padding is wrong"),
            Self::Gzip => f.write_str("the compressed contents are damaged"),
            Self::PayloadTooLarge => f.write_str("the contents are too large"),
            Self::InnerField(id) => write!(f, "inner header field {id} is malformed or doubled"),
            Self::InnerMissing(id) => write!(f, "inner header field {id} is missing"),
            Self::InnerTooLong => f.write_str("the inner header has too many fields"),
            Self::UnknownInnerCipher(id) => write!(f, "inner cipher {id} is neither ChaCha20 nor Salsa20"),
            Self::Xml(error) => write!(f, "the document is not valid: {error:?}"),
            Self::ProtectedValue => f.write_str("a protected value is malformed"),
            Self::NoKey => f.write_str("neither passphrase nor key file"),
            Self::KeyFile => f.write_str("the key file is malformed or damaged"),
            Self::Random => f.write_str("the source of randomness failed"),
            Self::NotFound => f.write_str("no such group or entry"),
        }
    }
}

impl core::error::Error for KdbxError {}
