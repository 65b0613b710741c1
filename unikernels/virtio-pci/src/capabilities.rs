//! Where a device has its registers: the vendor capabilities of its PCI configuration space (4.1.4).

/// Bytes of the configuration space that capabilities may lie in.
pub(crate) const CONFIG_BYTES: usize = 256;
/// The list of capabilities is chained through the space behind the header, and each has at least four bytes: a longer list has
/// a loop.
const CAPABILITIES_MAX: usize = (CONFIG_BYTES - HEADER_BYTES) / 4;
const HEADER_BYTES: usize = 64;

const VENDOR: usize = 0x00;
const DEVICE: usize = 0x02;
const STATUS: usize = 0x06;
const STATUS_HAS_LIST: u8 = 1 << 4;
const LIST: usize = 0x34;
const VENDOR_SPECIFIC: u8 = 0x09;
const RED_HAT: u16 = 0x1af4;

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A network card (5.1).
    Network,
    /// A disk (5.2).
    Block,
}

impl Kind {
    /// Its PCI device numbers (4.1.2): without a legacy interface, and beside one.
    const fn devices(self) -> [u16; 2] {
        match self {
            Self::Network => [0x1041, 0x1000],
            Self::Block => [0x1042, 0x1001],
        }
    }
}

/// A piece of a BAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Which, 0 to 5.
    pub bar: u8,
    /// Offset of its first byte.
    pub at: u32,
    /// Its length in bytes.
    pub len: u32,
}

/// Where the registers of a virtio device are, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// What it is for.
    pub kind: Kind,
    /// Common configuration.
    pub common: Region,
    /// Notifications.
    pub notify: Region,
    /// Bytes from the notification address of one queue to the next, as a factor.
    pub notify_multiplier: u32,
    /// Interrupt status.
    pub isr: Region,
    /// Device-specific configuration.
    pub device: Region,
}

/// Why there is no layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutError {
    /// It is no virtio device of this kind.
    OtherKind,
    /// Its list of capabilities has a loop, or leaves the configuration space.
    List,
    /// One of the four regions is not told: a device with nothing but the legacy interface.
    Missing,
}

impl Layout {
    /// Reads it out of a copy of the configuration space.
    ///
    /// # Errors
    /// See [`LayoutError`].
    pub fn read(config: &[u8; CONFIG_BYTES], kind: Kind) -> Result<Self, LayoutError> {
        let vendor = word(config, VENDOR);
        if vendor != RED_HAT || !kind.devices().contains(&word(config, DEVICE)) {
            return Err(LayoutError::OtherKind);
        }
        if config[STATUS] & STATUS_HAS_LIST == 0 {
            return Err(LayoutError::Missing);
        }
        let mut regions = [None; 4];
        let mut multiplier = 0;
        let mut at = usize::from(config[LIST] & !3);
        for _ in 0..CAPABILITIES_MAX {
            if at == 0 {
                let [Some(common), Some(notify), Some(isr), Some(device)] = regions else {
                    return Err(LayoutError::Missing);
                };
                return Ok(Self { kind, common, notify, notify_multiplier: multiplier, isr, device });
            }
            if at < HEADER_BYTES {
                return Err(LayoutError::List);
            }
            if let Some((number, region)) = region(config, at)
                && let Some(slot @ None) = regions.get_mut(number)
            {
                // Of each kind the first is to be used (4.1.4.1).
                *slot = Some(region);
                if number == NOTIFY {
                    multiplier = dword(config, at + 16).unwrap_or(0);
                }
            }
            at = usize::from(config[at + 1] & !3);
        }
        Err(LayoutError::List)
    }
}

/// Index of the notification region: its type, less one.
const NOTIFY: usize = 1;

/// The kind, from zero on, and the region of the capability at `at`, if it tells one.
fn region(config: &[u8; CONFIG_BYTES], at: usize) -> Option<(usize, Region)> {
    let [id, _, length, kind] = dword(config, at)?.to_le_bytes();
    let kind = usize::from(kind).checked_sub(1)?;
    let shortest = if kind == NOTIFY { 20 } else { 16 };
    if id != VENDOR_SPECIFIC || length < shortest {
        return None;
    }
    let bar = *config.get(at + 4)?;
    let region = Region { bar, at: dword(config, at + 8)?, len: dword(config, at + 12)? };
    (bar <= 5).then_some((kind, region))
}

fn word(config: &[u8; CONFIG_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([config[at], config[at + 1]])
}

fn dword(config: &[u8; CONFIG_BYTES], at: usize) -> Option<u32> {
    let bytes = config.get(at..at + 4)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}
