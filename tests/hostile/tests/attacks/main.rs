//! Every attack of `tests/hostile-qube`, one test each.

mod calls;
mod chains;
mod instructions;
mod lives;
mod memory;
mod messages;
mod ports;
mod rings;
mod servers;
mod storms;
mod tables;
