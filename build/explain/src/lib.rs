//! What a system's manifest means, for people: who may talk to whom as a picture, as words, and as what changed.
//!
//! Every function takes a checked [`build_manifest::System`] and gives text. The same system gives the same text, so that a
//! text can be kept in a file, reviewed, and compared.
//!
//! Not here: reading manifests (`build/manifest`), a system that runs (`build/inspect`).

#![forbid(unsafe_code)]

mod condition;
mod diff;
mod dot;
mod link;
mod network;
mod reach;
mod svg;
pub mod table;
mod vault;
mod words;

pub use diff::{Change, Diff, diff};
pub use dot::dot;
pub use link::{Group, Link, Openness, SUPERVISOR, links};
pub use reach::{Places, reach};
pub use svg::svg;
pub use words::words;
