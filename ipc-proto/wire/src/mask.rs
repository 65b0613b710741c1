//! A copy of a body without its secrets, for whoever looks into a running system.
//!
//! No byte of a secret is ever written to the copy, not even for a moment. What is left decodes as the body did, up to where
//! the copy ends; it ends before a secret that shows in more than its value.
//! Source: `ipc-proto/spec/schema-table.md`.

use core::ops::Range;

use ipc_proto_types::{Kind, Role};

use crate::table::Table;
use crate::validate::{FieldKind, FieldSink, run};

/// What stands for a byte of a secret text or byte string.
const MASK: u8 = b'*';

impl Table<'_> {
    /// Copies the first bytes of a body that was found to be in order to `into`, and gives how many.
    ///
    /// Of a secret text or byte string each byte becomes `*`, its length stays; any other secret leaf of one byte becomes 0.
    /// The copy ends before a secret number of several bytes, before the tag of a secret option or enum, and before the count
    /// of a secret list. Of a body that is not in order after all nothing is copied.
    pub fn mask(&self, sender: Role, kind: Kind, method: u16, body: &[u8], into: &mut [u8]) -> usize {
        let mut copy = Copy { body, limit: body.len().min(into.len()), into, done: 0 };
        // An error is a code; those of the supervisor are in no program.
        let is_code = kind == Kind::Error && body.len() == 1;
        let program = self.entry(sender, method).map_or(0, |entry| entry.program(kind));
        if !is_code && (program == 0 || run(self.words, program, body, &mut copy).is_err()) {
            copy.into.fill(0);
            return 0;
        }
        copy.take(body.len(), None);
        copy.done
    }
}

/// A copy in the making.
struct Copy<'b, 'i> {
    body: &'b [u8],
    into: &'i mut [u8],
    /// Where it ends.
    limit: usize,
    /// How much of it there is.
    done: usize,
}

impl Copy<'_, '_> {
    /// Goes on up to `end`: with the body's bytes, or with as many of the mask's.
    fn take(&mut self, end: usize, mask: Option<u8>) {
        let range = self.done..end.min(self.limit);
        let (Some(from), Some(to)) = (self.body.get(range.clone()), self.into.get_mut(range.clone())) else {
            return;
        };
        match mask {
            Some(byte) => to.fill(byte),
            None => to.copy_from_slice(from),
        }
        self.done = range.end;
    }
}

impl FieldSink for Copy<'_, '_> {
    const SECRETS: bool = true;

    fn field(&mut self, _: u8, _: FieldKind, _: Range<usize>) {}

    fn secret(&mut self, kind: FieldKind, range: Range<usize>) {
        let mask = match kind {
            FieldKind::Text | FieldKind::Bytes => MASK,
            // Masked it would be another count of numbers; how long it is says how large it is.
            _ if range.len() > 1 => return self.secret_tag(range.start),
            _ => 0,
        };
        self.take(range.start, None);
        self.take(range.end, Some(mask));
    }

    fn secret_tag(&mut self, at: usize) {
        self.limit = self.limit.min(at);
    }
}
