//! The first serial port, for fatal messages only: polled, bounded, set up anew for each message.
//!
//! While qubes run, the port belongs to one of them. We touch it only when nothing will run any more.

use crate::port::Port;

const DATA: Port = Port::com1(0);
const INTERRUPT_ENABLE: Port = Port::com1(1);
const FIFO: Port = Port::com1(2);
const LINE_CONTROL: Port = Port::com1(3);
const MODEM_CONTROL: Port = Port::com1(4);
const LINE_STATUS: Port = Port::com1(5);
const SCRATCH: Port = Port::com1(7);

/// Polls before a byte is written regardless: at 115,200 baud a byte takes 87 us, a port read about 1 us.
const POLLS_MAX: u32 = 2_000;

/// Takes the port over: 115,200 baud, 8 bits, no parity, no interrupts. `false` when there is no port.
pub(crate) fn take_over() -> bool {
    SCRATCH.write(0x5a);
    if SCRATCH.read() != 0x5a {
        return false;
    }
    INTERRUPT_ENABLE.write(0);
    LINE_CONTROL.write(0x80);
    DATA.write(1);
    INTERRUPT_ENABLE.write(0);
    LINE_CONTROL.write(0x03);
    FIFO.write(0x07);
    MODEM_CONTROL.write(0x03);
    true
}

/// Writes `bytes`, a carriage return before each line feed.
pub(crate) fn write_bytes(bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            write_byte(b'\r');
        }
        write_byte(byte);
    }
}

fn write_byte(byte: u8) {
    let is_ready = |_: &u32| LINE_STATUS.read() & 0x20 != 0;
    let _polls = (0..POLLS_MAX).find(is_ready);
    DATA.write(byte);
}
