//! Dates from seconds since 1970, in UTC.
//!
//! Proleptic Gregorian calendar after Howard Hinnant's "chrono-compatible low-level date algorithms" (`civil_from_days`).
//! No leap seconds and no time zones: a qube has neither.

use core::fmt;

/// A moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    year: u64,
    month: u8,
    day: u8,
    second_of_day: u32,
}

const DAY_S: u64 = 86_400;

impl Moment {
    /// The moment this many seconds after 1970 began.
    #[must_use]
    pub(crate) fn from_unix(unix_s: u64) -> Self {
        // Days since 0000-03-01: leap days then come last in their year.
        let days = unix_s / DAY_S + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: u8::try_from(month).unwrap_or(0),
            day: u8::try_from(day).unwrap_or(0),
            second_of_day: u32::try_from(unix_s % DAY_S).unwrap_or(0),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.second_of_day / 60, self.second_of_day % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        write!(f, "{}-{:02}-{:02} {hours:02}:{minutes:02}:{seconds:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    fn check(unix_s: u64, expected: &str) {
        assert_eq!(Moment::from_unix(unix_s).to_string(), expected);
    }

    #[test]
    fn known_moments_have_their_dates() {
        check(0, "1970-01-01 00:00:00");
        check(951_782_399, "2000-02-28 23:59:59");
        check(951_782_400, "2000-02-29 00:00:00");
        check(1_111_111_109, "2005-03-18 01:58:29");
        check(1_767_225_600, "2026-01-01 00:00:00");
        check(4_107_542_399, "2100-02-28 23:59:59");
        check(4_107_542_400, "2100-03-01 00:00:00");
        check(253_402_300_800, "10000-01-01 00:00:00");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_day_before() {
        let (mut year, mut month, mut day) = (1970_u64, 1_u8, 1_u8);
        for days in 0..146_097 {
            let moment = Moment::from_unix(days * DAY_S);
            assert_eq!((moment.year, moment.month, moment.day), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u8::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (day, month, year) = match (day == last, month) {
                (false, _) => (day + 1, month, year),
                (true, 12) => (1, 1, year + 1),
                (true, _) => (1, month + 1, year),
            };
        }
    }

    #[test]
    fn the_end_of_time_has_a_date_too() {
        assert!(Moment::from_unix(u64::MAX).to_string().starts_with("584554051223-"));
    }
}
