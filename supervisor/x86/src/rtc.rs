//! The wall clock: the battery-backed MC146818 every PC has, read once at boot, taken to be UTC.
//!
//! It tells whole seconds, so the answer is up to one second late.

use crate::port::Port;

/// Looks at the update flag before a reading is tried all the same; an update takes 2 ms.
const POLLS_MAX: u32 = 20_000;
/// Readings before two that differ are given up.
const READINGS_MAX: u32 = 8;
const UPDATING: u8 = 0x80;
const BINARY: u8 = 0x04;
const HOURS_24: u8 = 0x02;
const PM: u8 = 0x80;

/// The clock's registers as they stand: seconds, minutes, hours, day, month, year, century, and mode B.
type Registers = [u8; 8];
const INDEXES: Registers = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x32, 0x0b];

/// Unix time in seconds, or `None` when the clock shows no date.
pub fn read() -> Option<u64> {
    let mut last = registers();
    for _ in 0..READINGS_MAX {
        let again = registers();
        if again == last {
            return unix_seconds(&again);
        }
        last = again;
    }
    None
}

/// One reading, outside an update.
fn registers() -> Registers {
    let is_steady = |_: &u32| cmos(0x0a) & UPDATING == 0;
    let _polls = (0..POLLS_MAX).find(is_steady);
    INDEXES.map(cmos)
}

/// One byte of CMOS memory. Bit 7 of the index keeps non-maskable interrupts on.
fn cmos(index: u8) -> u8 {
    Port::CMOS_INDEX.write(index);
    Port::CMOS_DATA.read()
}

fn unix_seconds(registers: &Registers) -> Option<u64> {
    let &[second, minute, hour, day, month, year, century, mode] = registers;
    let number = |value: u8| {
        let binary = if mode & BINARY != 0 { value } else { (value >> 4) * 10 + (value & 15) };
        u64::from(binary)
    };
    let hour = match (mode & HOURS_24 != 0, hour & PM != 0) {
        (true, _) => number(hour),
        (false, afternoon) => number(hour & !PM) % 12 + if afternoon { 12 } else { 0 },
    };
    let [second, minute, day, month, year] = [second, minute, day, month, year].map(number);
    // Where the byte is no century, the clock has none there; the supervisor is younger than 2000.
    let century = Some(number(century)).filter(|century| (20..=21).contains(century)).unwrap_or(20);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year < 100;
    let is_time = hour < 24 && minute < 60 && second < 61;
    (is_date && is_time)
        .then(|| days(century * 100 + year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1 January 1970 to a date of 2000 or later.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that start in March put the leap day last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(registers: Registers, expected: Option<u64>) {
        assert_eq!(unix_seconds(&registers), expected, "{registers:x?}");
    }

    #[test]
    fn a_bcd_clock_of_24_hours_is_read() {
        check([0x56, 0x34, 0x12, 0x22, 0x11, 0x26, 0x20, 0x02], Some(1_795_350_896));
        check([0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x20, 0x02], Some(946_684_800));
        check([0x59, 0x59, 0x23, 0x29, 0x02, 0x24, 0x20, 0x02], Some(1_709_251_199));
    }

    #[test]
    fn a_binary_clock_of_12_hours_is_read() {
        check([56, 34, 12, 22, 11, 26, 20, 0x04], Some(1_795_350_896 - 12 * 3_600));
        check([56, 34, 12 | PM, 22, 11, 26, 20, 0x04], Some(1_795_350_896));
        check([56, 34, 11 | PM, 22, 11, 26, 20, 0x04], Some(1_795_350_896 + 11 * 3_600));
    }

    #[test]
    fn a_missing_century_is_ours() {
        check([0x56, 0x34, 0x12, 0x22, 0x11, 0x26, 0xff, 0x02], Some(1_795_350_896));
        check([0x56, 0x34, 0x12, 0x22, 0x11, 0x26, 0x00, 0x02], Some(1_795_350_896));
    }

    #[test]
    fn what_is_no_date_is_none() {
        check([0xff; 8], None);
        check([0; 8], None);
        check([0x61, 0x34, 0x12, 0x22, 0x11, 0x26, 0x20, 0x02], None);
        check([0x00, 0x34, 0x24, 0x22, 0x11, 0x26, 0x20, 0x02], None);
        check([0x00, 0x34, 0x12, 0x22, 0x13, 0x26, 0x20, 0x02], None);
    }
}
