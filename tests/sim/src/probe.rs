//! A service that has everything: arguments of every kind that a rule can look at, a message nobody answers, an event.

use ipc_proto_derive::service;
use ipc_proto_types::{Secret, Text};

/// Everything.
#[service(name = "probe", version = 1)]
pub trait Probe {
    /// Text, number and flag.
    fn open(&mut self, host: Text<32>, port: u16, secure: bool) -> u8;

    /// A number with a sign.
    fn heat(&mut self, degrees: i32) -> u8;

    /// A secret, that no rule can look at.
    fn unlock(&mut self, passphrase: Secret<Text<32>>) -> u8;

    /// Nobody answers.
    #[oneway]
    fn note(&mut self, text: Text<64>);

    /// Said by the server.
    #[event]
    fn rang(&mut self, times: u8);
}

/// The largest messages there are.
pub mod bulk {
    use ipc_proto_derive::service;
    use ipc_proto_types::Bytes;

    /// The largest messages there are.
    #[service(name = "bulk", version = 1)]
    pub trait Bulk {
        /// 64 KiB with the three bytes of the length.
        #[oneway]
        fn put(&mut self, data: Bytes<65533>);
    }
}
