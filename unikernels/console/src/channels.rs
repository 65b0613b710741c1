//! The channels this console may call on, as typed clients, made once.

use ipc_proto_clock_api::ClockClient;
use ipc_proto_ctl_api::CtlClient;
use ipc_proto_echo_api::EchoClient;
use ipc_proto_log_api::LogClient;
use ipc_proto_rpc::Port;
use ipc_proto_types::List;
use ipc_proto_vault_api::VaultClient;
use ipc_proto_wire::Service;
use unikernels_rt::{Channel, Qube};

/// Most qubes one can `say` something to.
const ECHOES_MAX: usize = 8;

/// A client for each channel the manifest gives us; for echo, as many as there are.
pub(crate) struct Channels {
    pub(crate) ctl: Option<CtlClient<'static, Channel>>,
    pub(crate) log: Option<LogClient<'static, Channel>>,
    pub(crate) vault: Option<VaultClient<'static, Channel>>,
    pub(crate) clock: Option<ClockClient<'static, Channel>>,
    echoes: List<EchoClient<'static, Channel>, ECHOES_MAX>,
}

impl Channels {
    pub(crate) fn new(qube: Qube) -> Self {
        let port = |service: &Service| qube.client(service).map(|channel| qube.place(channel));
        let mut echoes = List::new();
        while !echoes.is_full()
            && let Some(port) = port(&ipc_proto_echo_api::SERVICE)
        {
            let pushed = echoes.push(EchoClient::new(port));
            debug_assert!(pushed.is_ok(), "it was not full");
        }
        Self {
            ctl: port(&ipc_proto_ctl_api::SERVICE).map(CtlClient::new),
            log: port(&ipc_proto_log_api::SERVICE).map(LogClient::new),
            vault: port(&ipc_proto_vault_api::SERVICE).map(VaultClient::new),
            clock: port(&ipc_proto_clock_api::SERVICE).map(ClockClient::new),
            echoes,
        }
    }

    /// The echo service of the qube with this name.
    pub(crate) fn echo(&mut self, peer: &str) -> Option<&mut EchoClient<'static, Channel>> {
        self.echoes.iter_mut().find_map(|echo| {
            let name = echo.client().port().facts().peer_name;
            (name.as_str() == peer).then_some(echo)
        })
    }
}
