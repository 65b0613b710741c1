//! What a disposable viewer does, pure: one document, fetched over `net`, made harmless, shown piece by piece.
//!
//! [`Viewer`] serves `open`. Its [`Viewer::turn`] does what can be done without waiting and says until when to wait; time is an
//! argument, the network a client of `net`; TLS is here, with whom it believes ([`Trust`]).
//!
//! The invariant: a server costs at most [`limits`] of bytes, redirects and time, whatever it sends or does not send; and what
//! becomes of it is a page of harmless text, a bitmap within caps, or a typed failure; over `https` no byte is shown or asked for
//! before the host has proved its name, and no certificate is waved through. Deliberately absent: cookies, caches,
//! scripts, forms, guessing a type from content, a second document.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![expect(clippy::result_large_err, reason = "a failure is made once, and ends the document")]

extern crate alloc;

mod connection;
mod document;
mod fetching;
pub mod limits;
mod loader;
mod network;
mod trust;
mod viewer;
mod why;

pub use network::Network;
pub use trust::{RootFault, Trust};
pub use viewer::{Turn, Viewer};
