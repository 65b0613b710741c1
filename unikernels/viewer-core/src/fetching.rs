//! A fetch over the network: name, connection, request, answer, redirects, and how long each may take.

use alloc::string::{String, ToString};

use ipc_proto_net_api::StreamId;
use ipc_proto_open_api::{Failed, ORIGIN_MAX, Phase, REDIRECTS_MAX, Reason};
use ipc_proto_rpc::Port;
use ipc_proto_types::{List, Text};
use unikernels_http::{Fetch, Host, Redirect, Response, Scheme, Step, Url};

use crate::connection::{Connection, Received, Sent, unblocked};
use crate::limits::{CONNECT_MS, HTTP, IDLE_MS, TOTAL_MS};
use crate::network::Network;
use crate::{Trust, why};

/// Origins as a client is told of them.
pub(crate) type Origins = List<Text<ORIGIN_MAX>, REDIRECTS_MAX>;

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Moved {
    /// There is more to do at once.
    On,
    /// Nothing, before something comes: `read` and `write` say what of the stream, a name otherwise.
    Blocked { read: bool, write: bool },
    /// The answer is whole.
    Done(Response),
}

enum Stage {
    /// The name is asked for.
    Resolving,
    /// Nobody has been called yet.
    Calling,
    /// The host has not accepted yet.
    Connecting(Connection),
    Open(Connection),
    /// The answer was taken out.
    Over,
}

/// A fetch under way.
pub(crate) struct Fetching {
    fetch: Option<Fetch>,
    stage: Stage,
    until_ms: u64,
    /// When the stage began, or the last byte came or went.
    moved_ms: u64,
    received: u32,
    elsewhere: Origins,
}

impl Fetching {
    pub(crate) fn new(url: Url, now_ms: u64) -> Self {
        let stage = first_stage(&url);
        Self {
            fetch: Some(Fetch::new(url, HTTP)),
            stage,
            until_ms: now_ms.saturating_add(TOTAL_MS),
            moved_ms: now_ms,
            received: 0,
            elsewhere: List::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Resolving => Phase::Resolving,
            Stage::Calling | Stage::Connecting(_) => Phase::Connecting,
            Stage::Open(_) | Stage::Over => Phase::Receiving(self.received),
        }
    }

    pub(crate) fn received(&self) -> u32 {
        self.received
    }

    pub(crate) fn elsewhere(&self) -> &Origins {
        &self.elsewhere
    }

    /// The stream that is open, if one is.
    pub(crate) fn stream(&self) -> Option<StreamId> {
        match &self.stage {
            Stage::Connecting(connection) | Stage::Open(connection) => Some(connection.stream()),
            Stage::Resolving | Stage::Calling | Stage::Over => None,
        }
    }

    /// When somebody has been waited for long enough.
    pub(crate) fn deadline_ms(&self) -> u64 {
        let (patience, _) = self.patience();
        self.moved_ms.saturating_add(patience).min(self.until_ms)
    }

    /// Gives up when a deadline has passed.
    pub(crate) fn check_time(&self, now_ms: u64) -> Result<(), Failed> {
        if now_ms >= self.until_ms {
            return Err(why::timed_out("the document was not there after", TOTAL_MS));
        }
        let (patience, what) = self.patience();
        if now_ms >= self.moved_ms.saturating_add(patience) {
            return Err(why::timed_out(what, patience));
        }
        Ok(())
    }

    fn patience(&self) -> (u64, &'static str) {
        match self.stage {
            Stage::Open(_) | Stage::Over => (IDLE_MS, "the host was silent for"),
            _ => (CONNECT_MS, "there was no connection after"),
        }
    }

    /// Does the next thing.
    pub(crate) fn step<P: Port>(
        &mut self,
        net: &mut Network<'_, P>,
        trust: &mut Trust,
        now_ms: u64,
    ) -> Result<Moved, Failed> {
        match &mut self.stage {
            Stage::Resolving => self.resolve(net, now_ms),
            Stage::Calling => self.call(net, trust),
            Stage::Connecting(_) => self.accept(net, now_ms),
            Stage::Open(_) => self.exchange(net, now_ms),
            Stage::Over => Err(why::failed(Reason::BadAnswer, format_args!("it is over already"))),
        }
    }

    fn url(&self) -> Result<&Url, Failed> {
        let fetch = self.fetch.as_ref();
        fetch
            .map(Fetch::url)
            .ok_or_else(|| why::failed(Reason::BadAnswer, format_args!("it is over already")))
    }

