//! Aims its device at memory that is not its own: every page of the machine, registers of others, and anywhere.
//!
//! It first shows that the device reaches this qube's own memory, so that what does not land later was kept from landing.
//! What it writes is a mark that stands nowhere else; at the end it wipes its own copies, so that a dump of the machine's
//! memory must not have it at all.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod disk;
mod edu;

use unikernels_rt::{Qube, log, main};

main!(aim);

/// Words of the mark, which begins whatever is written.
pub(crate) const MARK: usize = 2;
const PAGE: u64 = 4096;
/// Pages of a machine of 256 MiB, all of which are aimed at.
const PAGES: u64 = 256 * 1024 * 1024 / PAGE;
/// Where other devices have registers: PCI configuration space, AMD-Vi, VT-d, I/O APIC, local APIC.
/// Where a write is an interrupt.
const INTERRUPTS: core::ops::Range<u64> = 0xfee0_0000..0xfef0_0000;
const REGISTERS: [u64; 5] = [0xb000_0000, 0xfed8_0000, 0xfed9_0000, 0xfec0_0000, 0xfee0_0000];

/// A word of the mark. It is put together when it is needed and never stands whole on the stack, so that the mark is in memory
/// only where the device put it.
pub(crate) fn mark(word: usize) -> u64 {
    (0..8).fold(0, |sum, byte| {
        let index = (8 * word as u64 + byte).to_le_bytes()[0];
        sum | u64::from(0xd0 ^ index.wrapping_mul(37)) << (8 * byte)
    })
}

/// A device that writes 512 bytes, which begin with the mark, to a bus address.
pub(crate) trait Weapon {
    /// Fires once; whether the device says that it was done.
    fn fire(&mut self, at: u64) -> bool;
    /// Whether the mark stands in this qube's own memory after firing at it, and wipes it.
    fn hits_own(&mut self) -> bool;
    /// First and one past the last address that this qube may be hit at.
    fn own(&self) -> core::ops::Range<u64>;
}

fn aim(qube: Qube) -> i32 {
    let tries: u64 = qube.args().number("tries").unwrap_or(1000);
    let Some(pci) = qube.pci() else { panic!("the manifest gives this qube no device") };
    if pci.config()[0x0b] == 0x01 {
        run(qube, disk::Controller::start(qube, pci), tries)
    } else {
        run(qube, edu::Edu::start(qube, pci), tries)
    }
}

fn run(qube: Qube, mut weapon: impl Weapon, tries: u64) -> i32 {
    if !weapon.hits_own() {
        log!("the device does not reach this qube's own memory");
        return 1;
    }
    let own = weapon.own();
    let mut reported = 0_u64;
    let fixed = (0..PAGES).map(|page| page * PAGE).chain(REGISTERS);
    let anywhere = core::iter::repeat_with(|| {
        let mut bytes = [0; 8];
        qube.random().fill(&mut bytes);
        // Below 4 GiB as often as anywhere in 48 bits; whole sectors, so that none crosses a page.
        let address = u64::from_le_bytes(bytes) & !511;
        if bytes[7] & 1 == 0 { address & 0xffff_ffff } else { address & 0xffff_ffff_ffff }
    });
    // `interrupts=no`: for an emulated IOMMU that lets a device raise any.
    let spares = qube.args().get("interrupts") == Some("no");
    let elsewhere = fixed.chain(anywhere).filter(|at| !(spares && INTERRUPTS.contains(at)));
    let elsewhere = elsewhere.filter(|at| at + 512 <= own.start || *at >= own.end);
    let mut fired = 0_u64;
    for at in elsewhere {
        if fired == tries {
            break;
        }
        reported += u64::from(weapon.fire(at));
        fired += 1;
    }
    let still = weapon.hits_own();
    log!("aimed at {fired} addresses, {reported} of them said to be done, own memory reached after: {still}");
    // Its device goes on being its own until the machine ends.
    loop {
        qube.wait(None);
    }
}
