//! Dates of files: RFC 3339 to Unix seconds and back. No calendar but the Gregorian, nothing before 1970.

use alloc::format;
use alloc::string::String;

const DAY_S: u64 = 86_400;
/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH_DAY: u64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// The last second of the year 9999.
const LAST_S: u64 = 253_402_300_799;

/// The Unix seconds of `2024-02-29T12:34:56Z`, with a fraction of seconds or not, with `Z` or an offset as `+01:00`.
/// Nothing when it is no such date, or before 1970.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.split_at_checked(9)?;
    let (year, month, day) = (digits(date.get(..4)?)?, digits(date.get(5..7)?)?, digits(date.get(8..)?)?);
    let (hour, minute, second) =
        (digits(time.get(1..3)?)?, digits(time.get(4..6)?)?, digits(time.get(7..)?)?);
    let (date, time) = (date.as_bytes(), time.as_bytes());
    let marks = [date[4], date[7], time[0], time[3], time[6]];
    if !matches!(marks, [b'-', b'-', b'T' | b't' | b' ', b':', b':'])
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
        || (hour > 23 || minute > 59 || second > 60 || year < 1970)
    {
        return None;
    }
    // A leap second counts as the one before it.
    let second = hour * 3_600 + minute * 60 + second.min(59);
    let local_s = days(year, month, day).checked_sub(EPOCH_DAY)? * DAY_S + second;
    shifted(local_s, after_fraction(zone)?)
}

/// The date of `unix_s` as `2024-02-29T12:34:56Z`; what is later than the year 9999 as the end of that.
#[must_use]
pub fn print(unix_s: u64) -> String {
    let unix_s = unix_s.min(LAST_S);
    let day = unix_s / DAY_S + EPOCH_DAY;
    let (era, of_era) = (day / ERA_DAYS, day % ERA_DAYS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let second = unix_s % DAY_S;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn after_fraction(zone: &str) -> Option<&str> {
    let Some(rest) = zone.strip_prefix('.') else { return Some(zone) };
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    if end == 0 { None } else { rest.get(end..) }
}

fn shifted(local_s: u64, zone: &str) -> Option<u64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(local_s);
    }
    let (hour, minute) = zone.get(1..)?.split_once(':')?;
    if (hour.len(), minute.len()) != (2, 2) {
        return None;
    }
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let offset_s = hour * 3_600 + minute * 60;
    match zone.as_bytes().first()? {
        b'+' => local_s.checked_sub(offset_s),
        b'-' => local_s.checked_add(offset_s),
        _ => None,
    }
}

/// Days since 1 March of the year 0, the count in which leap days come last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_begins_where_the_one_before_ends() {
        let mut unix_s = 0;
        for year in 1970..2170 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    let text = format!("{year:04}-{month:02}-{day:02}T23:59:59Z");
                    assert_eq!(parse(&text), Some(unix_s + DAY_S - 1), "{text}");
                    assert_eq!(print(unix_s + DAY_S - 1), text);
                    unix_s += DAY_S;
                }
            }
        }
        // 2100 is no leap year.
        assert_eq!(unix_s, (200 * 365 + 49) * DAY_S);
    }

    #[test]
    fn other_spellings_are_read() {
        for text in [
            "2024-02-29T12:34:56Z",
            "2024-02-29 12:34:56.789z",
            "2024-02-29T13:34:56.1+01:00",
            "2024-02-29T07:04:56-05:30",
        ] {
            assert_eq!(parse(text), Some(1_709_210_096), "{text}");
        }
        assert_eq!(print(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "2024",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:61Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+1:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2024/01/01T00:00:00Z",
            "+024-01-01T00:00:00Z",
            "２024-01-01T00:00:00Z",
            "2024-01-01T00:00:00é1:00",
            "2024-01-01T00:00:00*01:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
