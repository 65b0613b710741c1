//! The list of entries, a page at a time.

use alloc::vec::Vec;
use core::cmp::Ordering;

use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{Page, Summary, VaultError};
use vault_app_entries::search::{Query, by_title};
use vault_app_entries::{Entry, Store};

use crate::error::no_query;
use crate::groups::{Order, path_of};
use crate::names::{resolve, short_id};
use crate::show::cut;

/// Some of the entries that the search finds, from the one numbered `from`, in the order of their groups and titles.
///
/// The work is that of one search, whatever the page: only what the page shows is sorted.
///
/// # Errors
/// `BadQuery`, `TooLong`.
pub fn page(store: &Store, search: &str, from: u32, now_s: u64) -> Result<Page, VaultError> {
    let query = Query::parse(search).map_err(no_query)?;
    let order = Order::new(store);
    let found = store.matching(&query, now_s).map(|entry| (order.rank(entry.group), entry));
    let mut found: Vec<Placed<'_>> = found.collect();
    let mut page = Page { entries: List::new(), total: u32::try_from(found.len()).unwrap_or(u32::MAX) };
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    for (_, entry) in window(&mut found, from, Entries::CAPACITY) {
        page.entries.push(summary(store, entry, now_s)).map_err(|_| VaultError::Internal)?;
    }
    Ok(page)
}

type Entries = List<Summary, 8>;
/// An entry and the place of its group.
type Placed<'s> = (usize, &'s Entry);

/// At most `count` entries from the one that sorting would put at `from`, sorted. The others are in no order.
fn window<'a, 's>(found: &'a mut [Placed<'s>], from: usize, count: usize) -> &'a [Placed<'s>] {
    if from >= found.len() {
        return &[];
    }
    let (_, _, _) = found.select_nth_unstable_by(from, in_order);
    let rest = &mut found[from..];
    if rest.len() > count {
        let (_, _, _) = rest.select_nth_unstable_by(count, in_order);
    }
    let end = rest.len().min(count);
    let window = &mut rest[..end];
    window.sort_unstable_by(in_order);
    window
}

fn in_order(a: &Placed<'_>, b: &Placed<'_>) -> Ordering {
    a.0.cmp(&b.0).then_with(|| by_title(a.1, b.1))
}

fn summary(store: &Store, entry: &Entry, now_s: u64) -> Summary {
    let title = &entry.content.title;
    let is_named = title.len() <= Text::<256>::CAPACITY && resolve(store, title) == Ok(entry.id);
    Summary {
        title: cut(title).0,
        group: path_of(store, entry.group),
        user: cut(&entry.content.user).0,
        totp: entry.content.totp.is_some(),
        expired: entry.content.is_expired(now_s),
        ambiguous: !is_named,
        id: short_id(store, entry.id),
    }
}
