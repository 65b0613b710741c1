//! From an address to a document, turn by turn.

use ipc_proto_open_api::{Failed, Phase, Progress};
use ipc_proto_rpc::Port;
use ipc_proto_types::List;
use unikernels_http::{Response, Url};

use crate::document::Document;
use crate::fetching::{Fetching, Moved, Origins};
use crate::limits::{NEWS_LEN, STEPS_MAX};
use crate::network::Network;
use crate::{Trust, Turn, why};

/// How far it is.
#[expect(clippy::large_enum_variant, reason = "there is one")]
enum State {
    Idle,
    Fetching(Fetching),
    /// A turn of its own, so that one who asks can be told.
    Rendering(Response),
    Done(Document),
    Failed(Failed),
}

/// What loads one document.
pub(crate) struct Loader {
    state: State,
    columns: usize,
    elsewhere: Origins,
    /// Received bytes when a client was last told.
    told: u32,
    has_changed: bool,
    /// Nothing can be done before there is news of the network, or a deadline.
    is_blocked: bool,
}

impl Loader {
    pub(crate) fn new() -> Self {
        let (state, elsewhere) = (State::Idle, List::new());
        Self { state, columns: 0, elsewhere, told: 0, has_changed: false, is_blocked: false }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(crate) fn begin(&mut self, url: Url, columns: usize, now_ms: u64) {
        self.columns = columns;
        self.enter(State::Fetching(Fetching::new(url, now_ms)));
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        if let State::Done(document) = &self.state { Some(document) } else { None }
    }

    pub(crate) fn progress(&self) -> Progress {
        let (phase, elsewhere) = match &self.state {
            State::Idle => (Phase::Idle, &self.elsewhere),
            State::Fetching(fetching) => (fetching.phase(), fetching.elsewhere()),
            State::Rendering(_) => (Phase::Rendering, &self.elsewhere),
            State::Done(document) => (Phase::Done(document.told().clone()), &self.elsewhere),
            State::Failed(failed) => (Phase::Failed(failed.clone()), &self.elsewhere),
        };
        Progress { phase, elsewhere: elsewhere.clone() }
    }

    /// Whether `progress` says something else than when this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.has_changed)
    }

    /// Does what can be done without waiting.
    pub(crate) fn turn<P: Port>(&mut self, net: &mut Network<'_, P>, trust: &mut Trust, now_ms: u64) -> Turn {
        if net.has_news() {
            self.is_blocked = false;
        }
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Fetching(mut fetching) => match self.fetch(&mut fetching, net, trust, now_ms) {
                Ok(Some(response)) => {
                    self.elsewhere = fetching.elsewhere().clone();
                    self.enter(State::Rendering(response));
                    Turn::Again
                }
                Ok(None) => {
                    let until_ms = fetching.deadline_ms();
                    self.state = State::Fetching(fetching);
                    // It may have come with the answer to the last call, and then nothing wakes us.
                    self.is_blocked &= !net.has_news();
                    if self.is_blocked { Turn::Wait { until_ms: Some(until_ms) } } else { Turn::Again }
                }
                Err(failed) => {
                    if let Some(stream) = fetching.stream() {
                        net.close(stream);
                    }
                    self.elsewhere = fetching.elsewhere().clone();
                    self.enter(State::Failed(failed));
                    Turn::Wait { until_ms: None }
                }
            },
            State::Rendering(response) => {
                let state = match Document::new(response, self.columns) {
                    Ok(document) => State::Done(document),
                    Err(failed) => State::Failed(failed),
                };
                self.enter(state);
                Turn::Wait { until_ms: None }
            }
            other => {
                self.state = other;
                Turn::Wait { until_ms: None }
            }
        }
    }

    /// Fetches until it has to wait or has done enough for one turn.
    fn fetch<P: Port>(
        &mut self,
        fetching: &mut Fetching,
        net: &mut Network<'_, P>,
        trust: &mut Trust,
        now_ms: u64,
    ) -> Result<Option<Response>, Failed> {
        fetching.check_time(now_ms)?;
        if self.is_blocked {
            return Ok(None);
        }
        for _ in 0..STEPS_MAX {
            let before = core::mem::discriminant(&fetching.phase());
            let moved = fetching.step(net, trust, now_ms)?;
            let is_other = before != core::mem::discriminant(&fetching.phase());
            if is_other || fetching.received() >= self.told.saturating_add(NEWS_LEN) {
                (self.has_changed, self.told) = (true, fetching.received());
            }
            match moved {
                Moved::On => {}
                Moved::Done(response) => return Ok(Some(response)),
                Moved::Blocked { read, write } => {
                    let readiness = net.watch(fetching.stream()).map_err(why::network)?;
                    // It may have come between the two calls; then there is no news of it.
                    let is_there = readiness.is_some_and(|readiness| {
                        (read && readiness.readable)
                            || (write && readiness.writable)
                            || readiness.over.is_some()
                    });
                    if !is_there {
                        self.is_blocked = true;
                        return Ok(None);
                    }
                }
            }
        }
        Ok(None)
    }

    fn enter(&mut self, state: State) {
        (self.state, self.has_changed, self.is_blocked) = (state, true, false);
    }
}
