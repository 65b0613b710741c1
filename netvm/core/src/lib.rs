//! The network qube, pure: TCP/IP for several clients over any network card, a firewall in front of each, and service `net`.
//!
//! A client is the port it calls on. What it opens counts against a quota of its own, and nothing is ever taken from one
//! client for another. Every attempt is judged by the firewall before a packet leaves; every packet that comes is judged
//! before the stack sees it, and a stranger gets no answer. Without rules nothing leaves at all.
//!
//! The outside is hostile: whatever comes may be refused and never stops us. Not here: the card's driver, channels, TLS,
//! fragments of IP, DNS over TCP, and more than one card. ARP and neighbor discovery believe whoever answers, as everywhere.
//! Numbers that begin streams come from the library's generator, which a server that is connected to often can predict.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

extern crate alloc;

mod arrival;
mod client;
mod datagram;
mod dns;
mod doors;
mod guard;
mod listener;
mod machine;
mod neighbor;
mod network;
mod ping;
mod question;
mod quota;
mod route;
mod serve;
mod stack;
mod stream;
mod table;

pub use network::{Config, Fixed, RESOLVERS_MAX, random_hardware_address};
pub use quota::Quota;
pub use stack::Stack;
