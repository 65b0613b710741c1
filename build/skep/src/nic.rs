//! The network card of a machine in QEMU, and the network behind it: QEMU's own, which needs no rights on the host.
//!
//! Behind it the host is 10.0.2.2 and fd53:6b65:7000::2, servers on its loopback included, and a resolver is 10.0.2.3. Nothing reaches the machine
//! from outside but ports that are forwarded, from the host's loopback alone. Who in the system may use any of it is said by its
//! policy.

use std::ffi::OsString;
use std::str::FromStr;

use build_manifest::{Device, System};

/// Its addresses of IPv6, of those that are nobody's (RFC 4193); QEMU's own have been taken back (RFC 3879). The host is `::2`.
const NET_V6: &str = "fd53:6b65:7000::/64";

/// The device that a network card appears as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// virtio-net.
    Virtio,
    /// Intel's 82574L.
    E1000e,
    /// No card: its qube does not start.
    None,
}

/// A port of the host's loopback that leads to one of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// The host's port.
    pub host: u16,
    /// The machine's port.
    pub guest: u16,
}

impl FromStr for Forward {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let expected = "expected HOST:GUEST, two TCP ports such as 8080:80";
        let (host, guest) = word.split_once(':').ok_or(expected)?;
        let port = |word: &str| word.parse::<u16>().ok().filter(|port| *port > 0).ok_or(expected);
        Ok(Self { host: port(host)?, guest: port(guest)? })
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The device.
    pub kind: Kind,
    /// Ports that are forwarded.
    pub forwards: Vec<Forward>,
}

/// The arguments of QEMU for a system: none when no qube drives a network card.
#[must_use]
pub fn arguments(system: &System, options: &Options) -> Vec<OsString> {
    let is_wanted = system.qubes.iter().any(|qube| qube.devices.contains(&Device::Nic));
    // Without a file of firmware, which a machine that starts from elsewhere has no use for.
    let device = match options.kind {
        _ if !is_wanted => return Vec::new(),
        Kind::None => return Vec::new(),
        Kind::Virtio => "virtio-net-pci,netdev=net,romfile=,disable-legacy=on,iommu_platform=on",
        Kind::E1000e => "e1000e,netdev=net,romfile=",
    };
    let mut network = format!("user,id=net,ipv6-net={NET_V6}");
    for Forward { host, guest } in &options.forwards {
        network += &format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}");
    }
    ["-netdev", &network, "-device", device].map(OsString::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_two_ports() {
        assert_eq!("8080:80".parse(), Ok(Forward { host: 8080, guest: 80 }));
        for wrong in ["", "80", "80:", ":80", "0:80", "80:0", "80:65536", "a:80", "1:2:3"] {
            assert!(wrong.parse::<Forward>().is_err(), "{wrong}");
        }
    }
}
