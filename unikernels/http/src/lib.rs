//! An HTTP/1.1 client over bytes: one GET, its redirects, its answer within caps. No sockets, no clock.
//!
//! [`Fetch`] is a state machine: it says whom to connect to and what to send, is fed what arrived, and ends
//! with a [`Response`] or the first [`HttpError`]. Its user owns connections, TLS and deadlines; what a server
//! may cost in bytes is bounded here ([`Limits`]), what it may cost in time is not: a server that sends one byte
//! a minute is cut by its user.
//!
//! The invariant: what two readers of one answer could understand differently is refused, not repaired. So: a
//! length given twice or beside `Transfer-Encoding`, folded lines, line feeds without carriage returns,
//! codings we do not know.
//!
//! What it deliberately does not do: other methods, bodies of requests, cookies, caches, credentials,
//! proxies, HTTP/2, more than one request a connection, guessing a type from content. An address with letters
//! beyond ASCII in its host is refused; its `xn--` form is taken, and shown as it is. Source: RFC 9110, RFC
//! 9112, RFC 3986, RFC 1950 to 1952.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod chunked;
mod coding;
mod error;
mod exchange;
mod fetch;
mod head;
mod limits;
mod media;
mod text;
mod url;

pub use error::HttpError;
pub use exchange::Closing;
pub use fetch::{Fetch, Redirect, Response, Step};
pub use limits::Limits;
pub use media::{Charset, Kind, Media};
pub use text::{Text, decode};
pub use url::{Host, Scheme, Url, UrlError};
