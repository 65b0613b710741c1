//! The channels this console may call on, as typed clients, made once.

use ipc_proto_clock_api::ClockClient;
use ipc_proto_convert_api::ConvertClient;
use ipc_proto_ctl_api::{CtlClient, CtlEvent, Ending};
use ipc_proto_echo_api::EchoClient;
use ipc_proto_log_api::LogClient;
use ipc_proto_open_api::OpenClient;
use ipc_proto_rpc::{Port, RawClient, Untyped};
use ipc_proto_types::{List, MAX_PORTS, QubeName, Role};
use ipc_proto_vault_api::VaultClient;
use ipc_proto_vault_api::files::FilesClient;
use ipc_proto_vault_api::keys::{KeyStoreClient, KeyStoreEvent};
use ipc_proto_wire::Service;
use unikernels_console_core::Asked;
use unikernels_rt::{Channel, Qube};

/// Most qubes one can `say` something to.
const ECHOES_MAX: usize = 8;
/// Most vaults: each that there is takes 20 KiB of memory for its messages.
const VAULTS_MAX: usize = 8;
/// Most viewers: each that there is takes 8 KiB of memory for its messages.
const VIEWERS_MAX: usize = 8;
/// Most converters: each takes 8 KiB of memory for its messages.
const CONVERTERS_MAX: usize = 2;

type Converter = ConvertClient<'static, Channel>;
type Viewer = OpenClient<'static, Channel>;
type Vault = VaultClient<'static, Channel>;
type Files = FilesClient<'static, Channel>;
type Keys = KeyStoreClient<'static, Channel>;

/// A client for each channel the manifest gives us; for echo and the vault, as many as there are.
///
/// Those of the vault hold messages of many KiB, so each lies in a place of its own: together they are too large for the stack,
/// over which this value is moved.
pub(crate) struct Channels {
    pub(crate) ctl: Option<CtlClient<'static, Channel>>,
    pub(crate) log: Option<LogClient<'static, Channel>>,
    pub(crate) clock: Option<ClockClient<'static, Channel>>,
    echoes: List<EchoClient<'static, Channel>, ECHOES_MAX>,
    vaults: List<&'static mut Vault, VAULTS_MAX>,
    files: List<&'static mut Files, VAULTS_MAX>,
    keys: List<&'static mut Keys, VAULTS_MAX>,
    viewers: List<&'static mut Viewer, VIEWERS_MAX>,
    converters: List<&'static mut Converter, CONVERTERS_MAX>,
    /// Those of services this console is not built with.
    others: List<Untyped<'static, Channel>, MAX_PORTS>,
}