    fn resolve<P: Port>(&mut self, net: &mut Network<'_, P>, now_ms: u64) -> Result<Moved, Failed> {
        let name = name_of(self.url()?.host());
        if unblocked(net.resolve(&name))?.is_none() {
            return Ok(Moved::Blocked { read: false, write: false });
        }
        (self.stage, self.moved_ms) = (Stage::Calling, now_ms);
        Ok(Moved::On)
    }

    fn call<P: Port>(&mut self, net: &mut Network<'_, P>, trust: &mut Trust) -> Result<Moved, Failed> {
        let url = self.url()?;
        let name = name_of(url.host());
        // Before anybody is called: with a host that cannot prove its name, nobody is.
        let session = match url.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(trust.begin(&name)?),
        };
        let Some(stream) = unblocked(net.connect(&name, url.port()))? else {
            return Ok(Moved::Blocked { read: false, write: false });
        };
        self.stage = Stage::Connecting(Connection::new(stream, session));
        Ok(Moved::On)
    }

    fn accept<P: Port>(&mut self, net: &mut Network<'_, P>, now_ms: u64) -> Result<Moved, Failed> {
        let readiness = match self.stream() {
            Some(stream) => net.watch(Some(stream)).map_err(why::network)?,
            None => None,
        };
        if let Some(error) = readiness.and_then(|readiness| readiness.over) {
            return Err(why::network(crate::network::Fault::Said(error)));
        }
        if !readiness.is_some_and(|readiness| readiness.writable) {
            return Ok(Moved::Blocked { read: false, write: true });
        }
        let fetch = self.fetch.as_mut();
        fetch.map(Fetch::connected).transpose().map_err(why::http)?;
        self.stage = match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Connecting(connection) => Stage::Open(connection),
            other => other,
        };
        self.moved_ms = now_ms;
        Ok(Moved::On)
    }

    fn exchange<P: Port>(&mut self, net: &mut Network<'_, P>, now_ms: u64) -> Result<Moved, Failed> {
        let (Some(fetch), Stage::Open(connection)) = (&mut self.fetch, &mut self.stage) else {
            return Ok(Moved::On);
        };
        match fetch.step() {
            Some(Step::Send(bytes)) => match connection.send(net, bytes)? {
                Sent::Some(taken) => {
                    fetch.sent(taken).map_err(why::http)?;
                    self.moved_ms = now_ms;
                }
                Sent::Blocked => {
                    let (read, write) = connection.awaits().unwrap_or((false, true));
                    return Ok(Moved::Blocked { read, write });
                }
            },
            Some(Step::Receive) => {
                let got = connection.receive(net, &mut |bytes| fetch.received(bytes).map_err(why::http))?;
                match got {
                    Received::Bytes(length) => {
                        let length = u32::try_from(length).unwrap_or(u32::MAX);
                        self.received = self.received.saturating_add(length);
                        self.moved_ms = now_ms;
                    }
                    Received::Closed(closing) => fetch.closed(closing).map_err(why::http)?,
                    Received::Blocked => {
                        let (read, write) = connection.awaits().unwrap_or((true, false));
                        return Ok(Moved::Blocked { read, write });
                    }
                }
            }
            Some(Step::Redirect(redirect)) => {
                note(&mut self.elsewhere, redirect);
                connection.close(net);
                fetch.follow().map_err(why::http)?;
                (self.stage, self.moved_ms, self.received) = (first_stage(fetch.url()), now_ms, 0);
            }
            Some(Step::Done) => {
                connection.close(net);
                self.stage = Stage::Over;
                let response = self.fetch.take().and_then(Fetch::into_response);
                return response
                    .map(Moved::Done)
                    .ok_or_else(|| why::http(unikernels_http::HttpError::OutOfTurn));
            }
            Some(Step::Connect(_)) | None => return Err(why::http(unikernels_http::HttpError::OutOfTurn)),
        }
        Ok(Moved::On)
    }
}

/// An address needs no resolver.
fn first_stage(url: &Url) -> Stage {
    if matches!(url.host(), Host::Name(_)) { Stage::Resolving } else { Stage::Calling }
}

/// A host as `net` takes it: addresses without brackets.
fn name_of(host: &Host) -> String {
    match host {
        Host::Name(name) => name.clone(),
        Host::V4(address) => address.to_string(),
        Host::V6(address) => address.to_string(),
    }
}

/// Keeps where a redirect leads that leaves its origin.
fn note(elsewhere: &mut Origins, redirect: &Redirect) {
    if !redirect.leaves_origin {
        return;
    }
    let url = redirect.to.to_string();
    let origin = url.get(..url.len().saturating_sub(redirect.to.target().len())).unwrap_or("");
    // No more redirects are followed than there is room for.
    let _ = elsewhere.push(Text::truncated(origin));
}
