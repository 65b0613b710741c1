//! The ACPI tables we read: the MADT, for where the I/O APIC is and how ISA interrupts reach it; the MCFG, for where PCI
//! configuration space is; IVRS or DMAR, for the IOMMUs (`supervisor-iommu` knows their insides).
//!
//! Every table is bounds-checked and its checksum verified. Without a MADT the PC's default holds: one I/O APIC
//! at 0xfec00000, ISA interrupt `n` on its input `n`. Source: ACPI 6.5, sections 5.2.5 to 5.2.12; PCI Firmware 3.3, 4.1.2.

use supervisor_iommu::{Error, Found, Kind};

use crate::bytes::{LoaderMemory, array_at, u16_at, u32_at, u64_at};

/// Largest table read; real MADTs are a few KiB. A larger one is taken for a lie and left alone.
const TABLE_MAX: usize = 64 * 1024;
const HEADER: usize = 36;
const MADT_ENTRIES: usize = 44;
const IO_APIC: u8 = 1;
const OVERRIDE: u8 = 2;

/// How an ISA interrupt arrives at the I/O APIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IsaInput {
    /// Global system interrupt number: the input, as the first I/O APIC starts at 0.
    pub(crate) gsi: u32,
    /// Active low.
    pub(crate) low: bool,
    /// Level triggered.
    pub(crate) level: bool,
}

/// What the MADT says about ISA interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interrupts {
    /// Address of the I/O APIC whose inputs start at 0.
    pub(crate) io_apic: u32,
    /// The inputs, by ISA number.
    pub(crate) isa: [IsaInput; 16],
}

/// Where PCI configuration space is: 1 MiB a bus, segment 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConfigSpace {
    /// Physical address of bus 0.
    pub(crate) base: u64,
    /// The last bus.
    pub(crate) last_bus: u8,
}

impl ConfigSpace {
    /// Reads the MCFG below `rsdp`; of its entries `{base u64, segment u16, first u8, last u8, u32}` the one for segment 0.
    pub(crate) fn read(memory: &impl LoaderMemory, rsdp: Option<u64>) -> Option<ConfigSpace> {
        let table = find(memory, rsdp?, *b"MCFG")?;
        let entry = table.get(HEADER + 8..)?.chunks_exact(16).find(|entry| u16_at(entry, 8) == Some(0))?;
        let (base, first, last_bus) = (u64_at(entry, 0)?, *entry.get(10)?, *entry.get(11)?);
        (first == 0 && base.is_multiple_of(1 << 20)).then_some(ConfigSpace { base, last_bus })
    }
}

/// The IOMMUs that firmware tells of.
pub(crate) fn iommus(memory: &impl LoaderMemory, rsdp: Option<u64>) -> Option<Result<Found, Error>> {
    let table = |signature| find(memory, rsdp?, signature);
    let amd = table(*b"IVRS").map(|table| Found::read(Kind::Amd, table));
    amd.or_else(|| table(*b"DMAR").map(|table| Found::read(Kind::Intel, table)))
}

impl Interrupts {
    /// A PC without a MADT.
    fn defaults() -> Interrupts {
        let mut isa = [IsaInput { gsi: 0, low: false, level: false }; 16];
        for (gsi, input) in (0..).zip(&mut isa) {
            input.gsi = gsi;
        }
        Interrupts { io_apic: 0xfec0_0000, isa }
    }

    /// Reads the MADT below `rsdp`, or gives the defaults.
    pub(crate) fn read(memory: &impl LoaderMemory, rsdp: Option<u64>) -> Interrupts {
        let mut interrupts = Interrupts::defaults();
        if let Some(madt) = rsdp.and_then(|rsdp| find(memory, rsdp, *b"APIC")) {
            interrupts.apply(madt);
        }
        interrupts
    }

