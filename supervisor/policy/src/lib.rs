//! Policy: from a compiled decision to a verdict.
//!
//! The host tool resolves every rule of the manifest that does not look into the message. What is left for run time is one
//! `u16` a method: deny, allow, ask, or the number of a **chain** of rules over the request's fields (`chain.rs`). [`decide`]
//! walks that chain once, front to back; the first rule whose conditions all hold gives the verdict.
//!
//! Invariants: no match denies; anything that cannot be evaluated (a missing field, a value of another type, a malformed
//! chain) denies; the work is bounded by [`CHAIN_BYTES_MAX`] and [`CHAIN_TESTS_MAX`].
//!
//! Not here: names, wildcards, labels and tags (resolved by `build/manifest`), asking the user (the monitor), the audit.
//! Source: DESIGN.md 3.4; `docs/policy.md` has the byte tables.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod chain;
mod decide;
mod fields;

pub use chain::{
    CHAIN_BYTES_MAX, CHAIN_TESTS_MAX, CHAINS_MAX, ChainError, Chains, OP_BOOL, OP_SIGNED, OP_TEXT,
    OP_TEXT_GLOB, OP_UNSIGNED,
};
pub use decide::{ALLOW, ASK, DENY, FIRST_CHAIN, Verdict, decide};
pub use fields::{BodyFields, FIELDS_MAX, Fields, NoFields, Value};
