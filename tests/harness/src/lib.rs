//! Systems in QEMU, for tests: pack one from a manifest, boot it, read what it said and how it ended.
//!
//! ```no_run
//! use tests_harness::{Boot, Packed};
//!
//! let system = Packed::file("build/systems/minimal.toml")?;
//! let ended = Boot::of(&system).start()?.finish()?;
//! assert!(ended.powered_off(), "{}", ended.tail());
//! # Ok::<(), tests_harness::Failure>(())
//! ```
//!
//! What is built is built once a process; the command lines of cargo and QEMU are those of the host tool (`build/skep`), so
//! a test boots what a user boots. Invariant: a machine never outlives its [`Machine`], not even when a test panics.
//! Not here: judging what a system said; typing at its terminal like a person (`tests/e2e`).

#![forbid(unsafe_code)]

mod machine;
mod packed;

pub use build_skep::qemu::Clock;
pub use build_skep::{Failure, Outcome};
pub use machine::{Boot, Ended, Machine};
pub use packed::Packed;
