//! A system for tests: real clients on ports that end in one fake machine, which answers for everybody.
//!
//! The messages are encoded, framed and decoded as on a real channel; only the carrying is left out. The machine can deny,
//! fall silent and restart qubes.

extern crate std;

use crate::fake::Fake;
use crate::fake_converter::FakeConverter;
pub(crate) use crate::fake_machine::{Machine, channel, qube};
use crate::fake_vault::FakeVault;
use crate::fake_viewer::FakeViewer;
use crate::system::System;
use crate::terminal::{Event, Terminal};
use ipc_proto_clock_api::ClockClient;
use ipc_proto_convert_api::ConvertClient;
use ipc_proto_ctl_api::CtlClient;
use ipc_proto_echo_api::EchoClient;
use ipc_proto_log_api::LogClient;
use ipc_proto_open_api::OpenClient;
use ipc_proto_rpc::{Caller, Port, PortFacts, PortState, RawClient, SendError, Ticks, Untyped};
use ipc_proto_types::{ErrorCode, Generation, Kind, Label, PortIndex, QubeName, Role};
use ipc_proto_vault_api::VaultClient;
use ipc_proto_vault_api::files::FilesClient;
use ipc_proto_vault_api::keys::KeyStoreClient;
use ipc_proto_wire::{HEADER_SIZE, Header, Service};
use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

type Dispatch = fn(&mut Machine, &Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>;

/// One channel of the console to the machine.
pub(crate) struct FakePort {
    machine: Rc<RefCell<Machine>>,
    service: Service,
    peer: QubeName,
    /// Its number among the ports of its service.
    number: u8,
    dispatch: Dispatch,
    acknowledged: u32,
    inbox: VecDeque<Vec<u8>>,
}

impl FakePort {
    fn generation(&self) -> u32 {
        let machine = self.machine.borrow();
        machine.qubes.iter().find(|qube| qube.name == self.peer.as_str()).map_or(1, |qube| qube.generation)
    }

    fn answer(&self, header: &Header, body: &[u8]) -> Option<Vec<u8>> {
        let method = self.service.methods[usize::from(header.method)].name;
        let call = std::format!("{}.{method}", self.service.name);
        let mut machine = self.machine.borrow_mut();
        let (denied, silent) = (machine.denied == Some(&call), machine.silent == Some(&call));
        machine.calls.push(call);
        if silent {
            return None;
        }
        let mut frame = std::vec![0; HEADER_SIZE + 16_384];
        let caller = Caller { port: PortIndex::new(self.number).unwrap(), generation: Generation(1) };
        let reply = match denied {
            true => Err(ErrorCode::Denied),
            false => (self.dispatch)(&mut machine, &caller, header, body, &mut frame[HEADER_SIZE..]),
        };
        let (kind, length) = match reply {
            Ok(None) => return None,
            Ok(Some(length)) => (Kind::Reply, length),
            Err(code) => {
                frame[HEADER_SIZE] = code.as_u8();
                (Kind::Error, 1)
            }
        };
        let header = Header { kind, length: u32::try_from(length).unwrap(), ..*header };
        header.write_to(&mut frame).unwrap();
        frame.truncate(HEADER_SIZE + length);
        Some(frame)
    }
}

impl Port for FakePort {
    fn index(&self) -> PortIndex {
        PortIndex::new(0).unwrap()
    }

    fn facts(&self) -> PortFacts {
        let generation = self.generation();
        let state = if generation == self.acknowledged { PortState::Open } else { PortState::Restarted };
        PortFacts {
            state,
            role: Role::Client,
            peer_generation: Generation(generation),
            schema: self.service.id,
            message_max: self.service.message_max,
            peer_label: Label::Work,
            peer_name: self.peer,
            service: QubeName::new(self.service.name).ok().unwrap(),
        }
    }

    fn acknowledge(&mut self) {
        self.acknowledged = self.generation();
        self.inbox.clear();
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        let (header, body) = Header::parse(frame).ok().unwrap();
        let reply = self.answer(&header, body);
        self.inbox.extend(reply);
        Ok(())
    }

    fn flush(&mut self) {}

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let frame = self.inbox.pop_front()?;
        into[..frame.len()].copy_from_slice(&frame);
        Some(frame.len())
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        if self.inbox.is_empty() {
            let mut machine = self.machine.borrow_mut();
            machine.now_ms = machine.now_ms.max(deadline.expect("nobody waits for ever").0);
        }
    }

    fn now(&self) -> Ticks {
        Ticks(self.machine.borrow().now_ms)
    }

    fn ticks_per_second(&self) -> u64 {
        1000
    }
}

