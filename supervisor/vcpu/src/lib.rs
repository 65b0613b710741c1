//! What a qube asked for, or did, when it stopped: the vendor-neutral meaning of an exit.
//!
//! A back end (`svm`, later `vmx`) decodes its hardware's exit into an [`Exit`]; the monitor decides on it. A qube leaves
//! on purpose with one 32-bit `out` instruction to a port listed in [`Call`]; everything else but CPUID, which the back end
//! answers itself, is a [`Fault`] and ends the qube. Numbers of the calls: `docs/qube-abi.md`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use supervisor_mem::Gpa;

/// The ports of the purposeful exits. `Finish` and `Log` are uhyve's (`uhyve-interface` v2), so that a qube also runs there.
pub mod port {
    /// uhyve `Exit`: RDI holds the code.
    pub const FINISH: u16 = 0x1010;
    /// uhyve `SerialWriteBuffer`: RDI holds the address of `{len: u64, buf: u64}`.
    pub const LOG: u16 = 0x1030;
    /// EAX holds device << 16 | queue.
    pub const NOTIFY: u16 = 0x5300;
    /// RDI holds the deadline.
    pub const WAIT: u16 = 0x5301;
    /// EAX holds the queue of device 0, RDI the deadline.
    pub const NOTIFY_AND_WAIT: u16 = 0x5302;
    /// The snapshot point.
    pub const READY: u16 = 0x5303;
    /// RDI holds the address of `{len: u64, buf: u64}`.
    pub const PANIC: u16 = 0x5304;
    /// EAX holds the value, RDI device << 16 | offset.
    pub const REGISTER: u16 = 0x5305;
}

/// An absolute time in ticks of the time-stamp counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Later than any time that comes.
    pub const NEVER: Self = Self(u64::MAX);
}

/// Why a qube stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// New buffers in a queue: the number as given, device in the upper half.
    Notify {
        /// device << 16 | queue, claimed.
        queue: u32,
    },
    /// Sleep until something moved or the deadline passed.
    Wait {
        /// Until when.
        deadline: Ticks,
    },
    /// Both in one exit; a synchronous call is this.
    NotifyAndWait {
        /// Queue of device 0, claimed.
        queue: u32,
        /// Until when.
        deadline: Ticks,
    },
    /// The qube has set itself up and waits for work: where a snapshot would be taken.
    Ready,
    /// A write to a device register.
    Register {
        /// device << 16 | offset, claimed.
        register: u64,
        /// The value.
        value: u32,
    },
    /// Log text: address of a length and a pointer, claimed.
    Log {
        /// Where.
        at: Gpa,
    },
    /// The qube's last words: address of a length and a pointer, claimed.
    Panic {
        /// Where.
        at: Gpa,
    },
    /// The qube is done.
    Finish {
        /// Its exit code.
        code: i32,
    },
    /// The back end answered the qube itself (CPUID); nothing to decide.
    Answered,
    /// A physical interrupt arrived; not the qube's doing.
    Interrupt,
    /// What no well-behaved qube causes.
    Fault(Fault),
}

/// How a qube broke the rules. Each ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An access that the nested tables forbid.
    Memory {
        /// Where.
        at: Gpa,
        /// How.
        access: Access,
    },
    /// `in`, or `out` to a port that is no call and was not granted.
    Port(u16),
    /// RDMSR or WRMSR of a register that is not open to qubes.
    Msr(u32),
    /// An exception that is intercepted because its delivery may never end (#AC, #DB: CVE-2015-5307, CVE-2015-8104).
    Exception(u8),
    /// Triple fault.
    Shutdown,
    /// A privileged or virtualisation instruction; the code is the hardware's exit code.
    Instruction(u32),
    /// The hardware refused the qube's state.
    InvalidState,
    /// An exit code outside the list; the code is the hardware's, cut to 32 bits.
    Unknown(u32),
}

/// The kind of a forbidden memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}