    /// Walks the MADT's entries `{type u8, length u8, ...}`. Each step moves 2 or more bytes on, so it ends.
    fn apply(&mut self, madt: &[u8]) {
        let mut rest = madt.get(MADT_ENTRIES..).unwrap_or(&[]);
        while let [kind, length, ..] = *rest {
            let split = rest.split_at_checked(usize::from(length)).filter(|_| length >= 2);
            let Some((entry, after)) = split else {
                return;
            };
            match kind {
                IO_APIC => self.apply_io_apic(entry).unwrap_or(()),
                OVERRIDE => self.apply_override(entry).unwrap_or(()),
                _ => {}
            }
            rest = after;
        }
    }

    fn apply_io_apic(&mut self, entry: &[u8]) -> Option<()> {
        if u32_at(entry, 8)? == 0 {
            self.io_apic = u32_at(entry, 4)?;
        }
        Some(())
    }

    fn apply_override(&mut self, entry: &[u8]) -> Option<()> {
        let (gsi, flags) = (u32_at(entry, 4)?, u16_at(entry, 8)?);
        let input = self.isa.get_mut(usize::from(*entry.get(3)?))?;
        *input = IsaInput { gsi, low: flags & 0b11 == 0b11, level: flags >> 2 & 0b11 == 0b11 };
        Some(())
    }
}

/// The table with `signature` in the list that the RSDP at `rsdp` points to.
fn find(memory: &impl LoaderMemory, rsdp: u64, signature: [u8; 4]) -> Option<&[u8]> {
    let root = memory.bytes(rsdp, 20).filter(|root| root.starts_with(b"RSD PTR ") && sums_to_zero(root))?;
    let revision = *root.get(15)?;
    let extended =
        if revision >= 2 { memory.bytes(rsdp, 36).and_then(|root| u64_at(root, 24)) } else { None };
    let listed = match extended.filter(|&address| address != 0) {
        Some(address) => (table(memory, address)?, 8),
        None => (table(memory, u64::from(u32_at(root, 16)?))?, 4),
    };
    let (list, width) = listed;
    let mut addresses = list.get(HEADER..)?.chunks_exact(width).filter_map(|entry| match width {
        8 => u64_at(entry, 0),
        _ => u32_at(entry, 0).map(u64::from),
    });
    addresses.find_map(|address| table(memory, address).filter(|found| array_at(found, 0) == Some(signature)))
}

