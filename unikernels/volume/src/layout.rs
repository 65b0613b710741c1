//! Where things are on the disk.
//!
//! ```text
//! sector  0   key slots, first copy        8   second copy
//!        16   root, one of two            24   the other
//!        32   area A                      32 + area   area B
//! ```
//!
//! Whatever is there twice is a page of 4 KiB apart, which is what many disks write at once behind their 512-byte sectors.

use crate::error::OpenError;

/// First sectors of the two copies of the key slots.
pub(crate) const SLOT_COPIES: [u64; 2] = [0, 8];
/// Sectors of the two roots.
pub(crate) const ROOTS: [u64; 2] = [16, 24];
/// First sector of area A.
const AREAS: u64 = 32;
/// Least sectors of an area: one full block.
const AREA_MIN: u64 = 8;
/// Most sectors of an area, 256 MiB. A log of the smallest commits then needs 12 MiB of memory for its block table.
const AREA_MAX: u64 = 1 << 19;

/// Least sectors of a disk for a volume.
pub const VOLUME_SECTORS_MIN: u64 = AREAS + 2 * AREA_MIN;

/// How long the two areas are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    area: u64,
}

impl Geometry {
    /// Both halves of a disk.
    pub(crate) fn of_disk(sectors: u64) -> Result<Self, OpenError> {
        let area = (sectors.saturating_sub(AREAS) / 2).min(AREA_MAX);
        if area < AREA_MIN { Err(OpenError::TooSmall) } else { Ok(Self { area }) }
    }

    /// What a header says, if it can be true at all.
    pub(crate) fn claimed(area: u64) -> Option<Self> {
        (AREA_MIN..=AREA_MAX).contains(&area).then_some(Self { area })
    }

    /// Sectors of one area.
    pub(crate) const fn area(self) -> u64 {
        self.area
    }

    /// The area's first sector.
    pub(crate) const fn start(self, side: Side) -> u64 {
        match side {
            Side::A => AREAS,
            Side::B => AREAS + self.area,
        }
    }

    /// Sectors that a disk must have.
    pub(crate) const fn end(self) -> u64 {
        AREAS + 2 * self.area
    }
}

/// One of the two areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}
