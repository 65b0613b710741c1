//! Texts and names as XML 1.0 can hold them.

use alloc::format;
use alloc::string::String;

use vault_app_entries::Plain;

/// What stands for a character that XML can't hold.
const REPLACEMENT: char = '\u{fffd}';

/// XML 1.0 section 2.2.
const fn is_xml(letter: char) -> bool {
    matches!(letter,
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// The text, with what XML can't hold replaced.
pub(crate) fn xml_text(text: &str) -> Plain {
    // A replacement has three bytes, what it replaces at least one.
    let grows = text.chars().filter(|letter| !is_xml(*letter)).count() * (REPLACEMENT.len_utf8() - 1);
    let mut out = Plain::new(String::with_capacity(text.len() + grows));
    out.extend(text.chars().map(|letter| if is_xml(letter) { letter } else { REPLACEMENT }));
    out
}

/// The name as XML can hold it, with a number if it is taken.
pub(crate) fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> Plain {
    let base = xml_text(name);
    let mut free = base.clone();
    let mut number = 2;
    // Ends: there are only so many names that are taken.
    while is_taken(&free) {
        free = Plain::new(format!("{} ({number})", base.as_str()));
        number += 1;
    }
    free
}
