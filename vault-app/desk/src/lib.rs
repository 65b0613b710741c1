//! What service `vault` does with a store that is open: between the types of the wire and those of the model. Pure.
//!
//! Reading functions answer from a [`Store`](vault_app_entries::Store). Changing ones answer with
//! [`Changes`](vault_app_entries::Changes), which the caller makes durable and commits, or drops; nothing has happened until
//! then. Time and randomness are arguments.
//!
//! Kept: a secret that is longer than its answer is refused (`TooLong`), never cut. Other texts that are longer are cut
//! and end with `…`; such an entry is named by its id. Of lists that are longer an answer says so (`more`). No two
//! entries of a group get one title here; an import may bring such, and then only ids tell them apart.
//!
//! What it deliberately does not do: no keys, no disk, no wire, no locking, no files, nothing printed.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod bin;
mod edit;
mod error;
mod fill;
mod findings;
mod groups;
mod history;
mod names;
mod page;
mod secrets;
mod show;

pub use bin::{empty_bin, purge, remove, restore};
pub use edit::{add, edit};
pub use error::refusal;
pub use findings::{Findings, SOON_S, report_page};
pub use groups::{group, groups, make_group, move_group, path_of, remove_group};
pub use history::{forget_history, history, revert};
pub use names::{ID_DIGITS_MIN, resolve, resolve_in_bin, short_id};
pub use page::page;
pub use secrets::{copy_once, reveal, totp};
pub use show::entry;