/// A port on the machine, for ever.
fn port(
    machine: &Rc<RefCell<Machine>>,
    service: Service,
    peer: &str,
    number: u8,
    dispatch: Dispatch,
) -> &'static mut FakePort {
    Box::leak(Box::new(FakePort {
        machine: Rc::clone(machine),
        service,
        peer: QubeName::new(peer).ok().unwrap(),
        number,
        dispatch,
        acknowledged: 1,
        inbox: VecDeque::new(),
    }))
}

/// The clients of one vault.
struct Clients {
    peer: QubeName,
    vault: VaultClient<'static, FakePort>,
    files: FilesClient<'static, FakePort>,
    keys: KeyStoreClient<'static, FakePort>,
}

impl Clients {
    fn new(machine: &Rc<RefCell<Machine>>, peer: &str, number: u8) -> Self {
        use ipc_proto_vault_api::{self as vault, files, keys};
        Self {
            peer: QubeName::new(peer).ok().unwrap(),
            vault: VaultClient::new(port(
                machine,
                vault::SERVICE,
                peer,
                number,
                |machine, caller, header, body, out| {
                    vault::dispatch(machine.vault_of(caller), caller, header, body, out)
                },
            )),
            files: FilesClient::new(port(
                machine,
                files::SERVICE,
                peer,
                number,
                |machine, caller, header, body, out| {
                    files::dispatch(machine.vault_of(caller), caller, header, body, out)
                },
            )),
            keys: KeyStoreClient::new(port(
                machine,
                keys::SERVICE,
                peer,
                number,
                |machine, caller, header, body, out| {
                    keys::dispatch(machine.vault_of(caller), caller, header, body, out)
                },
            )),
        }
    }
}

/// Terminal and machine together.
pub(crate) struct FakeWorld {
    pub(crate) terminal: Fake,
    pub(crate) machine: Rc<RefCell<Machine>>,
    ctl: CtlClient<'static, FakePort>,
    log: LogClient<'static, FakePort>,
    vaults: Vec<Clients>,
    viewers: Vec<(QubeName, OpenClient<'static, FakePort>)>,
    converters: Vec<(QubeName, ConvertClient<'static, FakePort>)>,
    clock: ClockClient<'static, FakePort>,
    echo: EchoClient<'static, FakePort>,
    others: Vec<Untyped<'static, FakePort>>,
    /// Services the console has no channel to.
    pub(crate) missing: &'static [&'static str],
    /// There is no IOMMU, and a device.
    pub(crate) dma_unprotected: bool,
}

/// A disposable that waits to be started.
fn prepared(peer: &'static str) -> ipc_proto_ctl_api::QubeInfo {
    ipc_proto_ctl_api::QubeInfo {
        state: ipc_proto_ctl_api::QubeState::Prepared,
        disposable: true,
        generation: 0,
        ..qube(peer, Label::Untrusted)
    }
}

impl FakeWorld {
    pub(crate) fn new() -> Self {
        let machine = Rc::new(RefCell::new(Machine::new()));
        let port =
            |service: Service, peer: &str, dispatch: Dispatch| port(&machine, service, peer, 0, dispatch);
        Self {
            terminal: Fake::default(),
            ctl: CtlClient::new(port(
                ipc_proto_ctl_api::SERVICE,
                "supervisor",
                |machine, caller, header, body, out| {
                    ipc_proto_ctl_api::dispatch(machine, caller, header, body, out)
                },
            )),
            log: LogClient::new(port(
                ipc_proto_log_api::SERVICE,
                "supervisor",
                |machine, caller, header, body, out| {
                    ipc_proto_log_api::dispatch(machine, caller, header, body, out)
                },
            )),
            vaults: std::vec![Clients::new(&machine, "vault", 0)],
            viewers: Vec::new(),
            converters: Vec::new(),
            clock: ClockClient::new(port(
                ipc_proto_clock_api::SERVICE,
                "clock",
                |machine, caller, header, body, out| {
                    ipc_proto_clock_api::dispatch(machine, caller, header, body, out)
                },
            )),
            echo: EchoClient::new(port(
                ipc_proto_echo_api::SERVICE,
                "echo",
                |machine, caller, header, body, out| {
                    ipc_proto_echo_api::dispatch(machine, caller, header, body, out)
                },
            )),
            others: std::vec![Untyped::new(port(crate::fake_guestbook::SERVICE, "book", guestbook))],
            machine,
            missing: &[],
            dma_unprotected: false,
        }
    }

