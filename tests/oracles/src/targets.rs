//! All fuzz targets: a name, what it is for, and the oracle. `tests/fuzz` has a file for each.

use ipc_proto_rpc::ByBytes;
use ipc_proto_wire::Service;

use crate::{
    Block, Clock, Console, Convert, Ctl, Echo, Links, Log, Net, Open, Sign, Vault, VaultFiles, VaultKeys,
    Volumes,
};
use crate::{agent, backup, elf, image, imports, kdbx, message, monitor};
use crate::{peers, picture, policy, queue, records, show_message, store, table, volume};

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its binary.
    pub name: &'static str,
    /// What it holds against what.
    pub about: &'static str,
    /// The oracle.
    pub run: fn(&[u8]),
    /// An input in words.
    pub show: fn(&[u8]) -> String,
    /// The service whose messages it is about.
    pub service: Option<Service>,
}

/// The service of each `message` target: every service there is.
pub const SERVICES: [Service; 15] = [
    Block::SERVICE,
    Clock::SERVICE,
    Console::SERVICE,
    Convert::SERVICE,
    Ctl::SERVICE,
    Echo::SERVICE,
    Links::SERVICE,
    Log::SERVICE,
    Net::SERVICE,
    Open::SERVICE,
    Sign::SERVICE,
    Vault::SERVICE,
    VaultFiles::SERVICE,
    VaultKeys::SERVICE,
    Volumes::SERVICE,
];

const MESSAGE: &str = "validator, typed codec and plain reference agree on every body";

/// The target for the messages of a service.
#[must_use]
pub const fn target_of<S: ByBytes>(name: &'static str) -> Target {
    Target { name, about: MESSAGE, run: message::<S>, show: show_message::<S>, service: Some(S::SERVICE) }
}

const fn target(name: &'static str, about: &'static str, run: fn(&[u8])) -> Target {
    Target { name, about, run, show: crate::show::hex_lines, service: None }
}

/// All of them.
pub const TARGETS: [Target; 30] = [
    target_of::<Block>("message_block"),
    target_of::<Clock>("message_clock"),
    target_of::<Console>("message_console"),
    target_of::<Convert>("message_convert"),
    target_of::<Ctl>("message_ctl"),
    target_of::<Echo>("message_echo"),
    target_of::<Links>("message_links"),
    target_of::<Log>("message_log"),
    target_of::<Net>("message_net"),
    target_of::<Open>("message_open"),
    target_of::<Sign>("message_sign"),
    target_of::<Vault>("message_vault"),
    target_of::<VaultFiles>("message_vault_files"),
    target_of::<VaultKeys>("message_vault_keys"),
    target_of::<Volumes>("message_volumes"),
    target("peers", "typed clients and servers of every service against a hostile peer", peers),
    target("queue", "the device side of a queue against rings that make no sense", queue),
    target("monitor", "two hostile qubes against the whole monitor; nobody else notices", monitor),
    target("policy", "hostile manifests, and compiled policy against a plain reading of its lines", policy),
    target("image", "the reader of system images against damaged ones", image),
    target("store", "a disk with volumes that lies under right sums; no volume harms another", store),
    target("table", "any bytes as a schema table, run on any body", table),
    target("elf", "any bytes as a qube's program file, read and placed", elf),
    target("backup", "damaged backups, and authentic ones that say anything", backup),
    target("kdbx", "damaged KeePass files, headers nobody would write, hostile contents", kdbx),
    target("volume", "a sealed volume on a disk whose owner lies; it opens as it once was", volume),
    target("records", "records of entries and groups against a plain reading of their format", records),
    target("imports", "files of other password managers, and our export of what became of them", imports),
    target("agent", "keys that sign with consent, asked as an SSH agent; no answer tells of a key", agent),
    target("picture", "files of every picture format, and PNG files that lie under right sums", picture),
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}