impl Channels {
    pub(crate) fn new(qube: Qube) -> Self {
        let port = |service: &Service| qube.client(service).map(|channel| qube.place(channel));
        let echoes = all(qube, &ipc_proto_echo_api::SERVICE, EchoClient::new);
        let vaults = all(qube, &ipc_proto_vault_api::SERVICE, |port| qube.place(Vault::new(port)));
        let files = all(qube, &ipc_proto_vault_api::files::SERVICE, |port| qube.place(Files::new(port)));
        let keys = all(qube, &ipc_proto_vault_api::keys::SERVICE, |port| qube.place(Keys::new(port)));
        let viewers = all(qube, &ipc_proto_open_api::SERVICE, |port| qube.place(Viewer::new(port)));
        let converters = all(qube, &ipc_proto_convert_api::SERVICE, |port| qube.place(Converter::new(port)));
        let (ctl, log) = (port(&ipc_proto_ctl_api::SERVICE), port(&ipc_proto_log_api::SERVICE));
        let clock = port(&ipc_proto_clock_api::SERVICE);
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
            clock: clock.map(ClockClient::new),
            echoes,
            vaults,
            files,
            keys,
            viewers,
            converters,
            others,
        }
    }

    /// The echo service of the qube with this name.
    pub(crate) fn echo(&mut self, peer: &str) -> Option<&mut EchoClient<'static, Channel>> {
        self.echoes.iter_mut().find_map(|echo| is_of(echo.client().port(), peer).then_some(echo))
    }

    /// The name of a qube that serves a vault.
    pub(crate) fn vault_name(&mut self, number: usize) -> Option<QubeName> {
        self.vaults.get_mut(number).map(|vault| vault.client().port().facts().peer_name)
    }

    /// The vault of the qube with this name.
    pub(crate) fn vault(&mut self, peer: &str) -> Option<&mut Vault> {
        self.vaults.iter_mut().find_map(|vault| is_of(vault.client().port(), peer).then_some(&mut **vault))
    }

    /// The files of the vault of this qube.
    pub(crate) fn files(&mut self, peer: &str) -> Option<&mut Files> {
        self.files.iter_mut().find_map(|files| is_of(files.client().port(), peer).then_some(&mut **files))
    }

    /// The keys of the vault of this qube.
    pub(crate) fn keys(&mut self, peer: &str) -> Option<&mut Keys> {
        self.keys.iter_mut().find_map(|keys| is_of(keys.client().port(), peer).then_some(&mut **keys))
    }

    /// The name of a qube that opens documents.
    pub(crate) fn viewer_name(&mut self, number: usize) -> Option<QubeName> {
        self.viewers.get_mut(number).map(|viewer| viewer.client().port().facts().peer_name)
    }

    /// The viewer in the qube with this name.
    pub(crate) fn viewer(&mut self, peer: &str) -> Option<&mut Viewer> {
        self.viewers
            .iter_mut()
            .find_map(|viewer| is_of(viewer.client().port(), peer).then_some(&mut **viewer))
    }

    /// The name of a qube that decodes picture files.
    pub(crate) fn converter_name(&mut self, number: usize) -> Option<QubeName> {
        self.converters.get_mut(number).map(|converter| converter.client().port().facts().peer_name)
    }

    /// The converter in the qube with this name.
    pub(crate) fn converter(&mut self, peer: &str) -> Option<&mut Converter> {
        self.converters
            .iter_mut()
            .find_map(|converter| is_of(converter.client().port(), peer).then_some(&mut **converter))
    }

    /// Whether a viewer said that something changed.
    pub(crate) fn has_news(&mut self) -> bool {
        // All are asked: what one said before must not hide what another says.
        self.viewers.iter_mut().filter_map(|viewer| viewer.next_event()).count() > 0
    }

    /// The next end of a life that the supervisor told.
    pub(crate) fn ended(&mut self) -> Option<Ending> {
        let CtlEvent::Ended { end } = self.ctl.as_mut()?.next_event()?;
        Some(end)
    }

    /// The next question that a vault asked.
    pub(crate) fn asked(&mut self) -> Option<Asked> {
        self.keys.iter_mut().find_map(|keys| {
            let KeyStoreEvent::Asked { question } = keys.next_event()?;
            Some(Asked { vault: keys.client().port().facts().peer_name, question })
        })
    }

    /// Every channel, by a number from 0.
    pub(crate) fn channel(&mut self, number: usize) -> Option<&mut dyn RawClient> {
        fn raw<T: RawClient>(client: &mut Option<T>) -> Option<&mut dyn RawClient> {
            client.as_mut().map(|client| client as &mut dyn RawClient)
        }
        let known = [raw(&mut self.ctl), raw(&mut self.log), raw(&mut self.clock)];
        let vaults = self.vaults.iter_mut().map(|client| &mut **client as &mut dyn RawClient);
        let files = self.files.iter_mut().map(|client| &mut **client as &mut dyn RawClient);
        let keys = self.keys.iter_mut().map(|client| &mut **client as &mut dyn RawClient);
        let viewers = self.viewers.iter_mut().map(|client| &mut **client as &mut dyn RawClient);
        let converters = self.converters.iter_mut().map(|client| &mut **client as &mut dyn RawClient);
        let echoes = self.echoes.iter_mut().map(|client| client as &mut dyn RawClient);
        let others = self.others.iter_mut().map(|client| client as &mut dyn RawClient);
        known
            .into_iter()
            .flatten()
            .chain(vaults)
            .chain(files)
            .chain(keys)
            .chain(viewers)
            .chain(converters)
            .chain(echoes)
            .chain(others)
            .nth(number)
    }
}

/// A client for each channel to a service, as many as the list holds.
fn all<C, const N: usize>(
    qube: Qube,
    service: &Service,
    client: impl Fn(&'static mut Channel) -> C,
) -> List<C, N> {
    let mut clients = List::new();
    while !clients.is_full()
        && let Some(channel) = qube.client(service)
    {
        let pushed = clients.push(client(qube.place(channel)));
        debug_assert!(pushed.is_ok(), "it was not full");
    }
    clients
}

fn is_of(port: &mut Channel, peer: &str) -> bool {
    port.facts().peer_name.as_str() == peer
}
