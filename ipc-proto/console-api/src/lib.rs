//! Service `console`: printing a line on the terminal. Served by the console qube.
//!
//! The console shows who printed a line, from the port it came in on; the text can't say otherwise.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::service;
use ipc_proto_types::Text;

/// Printing on the terminal.
#[service(name = "console", version = 1)]
pub trait Console {
    /// Prints a line. Control characters in it are made visible, not obeyed.
    #[oneway]
    fn print(&mut self, line: Text<256>);
}
