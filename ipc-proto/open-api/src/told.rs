//! What a document is told about in.

use ipc_proto_derive::Schema;
use ipc_proto_types::{List, Text};
use serde::{Deserialize, Serialize};

use crate::{DETAIL_MAX, ORIGIN_MAX, REDIRECTS_MAX, TITLE_MAX};

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// The other origins that redirects led to, in order.
    pub elsewhere: List<Text<ORIGIN_MAX>, REDIRECTS_MAX>,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum Phase {
    /// Nothing was opened yet.
    Idle,
    /// The host's name is asked for.
    Resolving,
    /// The host is called.
    Connecting,
    /// So many bytes came.
    Receiving(u32),
    /// All is here and becomes a page.
    Rendering,
    /// It can be read.
    Done(Document),
    /// It cannot be had.
    Failed(Failed),
}

/// A document that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Document {
    /// What it calls itself; empty when it does not say.
    pub title: Text<TITLE_MAX>,
    /// What the server answered with, in the numbers of HTTP: 200 is well, 404 is a page that says there is none.
    pub status: u16,
    /// Bytes of the document, decompressed.
    pub bytes: u32,
    /// Bytes of the page.
    pub text: u32,
    /// How many links it has.
    pub links: u16,
    /// Whether something was left out because the document was too large.
    pub cut: bool,
    /// The picture, when it is one.
    pub picture: Option<PictureInfo>,
}

/// A picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct PictureInfo {
    /// Pixels of a row.
    pub width: u16,
    /// Rows of pixels.
    pub height: u16,
    /// Cells of a row, on a terminal.
    pub columns: u16,
    /// Rows of cells.
    pub rows: u16,
}

/// Why it cannot be had, in a word and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Failed {
    /// In a word.
    pub reason: Reason,
    /// More of it for a person; may be empty.
    pub detail: Text<DETAIL_MAX>,
}

/// Why it cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Reason {
    /// The policy or the firewall denies it.
    Denied,
    /// There is no network, or not now.
    NoNetwork,
    /// There is no host of this name.
    NoSuchName,
    /// Whoever is asked for names gave no answer.
    NoAnswer,
    /// The host refused.
    Refused,
    /// The connection was broken off.
    Broken,
    /// It took too long.
    TimedOut,
    /// The connection is not one that can be trusted: the host and we have no TLS in common, or somebody changes what it says.
    NotSecure,
    /// The host has not proved who it is.
    Certificate(BadCertificate),
    /// The answer is none that HTTP knows, or says two things at once.
    BadAnswer,
    /// It is larger than what is taken.
    TooLarge,
    /// A redirect that is not followed.
    Redirect,
    /// Nothing that can be shown.
    Kind,
    /// A picture that is damaged, or too large.
    Picture,
}

/// What is wrong with a host's certificate, or with the chain from it to an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum BadCertificate {
    /// There is none.
    Missing,
    /// It is no certificate.
    Malformed,
    /// It is too old.
    Expired,
    /// It is too new, or the clock here is behind.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// No authority that is believed stands behind it.
    UnknownIssuer,
    /// A signature is wrong.
    BadSignature,
    /// It is signed in a way that is not taken.
    UnsupportedSignature,
    /// It is not for servers.
    WrongPurpose,
    /// It was revoked.
    Revoked,
    /// It breaks another rule for certificates.
    NotAcceptable,
}

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum OpenError {
    /// This life has opened a document already.
    AlreadyOpened,
    /// This is no address that is gone to.
    BadAddress,
    /// There is nothing to be read, or not yet.
    NotReady,
    /// There is no picture.
    NoPicture,
    /// There is no link of this number.
    NoSuchLink,
    /// The link's address is longer than what is taken.
    LinkTooLong,
    /// Nothing begins there.
    BadPlace,
}
