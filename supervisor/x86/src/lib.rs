//! Boot, paging, interrupts, timer, serial port.
