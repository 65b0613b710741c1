//! A store as a KeePass document, and back.
//!
//! Everything goes where KeePassXC has it: `otp` for one-time codes, `KP2A_URL` for further addresses, the recycle bin as a
//! group, `PreviousParentGroup` for where something was. What the format can't hold is kept beside it, see [`kept`].

mod content;
mod kept;
mod read;
mod write;

pub(crate) use content::reference;
pub(crate) use read::Reader;
pub(crate) use write::{sizes, write};

use vault_app_kdbx::{Element, Time};

/// Where something was before it went into the bin (KDBX 4.1).
const PREVIOUS_PARENT: &str = "PreviousParentGroup";
/// When something was moved last.
const LOCATION_CHANGED: &str = "LocationChanged";

fn time(unix_s: u64) -> Time {
    Time(i64::try_from(unix_s).unwrap_or(i64::MAX))
}

/// Seconds since 1970; what is before is 1970.
fn seconds(time: Time) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

/// One of the times of a group or an entry.
fn time_of(element: &Element, name: &str) -> Option<u64> {
    element.child("Times")?.child_text(name).and_then(Time::from_text).map(seconds)
}

fn set_time(element: &mut Element, name: &str, unix_s: u64) {
    element.child_or_new("Times").child_or_new(name).set_text(&time(unix_s).to_text());
}
