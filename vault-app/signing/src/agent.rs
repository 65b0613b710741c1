//! The protocol of SSH agents (draft-miller-ssh-agent), as far as signing goes: list the keys, sign, fail.
//!
//! A message is a length of 4 bytes, big endian, a byte that says what it is, and its contents (section 3 of the draft).
//! Numbers are big endian; a *string* is a length and that many bytes (RFC 4251 section 5). Everything else an agent could
//! be asked, such as taking keys, is answered with a failure.

use alloc::vec::Vec;

use crate::key::{PublicKey, Signature};
use crate::signer::{DATA_MAX, Identity};

/// Longest message in bytes without its length. A request to sign needs 4,160; messages that we only refuse may be longer,
/// since a client that is cut off instead does not ask again.
pub const MESSAGE_MAX: usize = 16 * 1024;
/// Bytes of a message's length.
pub const LENGTH_SIZE: usize = 4;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// The name of the algorithm (RFC 8709 section 3).
const ALGORITHM: &[u8] = b"ssh-ed25519";

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentError {
    /// It claims to be empty or longer than [`MESSAGE_MAX`]. What follows cannot be told apart: the connection is over.
    BadLength,
    /// It is none of those answered here.
    Unknown(u8),
    /// It ends too early, or something follows.
    BadContents,
    /// It is about a key of another kind.
    OtherAlgorithm,
    /// It asks for a kind of signature that this kind of key does not have.
    UnknownFlags(u32),
    /// There is more to sign than [`DATA_MAX`] bytes.
    DataTooLong,
}

/// What a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// Which keys are there?
    Identities,
    /// A signature, please.
    Sign {
        /// With this key.
        key: PublicKey,
        /// Of this.
        data: &'a [u8],
    },
}

/// Bytes of a connection, cut behind their first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The message without its length.
    pub message: &'a [u8],
    /// What follows it.
    pub rest: &'a [u8],
}

/// The first message of a connection; `None` when it has not all come yet.
///
/// # Errors
/// [`AgentError::BadLength`].
pub fn split(bytes: &[u8]) -> Result<Option<Split<'_>>, AgentError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_SIZE>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length == 0 || length > MESSAGE_MAX {
        return Err(AgentError::BadLength);
    }
    Ok(rest.split_at_checked(length).map(|(message, rest)| Split { message, rest }))
}

impl<'a> Request<'a> {
    /// Reads a message without its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(message: &'a [u8]) -> Result<Self, AgentError> {
        let (kind, contents) = message.split_first().ok_or(AgentError::BadLength)?;
        match *kind {
            REQUEST_IDENTITIES if contents.is_empty() => Ok(Request::Identities),
            REQUEST_IDENTITIES => Err(AgentError::BadContents),
            SIGN_REQUEST => parse_sign(contents),
            other => Err(AgentError::Unknown(other)),
        }
    }
}

fn parse_sign(contents: &[u8]) -> Result<Request<'_>, AgentError> {
    let (blob, rest) = string(contents)?;
    let (data, flags) = string(rest)?;
    let flags = u32::from_be_bytes(flags.try_into().map_err(|_| AgentError::BadContents)?);
    if flags != 0 {
        // All that are defined choose the hash of an RSA signature.
        return Err(AgentError::UnknownFlags(flags));
    }
    if data.len() > DATA_MAX {
        return Err(AgentError::DataTooLong);
    }
    let (algorithm, rest) = string(blob)?;
    if algorithm != ALGORITHM {
        return Err(AgentError::OtherAlgorithm);
    }
    let (key, rest) = string(rest)?;
    if !rest.is_empty() {
        return Err(AgentError::BadContents);
    }
    let key = PublicKey(key.try_into().map_err(|_| AgentError::BadContents)?);
    Ok(Request::Sign { key, data })
}

/// A string at the beginning, and what follows it.
fn string(bytes: &[u8]) -> Result<(&[u8], &[u8]), AgentError> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_SIZE>().ok_or(AgentError::BadContents)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| AgentError::BadContents)?;
    rest.split_at_checked(length).ok_or(AgentError::BadContents)
}

/// The answer "no", with its length.
#[must_use]
pub fn failure() -> Vec<u8> {
    message(FAILURE, &[])
}

/// The answer with these keys, with its length.
#[must_use]
pub fn identities(keys: &[Identity]) -> Vec<u8> {
    let mut contents = number(keys.len()).to_vec();
    for key in keys {
        push_string(&mut contents, &blob(&key.public.0));
        push_string(&mut contents, key.comment.as_bytes());
    }
    message(IDENTITIES_ANSWER, &contents)
}

/// The answer with this signature, with its length.
#[must_use]
pub fn signature(signature: &Signature) -> Vec<u8> {
    let mut contents = Vec::new();
    push_string(&mut contents, &blob(signature));
    message(SIGN_RESPONSE, &contents)
}

/// A public key or a signature with the name of its algorithm (RFC 8709 sections 4 and 6).
fn blob(bytes: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    push_string(&mut blob, ALGORITHM);
    push_string(&mut blob, bytes);
    blob
}

fn message(kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut message = number(1 + contents.len()).to_vec();
    message.push(kind);
    message.extend_from_slice(contents);
    message
}

fn push_string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&number(bytes.len()));
    to.extend_from_slice(bytes);
}

/// A length in an answer: at most that of [`KEYS_MAX`](crate::KEYS_MAX) keys, some 7 KiB.
fn number(length: usize) -> [u8; LENGTH_SIZE] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}
