//! The rest of the system as the console sees it: a typed client for each service it may call.
//!
//! The qube hands out clients on its channels; tests hand out clients on channels that end in fakes. A client that is not
//! there is a channel the manifest does not give this console.

use crate::terminal::Terminal;
use ipc_proto_clock_api::ClockClient;
use ipc_proto_convert_api::ConvertClient;
use ipc_proto_ctl_api::CtlClient;
use ipc_proto_echo_api::EchoClient;
use ipc_proto_log_api::LogClient;
use ipc_proto_open_api::OpenClient;
use ipc_proto_rpc::{Port, RawClient};
use ipc_proto_types::QubeName;
use ipc_proto_vault_api::VaultClient;
use ipc_proto_vault_api::files::FilesClient;
use ipc_proto_vault_api::keys::KeyStoreClient;

/// Clients of the services the console may call.
pub trait System {
    /// Our ends of the channels.
    type Port: Port + 'static;

    /// The name of this console's qube.
    fn own_name(&self) -> QubeName;

    /// The supervisor.
    fn ctl(&mut self) -> Option<&mut CtlClient<'static, Self::Port>>;

    /// The supervisor's log.
    fn log(&mut self) -> Option<&mut LogClient<'static, Self::Port>>;

    /// The name of a qube that serves a vault to us, by a number from 0; `None` after the last.
    fn vault_name(&mut self, number: usize) -> Option<QubeName>;

    /// The vault of the qube with this name.
    fn vault(&mut self, peer: &str) -> Option<&mut VaultClient<'static, Self::Port>>;

    /// The files of the vault of this qube.
    fn files(&mut self, peer: &str) -> Option<&mut FilesClient<'static, Self::Port>>;

    /// The keys of the vault of this qube.
    fn keys(&mut self, peer: &str) -> Option<&mut KeyStoreClient<'static, Self::Port>>;

    /// The clock.
    fn clock(&mut self) -> Option<&mut ClockClient<'static, Self::Port>>;

    /// The echo service of the qube with this name.
    fn echo(&mut self, peer: &str) -> Option<&mut EchoClient<'static, Self::Port>>;

    /// The name of a qube that opens documents for us, by a number from 0; `None` after the last.
    fn viewer_name(&mut self, number: usize) -> Option<QubeName>;

    /// The viewer in the qube with this name.
    fn viewer(&mut self, peer: &str) -> Option<&mut OpenClient<'static, Self::Port>>;

    /// The name of a qube that decodes picture files for us, by a number from 0; `None` after the last.
    fn converter_name(&mut self, number: usize) -> Option<QubeName>;

    /// The converter in the qube with this name.
    fn converter(&mut self, peer: &str) -> Option<&mut ConvertClient<'static, Self::Port>>;

    /// Fills a buffer with random bytes that nobody can guess.
    fn random(&mut self, buffer: &mut [u8]);

    /// Whether some qube's device reaches all memory, because there is no IOMMU.
    fn dma_unprotected(&self) -> bool;

    /// Every channel on which the console may call, known or not, by a number from 0; `None` after the last.
    fn channel(&mut self, number: usize) -> Option<&mut dyn RawClient>;
}

/// A terminal and a system: everything the console lives in.
pub trait World: Terminal + System {}

impl<T: Terminal + System> World for T {}
