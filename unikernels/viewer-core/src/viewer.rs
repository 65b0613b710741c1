//! The server of `open`.

use ipc_proto_open_api::{
    COLUMNS_MAX, COLUMNS_MIN, Open, OpenError, PAGE_MAX, PIXELS_MAX, Progress, ROW_MAX, URL_MAX,
};
use ipc_proto_rpc::{Caller, Port};
use ipc_proto_types::{Bytes, Text};
use unikernels_http::Url;

use crate::document::Document;
use crate::loader::Loader;
use crate::{Network, Trust};

/// What to do after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Take another at once; serve those who ask in between.
    Again,
    /// Take another when anything moved, at the latest at this time.
    Wait {
        /// In milliseconds of the clock the turns are told the time of.
        until_ms: Option<u64>,
    },
}

/// A viewer: one document in its life.
pub struct Viewer {
    loader: Loader,
    trust: Trust,
    now_ms: u64,
}

impl Viewer {
    /// One that has nothing opened, and believes these.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { loader: Loader::new(), trust, now_ms: 0 }
    }

    /// Tells the time, before serving, and before each turn: in milliseconds of a clock that never goes back, and for
    /// certificates in seconds since 1970.
    pub fn set_now(&mut self, now_ms: u64, unix_s: u64) {
        self.now_ms = now_ms;
        self.trust.set_unix_s(unix_s);
    }

    /// Does what can be done without waiting.
    pub fn turn<P: Port>(&mut self, net: &mut Network<'_, P>) -> Turn {
        self.loader.turn(net, &mut self.trust, self.now_ms)
    }

    /// Whether clients have to be told that something changed.
    pub fn take_changed(&mut self) -> bool {
        self.loader.take_changed()
    }

    fn document(&self) -> Result<&Document, OpenError> {
        self.loader.document().ok_or(OpenError::NotReady)
    }
}

impl Open for Viewer {
    fn open(&mut self, _: &Caller, url: Text<URL_MAX>, columns: u16) -> Result<(), OpenError> {
        if !self.loader.is_idle() {
            return Err(OpenError::AlreadyOpened);
        }
        let url = Url::parse(&url).map_err(|_| OpenError::BadAddress)?;
        let columns = columns.clamp(COLUMNS_MIN, COLUMNS_MAX);
        self.loader.begin(url, usize::from(columns), self.now_ms);
        Ok(())
    }

    fn progress(&mut self, _: &Caller) -> Progress {
        self.loader.progress()
    }

    fn page(&mut self, _: &Caller, from: u32) -> Result<Text<PAGE_MAX>, OpenError> {
        self.document()?.piece(from)
    }

    fn link(&mut self, _: &Caller, number: u16) -> Result<Text<URL_MAX>, OpenError> {
        self.document()?.link(number)
    }

    fn cells(&mut self, _: &Caller, row: u16) -> Result<Bytes<ROW_MAX>, OpenError> {
        self.document()?.cells(row)
    }

    fn picture(&mut self, _: &Caller, from: u32) -> Result<Bytes<PIXELS_MAX>, OpenError> {
        self.document()?.pixels(from)
    }
}
