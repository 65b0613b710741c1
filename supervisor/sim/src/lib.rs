//! The real monitor, router, virtio and policy code on scripted qubes, without hardware, from a seed.
//!
//! [`Plan`] makes a system image, [`World`] runs it in virtual time. A qube is a [`Guest`] (a program with access to its own
//! memory and pages only) or is played by the test itself ([`Driven`]). [`Driver`] is a well-behaved driver of the channels,
//! for guests that are ordinary; a hostile one writes bytes where it likes ([`Ring`] says where that hurts).
//!
//! Invariant: nothing depends on anything but image, programs and seed, so what happened once happens again.
//! Not here: tests (`tests/sim`), and anything that the machine of a user runs. It may use `std` and panics when an
//! invariant of the system is broken.

#![forbid(unsafe_code)]

mod check;
mod cpu;
mod driven;
mod driver;
mod machine;
mod plan;
mod ram;
mod ring;
mod rng;
mod world;

pub use cpu::{Cpu, Guest, TURN_TICKS};
pub use driven::{Driven, DrivenPort};
pub use driver::{Driver, PortRings, ServerPort};
pub use machine::{Pages, SimMachine};
pub use plan::{ChannelPlan, Plan, QubePlan};
pub use ram::SimRam;
pub use ring::{Arena, NEXT, Ring, WRITE, register};
pub use rng::Rng;
pub use world::{MS, Program, SECOND, Stop, Tally, UNIX_NS_AT_ZERO, World};
