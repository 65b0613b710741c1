//! Which qubes count as vaults: those of the label, and those whose service `vault` somebody calls, whatever their label is.

use build_manifest::{Qube, System};
use ipc_proto_types::Label;

/// The vaults of a system, in its order.
pub(crate) fn vaults(system: &System) -> impl Iterator<Item = &Qube> {
    let is_called = |qube: &&Qube| {
        system.channels.iter().any(|channel| {
            system.service(channel).is_some_and(|service| service.name == "vault")
                && channel
                    .server
                    .and_then(|server| system.qube(server))
                    .is_some_and(|it| it.name == qube.name)
        })
    };
    system.qubes.iter().filter(move |qube| qube.label == Label::Vault || is_called(qube))
}
