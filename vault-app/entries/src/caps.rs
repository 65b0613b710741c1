//! Every bound of the model. Lengths are bytes of UTF-8 unless said otherwise.
//!
//! They keep one entry small enough to be read whole, and the whole store small enough for a qube's memory; each is well
//! above what the files of other password managers hold.

/// Entries of a store, those in the recycle bin included. The largest store that opening is measured with has 10,000.
pub const ENTRIES_MAX: usize = 16_384;
/// Groups of a store.
pub const GROUPS_MAX: usize = 1_024;
/// Groups above one another, the root not counted: every walk up ends here, even one around a circle.
pub const GROUP_DEPTH_MAX: usize = 16;
/// A group's name.
pub const GROUP_NAME_MAX: usize = 256;
/// A title.
pub const TITLE_MAX: usize = 1_024;
/// A user name.
pub const USER_MAX: usize = 1_024;
/// A password.
pub const PASSWORD_MAX: usize = 4_096;
/// One URL; browsers stop at about as much.
pub const URL_MAX: usize = 2_048;
/// URLs of an entry.
pub const URLS_MAX: usize = 32;
/// Notes.
pub const NOTES_MAX: usize = 32 * 1_024;
/// One tag.
pub const TAG_MAX: usize = 128;
/// Tags of an entry.
pub const TAGS_MAX: usize = 32;
/// The name of a custom field.
pub const FIELD_NAME_MAX: usize = 256;
/// The value of a custom field: a private key of RSA-4096 in PEM has 3.2 KiB.
pub const FIELD_VALUE_MAX: usize = 16 * 1_024;
/// Custom fields of an entry; an identity of Bitwarden has 18.
pub const FIELDS_MAX: usize = 64;
/// The name of an attachment.
pub const ATTACHMENT_NAME_MAX: usize = 256;
/// Attachments of an entry.
pub const ATTACHMENTS_MAX: usize = 32;
/// The secret of one-time codes, in bytes: the block of SHA-512, beyond which HMAC hashes its key.
pub const TOTP_SECRET_MAX: usize = 128;
/// Issuer and account of one-time codes, each.
pub const TOTP_LABEL_MAX: usize = 256;
/// Earlier versions of an entry; more push out the oldest.
pub const HISTORY_MAX: usize = 10;
/// One version, encoded: all fields at their bounds together would be over a megabyte.
pub const CONTENT_MAX: usize = 64 * 1_024;
/// A record, encoded; the oldest versions of an entry go when it grows beyond.
pub const RECORD_MAX: usize = 256 * 1_024;
/// A text of search terms.
pub const QUERY_MAX: usize = 256;
/// Terms of one search.
pub const TERMS_MAX: usize = 16;
/// An `otpauth` URI: secret, two labels with every byte escaped, and the parameters.
pub const OTPAUTH_MAX: usize = 4_096;
/// A file to import. The largest that a store's worth of usual entries makes is a few MiB.
pub const IMPORT_MAX: usize = 16 * 1_024 * 1_024;
/// Objects, arrays, and commas in arrays, of a JSON file: each stands for up to 72 bytes of memory, and is one in the file.
pub const IMPORT_PARTS_MAX: usize = 12 * ENTRIES_MAX;
/// Columns of a CSV file.
pub const COLUMNS_MAX: usize = 64;
/// Faults reported of one import; who has more sees the rest next time.
pub const FAULTS_MAX: usize = 32;
/// Characters of a typed password that the estimate looks at. Its work grows with the square; what is longer is
/// strong anyway or repeats.
pub const ESTIMATE_CHARS_MAX: usize = 128;
