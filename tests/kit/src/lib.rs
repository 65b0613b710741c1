//! A simulated supervisor for the tests of a qube: the system of a real manifest, on the real monitor, in virtual time.
//!
//! A test loads the system file it ships ([`TestSystem::load`]: every check of the host tool, the compiled policy included),
//! gives qubes their programs ([`TestSystem::qube`]: the code of the qube itself, blocking calls and all) and plays one of them
//! itself ([`TestSystem::play`], with typed clients). A whole system takes milliseconds and needs neither QEMU nor a build.
//!
//! A program runs on a thread of its own, but never two at once: a thread goes on only while the simulated machine runs its
//! qube. So what happened once happens again.
//!
//! Not here: memory protection, instructions and the cost of anything; those need the machine (`cargo skep run`, `bench`).

#![forbid(unsafe_code)]

mod guest;
mod player;
mod qube;
mod system;
mod wire;

pub use player::Player;
pub use qube::{TestPort, TestQube};
pub use supervisor_sim::DrivenPort;
pub use system::TestSystem;
