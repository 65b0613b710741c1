//! The whole system of qubes on a simulated machine: what is promised to a qube, and what a hostile one cannot do.

#![allow(clippy::unwrap_used, reason = "tests")]

mod chaos;
mod cost;
mod disposable;
mod ended;
mod flow;
mod fuzz;
mod hostile;
mod policy;
mod refusals;
mod restart;
mod secrets;
mod services;
mod size;
mod tap;
mod time;
