//! Indexes, generations and schema ids.
//!
//! An index type is made only by `new`, which refuses what is out of range, so an array of the matching limit can be
//! read with it without a further check. An index carries no authority: who may use it is decided by the queue a
//! message came in on.

use core::fmt;

use crate::limits::{MAX_CHANNELS, MAX_PORTS, MAX_QUBES, MAX_SERVICES};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident below $limit:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u8);

        impl $name {
            /// The index, or `None` when it is not below the limit.
            #[must_use]
            pub const fn new(index: u8) -> Option<Self> {
                if (index as usize) < $limit { Some(Self(index)) } else { None }
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u8 {
                self.0
            }

            /// The number as an index into an array.
            #[must_use]
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }

            /// Every index there is, in order.
            pub fn all() -> impl Iterator<Item = Self> {
                (0..=u8::MAX).map_while(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index! {
    /// Number of a qube in its system, below [`MAX_QUBES`].
    QubeIndex below MAX_QUBES
}
index! {
    /// Number of a port of one qube, below [`MAX_PORTS`].
    PortIndex below MAX_PORTS
}
index! {
    /// Number of a channel in its system, below [`MAX_CHANNELS`].
    ChannelIndex below MAX_CHANNELS
}
index! {
    /// Number of a service in its system, below [`MAX_SERVICES`].
    ServiceIndex below MAX_SERVICES
}

/// Counts the lives of a qube, from 1. A message for an earlier life is refused, never misdelivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of a qube that has not started yet.
    pub const NONE: Self = Self(0);

    /// The next life. Stays at the highest number instead of starting over, so that no two lives are ever equal
    /// before the four-thousand-millionth.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of a schema: the first 16 bytes of the SHA-256 of its canonical text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SchemaId(pub [u8; 16]);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_at_its_limit_is_refused() {
        assert_eq!(QubeIndex::new(23).map(QubeIndex::get), Some(23));
        assert_eq!(QubeIndex::new(24), None);
        assert_eq!(PortIndex::new(24), None);
        assert_eq!(ChannelIndex::new(64), None);
        assert_eq!(ServiceIndex::new(24), None);
        assert_eq!(QubeIndex::all().count(), MAX_QUBES);
    }

    #[test]
    fn the_last_generation_does_not_start_over() {
        assert_eq!(Generation(1).next(), Generation(2));
        assert_eq!(Generation(u32::MAX).next(), Generation(u32::MAX));
    }

    #[test]
    fn a_schema_id_prints_as_thirty_two_hex_digits() {
        let id = SchemaId([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(format!("{id:?}"), format!("SchemaId({id})"));
    }
}
