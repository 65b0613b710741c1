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
/// Days from 0000-03-01 to 1970-01-01: leap days then come last in their year.
const EPOCH_DAYS: u64 = 719_468;

impl Moment {
    /// The moment this many seconds after 1970 began.
    #[must_use]
    pub(crate) fn from_unix(unix_s: u64) -> Self {
        let days = unix_s / DAY_S + EPOCH_DAYS;
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

/// The second since 1970 at which a day begins in UTC, written as year, month and day: `2027-12-31`. `None` when there is no such
/// day, or it was before 1970 or is after 9999.
#[must_use]
pub(crate) fn day_begins(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok())?
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year_from_march, month_from_march) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year_from_march / 4 - year_from_march / 100 + year_from_march / 400;
    let days = 365 * year_from_march + leap_days + (153 * month_from_march + 2) / 5 + day - 1;
    let unix_s = days.checked_sub(EPOCH_DAYS)? * DAY_S;
    // A day that the month has not comes out as one of the next month.
    let moment = Moment::from_unix(unix_s);
    ((moment.year, u64::from(moment.month), u64::from(moment.day)) == (year, month, day)).then_some(unix_s)
}

/// A day, without the time.
pub(crate) struct Day(pub(crate) u64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { year, month, day, .. } = Moment::from_unix(self.0);
        write!(f, "{year}-{month:02}-{day:02}")
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

    #[test]
    fn every_day_of_four_centuries_is_read_as_it_is_written() {
        for day in 0..400 * 366 {
            let written = Day(day * DAY_S + 4_711).to_string();
            assert_eq!(day_begins(&written), Some(day * DAY_S), "{written}");
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in [
            "",
            "2027",
            "2027-12",
            "2027-2-3",
            "27-12-31",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "2027-02-29",
            "2100-02-29",
            "2027-04-31",
            "1969-12-31",
            "2027-12-31 ",
            "2027-12-3x",
            "+027-12-31",
            "12027-12-31",
        ] {
            assert_eq!(day_begins(text), None, "{text}");
        }
        assert!(day_begins("2028-02-29").is_some());
    }
}
