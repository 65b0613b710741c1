//! Service `{{serves}}`: people sign, and are counted.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::service;
use ipc_proto_types::Text;

/// People sign, and are counted.
#[service(name = "{{serves}}", version = 1)]
pub trait {{serves | upper_camel_case}} {
    /// Signs with a name; answers how many have signed in this life of the qube.
    fn sign(&mut self, name: Text<64>) -> u32;
}
