//! Control messages of a multiport console (VIRTIO 1.2, 5.3.6.2): eight bytes, and a name behind PORT_NAME.

/// Bytes of a message without a name.
pub const LEN: usize = 8;

/// Longest name: two names of 16 bytes and the `@` between them.
pub const NAME_MAX: usize = 33;

/// What either side says about a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Driver: ready for announcements.
    DeviceReady,
    /// Device: there is such a port.
    PortAdd,
    /// Driver: the port's queues are set up.
    PortReady,
    /// Either: my end is open (value 1) or closed (0).
    PortOpen,
    /// Device: its name follows.
    PortName,
}

impl Event {
    const fn number(self) -> u16 {
        match self {
            Self::DeviceReady => 0,
            Self::PortAdd => 1,
            Self::PortReady => 3,
            Self::PortOpen => 6,
            Self::PortName => 7,
        }
    }
}

/// A control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Port number, claimed when it comes from a driver.
    pub port: u32,
    /// What.
    pub event: Event,
    /// Its value.
    pub value: u16,
}

impl Message {
    /// Reads a driver's message; `None` for a wrong length or an event that a driver may not send.
    #[must_use]
    pub fn from_driver(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = bytes.try_into().ok()?;
        let [p0, p1, p2, p3, e0, e1, v0, v1] = *bytes;
        let event = match u16::from_le_bytes([e0, e1]) {
            0 => Event::DeviceReady,
            3 => Event::PortReady,
            6 => Event::PortOpen,
            _ => return None,
        };
        let port = u32::from_le_bytes([p0, p1, p2, p3]);
        Some(Self { port, event, value: u16::from_le_bytes([v0, v1]) })
    }

    /// The message as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; LEN] {
        let [p0, p1, p2, p3] = self.port.to_le_bytes();
        let [e0, e1] = self.event.number().to_le_bytes();
        let [v0, v1] = self.value.to_le_bytes();
        [p0, p1, p2, p3, e0, e1, v0, v1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_message_reads_back() {
        for event in [Event::DeviceReady, Event::PortReady, Event::PortOpen] {
            let message = Message { port: 0x0102_0304, event, value: 1 };
            assert_eq!(Message::from_driver(&message.to_bytes()), Some(message));
        }
        let golden = Message { port: 5, event: Event::PortOpen, value: 1 };
        assert_eq!(golden.to_bytes(), [5, 0, 0, 0, 6, 0, 1, 0]);
    }

    #[test]
    fn device_events_wrong_lengths_and_unknown_events_are_refused() {
        for event in [Event::PortAdd, Event::PortName] {
            assert_eq!(Message::from_driver(&Message { port: 0, event, value: 0 }.to_bytes()), None);
        }
        for bytes in [&[0; 7][..], &[0; 9], &[], &[0, 0, 0, 0, 99, 0, 0, 0]] {
            assert_eq!(Message::from_driver(bytes), None);
        }
    }
}
