//! `open`, `links`, `convert URL NAME` and `close`: documents of the web, each in a life of a disposable that ends with it.
//!
//! The console finds a viewer that waits, starts it, and shows what it says in a frame. It believes nothing of it: text is
//! made harmless again, counts and sizes are bounded here, and what contradicts itself ends the viewer. One document is open
//! at a time; a link is followed in a new life. No address is kept: not in the history, not with the open document.

mod asking;
mod converting;
mod listing;
mod paging;
mod place;
mod showing;

use crate::frame::{COLUMNS, Frame};
use crate::sentence::NoAnswer;
use crate::session::{Done, Given, Session};
use crate::starting::LOOK_MS;
use crate::system::{System, World};
use core::fmt;
use ipc_proto_open_api::{
    BadCertificate, Document, Failed, OpenClient, OpenError, Phase, Progress, Reason, URL_MAX,
};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{Label, QubeName, Text};

/// How long a document may take, in milliseconds: longer than a viewer waits for any server.
const LOAD_MS: u64 = 150_000;

pub(crate) use paging::SCREEN_ROWS;
pub(crate) use place::Place;

/// The document that is open.
pub(crate) struct Opened {
    viewer: QubeName,
    label: Label,
    place: Place,
}

/// Whether a line says where somebody goes.
pub(crate) fn is_private(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|first| matches!(first, "open" | "convert"))
}

impl<W: World> Session<'_, W> {
    /// Opens an address, or the link of a number, in a life of its own.
    #[inline(never)]
    pub(crate) fn open(&mut self, what: &str, name: Option<&str>) -> Done {
        let mut place = self.place_named(name)?;
        let url = match what.parse::<u16>() {
            Ok(number) => {
                let (url, place_before) = self.link(number)?;
                if name.is_none() {
                    place = place_before;
                }
                url
            }
            Err(_) => match Text::try_from(what) {
                Ok(url) => url,
                Err(_) => return self.give_up(format_args!("That address is longer than {URL_MAX} bytes.")),
            },
        };
        self.open_at(&url, place)
    }

    /// Opens an address in a disposable of this place.
    fn open_at(&mut self, url: &Text<URL_MAX>, place: Place) -> Done {
        let opened = self.load_document(url, &place)?;
        let shown = self.show_document(&opened);
        match shown {
            Ok(()) => {
                self.document = Some(Opened { viewer: opened.viewer, label: opened.label, place });
                Ok(())
            }
            Err(given) => {
                self.end_disposable(&opened.viewer);
                Err(given)
            }
        }
    }

    /// Ends the disposable whose document is open.
    pub(crate) fn close_document(&mut self) -> Done {
        match self.document.take() {
            Some(document) => {
                self.end_disposable(&document.viewer);
                Ok(())
            }
            None => self.give_up(format_args!("No document is open.")),
        }
    }

    /// Loads a document in a new life of a viewer; when it cannot be had, that life is ended.
    fn load_document(&mut self, url: &Text<URL_MAX>, place: &Place) -> Result<Loaded, Given> {
        if let Some(before) = self.document.take() {
            self.end_disposable(&before.viewer);
        }
        let (viewer, label) = self.start_free("viewer", |session| session.places(place))?;
        let mut frame = Frame::new(label);
        match self.await_document(&viewer, url, &mut frame) {
            Ok(document) => Ok(Loaded { viewer, label, document }),
            Err(given) => {
                frame.end(&mut self.screen);
                self.end_disposable(&viewer);
                Err(given)
            }
        }
    }

    /// Where a link of the open document leads, and where that was opened.
    fn link(&mut self, number: u16) -> Result<(Text<URL_MAX>, Place), Given> {
        let Some(document) = &self.document else {
            return self.give_up(format_args!("No document is open whose link {number} could be followed."));
        };
        let (viewer, label, place) = (document.viewer, document.label, document.place);
        match self.ask_viewer(&viewer, |viewer| viewer.link(number))? {
            Ok(url) => {
                self.say(format_args!("Link {number} leads to:"));
                Frame::new(label).line(&mut self.screen, &url);
                Ok((url, place))
            }
            Err(OpenError::LinkTooLong) => {
                self.give_up(format_args!("The address of link {number} is longer than {URL_MAX} bytes."))
            }
            Err(_) => self.give_up(format_args!("The document has no link {number}.")),
        }
    }

    /// Has a viewer open an address, and shows how far it is until it is there.
    fn await_document(
        &mut self,
        viewer: &QubeName,
        url: &Text<URL_MAX>,
        frame: &mut Frame,
    ) -> Result<Document, Given> {
        let columns = u16::try_from(COLUMNS).unwrap_or(u16::MAX);
        match self.ask_viewer(viewer, |viewer| viewer.open(url.clone(), columns))? {
            Ok(()) => {}
            Err(OpenError::BadAddress) => {
                return self.give_up(format_args!(
                    "That is no address to be opened: it has to begin with http:// or https://, and a host."
                ));
            }
            Err(_) => return self.contradicts(viewer),
        }
        let until_ms = self.screen.world.now_ms().saturating_add(LOAD_MS);
        let mut told = 0;
        loop {
            let progress = self.ask_viewer(viewer, |viewer| viewer.progress())?;
            self.screen.clear_row();
            told = self.tell_redirects(&progress, told, frame);
            match progress.phase {
                Phase::Done(document) => return Ok(document),
                Phase::Failed(failed) => return self.tell_failure(&failed, viewer, frame),
                phase => self.screen.put(format_args!("{viewer}: {} (Ctrl-C stops it)", Step(&phase))),
            }
            let now_ms = self.screen.world.now_ms();
            if now_ms >= until_ms {
                self.screen.clear_row();
                return self
                    .give_up(format_args!("{viewer} has not come to an end in {} s.", LOAD_MS / 1000));
            }
            self.rest(now_ms.saturating_add(LOOK_MS))?;
        }
    }

    /// Shows the origins that were not shown yet; gives how many are now.
    fn tell_redirects(&mut self, progress: &Progress, told: usize, frame: &mut Frame) -> usize {
        for origin in progress.elsewhere.iter().skip(told) {
            frame.put(&mut self.screen, "sent on to ");
            frame.line(&mut self.screen, origin);
        }
        told.max(progress.elsewhere.len())
    }

    fn tell_failure<T>(&mut self, failed: &Failed, viewer: &QubeName, frame: &mut Frame) -> Result<T, Given> {
        self.say(format_args!("It can't be opened: {}.", reason(failed.reason)));
        if !failed.detail.is_empty() {
            frame.line(&mut self.screen, &failed.detail);
        }
        if failed.reason == Reason::Denied {
            self.name_others(viewer);
        }
        Err(Given)
    }

    /// Calls a viewer; what went wrong is said. The first call of a life only learns that it is one.
    fn ask_viewer<T>(
        &mut self,
        peer: &QubeName,
        mut ask: impl FnMut(&mut OpenClient<'static, <W as System>::Port>) -> Result<T, CallError>,
    ) -> Result<T, Given> {
        let Some(viewer) = self.screen.world.viewer(peer.as_str()) else {
            return self.no_channel("open");
        };
        let answer = match ask(viewer) {
            Err(CallError::PeerRestarted(_)) => ask(viewer),
            other => other,
        };
        answer.or_else(|error| {
            self.screen.clear_row();
            let no_answer = NoAnswer { peer: peer.as_str(), error, after_restart: "its document is gone." };
            self.give_up(format_args!("{no_answer}"))
        })
    }
}

