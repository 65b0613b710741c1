//! Seeded defects: what proves that the fuzzers bite.
//!
//! A defect is a patch, applied to a copy of the tree and to nothing else, behind a switch that exists in the copy alone: an
//! environment variable names the one that is on. So one build has them all, the trusted sources contain none, and a patch
//! whose place is gone stops the test instead of passing it.

#![forbid(unsafe_code)]

mod defects;
mod tree;

pub use defects::{DEFECTS, Defect, Edit, SWITCH};
pub use tree::{Tree, apply};
