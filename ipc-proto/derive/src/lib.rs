//! The attribute `#[service]` and `#[derive(Schema)]`: a service is written once, as a trait.
//!
//! From `#[service(name = "vault", version = 1)] pub trait Vault { … }` come, in the same module:
//!
//! | item | what |
//! |---|---|
//! | `SERVICE` | name, version, methods, schema id, table, sizes: all constants |
//! | `DOCS` | the doc comments, for the service's page |
//! | `FRAME_MAX` | size of a buffer for any frame of the service |
//! | `trait Vault` | what a server implements; each method gets `caller: &Caller` first |
//! | `dispatch` | one message in, one body out |
//! | `Buffers`, `serve` | a server on a port |
//! | `VaultClient` | a client on a port, with the same methods |
//! | `Wire` | the service driven by method numbers and bytes, for tools and fuzzers |
//! | `VaultEvent`, `VaultNotifier` | only for a trait with `#[event]` methods |
//!
//! A crate that uses the attribute depends on `ipc-proto-types`, `ipc-proto-wire`, `ipc-proto-rpc` and `serde`.
//! The macros only write code down; every rule about bounds is checked by `ipc-proto-wire` at compile time.

#![forbid(unsafe_code)]

mod by_bytes;
mod client;
mod parse;
mod schema;
mod server;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, ItemTrait, parse_macro_input};

/// Turns a trait into a service; see the head of this crate.
///
/// A method answers by default. `#[oneway]`: the client says, nobody answers. `#[event]`: the server says, nobody
/// answers. Every argument and every reply is a type with a `Schema`.
#[proc_macro_attribute]
pub fn service(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let attributes = parse_macro_input!(attributes as parse::Attributes);
    let item = parse_macro_input!(item as ItemTrait);
    let service = match parse::Service::new(attributes, item) {
        Ok(service) => service,
        Err(error) => return error.into_compile_error().into(),
    };
    let constants = server::constants(&service);
    let server = server::server(&service);
    let client = client::client(&service);
    let events = client::events(&service);
    let by_bytes = by_bytes::by_bytes(&service);
    quote!(#constants #server #client #events #by_bytes).into()
}

/// Implements `Schema` for a struct or enum without parameters, whose fields all have a `Schema`.
///
/// Goes together with `#[derive(Serialize, Deserialize)]`. Attributes of serde are refused: they would change the wire
/// form behind the schema's back.
#[proc_macro_derive(Schema)]
pub fn derive_schema(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    schema::derive(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}
