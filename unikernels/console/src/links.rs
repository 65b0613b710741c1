//! The qubes that may hand over links: our ends of the `links` service.
//!
//! Who handed a link over is read from the port. Each has one place, so none takes that of another. What is taken, and how often,
//! is in `unikernels-console-core` (`link.rs`).

use ipc_proto_links_api::{FRAME_MAX, LinkError, Links, SERVICE, URL_MAX, serve};
use ipc_proto_rpc::{Buffers, Caller, Port};
use ipc_proto_types::{List, MAX_PORTS, Role, Text};
use unikernels_console_core::{Link, LinkSlot};
use unikernels_rt::{Channel, Qube};

/// The ports on which we serve.
pub(crate) struct Askers {
    askers: List<&'static mut Asker, MAX_PORTS>,
    /// Whose turn it is.
    turn: usize,
}

/// One qube that may hand over links.
struct Asker {
    port: Channel,
    buffers: Buffers<FRAME_MAX>,
    slot: LinkSlot,
    /// Whether a disposable is opened for it, once that is known; it does not change.
    is_opened_for: Option<bool>,
}

impl Askers {
    pub(crate) fn new(qube: Qube) -> Self {
        let mut askers = List::new();
        while let Some(port) = qube.port(SERVICE.name, Role::Server) {
            let asker = Asker { port, buffers: Buffers::new(), slot: LinkSlot::new(), is_opened_for: None };
            let pushed = askers.push(qube.place(asker));
            debug_assert!(pushed.is_ok(), "a qube has no more ports than MAX_PORTS");
        }
        Self { askers, turn: 0 }
    }

    /// How many may ask.
    pub(crate) fn count(&self) -> usize {
        self.askers.len()
    }

    /// Answers what one of them asked; `is_opened_for` says whether a disposable is opened for the qube of a name. Gives whether
    /// the person has something new to hear.
    pub(crate) fn serve(
        &mut self,
        number: usize,
        now_ms: u64,
        is_opened_for: impl FnOnce(&str) -> Option<bool>,
    ) -> bool {
        let Some(asker) = self.askers.get_mut(number) else { return false };
        let before = asker.slot.is_waiting();
        let name = asker.port.facts().peer_name;
        let known = &mut asker.is_opened_for;
        let mut is_opened_for = Some(is_opened_for);
        let mut ask = || {
            if known.is_none() {
                *known = is_opened_for.take().and_then(|ask| ask(name.as_str()));
            }
            // Who cannot be looked up gets nothing.
            known.unwrap_or(false)
        };
        let mut desk = Desk { slot: &mut asker.slot, now_ms, is_opened_for: &mut ask };
        serve(&mut desk, &mut asker.port, &mut asker.buffers);
        asker.slot.is_waiting() && !before
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.askers.iter().any(|asker| asker.slot.is_waiting())
    }

    /// The next link that somebody handed over.
    pub(crate) fn next(&mut self) -> Option<Link> {
        for _ in 0..self.askers.len() {
            self.turn = (self.turn + 1) % self.askers.len();
            if let Some(asker) = self.askers.get_mut(self.turn) {
                let facts = asker.port.facts();
                if let Some(link) = asker.slot.next(facts.peer_name, facts.peer_label) {
                    return Some(link);
                }
            }
        }
        None
    }
}

/// Takes the links of one qube.
struct Desk<'a> {
    slot: &'a mut LinkSlot,
    now_ms: u64,
    is_opened_for: &'a mut dyn FnMut() -> bool,
}

impl Links for Desk<'_> {
    fn open(&mut self, _: &Caller, url: Text<URL_MAX>) -> Result<(), LinkError> {
        self.slot.take(url, self.now_ms, &mut *self.is_opened_for)
    }
}
