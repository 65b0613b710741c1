//! What the host tool does: build a system, boot it in QEMU, test it, measure it.
//!
//! The binary only reads its arguments; everything else is here, so that tests boot systems the same way people do.
//! Programs of others are run as programs: `cargo`, `qemu-system-x86_64`, `grub-mkrescue`, `apt-get`. Nothing is fetched
//! from anywhere but through `cargo` and `apt-get`.
//!
//! Not here: manifests and policy (`build/manifest`), ELF and images (`build/image`), house rules (`build/tidy`).

#![forbid(unsafe_code)]

pub mod bench;
pub mod builder;
pub mod disk;
pub mod doctor;
mod failure;
pub mod fuzz;
pub mod gdb;
pub mod iso;
pub mod look;
pub mod needs;
pub mod new;
pub mod nic;
pub mod picture;
pub mod policy;
pub mod project;
pub mod qemu;
pub mod reach;
mod report;
pub mod run;
pub mod run_file;
pub mod services;
pub mod suite;
mod terminal;
pub mod workspace;

use build_explain::table;

pub use failure::{Exit, Failure, Outcome};
pub use report::{Report, Style};
