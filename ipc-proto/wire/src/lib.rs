//! Frame, strict postcard profile, schema tables and their validator.
//!
//! Invariant: what [`Table::check`] accepts decodes, and encodes again to the same bytes; nothing else is accepted.
//! The validator allocates nothing, cannot panic, and takes time in proportion to the body. It knows no service: all
//! it knows stands in the table, a few hundred bytes of data made at compile time from the service's trait.
//! Not here: who may send what (policy), who gets it (router), typed calls (`rpc`).
//! Source: DESIGN.md section 3.3; `ipc-proto/spec`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod canonical;
mod codec;
mod compile;
mod frame;
mod mask;
mod op;
mod schema;
mod service;
mod sha256;
mod shape;
mod strict;
mod table;
mod utf8;
mod validate;
mod varint;

pub use canonical::{CANONICAL_MAX, Canonical, canonical, schema_id};
pub use codec::{DecodeError, EncodeError, all_bytes, decode, encode, recode, take_number};
pub use compile::{Compiled, compile, cut};
pub use frame::{Frame, FrameError, HEADER_SIZE, Header};
pub use schema::Schema;
pub use service::{Docs, Method, MethodKind, Service};
pub use shape::{Field, Fields, Shape, Sizes, Variant};
pub use table::{Table, TableError};
pub use validate::{FieldKind, FieldSink, Violation};
