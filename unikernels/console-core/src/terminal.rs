//! The terminal as the console sees it: bytes out, events in.
//!
//! The qube implements [`Terminal`] on the serial port it owns; tests implement it on a script. Time is the terminal's
//! business because waiting is: an event with a deadline is how the console sleeps.

use crate::link::Link;
use ipc_proto_ctl_api::Ending;
use ipc_proto_types::{Label, QubeName, Text};
use ipc_proto_vault_api::keys::Question;

/// What can happen while the console waits.
#[derive(Debug)]
pub enum Event {
    /// A byte was typed.
    Byte(u8),
    /// A qube had something printed.
    Printed(Printed),
    /// A life of a qube ended.
    Ended(Ending),
    /// A vault asks whether a qube may sign.
    Asked(Asked),
    /// A qube handed over a link: [`Terminal::next_link`] gives it.
    Linked,
    /// A viewer says that its document has come further.
    Changed,
    /// The deadline passed.
    Deadline,
    /// The terminal is gone for good.
    Closed,
}

/// A question of a vault.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which vault, as its channel says.
    pub vault: QubeName,
    /// What it asks; not yet harmless.
    pub question: Question,
}

/// A line a qube had printed. Who it was comes from the channel, never from the text.
#[derive(Debug)]
pub struct Printed {
    /// Its name.
    pub from: QubeName,
    /// Its label.
    pub label: Label,
    /// What it said; not yet harmless.
    pub text: Text<256>,
}

/// A terminal with a person at it.
pub trait Terminal {
    /// Sends bytes. May buffer until [`Terminal::wait`].
    fn write(&mut self, bytes: &[u8]);

    /// Sends what was buffered and waits for something to happen, at most until `deadline_ms`.
    fn wait(&mut self, deadline_ms: Option<u64>) -> Event;

    /// Whether typed bytes are waiting, so that drawing can wait until they are read.
    fn has_input(&mut self) -> bool;

    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;

    /// Whether a link of a qube waits.
    fn has_link(&self) -> bool;

    /// The next link that a qube handed over.
    fn next_link(&mut self) -> Option<Link>;

    /// Overwrites the stack below, all of it: a command that is done may have left a secret there.
    fn scrub_stack(&mut self);
}
