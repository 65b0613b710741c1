//! The report: what is wrong with which password, a page at a time.
//!
//! To estimate all passwords takes much longer than to give a page of what was found: who asks for many pages keeps the
//! [`Findings`] until the store changes.

use alloc::vec::Vec;

use ipc_proto_types::List;
use ipc_proto_vault_api::{Fault, Finding, ReportPage, VaultError};
use vault_app_entries::{EntryId, Store};

use crate::groups::path_of;
use crate::show::cut;

/// What expires within two weeks, in seconds, does so soon: time enough to come by a change of password.
pub const SOON_S: u64 = 14 * 24 * 60 * 60;

/// What is wrong with the passwords of a store. It holds no password, but says which are weak: drop it when the store locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(Vec<(EntryId, Fault)>);

impl Findings {
    /// All findings: weak passwords, the weakest first; reused ones, those of most entries first; expired ones, the
    /// longest past first; and those that expire within [`SOON_S`].
    #[must_use]
    pub fn new(store: &Store, now_s: u64) -> Self {
        let report = store.report(now_s, SOON_S);
        let weak =
            report.weak.iter().map(|(id, strength)| (*id, Fault::Weak { centibits: strength.centibits }));
        let reused = (1_u32..)
            .zip(&report.reused)
            .flat_map(|(group, same)| same.iter().map(move |id| (*id, Fault::Reused { group })));
        let expired = report.expired.iter().map(|id| (*id, Fault::Expired));
        let soon = report.expiring.iter().map(|(id, _)| (*id, Fault::ExpiresSoon));
        Self(weak.chain(reused).chain(expired).chain(soon).collect())
    }

    /// Some findings, from the one numbered `from`.
    ///
    /// # Errors
    /// `Internal` when the store is not the one they were made of, or changed since.
    pub fn page(&self, store: &Store, from: u32) -> Result<ReportPage, VaultError> {
        let mut page =
            ReportPage { findings: List::new(), total: u32::try_from(self.0.len()).unwrap_or(u32::MAX) };
        for (id, fault) in self.0.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
            let entry = store.entry(*id).ok_or(VaultError::Internal)?;
            let title = cut(&entry.content.title).0;
            let finding = Finding { title, group: path_of(store, entry.group), fault: *fault };
            if page.findings.push(finding).is_err() {
                break;
            }
        }
        Ok(page)
    }
}

/// Some findings at `now_s`, from the one numbered `from`.
///
/// # Errors
/// None so far.
pub fn report_page(store: &Store, from: u32, now_s: u64) -> Result<ReportPage, VaultError> {
    Findings::new(store, now_s).page(store, from)
}
