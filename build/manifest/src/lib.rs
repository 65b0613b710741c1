//! Manifests: a system as data, read, checked and compiled.
//!
//! [`load`] reads `systems/NAME.toml` and the `qube.toml` of every qube in it, checks that the parts fit together, and
//! compiles the policy text. The result, a [`System`], is everything about a system but the code of its qubes; the image
//! writer adds that. A system that comes out of here has passed every check; what is wrong comes out as [`Problems`], each
//! with file, line, column, what was found, what was expected and, where there is one, the fix.
//!
//! Not here: ELF and bytes (`build/image`), judging messages (`supervisor/policy`).
//! Source: DESIGN.md 3.4; `docs/policy.md`.

#![forbid(unsafe_code)]

mod addition;
mod catalogue;
mod check;
mod crates;
mod described;
mod disposable;
mod lock;
mod nearest;
mod policy;
mod problem;
mod qube_file;
mod reach;
mod released;
mod section;
mod size;
mod system;
mod system_file;
mod unruled;

pub use addition::Addition;
pub use catalogue::Catalogue;
pub use check::{load, load_text, load_with};
pub use crates::{ServiceCrate, service_crates};
pub use described::{Dossier, DossierError};
pub use lock::Unlocked;
pub use nearest::nearest;
pub use problem::{Position, Problem, Problems};
pub use reach::{Access, Path, Reach, Reached, who_can_reach};
pub use released::{Broken, Released};
pub use size::{format_size, parse_size};
pub use system::{Channel, Decision, Device, Qube, Restart, System};
pub use unruled::unruled_channels;
