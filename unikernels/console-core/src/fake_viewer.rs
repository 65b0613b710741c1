//! A viewer for tests: says what it was told to say, true or not.

extern crate std;

use ipc_proto_open_api::{
    Document, Failed, Open, OpenError, PAGE_MAX, PIXELS_MAX, Phase, PictureInfo, Progress, ROW_MAX, Reason,
    URL_MAX,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, List, Text};
use std::string::String;
use std::vec::Vec;

/// What a viewer says.
#[derive(Debug, Clone)]
pub(crate) struct FakeViewer {
    /// Phases before the last, one a question.
    pub(crate) before: Vec<Phase>,
    /// It stays in the last of them.
    pub(crate) never_done: bool,
    pub(crate) failed: Option<(Reason, &'static str)>,
    pub(crate) title: &'static str,
    pub(crate) page: String,
    /// The page begins again and again.
    pub(crate) endless: bool,
    pub(crate) links: Vec<&'static str>,
    pub(crate) status: u16,
    pub(crate) elsewhere: Vec<&'static str>,
    pub(crate) picture: Option<PictureInfo>,
    /// Cells, all of one row, whatever row is asked for.
    pub(crate) cells: Vec<u8>,
    pub(crate) pixels: Vec<u8>,
    /// What every life was asked to open, with its columns.
    pub(crate) opened: Vec<(String, u16)>,
    is_used: bool,
    asked: usize,
}

impl FakeViewer {
    pub(crate) fn new() -> Self {
        Self {
            before: Vec::new(),
            never_done: false,
            failed: None,
            title: "",
            page: String::new(),
            endless: false,
            links: Vec::new(),
            status: 200,
            elsewhere: Vec::new(),
            picture: None,
            cells: Vec::new(),
            pixels: Vec::new(),
            opened: Vec::new(),
            is_used: false,
            asked: 0,
        }
    }

    /// Its life ended.
    pub(crate) fn restart(&mut self) {
        (self.is_used, self.asked) = (false, 0);
    }
}

impl Open for FakeViewer {
    fn open(&mut self, _: &Caller, url: Text<URL_MAX>, columns: u16) -> Result<(), OpenError> {
        if core::mem::replace(&mut self.is_used, true) {
            return Err(OpenError::AlreadyOpened);
        }
        if !url.starts_with("http") {
            return Err(OpenError::BadAddress);
        }
        self.opened.push((url.as_str().into(), columns));
        Ok(())
    }

    fn progress(&mut self, _: &Caller) -> Progress {
        let phase = self.before.get(self.asked).or(self.before.last().filter(|_| self.never_done)).cloned();
        self.asked += 1;
        let phase = phase.unwrap_or_else(|| match self.failed {
            Some((reason, detail)) => Phase::Failed(Failed { reason, detail: Text::truncated(detail) }),
            None => Phase::Done(Document {
                title: Text::truncated(self.title),
                status: self.status,
                bytes: 1000,
                text: u32::try_from(self.page.len()).unwrap(),
                links: u16::try_from(self.links.len()).unwrap(),
                cut: false,
                picture: self.picture,
            }),
        });
        let mut elsewhere = List::new();
        for origin in &self.elsewhere {
            elsewhere.push(Text::truncated(origin)).ok().unwrap();
        }
        Progress { phase, elsewhere }
    }

    fn page(&mut self, _: &Caller, from: u32) -> Result<Text<PAGE_MAX>, OpenError> {
        let from = if self.endless { 0 } else { usize::try_from(from).unwrap() };
        Ok(Text::truncated(self.page.get(from..).ok_or(OpenError::BadPlace)?))
    }

    fn link(&mut self, _: &Caller, number: u16) -> Result<Text<URL_MAX>, OpenError> {
        let index = usize::from(number).checked_sub(1).ok_or(OpenError::NoSuchLink)?;
        self.links.get(index).map(|url| Text::truncated(url)).ok_or(OpenError::NoSuchLink)
    }

    fn cells(&mut self, _: &Caller, _: u16) -> Result<Bytes<ROW_MAX>, OpenError> {
        Bytes::try_from(self.cells.as_slice()).map_err(|_| OpenError::NoPicture)
    }

    fn picture(&mut self, _: &Caller, from: u32) -> Result<Bytes<PIXELS_MAX>, OpenError> {
        let from = if self.endless { 0 } else { usize::try_from(from).unwrap() };
        let rest = self.pixels.get(from..).ok_or(OpenError::BadPlace)?;
        Bytes::try_from(rest.get(..PIXELS_MAX).unwrap_or(rest)).map_err(|_| OpenError::BadPlace)
    }
}