    /// Another qube that serves the guestbook.
    pub(crate) fn add_guestbook(&mut self, peer: &str) {
        let port = port(&self.machine, crate::fake_guestbook::SERVICE, peer, 0, guestbook);
        self.others.push(Untyped::new(port));
    }

    /// Another qube that serves a vault.
    pub(crate) fn add_vault(&mut self, peer: &'static str) {
        let number = u8::try_from(self.vaults.len()).unwrap();
        let mut machine = self.machine.borrow_mut();
        machine.vaults.push((peer, FakeVault::new()));
        machine.qubes.push(qube(peer, Label::Vault));
        drop(machine);
        self.vaults.push(Clients::new(&self.machine, peer, number));
    }

    /// A disposable that opens documents.
    pub(crate) fn add_viewer(&mut self, peer: &'static str) {
        let number = u8::try_from(self.viewers.len()).unwrap();
        let mut machine = self.machine.borrow_mut();
        machine.viewers.push((peer, FakeViewer::new()));
        machine.qubes.push(prepared(peer));
        drop(machine);
        let port = port(
            &self.machine,
            ipc_proto_open_api::SERVICE,
            peer,
            number,
            |machine, caller, header, body, out| {
                let viewer = &mut machine.viewers[usize::from(caller.port.get())].1;
                ipc_proto_open_api::dispatch(viewer, caller, header, body, out)
            },
        );
        self.viewers.push((QubeName::new(peer).ok().unwrap(), OpenClient::new(port)));
    }

    /// A disposable that decodes picture files.
    pub(crate) fn add_converter(&mut self, peer: &'static str) {
        let number = u8::try_from(self.converters.len()).unwrap();
        let mut machine = self.machine.borrow_mut();
        machine.converters.push((peer, FakeConverter::new()));
        machine.qubes.push(prepared(peer));
        drop(machine);
        let port = port(&self.machine, ipc_proto_convert_api::SERVICE, peer, number, converter);
        self.converters.push((QubeName::new(peer).ok().unwrap(), ConvertClient::new(port)));
    }

    /// The first vault is served by a qube of another name.
    pub(crate) fn rename_first_vault(&mut self, peer: &'static str) {
        self.machine.borrow_mut().vaults[0].0 = peer;
        self.vaults = std::vec![Clients::new(&self.machine, peer, 0)];
    }

    fn clients(&mut self, peer: &str) -> Option<&mut Clients> {
        self.vaults.iter_mut().find(|clients| clients.peer.as_str() == peer)
    }

    fn has(&self, service: &str) -> bool {
        !self.missing.contains(&service)
    }
}

impl Terminal for FakeWorld {
    fn write(&mut self, bytes: &[u8]) {
        self.terminal.write(bytes);
    }

    fn wait(&mut self, deadline_ms: Option<u64>) -> Event {
        self.terminal.wait(deadline_ms)
    }

    fn has_input(&mut self) -> bool {
        self.terminal.has_input()
    }

    fn has_link(&self) -> bool {
        self.terminal.has_link()
    }

    fn next_link(&mut self) -> Option<crate::link::Link> {
        self.terminal.next_link()
    }

    fn scrub_stack(&mut self) {
        self.terminal.scrub_stack();
    }

    fn now_ms(&self) -> u64 {
        self.terminal.now_ms()
    }
}

impl System for FakeWorld {
    type Port = FakePort;

    fn own_name(&self) -> QubeName {
        QubeName::new("console").ok().unwrap()
    }

    fn ctl(&mut self) -> Option<&mut CtlClient<'static, FakePort>> {
        self.has("ctl").then_some(&mut self.ctl)
    }

