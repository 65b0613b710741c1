//! A serial port, the terminal's or the one for inspecting, for the qube that owns it.
//!
//! Its port numbers are open to that qube, so reading and writing costs no exit; its interrupt
//! ends a wait (`Wake::device`). The driver is the crate `uart_16550`. Nothing here waits: what
//! doesn't fit is said, and the caller waits for the interrupt.

use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{BaudRate, Config, Uart16550};

use crate::platform;

/// The serial port, initialised: 115200 baud, 8N1, FIFO on, interrupts off.
#[derive(Debug)]
pub struct Serial(Uart16550<PioBackend>);

impl Serial {
    /// `None` if this qube doesn't own the port or there is no device behind it.
    pub(crate) fn open() -> Option<Self> {
        let port = platform::info()?.devices.serial()?.first_port();
        // SAFETY: the info page says that the eight ports from this one on are this qube's.
        let mut uart = unsafe { Uart16550::new_port(port) }.ok()?;
        let config = Config { baud_rate: BaudRate::Baud115200, ..Config::DEFAULT };
        uart.init(config).ok()?;
        Some(Self(uart))
    }

    /// The next byte that was typed, if one has arrived.
    #[must_use]
    pub fn read(&mut self) -> Option<u8> {
        self.0.try_receive_byte().ok()
    }

    /// Writes what the device takes now: a FIFO full if it is empty, else nothing. Returns how
    /// many bytes that was.
    #[must_use]
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.send_bytes(bytes)
    }

    /// Lets arriving bytes end a wait.
    pub fn wake_on_input(&mut self) {
        self.0.enable_interrupts(IER::DATA_READY);
    }

    /// Lets the transmitter's running empty end a wait, while there is more to write; call
    /// [`Serial::write`] first, so that there is something to run empty.
    pub fn wake_on_room(&mut self) {
        self.0.enable_interrupts(IER::THR_EMPTY);
    }

    /// Undoes [`Serial::wake_on_room`].
    pub fn no_wake_on_room(&mut self) {
        self.0.disable_interrupts(IER::THR_EMPTY);
    }

    /// Takes note of the interrupt, so that the device can raise it again.
    pub fn acknowledge(&mut self) {
        let _ = self.0.isr();
    }
}
