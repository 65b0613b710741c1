//! What a file would take in memory, told before anything is read from it: an empty object is two bytes in the file and hundreds
//! in memory.
//!
//! Not here: whether it is JSON. What is wrong with it, its reader says.

use crate::caps;

/// Deepest nesting that is followed; the reader follows less.
const DEPTH_MAX: u32 = 127;
/// How deep items and folders are: in an array in the file's one object.
const ITEM_DEPTH: u32 = 2;
/// Most items and folders together: folders and collections are groups.
const ITEMS_MAX: usize = caps::ENTRIES_MAX + 2 * caps::GROUPS_MAX;

/// Whether items, and what is in them, are few enough to be read.
pub(super) fn is_bearable(text: &str) -> bool {
    // One bit for each level: whether it is an array.
    let (mut levels, mut depth) = (0_u128, 0_u32);
    let (mut items, mut parts) = (0_usize, 0_usize);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        if is_text {
            is_text = byte != b'"' || is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' if depth >= DEPTH_MAX => return true,
            b'{' | b'[' => {
                items = items.saturating_add(usize::from(byte == b'{' && depth == ITEM_DEPTH));
                parts = parts.saturating_add(1);
                levels = levels << 1 | u128::from(byte == b'[');
                depth = depth.saturating_add(1);
            }
            b'}' | b']' => {
                levels >>= 1;
                depth = depth.saturating_sub(1);
            }
            b',' if levels & 1 == 1 => parts = parts.saturating_add(1),
            _ => {}
        }
        if items > ITEMS_MAX || parts > caps::IMPORT_PARTS_MAX {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_in_the_file_and_large_in_memory_is_not_read() {
        let items = |item: &str, count: usize| {
            alloc::format!("{{\"items\":[{}]}}", alloc::vec![item; count].join(","))
        };
        assert!(is_bearable(&items("{\"type\":1}", caps::ENTRIES_MAX)));
        assert!(!is_bearable(&items("{}", ITEMS_MAX + 1)));
        assert!(is_bearable(&items("{\"fields\":[{},{},{}]}", caps::ENTRIES_MAX)));
        let parts = alloc::vec!["\"\""; caps::IMPORT_PARTS_MAX].join(",");
        assert!(!is_bearable(&items(&alloc::format!("{{\"collectionIds\":[{parts}]}}"), 1)));
        // Marks in texts are no structure, escaped quotes included.
        let text = "{[,".repeat(caps::IMPORT_PARTS_MAX);
        assert!(is_bearable(&items(&alloc::format!("{{\"notes\":\"\\\"{text}\\\\\"}}"), 1)));
        // Deeper than anything is read: the reader says so.
        assert!(is_bearable(&"[".repeat(1000)));
    }
}
