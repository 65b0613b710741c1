//! What must hold on any input: one function over bytes for each part that reads what an outsider wrote.
//!
//! A function here returns when the part did what it promises, and panics, saying what, when it did not. It knows no
//! fuzzing engine: libFuzzer calls it (`tests/fuzz`), and so do plain tests, which replay the committed corpus. Each
//! holds the part against something written a second time, slow and plain; nothing here is used by the system itself.
//! Not here: engines, time limits, memory limits (`build/skep/src/fuzz`).

#![forbid(unsafe_code)]

mod agent;
mod backup;
pub mod corpus;
pub mod desk;
pub mod dictionary;
mod elf;
mod image;
mod imports;
mod input;
mod kdbx;
mod message;
mod monitor;
mod naive;
mod peers;
mod picture;
mod policy;
mod queue;
mod records;
mod script;
mod sealed;
pub mod seeds;
mod show;
mod store;
mod table;
mod targets;
mod volume;
mod watched;

pub use agent::agent;
pub use backup::backup;
pub use elf::elf;
pub use image::image;
pub use imports::imports;
pub use ipc_proto_block_api::Wire as Block;
pub use ipc_proto_clock_api::Wire as Clock;
pub use ipc_proto_console_api::Wire as Console;
pub use ipc_proto_convert_api::Wire as Convert;
pub use ipc_proto_ctl_api::Wire as Ctl;
pub use ipc_proto_echo_api::Wire as Echo;
pub use ipc_proto_links_api::Wire as Links;
pub use ipc_proto_log_api::Wire as Log;
pub use ipc_proto_net_api::Wire as Net;
pub use ipc_proto_open_api::Wire as Open;
pub use ipc_proto_sign_api::Wire as Sign;
pub use ipc_proto_vault_api::Wire as Vault;
pub use ipc_proto_vault_api::files::Wire as VaultFiles;
pub use ipc_proto_vault_api::keys::Wire as VaultKeys;
pub use ipc_proto_volumes_api::Wire as Volumes;
pub use kdbx::kdbx;
pub use message::message;
pub use monitor::monitor;
pub use peers::{peers, peers_of};
pub use picture::picture;
pub use policy::policy;
pub use queue::queue;
pub use records::records;
pub use show::show_message;
pub use store::store;
pub use table::table;
pub use targets::{SERVICES, TARGETS, Target, find, target_of};
pub use volume::volume;
