//! A fetch: from an address, over redirects, to a response.

use alloc::vec::Vec;

use crate::exchange::{self, Exchange};
use crate::{Closing, HttpError, Limits, Media, Scheme, Url};

/// What has to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Open a new connection to this address's host and port, with TLS if its scheme says so; then
    /// [`Fetch::connected`].
    Connect(&'a Url),
    /// Send these bytes; then [`Fetch::sent`] with how many were taken.
    Send(&'a [u8]),
    /// Wait for bytes or the end of the connection; then [`Fetch::received`] or [`Fetch::closed`].
    Receive,
    /// Close the connection, judge where the server sends us, and [`Fetch::follow`] or give up.
    Redirect(&'a Redirect),
    /// Close the connection and take the response.
    Done,
}

/// A redirect that was announced and not yet followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Where it leads.
    pub to: Url,
    /// Whether that is another host, port or scheme: a person or a policy should see it.
    pub leaves_origin: bool,
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The address that answered, after all redirects.
    pub url: Url,
    /// From 200 to 999.
    pub status: u16,
    /// What the body is said to be.
    pub media: Media,
    /// The body, decompressed; at most [`Limits::body_len_max`] bytes.
    pub body: Vec<u8>,
    /// How many redirects were followed.
    pub redirects: usize,
}

#[derive(Debug)]
enum State {
    Connect,
    /// The request, and how much of it was sent.
    Send(Vec<u8>, usize),
    Receive(Exchange),
    Redirect(Redirect),
    Done(Response),
    /// Failed, or a transition that did not come to its end.
    Over,
}

/// One fetch.
#[derive(Debug)]
pub struct Fetch {
    url: Url,
    limits: Limits,
    state: State,
    redirects: usize,
}

impl Fetch {
    /// A fetch of `url`.
    #[must_use]
    pub fn new(url: Url, limits: Limits) -> Self {
        Self { url, limits, state: State::Connect, redirects: 0 }
    }

    /// What has to be done next. `None` after an error: nothing.
    #[must_use]
    pub fn step(&self) -> Option<Step<'_>> {
        match &self.state {
            State::Connect => Some(Step::Connect(&self.url)),
            State::Send(request, sent) => Some(Step::Send(request.get(*sent..).unwrap_or(&[]))),
            State::Receive(_) => Some(Step::Receive),
            State::Redirect(redirect) => Some(Step::Redirect(redirect)),
            State::Done(_) => Some(Step::Done),
            State::Over => None,
        }
    }

    /// The address being asked.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A connection is open.
    ///
    /// # Errors
    /// [`HttpError::OutOfTurn`] when none was asked for.
    pub fn connected(&mut self) -> Result<(), HttpError> {
        let State::Connect = self.state else { return Err(HttpError::OutOfTurn) };
        self.state = State::Send(exchange::request(&self.url), 0);
        Ok(())
    }

    /// So many bytes of the request were sent.
    ///
    /// # Errors
    /// [`HttpError::OutOfTurn`] when there were not as many.
    pub fn sent(&mut self, len: usize) -> Result<(), HttpError> {
        let State::Send(request, sent) = &mut self.state else { return Err(HttpError::OutOfTurn) };
        *sent = sent.checked_add(len).filter(|sent| *sent <= request.len()).ok_or(HttpError::OutOfTurn)?;
        if *sent == request.len() {
            self.state = State::Receive(Exchange::new(self.limits));
        }
        Ok(())
    }

    /// These bytes arrived, in pieces of any size. What follows a complete answer is not looked at.
    ///
    /// # Errors
    /// What is wrong with the answer; the fetch is over then.
    pub fn received(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.advance(|exchange| exchange.feed(bytes))
    }

    /// The connection ended.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] unless the answer is complete; the fetch is over then.
    pub fn closed(&mut self, closing: Closing) -> Result<(), HttpError> {
        if let State::Send(..) = self.state {
            self.state = State::Over;
            return Err(HttpError::Truncated);
        }
        self.advance(|exchange| exchange.closed(closing))
    }

    /// Goes where the redirect leads.
    ///
    /// # Errors
    /// [`HttpError::OutOfTurn`] when there is none.
    pub fn follow(&mut self) -> Result<(), HttpError> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Redirect(redirect) => {
                self.url = redirect.to;
                self.redirects += 1;
                self.state = State::Connect;
                Ok(())
            }
            other => {
                self.state = other;
                Err(HttpError::OutOfTurn)
            }
        }
    }

    /// The response, if the fetch is done.
    #[must_use]
    pub fn into_response(self) -> Option<Response> {
        if let State::Done(response) = self.state { Some(response) } else { None }
    }

    fn advance(
        &mut self,
        take: impl FnOnce(&mut Exchange) -> Result<bool, HttpError>,
    ) -> Result<(), HttpError> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Receive(mut exchange) => {
                self.state =
                    if take(&mut exchange)? { self.answered(exchange)? } else { State::Receive(exchange) };
                Ok(())
            }
            // What comes after the end is of no interest.
            other @ (State::Done(_) | State::Redirect(_)) => {
                self.state = other;
                Ok(())
            }
            other => {
                self.state = other;
                Err(HttpError::OutOfTurn)
            }
        }
    }

    fn answered(&self, exchange: Exchange) -> Result<State, HttpError> {
        let (head, body) = exchange.into_answer()?;
        let Some(location) = &head.location else {
            let (url, status, media) = (self.url.clone(), head.status, head.media);
            return Ok(State::Done(Response { url, status, media, body, redirects: self.redirects }));
        };
        let to = self.url.join(location).map_err(HttpError::Location)?;
        if self.url.scheme() == Scheme::Https && to.scheme() == Scheme::Http {
            return Err(HttpError::Downgrade);
        }
        if self.redirects >= self.limits.redirects_max {
            return Err(HttpError::TooManyRedirects);
        }
        let origin = |url: &Url| (url.scheme(), url.host().clone(), url.port());
        let leaves_origin = origin(&self.url) != origin(&to);
        Ok(State::Redirect(Redirect { to, leaves_origin }))
    }
}
