//! `links`: where the numbers of the open document lead, before anybody goes there.

use super::paging::{Next, Pager};
use crate::frame::Frame;
use crate::session::{Done, Session};
use crate::system::World;
use core::fmt::Write;
use ipc_proto_open_api::{OpenError, URL_MAX};
use ipc_proto_types::Text;

/// Most links that are listed: as many as a viewer of ours numbers. Another may go on for ever.
const LINKS_MAX: u16 = 1000;
/// Room for a number, an address and a line feed.
const LINE_MAX: usize = URL_MAX + 16;

impl<W: World> Session<'_, W> {
    /// Lists the links of the open document.
    #[inline(never)]
    pub(crate) fn list_links(&mut self) -> Done {
        let Some(document) = &self.document else {
            return self.give_up(format_args!("No document is open."));
        };
        let (viewer, label) = (document.viewer, document.label);
        let (mut frame, mut pager) = (Frame::new(label), Pager::new(self.rows));
        for number in 1..=LINKS_MAX {
            let mut line = Text::<LINE_MAX>::new();
            let written = match self.ask_viewer(&viewer, |viewer| viewer.link(number))? {
                Ok(url) => writeln!(line, "[{number}] {url}"),
                Err(OpenError::LinkTooLong) => writeln!(line, "[{number}] is longer than {URL_MAX} bytes"),
                Err(_) if number == 1 => return self.give_up(format_args!("The document has no links.")),
                Err(_) => return Ok(()),
            };
            debug_assert!(written.is_ok(), "a line has room for a number and an address");
            if self.put_paged(&mut frame, &mut pager, &line)? == Next::Stop {
                return self.stopped(&mut frame);
            }
        }
        Ok(())
    }
}
