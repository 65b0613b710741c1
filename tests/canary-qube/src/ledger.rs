//! What the audit said of whom, added up: the audit itself keeps only its newest entries.

use ipc_proto_ctl_api::{AuditVerdict, CtlClient};
use ipc_proto_rpc::{CallError, Port};
use ipc_proto_types::{List, Text};
use unikernels_rt::log;

/// Most different findings.
const LINES: usize = 96;
/// Most pages of the audit read at once: all that it keeps.
const PAGES: usize = 32;

/// A finding: who, why, and how often.
#[derive(Debug, Clone, Copy)]
struct Line {
    from: u8,
    why: u8,
    verdict: AuditVerdict,
    count: u32,
}

/// All findings so far.
pub(crate) struct Ledger {
    lines: List<Line, LINES>,
    /// Sequence number of the newest entry read.
    newest: u64,
    /// Findings that found no place.
    lost: u32,
}

impl Ledger {
    pub(crate) const fn new() -> Self {
        Self { lines: List::new(), newest: 0, lost: 0 }
    }

    /// Reads what is new.
    pub(crate) fn read(&mut self, ctl: &mut CtlClient<'_, impl Port>) -> Result<(), CallError> {
        let (seen, mut before) = (self.newest, u64::MAX);
        for _ in 0..PAGES {
            let page = ctl.audit(before)?;
            for entry in page.entries.iter().filter(|entry| entry.sequence > seen) {
                self.newest = self.newest.max(entry.sequence);
                if entry.verdict != AuditVerdict::Allowed {
                    self.add(entry.from, entry.why, entry.verdict);
                }
            }
            let oldest = page.entries.iter().map(|entry| entry.sequence).min();
            if page.next == 0 || oldest.is_none_or(|oldest| oldest <= seen) {
                break;
            }
            before = page.next;
        }
        Ok(())
    }

    fn add(&mut self, from: u8, why: u8, verdict: AuditVerdict) {
        let same = |line: &&mut Line| (line.from, line.why, line.verdict) == (from, why, verdict);
        if let Some(line) = self.lines.iter_mut().find(same) {
            line.count += 1;
        } else if self.lines.push(Line { from, why, verdict, count: 1 }).is_err() {
            self.lost += 1;
        }
    }

    /// Logs the findings about one qube.
    pub(crate) fn tell(&self, index: u8, name: &Text<16>) {
        for line in self.lines.iter().filter(|line| line.from == index) {
            log!(
                "canary: audit {name} why={:#04x} verdict={:?} count={}",
                line.why,
                line.verdict,
                line.count
            );
        }
        if self.lost > 0 {
            log!("canary: audit lost {}", self.lost);
        }
    }
}
