//! Leaving the qube: one safe function for each call the supervisor knows, and no other `out`.
//!
//! A call is `out dx, eax` with the argument in RDI and, where the call has one, a value in EAX
//! and an answer in EAX (DESIGN.md 3.1). All other registers survive. Ports 0x1010 and 0x1030
//! are those of uhyve's v2 interface, so exit and log also work under a stock uhyve.
//!
//! Every `asm!` here is a compiler barrier for memory: what a qube wrote before the call is in
//! memory when the supervisor looks, and what the supervisor wrote is read again afterwards.

use core::arch::asm;

use uhyve_interface::v2::HypercallAddress;

/// The most log text the supervisor takes in one call; longer text is cut.
pub(crate) const LOG_MAX: usize = 256;
/// The most report text the supervisor takes; longer text is cut.
pub(crate) const REPORT_MAX: usize = 512;

const EXIT: u16 = HypercallAddress::Exit as u16;
const LOG: u16 = HypercallAddress::SerialWriteBuffer as u16;
const NOTIFY: u16 = 0x5300;
const WAIT: u16 = 0x5301;
const NOTIFY_AND_WAIT: u16 = 0x5302;
const READY: u16 = 0x5303;
const REPORT: u16 = 0x5304;
const REGISTER_WRITE: u16 = 0x5305;

/// Why a wait ended. More than one reason may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake(u32);

impl Wake {
    /// A channel moved: a message arrived, a buffer came back, a peer opened, died or restarted.
    #[must_use]
    pub const fn channel(self) -> bool {
        self.0 & 1 != 0
    }

    /// The deadline passed.
    #[must_use]
    pub const fn deadline(self) -> bool {
        self.0 & 2 != 0
    }

    /// A device the qube owns raised its interrupt.
    #[must_use]
    pub const fn device(self) -> bool {
        self.0 & 4 != 0
    }
}

/// A device of the qube, as the upper half of a queue or register number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Device {
    /// The multiport console: all channels.
    Console = 0,
    /// The entropy source.
    Entropy = 1,
}

/// `{len, buf}`, the argument of the calls that hand over text (uhyve's `SerialWriteBufferParams`).
#[repr(C)]
struct Text {
    length: u64,
    address: u64,
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u64, address: bytes.as_ptr().addr() as u64 }
    }
}

/// One exit.
#[inline]
fn call(port: u16, value: u32, argument: u64) -> u32 {
    let mut answer = value;
    // SAFETY: the supervisor keeps all registers but EAX, and writes this qube's memory only
    // through buffers that were handed to a device queue. No stack is used.
    unsafe {
        asm!("out dx, eax", in("dx") port, inout("eax") answer, in("rdi") argument, options(nostack, preserves_flags));
    }
    answer
}

/// Ends the qube with a code. Queued messages are lost; `Qube::exit` sends them first.
pub(crate) fn exit(code: i32) -> ! {
    // Sign extension, so that the low 32 bits read as the code.
    call(EXIT, 0, i64::from(code).cast_unsigned());
    stop()
}

/// Appends text to the qube's log: at most [`LOG_MAX`] bytes are taken.
pub(crate) fn log(text: &[u8]) {
    let text = Text::of(text);
    call(LOG, 0, (&raw const text).addr() as u64);
}

/// Tells a device that a queue has new buffers.
#[inline]
pub(crate) fn notify(device: Device, queue: u16) {
    call(NOTIFY, number(device, queue), 0);
}

/// Sleeps until something moves or the deadline (TSC, absolute) passes; 0 only yields.
#[inline]
pub(crate) fn wait(deadline: u64) -> Wake {
    Wake(call(WAIT, 0, deadline))
}

/// [`notify`] on a console queue and [`wait`] in one exit: what makes a call cost one.
#[inline]
pub(crate) fn notify_and_wait(queue: u16, deadline: u64) -> Wake {
    Wake(call(NOTIFY_AND_WAIT, u32::from(queue), deadline))
}

/// Says that the qube is initialised: the point a warm snapshot is taken at.
pub(crate) fn ready() {
    call(READY, 0, 0);
}

/// Ends the qube with a report: at most [`REPORT_MAX`] bytes are taken.
pub(crate) fn report(text: &[u8]) -> ! {
    let text = Text::of(text);
    call(REPORT, 0, (&raw const text).addr() as u64);
    stop()
}

/// Writes a register of a device. The register pages are read-only to the qube.
#[inline]
pub(crate) fn register_write(device: Device, offset: u16, value: u32) {
    call(REGISTER_WRITE, value, u64::from(number(device, offset)));
}

#[inline]
const fn number(device: Device, low: u16) -> u32 {
    (device as u32) << 16 | low as u32
}

/// Never reached under a supervisor that keeps its side; a stray one finds a halted CPU.
fn stop() -> ! {
    loop {
        // SAFETY: interrupts are off and stay off; halting touches nothing.
        unsafe { asm!("hlt", options(nomem, nostack, preserves_flags)) }
    }
}
