//! The info page: what the supervisor tells a qube about itself, in one page mapped read-only.
//!
//! Parsing is strict, because everything after start builds on it: a page that is not exactly
//! what this module knows is no info page, and the qube then runs without channels (as it does
//! under a stock uhyve, where the page is zero). All numbers are little endian.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0x00 | 8 | magic "SKEPINFO" |
//! | 0x08 | 4 | version, 2 |
//! | 0x0c | 4 | generation of this qube |
//! | 0x10 | 8 | TSC ticks in a second |
//! | 0x18 | 8 | wall clock at TSC zero, ns since 1970 |
//! | 0x20 | 16 | arena: start, end |
//! | 0x30 | 4 | ports, label, length of the name, devices (bits: 1 console, 2 entropy, 4 terminal, 8 inspect, 16 PCI, 32: see below) |
//! | 0x34 | 2 | length of the arguments |
//! | 0x40 | 16 | name |
//! | 0x200 | 24 x 64 | port table, see [`PortEntry`] |
//! | 0x800 | 2048 | arguments: a line of words, then lines with rules |

use core::ops::Range;

use ipc_proto_rpc::PortState;
use ipc_proto_types::{Generation, Label, MAX_PORTS, MESSAGE_MAX, QUEUE_SIZE, QubeName, Role, SchemaId};

/// "SKEPINFO".
pub const MAGIC: u64 = u64::from_le_bytes(*b"SKEPINFO");
/// The only version there is.
pub const VERSION: u32 = 2;
/// Bytes before the port table.
pub const HEADER_BYTES: usize = 0x200;
/// Bytes of one entry of the port table.
pub const PORT_BYTES: usize = 64;
/// Where the arguments are: behind the port table, to the end of the page.
pub const ARGS_AT: usize = 0x800;
/// Longest arguments.
pub const ARGS_MAX: usize = 2048;
/// Bytes of the page that are used.
pub const PAGE_BYTES: usize = ARGS_AT + ARGS_MAX;

const _: () = assert!(HEADER_BYTES + MAX_PORTS * PORT_BYTES <= ARGS_AT);

/// Where the fields of an entry are that change while the qube runs.
pub const PORT_STATE_AT: usize = 0;
/// See [`PORT_STATE_AT`].
pub const PORT_GENERATION_AT: usize = 4;

/// Why a page is not an info page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfoError {
    /// It starts with something else: this is not Skep.
    Magic,
    /// A version this runtime doesn't know.
    Version,
    /// A field is out of its range: a fault of the supervisor or the image writer.
    Field,
}

/// A serial port. A qube owns one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialPort {
    /// The first, where a person sits.
    Terminal,
    /// The second, where the host looks into the running system.
    Inspect,
}

impl SerialPort {
    /// Its first I/O port.
    #[must_use]
    pub const fn first_port(self) -> u16 {
        match self {
            Self::Terminal => 0x3f8,
            Self::Inspect => 0x2f8,
        }
    }
}

/// The devices a qube has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Devices(u8);

impl Devices {
    /// The multiport console, that is, channels.
    #[must_use]
    pub const fn console(self) -> bool {
        self.0 & 1 != 0
    }

    /// The entropy source.
    #[must_use]
    pub const fn entropy(self) -> bool {
        self.0 & 2 != 0
    }

    /// A PCI function.
    #[must_use]
    pub const fn pci(self) -> bool {
        self.0 & 16 != 0
    }

    /// Not a device of its own: some qube's reaches all memory, since there is no IOMMU. Users should know.
    #[must_use]
    pub const fn dma_unprotected(self) -> bool {
        self.0 & 32 != 0
    }

    /// The serial port it owns.
    #[must_use]
    pub const fn serial(self) -> Option<SerialPort> {
        match self.0 & 12 {
            4 => Some(SerialPort::Terminal),
            8 => Some(SerialPort::Inspect),
            _ => None,
        }
    }
}

/// The info page without its port table.
#[derive(Clone, Debug)]
pub struct Info {
    /// Which life of the qube this is.
    pub generation: Generation,
    /// TSC ticks in a second; never 0.
    pub tsc_hz: u64,
    /// Wall clock at TSC zero, in nanoseconds since 1970.
    pub unix_ns_at_tsc_zero: u64,
    /// Free memory of the qube, page aligned.
    pub arena: Range<u64>,
    /// Ports are numbered from 0 up to this.
    pub port_count: u8,
    /// Trust colour.
    pub label: Label,
    /// Name in the manifest.
    pub name: QubeName,
    /// What it may drive.
    pub devices: Devices,
    args: [u8; ARGS_MAX],
    args_length: usize,
}

