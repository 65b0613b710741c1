//! A document on the screen: title, page or picture, and what can be done next.

use super::Loaded;
use super::paging::{Next, Pager};
use crate::frame::{COLUMNS, Frame};
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_open_api::{CELL_SIZE, Document, PictureInfo};
use unikernels_picture::Cell;

/// Most bytes of a page that are shown: what a viewer of ours makes at most. Another may go on for ever.
const TEXT_MAX: u32 = 512 * 1024;
/// Most rows of a page: a page of line feeds alone has as many as bytes.
const ROWS_MAX: usize = 20_000;
/// Most rows of cells.
const CELL_ROWS_MAX: u16 = 100;
/// What HTTP calls well (RFC 9110 section 15.3).
const WELL: core::ops::RangeInclusive<u16> = 200..=299;

impl<W: World> Session<'_, W> {
    /// Shows a document.
    pub(super) fn show_document(&mut self, loaded: &Loaded) -> Done {
        let mut frame = Frame::new(loaded.label);
        if !loaded.document.title.is_empty() {
            frame.line(&mut self.screen, &loaded.document.title);
            frame.line(&mut self.screen, "");
        }
        match &loaded.document.picture {
            Some(picture) => self.show_cells(loaded, picture, &mut frame)?,
            None => self.show_page(loaded, &mut frame)?,
        }
        self.say_what_next(&loaded.document);
        Ok(())
    }

    fn show_page(&mut self, loaded: &Loaded, frame: &mut Frame) -> Done {
        let mut from = 0_u32;
        let mut pager = Pager::new(self.rows);
        loop {
            let Ok(piece) = self.ask_viewer(&loaded.viewer, |viewer| viewer.page(from))? else {
                return self.contradicts(&loaded.viewer);
            };
            if piece.is_empty() {
                break;
            }
            if self.put_paged(frame, &mut pager, &piece)? == Next::Stop {
                return self.stopped(frame);
            }
            from = from.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
            if from > TEXT_MAX || frame.rows() > ROWS_MAX {
                frame.end(&mut self.screen);
                self.say(format_args!("It goes on; this is as much as is shown."));
                return Ok(());
            }
        }
        frame.end(&mut self.screen);
        Ok(())
    }

    /// Shows text; where the screen is full, the person says whether it goes on.
    pub(super) fn put_paged(
        &mut self,
        frame: &mut Frame,
        pager: &mut Pager,
        text: &str,
    ) -> Result<Next, Given> {
        let mut rest = frame.put_rows(&mut self.screen, text, pager.rows_max());
        while !rest.is_empty() {
            if self.ask_for_more(pager)? == Next::Stop {
                return Ok(Next::Stop);
            }
            rest = frame.put_rows(&mut self.screen, rest, pager.rows_max());
        }
        let is_stopped = !pager.takes_keys() && self.screen.is_cancelled();
        Ok(if is_stopped { Next::Stop } else { Next::More })
    }

    pub(super) fn stopped(&mut self, frame: &mut Frame) -> Done {
        frame.end(&mut self.screen);
        self.say(format_args!("Stopped; the document stays open."));
        Ok(())
    }

    fn show_cells(&mut self, loaded: &Loaded, picture: &PictureInfo, frame: &mut Frame) -> Done {
        let columns = usize::from(picture.columns);
        if columns == 0 || columns > COLUMNS || picture.rows > CELL_ROWS_MAX {
            return self.contradicts(&loaded.viewer);
        }
        for row in 0..picture.rows {
            let bytes = match self.ask_viewer(&loaded.viewer, |viewer| viewer.cells(row))? {
                Ok(bytes) if bytes.len() == columns * CELL_SIZE => bytes,
                _ => return self.contradicts(&loaded.viewer),
            };
            let mut cells = [Cell { upper: [0; 3], lower: [0; 3] }; COLUMNS];
            for (cell, bytes) in cells.iter_mut().zip(bytes.chunks_exact(CELL_SIZE)) {
                if let [r, g, b, r2, g2, b2] = *bytes {
                    *cell = Cell { upper: [r, g, b], lower: [r2, g2, b2] };
                }
            }
            let cells = cells.get(..columns).unwrap_or(&cells);
            frame.row_of(&mut self.screen, |screen| screen.cells(cells));
        }
        Ok(())
    }

    fn say_what_next(&mut self, document: &Document) {
        if !WELL.contains(&document.status) {
            self.say(format_args!("The host answered with error {}.", document.status));
        }
        if document.cut {
            self.say(format_args!("The document was too large; its end is missing."));
        }
        match (&document.picture, document.links) {
            (Some(picture), _) => {
                self.screen.put(format_args!("A picture of {} by {} pixels.", picture.width, picture.height));
            }
            (None, 0) => self.screen.put(format_args!("{} bytes, no links.", document.bytes)),
            (None, 1) => {
                self.screen.put(format_args!(
                    "{} bytes, 1 link: 'open 1' follows it in a new life.",
                    document.bytes
                ));
            }
            (None, links) => self.screen.put(format_args!(
                "{} bytes, {links} links: 'open 1' follows the first in a new life.",
                document.bytes
            )),
        }
        self.say(format_args!(" 'close' ends this one."));
    }
}
