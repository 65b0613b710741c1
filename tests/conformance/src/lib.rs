//! What the conformance tests share: an in-memory channel, all services, the strict profile written a second time.
//!
//! Nothing here is used by the system itself; nothing here calls the validator, so the tests can hold the validator
//! against it.

#![forbid(unsafe_code)]

pub mod channel;
pub mod files;
pub mod page;
pub mod reference;

use ipc_proto_wire::{Docs, Service};

/// Every service there is.
pub const SERVICES: [Service; 15] = [
    ipc_proto_block_api::SERVICE,
    ipc_proto_clock_api::SERVICE,
    ipc_proto_console_api::SERVICE,
    ipc_proto_convert_api::SERVICE,
    ipc_proto_ctl_api::SERVICE,
    ipc_proto_echo_api::SERVICE,
    ipc_proto_links_api::SERVICE,
    ipc_proto_log_api::SERVICE,
    ipc_proto_net_api::SERVICE,
    ipc_proto_open_api::SERVICE,
    ipc_proto_sign_api::SERVICE,
    ipc_proto_vault_api::SERVICE,
    ipc_proto_vault_api::files::SERVICE,
    ipc_proto_vault_api::keys::SERVICE,
    ipc_proto_volumes_api::SERVICE,
];

/// The doc comments of every service, in the same order.
pub const DOCS: [Docs; 15] = [
    ipc_proto_block_api::DOCS,
    ipc_proto_clock_api::DOCS,
    ipc_proto_console_api::DOCS,
    ipc_proto_convert_api::DOCS,
    ipc_proto_ctl_api::DOCS,
    ipc_proto_echo_api::DOCS,
    ipc_proto_links_api::DOCS,
    ipc_proto_log_api::DOCS,
    ipc_proto_net_api::DOCS,
    ipc_proto_open_api::DOCS,
    ipc_proto_sign_api::DOCS,
    ipc_proto_vault_api::DOCS,
    ipc_proto_vault_api::files::DOCS,
    ipc_proto_vault_api::keys::DOCS,
    ipc_proto_volumes_api::DOCS,
];