impl Info {
    /// Reads everything but the port table.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn parse(page: &[u8; PAGE_BYTES]) -> Result<Self, InfoError> {
        if number::<8>(page, 0) != MAGIC {
            return Err(InfoError::Magic);
        }
        if number::<4>(page, 8) != u64::from(VERSION) {
            return Err(InfoError::Version);
        }
        Self::fields(page).ok_or(InfoError::Field)
    }

    fn fields(page: &[u8; PAGE_BYTES]) -> Option<Self> {
        let port_count = byte(page, 0x30);
        let args_length = usize::try_from(number::<2>(page, 0x34)).ok()?;
        let arena = number::<8>(page, 0x20)..number::<8>(page, 0x28);
        let info = Self {
            generation: Generation(number::<4>(page, 0x0c).try_into().ok()?),
            tsc_hz: number::<8>(page, 0x10),
            unix_ns_at_tsc_zero: number::<8>(page, 0x18),
            port_count,
            label: Label::from_u8(byte(page, 0x31))?,
            name: QubeName::from_padded(&array(page, 0x40)).ok()?,
            devices: Devices(byte(page, 0x33)),
            args: array(page, ARGS_AT),
            args_length,
            arena,
        };
        let sound = info.tsc_hz != 0
            && usize::from(port_count) <= MAX_PORTS
            && usize::from(byte(page, 0x32)) == info.name.as_str().len()
            && info.arena.start <= info.arena.end
            && (info.arena.start | info.arena.end).is_multiple_of(4096)
            && core::str::from_utf8(info.args.get(..args_length)?).is_ok();
        sound.then_some(info)
    }

    /// The arguments, as in the manifest.
    #[must_use]
    pub fn args(&self) -> crate::Args<'_> {
        crate::Args::new(self.text().split_once('\n').map_or(self.text(), |(words, _)| words))
    }

    /// The rules of the system's policy that this qube decides by itself, one a line; `None` when the system has none for it.
    #[must_use]
    pub fn rules(&self) -> Option<&str> {
        self.text().split_once('\n').map(|(_, rules)| rules)
    }

    fn text(&self) -> &str {
        let bytes = self.args.get(..self.args_length).unwrap_or(&[]);
        core::str::from_utf8(bytes).unwrap_or("")
    }
}

/// One entry of the port table: what never changes of a port while its qube lives.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 1 | state: 0 closed, 1 open, 2 restarted (changes) |
/// | 1 | 1 | role: 0 client, 1 server |
/// | 2 | 1 | label of the peer |
/// | 4 | 4 | generation of the peer (changes) |
/// | 8 | 4 | longest body |
/// | 12 | 2 | depth: messages that may be queued each way |
/// | 16 | 16 | schema id |
/// | 32 | 16 | name of the service |
/// | 48 | 16 | name of the peer |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// Which end this qube is.
    pub role: Role,
    /// The peer's trust colour.
    pub peer_label: Label,
    /// Longest body in bytes.
    pub message_max: u32,
    /// Messages that may be queued each way, 1 to [`QUEUE_SIZE`].
    pub depth: u16,
    /// Schema the channel is bound to.
    pub schema: SchemaId,
    /// Name of the service.
    pub service: QubeName,
    /// Name of the peer.
    pub peer_name: QubeName,
}

impl PortEntry {
    /// Reads one entry; `None` if a field is out of its range.
    #[must_use]
    pub fn parse(entry: &[u8; PORT_BYTES]) -> Option<Self> {
        let parsed = Self {
            role: Role::from_u8(byte(entry, 1))?,
            peer_label: Label::from_u8(byte(entry, 2))?,
            message_max: number::<4>(entry, 8).try_into().ok()?,
            depth: number::<2>(entry, 12).try_into().ok()?,
            schema: SchemaId(array(entry, 16)),
            service: QubeName::from_padded(&array(entry, 32)).ok()?,
            peer_name: QubeName::from_padded(&array(entry, 48)).ok()?,
        };
        let sound = (1..=QUEUE_SIZE).contains(&usize::from(parsed.depth))
            && usize::try_from(parsed.message_max).is_ok_and(|max| max <= MESSAGE_MAX);
        sound.then_some(parsed)
    }
}

/// The state byte of an entry. Anything unknown carries no messages.
#[must_use]
pub const fn port_state(byte: u8) -> PortState {
    match byte {
        1 => PortState::Open,
        2 => PortState::Restarted,
        _ => PortState::Closed,
    }
}

