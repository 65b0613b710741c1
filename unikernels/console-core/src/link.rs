//! Links of other qubes: what is taken, how often, and what the person is asked about.
//!
//! A qube learns at once whether its link was taken. When its next one is depends on when this one was taken and on
//! nothing that a person did, so it cannot find out what became of it by asking again. An address is taken only when it reads
//! in one way: printable ASCII, a host without a user's name before it. Names in other scripts have an ASCII form (RFC 5891
//! section 4.4); in that they look like nothing else.
//!
//! Deliberately absent: where a link is opened (`document/place.rs`), and the question (`document/asking.rs`).

use crate::system::System;
use ipc_proto_ctl_api::QubeInfo;
use ipc_proto_links_api::{LinkError, URL_MAX};
use ipc_proto_types::{Label, QubeName, Text};

/// For how long a question about a link waits, and how long after it was taken the qube's next one is, in milliseconds: who
/// sits at the terminal is asked by each qube twice a minute at most.
pub const LINK_MS: u64 = 30_000;

/// A link that a qube handed over.
#[derive(Debug, Clone)]
pub struct Link {
    /// Who, as its channel says.
    pub from: QubeName,
    /// Its label, likewise.
    pub label: Label,
    /// The address; `None` when it was refused because no disposable is opened for that qube.
    pub url: Option<Text<URL_MAX>>,
    /// Until when the question can be answered.
    pub until_ms: u64,
}

/// What one qube handed over: a link at a time.
#[derive(Debug)]
pub struct LinkSlot {
    waiting: Option<Text<URL_MAX>>,
    /// It was refused, and the person does not know yet.
    refused: bool,
    /// The person was told of a refusal. Once is enough: what the manifest says does not change.
    told: bool,
    until_ms: u64,
}

impl LinkSlot {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { waiting: None, refused: false, told: false, until_ms: 0 }
    }

    /// Takes a link over. `is_opened_for` says whether a disposable is opened for this qube.
    ///
    /// # Errors
    /// Says why it is not taken.
    pub fn take(
        &mut self,
        url: Text<URL_MAX>,
        now_ms: u64,
        is_opened_for: impl FnOnce() -> bool,
    ) -> Result<(), LinkError> {
        if now_ms < self.until_ms {
            return Err(LinkError::Busy);
        }
        if !is_plain_address(&url) {
            return Err(LinkError::NotAnAddress);
        }
        if !is_opened_for() {
            self.refused = !self.told;
            return Err(LinkError::Refused);
        }
        self.waiting = Some(url);
        self.until_ms = now_ms.saturating_add(LINK_MS);
        Ok(())
    }

    /// Whether the person has something to hear.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.refused || self.waiting.is_some()
    }

    /// What the person has to hear; once.
    pub fn next(&mut self, from: QubeName, label: Label) -> Option<Link> {
        if core::mem::take(&mut self.refused) {
            self.told = true;
            return Some(Link { from, label, url: None, until_ms: 0 });
        }
        let url = self.waiting.take()?;
        Some(Link { from, label, url: Some(url), until_ms: self.until_ms })
    }
}

impl Default for LinkSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether an address is one of the web that reads in one way only.
#[must_use]
pub fn is_plain_address(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(in_host) && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether this console can open documents in a disposable that is opened for a qube; `None` when the supervisor does not say.
pub fn is_opened_for(system: &mut impl System, asker: &str) -> Option<bool> {
    let ctl = system.ctl()?;
    let index = (0..=u8::MAX)
        .map_while(|index| ctl.qube(index).ok().flatten().map(|qube| (index, qube)))
        .find_map(|(index, qube)| (qube.name == asker).then_some(index))?;
    for number in 0.. {
        let Some(viewer) = system.viewer_name(number) else { break };
        let ctl = system.ctl()?;
        let mut qubes = (0..=u8::MAX).map_while(|index| ctl.qube(index).ok().flatten());
        let is_for = |qube: QubeInfo| viewer == *qube.name.as_str() && qube.opened_for == Some(index);
        if qubes.any(is_for) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    fn url(text: &str) -> Text<URL_MAX> {
        Text::truncated(text)
    }

    fn next(slot: &mut LinkSlot) -> Option<Link> {
        slot.next(QubeName::new("work").unwrap(), Label::Work)
    }

    #[test]
    fn addresses_that_read_in_one_way_are_taken() {
        for good in [
            "http://a",
            "https://example.org/",
            "http://10.0.2.2:8000/a%20b?c=d#e",
            "http://[fd00::1]:80/",
            "https://xn--bcher-kva.example/@b",
            "http://example.org?to=http://x@y",
        ] {
            assert!(is_plain_address(good), "{good}");
        }
    }

    #[test]
    fn addresses_that_could_be_misread_are_not_taken() {
        for bad in [
            "",
            "http://",
            "http:///x",
            "HTTP://a/",
            "ftp://a/",
            "javascript:alert(1)",
            "http://bank.example@evil.example/",
            "http://bank.example\\@evil.example/",
            "http://bank%2eexample/",
            "http://b\u{430}nk.example/",
            "http://bücher.example/",
            "http://a/b c",
            "http://a/\u{202e}gpj.exe",
            "http://a/\x1b[2J",
            " http://a/",
            "http://a/\n",
            "http://a\u{200b}/",
        ] {
            assert!(!is_plain_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn no_byte_but_a_graphic_one_is_taken_anywhere() {
        for character in (0..=0x1_00ff).filter_map(char::from_u32) {
            let taken = is_plain_address(&format!("http://host/a{character}"));
            assert_eq!(taken, ('!'..='~').contains(&character), "{character:?}");
        }
    }

    #[test]
    fn a_qube_has_one_link_in_half_a_minute_whatever_becomes_of_it() {
        for is_heard in [false, true] {
            let mut slot = LinkSlot::new();
            assert_eq!(slot.take(url("http://a/"), 5, || true), Ok(()));
            if is_heard {
                let link = next(&mut slot).unwrap();
                assert_eq!((link.url, link.until_ms), (Some(url("http://a/")), LINK_MS + 5));
                assert!(!slot.is_waiting());
            }
            assert_eq!(slot.take(url("http://b/"), LINK_MS + 4, || true), Err(LinkError::Busy));
            assert_eq!(slot.take(url("http://c/"), LINK_MS + 5, || true), Ok(()));
            assert_eq!(next(&mut slot).unwrap().url, Some(url("http://c/")));
            assert!(next(&mut slot).is_none());
        }
    }

    #[test]
    fn a_refusal_is_told_once() {
        let mut slot = LinkSlot::new();
        assert_eq!(slot.take(url("nonsense"), 0, || false), Err(LinkError::NotAnAddress));
        assert!(!slot.is_waiting());
        for is_first in [true, false, false] {
            assert_eq!(slot.take(url("http://a/"), 0, || false), Err(LinkError::Refused));
            assert_eq!(slot.is_waiting(), is_first);
            assert_eq!(next(&mut slot).map(|link| link.url), is_first.then_some(None));
        }
    }
}
