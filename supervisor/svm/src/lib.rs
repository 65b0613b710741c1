//! The AMD back end: one [`Vcpu`] per qube, [`Vcpu::enter`] runs it until it stops, [`Vcpu::exit`] says why.
//!
//! An unsafe room: the world switch, four instructions that only virtualisation needs, and CPUID. The VMCB itself is plain
//! memory between two runs and is handled in safe code. Sources: AMD64 Architecture Programmer's Manual vol. 2, chapter 15
//! and appendices B and C.
//!
//! While qubes run, the host executes with GIF = 0 and RFLAGS.IF = 1: nothing interrupts it, and a pending interrupt is
//! taken only in [`Processor::accept_interrupts`] and [`Processor::idle`].

#![cfg_attr(not(test), no_std)]
#![expect(unsafe_code, reason = "an unsafe room: world switch and virtualisation instructions")]
#![expect(clippy::cast_possible_truncation, reason = "halves of registers are cut off on purpose")]

mod cpuid;
mod exit;
mod npt;
mod permissions;
mod processor;
mod vcpu;
mod vmcb;

pub use npt::Npt;
pub use permissions::{IO_MAP_BYTES, IoMap, MSR_MAP_BYTES, MsrMap};
pub use processor::{HostState, Processor, SvmError};
pub use vcpu::{Start, Vcpu};
