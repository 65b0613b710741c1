//! Every bound of this crate, with what it is for; those of Argon2 are [`vault_app_kdf::Cost`]'s. Reading and writing keep the same ones, so what was written opens.

/// Most bytes of a file. A vault's qube holds the file and its contents in memory at the same time.
pub const FILE_MAX: usize = 32 * 1024 * 1024;
/// Most bytes of what a file holds, inflated. Deflate makes up to a thousand times as much of its input.
pub const PAYLOAD_MAX: usize = 32 * 1024 * 1024;
/// What a block of the HMAC block stream holds when we write: KeePass's own size.
pub const BLOCK_SIZE: usize = 1024 * 1024;

/// Most fields of the outer header. The format knows seven; the rest is room for what others add.
pub const HEADER_FIELDS_MAX: usize = 32;
/// Most bytes of one outer header field; public custom data may hold an icon.
pub const HEADER_FIELD_MAX: usize = 64 * 1024;
/// Most items in the dictionary of KDF parameters. The format knows eight.
pub const VARIANT_ITEMS_MAX: usize = 16;
/// Most bytes of one name or value in that dictionary.
pub const VARIANT_VALUE_MAX: usize = 1024;
/// Most fields of the inner header: attachments and what others add. Each costs a search at least once.
pub const INNER_FIELDS_MAX: usize = 4096;
/// Most bytes of the key that protects values: KeePass writes 64.
pub const INNER_KEY_MAX: usize = 256;

/// Fewest bytes of a KDF's salt (RFC 9106 section 3.1).
pub const SALT_MIN: usize = 8;
/// Most bytes of a KDF's salt. KeePass writes 32.
pub const SALT_MAX: usize = 64;
/// Most rounds AES-KDF may ask for: about half a minute of AES in software. Programs that aim at a second of AES in
/// hardware write some 40 million.
pub const AES_ROUNDS_MAX: u64 = 1 << 27;

/// Most bytes of a key file that are looked at as XML. Any longer file is hashed.
pub const KEY_FILE_XML_MAX: usize = 64 * 1024;

/// Deepest nesting of elements. Reading keeps its own stack; writing and dropping recurse, some hundred bytes a level.
pub const XML_DEPTH_MAX: usize = 96;
/// Most elements and comments. An element costs about a hundred bytes and may take four in the file.
pub const XML_NODES_MAX: usize = 1 << 20;
/// Most attributes of one element; duplicates are searched for pair by pair.
pub const XML_ATTRIBUTES_MAX: usize = 32;
/// Most bytes of the name of an element or attribute.
pub const XML_NAME_MAX: usize = 256;
/// Longest reference that XML 1.0 allows us to meet: `&#x0010FFFF;` with a few zeros more.
pub const XML_REFERENCE_MAX: usize = 16;