/// A document that is there.
struct Loaded {
    viewer: QubeName,
    label: Label,
    document: Document,
}

/// How far a document is.
struct Step<'p>(&'p Phase);

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Phase::Idle => f.write_str("starting"),
            Phase::Resolving => f.write_str("asking for the name"),
            Phase::Connecting => f.write_str("calling the host"),
            Phase::Receiving(bytes) => write!(f, "{} KiB received", bytes / 1024),
            Phase::Rendering => f.write_str("reading it"),
            Phase::Done(_) | Phase::Failed(_) => f.write_str("done"),
        }
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Denied => "the network's rules deny it",
        Reason::NoNetwork => "there is no network",
        Reason::NoSuchName => "there is no host of this name",
        Reason::NoAnswer => "nobody knows whether there is a host of this name",
        Reason::Refused => "the host refuses the connection",
        Reason::Broken => "the connection broke off",
        Reason::TimedOut => "it took too long",
        Reason::NotSecure => "the connection can't be trusted",
        Reason::Certificate(fault) => certificate(fault),
        Reason::BadAnswer => "the host's answer makes no sense",
        Reason::TooLarge => "it is too large",
        Reason::Redirect => "the host sends one where this console doesn't go",
        Reason::Kind => "it is nothing that can be shown",
        Reason::Picture => "the picture is damaged or too large",
    }
}

fn certificate(fault: BadCertificate) -> &'static str {
    match fault {
        BadCertificate::Missing => "the host has no certificate, so nobody knows who it is",
        BadCertificate::Malformed => "the host's certificate is damaged",
        BadCertificate::Expired => "the host's certificate has expired",
        BadCertificate::NotYetValid => "the host's certificate is not yet valid, or the clock here is behind",
        BadCertificate::WrongName => "the host's certificate is for another name",
        BadCertificate::UnknownIssuer => "the host's certificate is from an unknown authority",
        BadCertificate::BadSignature => "the host's certificate or its proof has a wrong signature",
        BadCertificate::UnsupportedSignature => "the host's certificate is signed in a way not taken here",
        BadCertificate::WrongPurpose => "the host's certificate is not for servers",
        BadCertificate::Revoked => "the host's certificate was revoked",
        BadCertificate::NotAcceptable => "the host's certificate breaks a rule for certificates",
    }
}