    fn log(&mut self) -> Option<&mut LogClient<'static, FakePort>> {
        self.has("log").then_some(&mut self.log)
    }

    fn vault_name(&mut self, number: usize) -> Option<QubeName> {
        let vaults = if self.has("vault") { self.vaults.as_mut_slice() } else { &mut [] };
        vaults.get(number).map(|clients| clients.peer)
    }

    fn vault(&mut self, peer: &str) -> Option<&mut VaultClient<'static, FakePort>> {
        let has = self.has("vault");
        self.clients(peer).filter(|_| has).map(|clients| &mut clients.vault)
    }

    fn files(&mut self, peer: &str) -> Option<&mut FilesClient<'static, FakePort>> {
        let has = self.has("vault-files");
        self.clients(peer).filter(|_| has).map(|clients| &mut clients.files)
    }

    fn keys(&mut self, peer: &str) -> Option<&mut KeyStoreClient<'static, FakePort>> {
        let has = self.has("vault-keys");
        self.clients(peer).filter(|_| has).map(|clients| &mut clients.keys)
    }

    fn viewer_name(&mut self, number: usize) -> Option<QubeName> {
        let viewers = if self.has("open") { self.viewers.as_slice() } else { &[] };
        viewers.get(number).map(|(name, _)| *name)
    }

    fn viewer(&mut self, peer: &str) -> Option<&mut OpenClient<'static, FakePort>> {
        let has = self.has("open");
        let mut viewers = self.viewers.iter_mut();
        viewers.find(|(name, _)| name.as_str() == peer).filter(|_| has).map(|(_, viewer)| viewer)
    }

    fn converter_name(&mut self, number: usize) -> Option<QubeName> {
        let converters = if self.has("convert") { self.converters.as_slice() } else { &[] };
        converters.get(number).map(|(name, _)| *name)
    }

    fn converter(&mut self, peer: &str) -> Option<&mut ConvertClient<'static, FakePort>> {
        let has = self.has("convert");
        let mut converters = self.converters.iter_mut();
        converters.find(|(name, _)| name.as_str() == peer).filter(|_| has).map(|(_, converter)| converter)
    }

    fn random(&mut self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(0xa0_u8..).for_each(|(byte, random)| *byte = random);
    }

    fn clock(&mut self) -> Option<&mut ClockClient<'static, FakePort>> {
        self.has("clock").then_some(&mut self.clock)
    }

    fn echo(&mut self, peer: &str) -> Option<&mut EchoClient<'static, FakePort>> {
        (self.has("echo") && peer == "echo").then_some(&mut self.echo)
    }

    fn dma_unprotected(&self) -> bool {
        self.dma_unprotected
    }

    fn channel(&mut self, number: usize) -> Option<&mut dyn RawClient> {
        let missing = self.missing;
        let vaults = self.vaults.iter_mut().map(|clients| &mut clients.vault as &mut dyn RawClient);
        let known: [&mut dyn RawClient; 4] = [&mut self.ctl, &mut self.log, &mut self.clock, &mut self.echo];
        let others = self.others.iter_mut().map(|client| client as &mut dyn RawClient);
        let mut all = known.into_iter().chain(vaults).chain(others).filter_map(|client| {
            let service = client.facts().service;
            (!missing.contains(&service.as_str())).then_some(client)
        });
        all.nth(number)
    }
}

fn guestbook(
    machine: &mut Machine,
    caller: &Caller,
    header: &Header,
    body: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, ErrorCode> {
    crate::fake_guestbook::dispatch(machine, caller, header, body, out)
}

fn converter(
    machine: &mut Machine,
    caller: &Caller,
    header: &Header,
    body: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, ErrorCode> {
    let (name, converter) = &mut machine.converters[usize::from(caller.port.get())];
    let answer = ipc_proto_convert_api::dispatch(converter, caller, header, body, out);
    if core::mem::take(&mut converter.died) {
        converter.restart();
        let mut qubes = machine.qubes.iter_mut();
        let qube = qubes.find(|qube| qube.name == **name).unwrap();
        qube.generation += 1;
        qube.state = ipc_proto_ctl_api::QubeState::Prepared;
        return Ok(None);
    }
    answer
}