/// `N` bytes at an offset. The offsets are constants of the layout, so they are in range.
fn array<const N: usize>(page: &[u8], at: usize) -> [u8; N] {
    page.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn byte(page: &[u8], at: usize) -> u8 {
    array::<1>(page, at)[0]
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(page: &[u8], at: usize) -> u64 {
    let bytes: [u8; N] = array(page, at);
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with every field set to something of its own.
    fn page() -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"SKEPINFO");
        put(8, &2u32.to_le_bytes());
        put(0x0c, &7u32.to_le_bytes());
        put(0x10, &2_000_000_000u64.to_le_bytes());
        put(0x18, &1_800_000_000_000_000_000u64.to_le_bytes());
        put(0x20, &0x24_0000u64.to_le_bytes());
        put(0x28, &0x2f_0000u64.to_le_bytes());
        put(0x30, &[3, 2, 5, 6]);
        put(0x34, &40u16.to_le_bytes());
        put(0x40, b"vault");
        put(ARGS_AT, b"a=1 b=two c=3\nx.y a b allow\nx.z a b denyXXX");
        page
    }

    fn entry() -> [u8; PORT_BYTES] {
        let mut entry = [0; PORT_BYTES];
        let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[1, 1, 3, 0]);
        put(4, &9u32.to_le_bytes());
        put(8, &1040u32.to_le_bytes());
        put(12, &8u16.to_le_bytes());
        put(16, &[0xab; 16]);
        put(32, b"echo");
        put(48, b"console");
        entry
    }

    #[test]
    fn every_field_is_read_from_its_place() {
        let info = Info::parse(&page()).expect("a good page");
        assert_eq!(info.generation, Generation(7));
        assert_eq!(info.tsc_hz, 2_000_000_000);
        assert_eq!(info.unix_ns_at_tsc_zero, 1_800_000_000_000_000_000);
        assert_eq!(info.arena, 0x24_0000..0x2f_0000);
        assert_eq!((info.port_count, info.label), (3, Label::Work));
        assert_eq!(info.name.as_str(), "vault");
        let devices = (info.devices.console(), info.devices.entropy(), info.devices.serial());
        assert_eq!(devices, (false, true, Some(SerialPort::Terminal)));
        assert_eq!(info.args().get("b"), Some("two"));
        assert_eq!(info.args().get("c"), Some("3"), "cut at the given length");
    }

    #[test]
    fn a_qube_owns_one_serial_port_or_none() {
        let check = |byte: u8, expected: Option<SerialPort>| {
            let mut page = page();
            page[0x33] = byte;
            assert_eq!(Info::parse(&page).expect("a good page").devices.serial(), expected, "{byte}");
        };
        check(3, None);
        check(7, Some(SerialPort::Terminal));
        check(11, Some(SerialPort::Inspect));
        check(15, None);
    }

    #[test]
    fn a_zero_page_is_not_skep() {
        assert_eq!(Info::parse(&[0; PAGE_BYTES]).err(), Some(InfoError::Magic));
    }

    #[test]
    fn a_field_out_of_range_is_refused() {
        let check = |at: usize, bytes: &[u8], expected: InfoError| {
            let mut page = page();
            page[at..at + bytes.len()].copy_from_slice(bytes);
            assert_eq!(Info::parse(&page).err(), Some(expected), "at {at:#x}");
        };
        check(0x07, b"o", InfoError::Magic);
        check(0x08, &[1], InfoError::Version);
        check(0x10, &[0; 8], InfoError::Field);
        check(0x20, &0x30_0000u64.to_le_bytes(), InfoError::Field);
        check(0x28, &[1], InfoError::Field);
        check(0x30, &[25], InfoError::Field);
        check(0x31, &[8], InfoError::Field);
        check(0x32, &[4], InfoError::Field);
        check(0x34, &2049u16.to_le_bytes(), InfoError::Field);
        check(0x40, b"Vault", InfoError::Field);
        check(ARGS_AT, &[0xff], InfoError::Field);
    }

    #[test]
    fn a_port_is_read_from_its_entry() {
        let expected = PortEntry {
            role: Role::Server,
            peer_label: Label::Vault,
            message_max: 1040,
            depth: 8,
            schema: SchemaId([0xab; 16]),
            service: QubeName::new("echo").expect("a name"),
            peer_name: QubeName::new("console").expect("a name"),
        };
        assert_eq!(PortEntry::parse(&entry()), Some(expected));
        assert_eq!(port_state(entry()[PORT_STATE_AT]), PortState::Open);
        assert_eq!(port_state(2), PortState::Restarted);
        assert_eq!(port_state(3), PortState::Closed);
    }

    #[test]
    fn a_port_out_of_range_is_refused() {
        let check = |at: usize, bytes: &[u8]| {
            let mut entry = entry();
            entry[at..at + bytes.len()].copy_from_slice(bytes);
            assert_eq!(PortEntry::parse(&entry), None, "at {at}");
        };
        check(1, &[2]);
        check(2, &[8]);
        check(8, &65537u32.to_le_bytes());
        check(12, &0u16.to_le_bytes());
        check(12, &65u16.to_le_bytes());
        check(32, b"\0");
        check(48, b"1");
    }
}
