//! From ticks of the time stamp counter to durations and the wall clock, in integers.

use ipc_proto_rpc::Ticks;

const NS_IN_A_SECOND: u64 = 1_000_000_000;

/// A point of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime {
    /// Whole seconds since 1970.
    pub seconds: u64,
    /// The rest, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// How ticks and time belong together on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Ticks in a second; never 0, and below 2^34 on every machine there is.
    hz: u64,
    /// Wall clock at tick 0, in nanoseconds since 1970.
    unix_ns_at_zero: u64,
}

impl Clock {
    /// A clock; a rate of 0 is taken as 1 GHz, so that there is always a time.
    #[must_use]
    pub const fn new(hz: u64, unix_ns_at_zero: u64) -> Self {
        let hz = if hz == 0 { NS_IN_A_SECOND } else { hz };
        Self { hz, unix_ns_at_zero }
    }

    /// Ticks in a second.
    #[must_use]
    pub const fn ticks_per_second(self) -> u64 {
        self.hz
    }

    /// Nanoseconds in so many ticks; stays at the end of time (584 years).
    #[must_use]
    pub const fn ns(self, ticks: u64) -> u64 {
        let (seconds, rest) = (ticks / self.hz, ticks % self.hz);
        // `rest` is below `hz`, so below 2^34: the product stays below 2^64.
        let below_a_second = rest.saturating_mul(NS_IN_A_SECOND) / self.hz;
        seconds.saturating_mul(NS_IN_A_SECOND).saturating_add(below_a_second)
    }

    /// Ticks in so many milliseconds.
    #[must_use]
    pub const fn ticks_in_ms(self, ms: u64) -> u64 {
        (ms / 1000).saturating_mul(self.hz).saturating_add((ms % 1000).saturating_mul(self.hz) / 1000)
    }

    /// The wall clock at a tick.
    #[must_use]
    pub const fn unix(self, at: Ticks) -> UnixTime {
        let ns = self.unix_ns_at_zero.saturating_add(self.ns(at.0));
        UnixTime {
            seconds: ns / NS_IN_A_SECOND,
            // Below 10^9.
            nanoseconds: (ns % NS_IN_A_SECOND) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds_without_overflow() {
        let check = |hz, ticks, ns| assert_eq!(Clock::new(hz, 0).ns(ticks), ns, "{ticks} at {hz}");
        check(1_000_000_000, 5, 5);
        check(3, 4, 1_333_333_333);
        check(3_000_000_000, 3_000_000_001, 1_000_000_000);
        check(5_000_000_000, 4_999_999_999, 999_999_999);
        check(1, u64::MAX, u64::MAX);
        check(2_500_000_000, 2_500_000_000 * 86_400, 86_400_000_000_000);
        check(0, 7, 7);
    }

    #[test]
    fn the_wall_clock_starts_where_the_supervisor_says() {
        let clock = Clock::new(2_000_000_000, 1_767_225_600_500_000_000);
        let expected = UnixTime { seconds: 1_767_225_602, nanoseconds: 0 };
        assert_eq!(clock.unix(Ticks(3_000_000_000)), expected);
        assert_eq!(clock.unix(Ticks(2)).nanoseconds, 500_000_001);
    }

    #[test]
    fn milliseconds_become_ticks() {
        let clock = Clock::new(2_000_000_000, 0);
        assert_eq!(clock.ticks_in_ms(1500), 3_000_000_000);
        assert_eq!(clock.ticks_in_ms(u64::MAX), u64::MAX);
        assert_eq!(Clock::new(999, 0).ticks_in_ms(1), 0);
    }
}