/// The table at `address`, whole and with a good checksum.
fn table(memory: &impl LoaderMemory, address: u64) -> Option<&[u8]> {
    let length = u32_at(memory.bytes(address, HEADER)?, 4)? as usize;
    if !(HEADER..=TABLE_MAX).contains(&length) {
        return None;
    }
    memory.bytes(address, length).filter(|bytes| sums_to_zero(bytes))
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::fake::Pieces;

    fn sealed(mut bytes: Vec<u8>, checksum_at: usize, over: usize) -> Vec<u8> {
        bytes[checksum_at] = 0;
        let sum = bytes[..over].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[checksum_at] = sum.wrapping_neg();
        bytes
    }

    fn table_bytes(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = signature.to_vec();
        bytes.extend(u32::try_from(HEADER + body.len()).expect("short").to_le_bytes());
        bytes.resize(HEADER, 1);
        bytes.extend(body);
        let length = bytes.len();
        sealed(bytes, 9, length)
    }

    fn madt() -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([0, 8, 0, 0, 1, 0, 0, 0]);
        body.extend([1, 12, 0, 0, 0, 0, 0xc1, 0xfe, 0, 0, 0, 0]);
        body.extend([1, 12, 1, 0, 0, 0, 0xc2, 0xfe, 24, 0, 0, 0]);
        body.extend([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
        body.extend([2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0]);
        body.extend([2, 10, 0, 4, 20, 0, 0, 0, 0x0f, 0]);
        body.extend([2, 10, 0, 99, 20, 0, 0, 0, 0x0f, 0]);
        table_bytes(b"APIC", &body)
    }

    fn machine(extended: bool) -> Pieces {
        let mut root = b"RSD PTR ".to_vec();
        root.resize(36, 0);
        root[15] = if extended { 2 } else { 0 };
        root[16..20].copy_from_slice(&0x3000_u32.to_le_bytes());
        root[24..32].copy_from_slice(&0x5000_u64.to_le_bytes());
        let fadt = table_bytes(b"FACP", &[0; 8]);
        let rsdt = table_bytes(b"RSDT", &[0, 0x40, 0, 0, 0, 0x60, 0, 0]);
        let xsdt = table_bytes(b"XSDT", &[0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0]);
        let list = if extended { (0x5000, xsdt) } else { (0x3000, rsdt) };
        Pieces(vec![(0x2000, sealed(root, 8, 20)), list, (0x4000, fadt), (0x6000, madt())])
    }

    fn check_found(interrupts: Interrupts) {
        assert_eq!(interrupts.io_apic, 0xfec1_0000);
        assert_eq!(interrupts.isa[0], IsaInput { gsi: 2, low: false, level: false });
        assert_eq!(interrupts.isa[4], IsaInput { gsi: 20, low: true, level: true });
        assert_eq!(interrupts.isa[9], IsaInput { gsi: 9, low: false, level: true });
        assert_eq!(interrupts.isa[5], IsaInput { gsi: 5, low: false, level: false });
    }

    #[test]
    fn the_madt_is_found_through_either_list_and_its_overrides_hold() {
        check_found(Interrupts::read(&machine(false), Some(0x2000)));
        check_found(Interrupts::read(&machine(true), Some(0x2000)));
    }

    #[test]
    fn configuration_space_is_that_of_segment_0_from_bus_0_on() {
        let mcfg = |segment: u8, first: u8| {
            let mut body = vec![0; 8];
            body.extend([0, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0]);
            body.extend([0, 0, 0, 0xb0, 0, 0, 0, 0, segment, 0, first, 255, 0, 0, 0, 0]);
            let mut machine = machine(true);
            machine.0[2].1 = table_bytes(b"MCFG", &body);
            ConfigSpace::read(&machine, Some(0x2000))
        };
        assert_eq!(mcfg(0, 0), Some(ConfigSpace { base: 0xb000_0000, last_bus: 255 }));
        assert_eq!((mcfg(2, 0), mcfg(0, 1)), (None, None));
        assert_eq!(ConfigSpace::read(&machine(true), Some(0x2000)), None);
    }

    #[test]
    fn without_acpi_the_defaults_hold() {
        assert_eq!(Interrupts::read(&machine(false), None), Interrupts::defaults());
        assert_eq!(Interrupts::read(&machine(false), Some(0x9000)), Interrupts::defaults());
        assert_eq!(Interrupts::defaults().isa[4].gsi, 4);
    }

    #[test]
    fn a_wrong_checksum_or_a_cut_table_is_not_believed() {
        for which in [0, 1, 3] {
            let mut memory = machine(false);
            memory.0[which].1[10] ^= 0x40;
            assert_eq!(Interrupts::read(&memory, Some(0x2000)), Interrupts::defaults(), "piece {which}");
            let whole = machine(false).0[which].1.len();
            for length in 0..if which == 0 { 20 } else { whole } {
                let mut memory = machine(false);
                memory.0[which].1.truncate(length);
                assert_eq!(Interrupts::read(&memory, Some(0x2000)), Interrupts::defaults());
            }
        }
    }

    #[test]
    fn entries_that_lie_about_their_length_end_the_walk() {
        for length in [0, 1, 200] {
            let mut interrupts = Interrupts::defaults();
            let mut bytes = madt();
            bytes[MADT_ENTRIES + 1] = length;
            interrupts.apply(&bytes);
            assert_eq!(interrupts, Interrupts::defaults(), "length {length}");
        }
    }
}
