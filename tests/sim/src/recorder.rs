//! A server that answers nothing and keeps what it is sent, for tests that look at single messages.

use std::cell::RefCell;
use std::rc::Rc;

use ipc_proto_rpc::PortState;
use supervisor_sim::Guest;
use supervisor_vcpu::Ticks;

use crate::guests::Qube;

/// What came in, by port.
pub type Inbox = Rc<RefCell<Vec<(usize, Vec<u8>)>>>;

/// The server.
#[must_use]
pub fn recorder(inbox: &Inbox) -> impl Guest + use<> {
    let inbox = inbox.clone();
    Qube::new(move |driver, cpu| {
        for port in 0..driver.ports.len() {
            while let Some(message) = driver.receive(cpu, port) {
                inbox.borrow_mut().push((port, message));
            }
            if driver.state(cpu, port) == PortState::Restarted {
                driver.acknowledge(cpu, port);
            }
        }
        Ticks::NEVER
    })
}
