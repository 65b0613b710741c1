//! The I/O and MSR permission maps (APM vol. 2, 15.10.1 and 15.11): a set bit intercepts. Everything is intercepted; a qube
//! that was granted ports by its manifest has a map of its own with those bits clear.

/// Bytes of an I/O map: one bit a port and three more bytes for accesses that straddle the end, in three pages.
pub const IO_MAP_BYTES: usize = 3 * 4096;

/// Bytes of an MSR map.
pub const MSR_MAP_BYTES: usize = 2 * 4096;

/// An I/O permission map.
#[repr(C, align(4096))]
pub struct IoMap([u8; IO_MAP_BYTES]);

impl IoMap {
    /// Intercepts every port.
    #[must_use]
    pub const fn closed() -> Self {
        Self([0xff; IO_MAP_BYTES])
    }

    /// Lets `count` ports from `first` through. Ports above 0xffff are ignored.
    pub fn grant(&mut self, first: u16, count: u16) {
        for port in u32::from(first)..u32::from(first) + u32::from(count) {
            if port <= 0xffff
                && let Some(byte) = self.0.get_mut((port / 8) as usize)
            {
                *byte &= !(1 << (port % 8));
            }
        }
    }
}

/// An MSR permission map that intercepts every register.
#[repr(C, align(4096))]
pub struct MsrMap([u8; MSR_MAP_BYTES]);

impl MsrMap {
    /// Intercepts everything.
    #[must_use]
    pub const fn closed() -> Self {
        Self([0xff; MSR_MAP_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_granted_ports_pass() {
        let mut map = IoMap::closed();
        map.grant(0x3f8, 8);
        map.grant(0xfffe, 9);
        for port in 0..=0xffffu16 {
            let granted = (0x3f8..0x400).contains(&port) || port >= 0xfffe;
            let intercepted = map.0[usize::from(port / 8)] & (1 << (port % 8)) != 0;
            assert_eq!(intercepted, !granted, "{port:#x}");
        }
        assert!(map.0[0x10000 / 8..].iter().all(|&b| b == 0xff), "accesses past the last port stay closed");
    }
}
