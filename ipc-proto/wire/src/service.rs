//! `Service`: all that is known of a service at compile time.

use ipc_proto_types::SchemaId;

use crate::canonical::{Canonical, canonical};
use crate::shape::Shape;

/// A service, made by the attribute `#[service]`.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name, as the manifest writes it.
    pub name: &'static str,
    /// Its version; a changed schema wants a new one.
    pub version: u16,
    /// Its methods; the number of a method is its place.
    pub methods: &'static [Method],
    /// Its schema id.
    pub id: SchemaId,
    /// Its table for the validator.
    pub table: &'static [u8],
    /// Longest body the client sends, in bytes.
    pub request_max: u32,
    /// Longest body the server sends, in bytes.
    pub reply_max: u32,
    /// The longer of the two.
    pub message_max: u32,
}

impl Service {
    /// Its canonical text.
    #[must_use]
    pub fn canonical(&self) -> Canonical {
        canonical(self.name, self.methods)
    }
}

/// One method of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who sends it and whether it is answered.
    pub kind: MethodKind,
    /// Its arguments: a `Shape::Struct` with named fields.
    pub request: &'static Shape,
    /// Its reply; `Unit` when there is none.
    pub reply: &'static Shape,
}

/// Who sends a method, and whether it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    /// The client asks, the server answers.
    Call,
    /// The client says, nobody answers.
    Oneway,
    /// The server says, nobody answers.
    Event,
}

/// The doc comments of a service, for its page. Not part of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Docs {
    /// What the service is.
    pub service: &'static str,
    /// What each method does.
    pub methods: &'static [&'static str],
}
