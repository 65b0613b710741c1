//! A guest that keeps to the rules and checks that all it is sent does: frame, schema, direction.

use std::cell::Cell;
use std::rc::Rc;

use ipc_proto_rpc::PortState;
use ipc_proto_types::{ErrorCode, Kind, Role};
use ipc_proto_wire::{Header, Service, Table};
use supervisor_sim::{Cpu, Driver, Guest, Rng};
use supervisor_vcpu::Ticks;

use crate::guests::{Qube, frame};

/// Checks a message that came in on a port of `role` of `service`.
///
/// # Panics
/// When the supervisor should not have delivered it.
pub fn check(service: &Service, role: Role, message: &[u8]) -> Header {
    let (header, body) = Header::parse(message).expect("a frame");
    assert_eq!(header.schema, service.id);
    let table = Table::parse(service.table).expect("a table");
    // The supervisor's own errors have codes that no peer may send.
    let own =
        header.kind == Kind::Error && ErrorCode::from_u8(body[0]).is_some_and(ErrorCode::is_from_supervisor);
    assert!(
        own || table.check(role.peer(), &header, body, &mut ()).is_ok(),
        "{header:?} {body:?} on a {role:?}'s port"
    );
    assert!(!own || (role == Role::Client && body.len() == 1), "{header:?} {body:?}");
    header
}

/// The guest: calls `say` of `echo` where it is a client, answers calls where it is a server, and counts what it hears.
#[must_use]
pub fn witness(mut rng: Rng, services: &[&'static Service], heard: &Rc<Cell<u64>>) -> impl Guest + use<> {
    let (services, heard) = (services.to_vec(), heard.clone());
    let mut correlation = vec![0; services.len()];
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        for (port, service) in services.iter().enumerate() {
            let facts = driver.facts(cpu, port);
            if facts.state == PortState::Restarted {
                driver.acknowledge(cpu, port);
                correlation[port] = 0;
                continue;
            }
            for _ in 0..64 {
                let Some(message) = driver.receive(cpu, port) else { break };
                heard.set(heard.get() + 1);
                let header = check(service, facts.role, &message);
                if header.kind == Kind::Call {
                    // The right body where it is the same both ways, a wrong one else: both are fine here.
                    let reply =
                        frame(service, header.method, Kind::Reply, header.correlation, &message[32..]);
                    let _ = driver.send(cpu, port, &reply);
                }
            }
            if facts.role == Role::Client && rng.one_in(2) {
                let call = frame(service, 0, Kind::Call, correlation[port] + 1, b"\x05hello");
                if driver.send(cpu, port, &call).is_ok() {
                    correlation[port] += 1;
                }
            }
        }
        Ticks(cpu.now() + 50_000 + rng.below(200_000))
    })
}
