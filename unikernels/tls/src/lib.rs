//! A TLS client over bytes: TLS 1.3 and 1.2, no sockets, no clock, no operating system.
//!
//! [`Tls`] is a state machine: it says what to send, is fed what arrived, and in between takes and gives the
//! bytes that it protects. The protocol is rustls, certificates are checked by rustls-webpki; what this crate
//! adds is the cryptography below them (`provider`, made of the RustCrypto crates), bounds on every buffer, and
//! one typed error for each thing that can be wrong ([`TlsError`], [`CertificateFault`]).
//!
//! The invariant: no byte is given out, and none of the caller's is sent, before the server has proven the name
//! that was asked for. There is no way to accept a certificate that does not pass, and no version below 1.2.
//!
//! What it deliberately does not do: servers, certificates of clients, resumption, early data, revocation lists,
//! application protocols (ALPN), compression, renegotiation. Source: RFC 8446, RFC 5246, RFC 5280, RFC 7748.
//!
//! Secrets are zeroized when dropped: keys, shared secrets, and our buffers of plaintext. Not so: the copy of a
//! record that rustls makes between decrypting and [`Tls::read`], nonces, its transcript of a handshake, and what
//! is left on the stack ([`unikernels_sdk::scrub_stack`] wipes that). A connection keeps about 190 KiB of heap and
//! needs 32 KiB of stack.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod buffer;
mod error;
mod provider;
mod roots;
mod tls;

pub use error::{CertificateFault, TlsError};
pub use roots::{RootError, Roots};
pub use tls::{Read, Tls, Version};
