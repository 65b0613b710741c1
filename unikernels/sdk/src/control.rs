//! Messages of the console device's control queues, and the numbers of all its queues: VIRTIO 1.2
//! sections 5.3.2 and 5.3.6.2.
//!
//! `{id u32, event u16, value u16}`, little endian; a name follows PORT_NAME. What the device
//! announces is also in the info page, which is the truth; the driver therefore only sends.

use ipc_proto_types::PortIndex;

/// Bytes of a control message without a name.
pub const MESSAGE_BYTES: usize = 8;
/// Room for the longest control message: one with the name "service@peer".
pub const MESSAGE_ROOM: usize = 64;

/// What a driver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Event {
    /// The control queues are set up.
    DeviceReady = 0,
    /// The queues of a port are set up.
    PortReady = 3,
    /// Our end is open; also accepts a peer's new life.
    PortOpen = 6,
}

/// The control message that says yes (value 1) to an event of a port.
#[must_use]
pub const fn message(port: PortIndex, event: Event) -> [u8; MESSAGE_BYTES] {
    let [low, high] = (event as u16).to_le_bytes();
    [port.get(), 0, 0, 0, low, high, 1, 0]
}

/// Receive queue of a port: port 0 has 0 and 1, the control queues are 2 and 3, port `p` has `2p + 2` and `2p + 3`.
#[must_use]
pub const fn receive_queue(port: PortIndex) -> u16 {
    match port.get() {
        0 => 0,
        port => 2 * port as u16 + 2,
    }
}

/// Transmit queue of a port.
#[must_use]
pub const fn transmit_queue(port: PortIndex) -> u16 {
    receive_queue(port) + 1
}

/// Queue the device sends control messages on.
pub const CONTROL_RECEIVE: u16 = 2;
/// Queue the driver sends control messages on.
pub const CONTROL_TRANSMIT: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u8) -> PortIndex {
        PortIndex::new(number).expect("in range")
    }

    #[test]
    fn a_message_has_the_bytes_of_the_standard() {
        let check = |number, event, bytes| assert_eq!(message(port(number), event), bytes);
        check(5, Event::PortOpen, [5, 0, 0, 0, 6, 0, 1, 0]);
        check(23, Event::PortReady, [23, 0, 0, 0, 3, 0, 1, 0]);
        check(0, Event::DeviceReady, [0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn queue_numbers_skip_the_control_queues() {
        let pairs: [(u8, u16); 4] = [(0, 0), (1, 4), (2, 6), (23, 48)];
        for (number, receive) in pairs {
            assert_eq!(receive_queue(port(number)), receive);
            assert_eq!(transmit_queue(port(number)), receive + 1);
        }
    }
}
