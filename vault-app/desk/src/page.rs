//! The list of entries, a page at a time.

use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{Page, Summary, VaultError};
use vault_app_entries::search::Query;
use vault_app_entries::{Entry, Store};

use crate::error::no_query;
use crate::groups::{Order, path_of};
use crate::names::{resolve, short_id};
use crate::show::cut;

/// Some of the entries that the search finds, from the one numbered `from`, in the order of their groups and titles.
///
/// The work is that of one search and one sort, whatever the page.
///
/// # Errors
/// `BadQuery`, `TooLong`.
pub fn page(store: &Store, search: &str, from: u32, now_s: u64) -> Result<Page, VaultError> {
    let query = Query::parse(search).map_err(no_query)?;
    // By title; the sort by groups leaves that order within each.
    let mut found = store.search(&query, now_s);
    let order = Order::new(store);
    found.sort_by_cached_key(|entry| order.rank(entry.group));
    let mut page = Page { entries: List::new(), total: u32::try_from(found.len()).unwrap_or(u32::MAX) };
    for entry in found.into_iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        if page.entries.is_full() {
            break;
        }
        page.entries.push(summary(store, entry, now_s)).map_err(|_| VaultError::Internal)?;
    }
    Ok(page)
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
