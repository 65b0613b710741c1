//! `net` as the stack serves it.

use core::net::IpAddr;

use ipc_proto_net_api::{
    ADDRESSES_MAX, Accepted, Address, Handle, InPlace, ListenerId, NetError, POLL_MAX, Readiness, SocketId,
    Status, StreamId,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::List;
use netvm_firewall::HostName;
use smoltcp::phy::Device;

use crate::client::Client;
use crate::stack::Stack;

/// A host as clients write it.
enum Host {
    Name(HostName),
    Address(IpAddr),
}

/// What looks like an address is one, and nothing else is.
fn host(text: &str) -> Result<Host, NetError> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Host::Address(address.to_canonical())),
        Err(_) => HostName::new(text).map(Host::Name).map_err(|_| NetError::BadHost),
    }
}

fn address(text: &str) -> Result<IpAddr, NetError> {
    text.parse::<IpAddr>().map(|address| address.to_canonical()).map_err(|_| NetError::BadHost)
}

/// As many as a list has room for.
fn list<T, const N: usize>(things: impl IntoIterator<Item = T>) -> List<T, N> {
    let mut list = List::new();
    for thing in things.into_iter().take(N) {
        // There is room: no more than `N` are taken.
        let _ = list.push(thing);
    }
    list
}

impl<D: Device> InPlace for Stack<D> {
    fn send(&mut self, caller: &Caller, stream: StreamId, data: &[u8]) -> Result<usize, NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        client.send(machine, stream, data)
    }

    fn receive(&mut self, caller: &Caller, stream: StreamId, into: &mut [u8]) -> Result<usize, NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        client.receive(machine, stream, into)
    }

    fn send_to(
        &mut self,
        caller: &Caller,
        socket: SocketId,
        host: &str,
        port: u16,
        data: &[u8],
    ) -> Result<(), NetError> {
        let to = address(host)?;
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        client.send_to(machine, firewall, socket, (to, port), data)
    }

    fn receive_from(
        &mut self,
        caller: &Caller,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<(usize, IpAddr, u16), NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        client.receive_from(machine, socket, into)
    }

    fn status(&mut self, _: &Caller) -> Status {
        self.network()
    }

    fn resolve(&mut self, caller: &Caller, name: &str) -> Result<List<Address, ADDRESSES_MAX>, NetError> {
        self.check_link()?;
        let name = HostName::new(name).map_err(|_| NetError::BadHost)?;
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        client.resolve(machine, firewall, &name).map(list)
    }

    fn connect(&mut self, caller: &Caller, to: &str, port: u16) -> Result<StreamId, NetError> {
        self.check_link()?;
        let to = host(to)?;
        if port == 0 {
            return Err(NetError::BadPort);
        }
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        match to {
            Host::Name(name) => client.connect_to_name(machine, firewall, name, port),
            Host::Address(address) => client.connect_to_address(machine, firewall, address, port),
        }
    }

    fn shutdown(&mut self, caller: &Caller, stream: StreamId) -> Result<(), NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        client.shutdown(machine, stream)
    }

    fn close(&mut self, caller: &Caller, handle: Handle) -> Result<(), NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        Client::close(client, machine, handle)
    }

    fn bind_udp(&mut self, caller: &Caller, port: u16) -> Result<SocketId, NetError> {
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        client.bind_udp(machine, firewall, port)
    }

    fn listen(&mut self, caller: &Caller, port: u16) -> Result<ListenerId, NetError> {
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        client.listen(machine, firewall, port)
    }

    fn accept(&mut self, caller: &Caller, listener: ListenerId) -> Result<Accepted, NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        let (stream, address, port) = client.accept(machine, listener)?;
        Ok(Accepted { stream, address: address.into(), port })
    }

    fn ping(&mut self, caller: &Caller, host: &str) -> Result<u32, NetError> {
        self.check_link()?;
        let to = address(host)?;
        let (client, machine, firewall) = self.client(caller).ok_or(NetError::Denied)?;
        client.ping(machine, firewall, to)
    }

    fn poll(&mut self, caller: &Caller, handles: &[Handle]) -> Result<List<Readiness, POLL_MAX>, NetError> {
        let (client, machine, _) = self.client(caller).ok_or(NetError::Denied)?;
        client.watch(machine, handles).map(list)
    }
}
