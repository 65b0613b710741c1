//! The channels this console may call on, as typed clients, made once.

use ipc_proto_clock_api::ClockClient;
use ipc_proto_ctl_api::{CtlClient, CtlEvent, Ending};
use ipc_proto_echo_api::EchoClient;
use ipc_proto_log_api::LogClient;
use ipc_proto_rpc::{Port, RawClient, Untyped};
use ipc_proto_types::{List, MAX_PORTS, Role};
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
    /// Those of services this console is not built with.
    others: List<Untyped<'static, Channel>, MAX_PORTS>,
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
        let (ctl, log) = (port(&ipc_proto_ctl_api::SERVICE), port(&ipc_proto_log_api::SERVICE));
        let (vault, clock) = (port(&ipc_proto_vault_api::SERVICE), port(&ipc_proto_clock_api::SERVICE));
        // What is left after those that are known.
        let mut others = List::new();
        while !others.is_full()
            && let Some(port) = qube.any_port(Role::Client)
        {
            let pushed = others.push(Untyped::new(qube.place(port)));
            debug_assert!(pushed.is_ok(), "it was not full");
        }
        Self {
            ctl: ctl.map(CtlClient::new),
            log: log.map(LogClient::new),
            vault: vault.map(VaultClient::new),
            clock: clock.map(ClockClient::new),
            echoes,
            others,
        }
    }

    /// The echo service of the qube with this name.
    pub(crate) fn echo(&mut self, peer: &str) -> Option<&mut EchoClient<'static, Channel>> {
        self.echoes.iter_mut().find_map(|echo| {
            let name = echo.client().port().facts().peer_name;
            (name.as_str() == peer).then_some(echo)
        })
    }

    /// The next end of a life that the supervisor told.
    pub(crate) fn ended(&mut self) -> Option<Ending> {
        let CtlEvent::Ended { end } = self.ctl.as_mut()?.next_event()?;
        Some(end)
    }

    /// Every channel, by a number from 0.
    pub(crate) fn channel(&mut self, number: usize) -> Option<&mut dyn RawClient> {
        fn raw<T: RawClient>(client: &mut Option<T>) -> Option<&mut dyn RawClient> {
            client.as_mut().map(|client| client as &mut dyn RawClient)
        }
        let known = [raw(&mut self.ctl), raw(&mut self.log), raw(&mut self.vault), raw(&mut self.clock)];
        let echoes = self.echoes.iter_mut().map(|client| client as &mut dyn RawClient);
        let others = self.others.iter_mut().map(|client| client as &mut dyn RawClient);
        known.into_iter().flatten().chain(echoes).chain(others).nth(number)
    }
}
