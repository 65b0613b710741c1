//! `convert URL NAME`: a picture of the web, fetched and decoded by a viewer, and made anew here (`clean.rs`).

use super::{Loaded, Place};
use crate::clean::CleanFile;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_open_api::URL_MAX;
use ipc_proto_types::{Secret, Text};

impl<W: World> Session<'_, W> {
    /// Shows a picture from the web as a clean file.
    #[inline(never)]
    pub(crate) fn convert_url(&mut self, url: &str, name: &str) -> Done {
        let Ok(url) = Text::try_from(url) else {
            return self.give_up(format_args!("That address is longer than {URL_MAX} bytes."));
        };
        let loaded = self.load_document(&url, &Place::Own)?;
        let file = self.take_picture(&loaded);
        // It has done what it was for, whatever came of it.
        self.end_disposable(&loaded.viewer);
        self.show_clean(name, &file?)
    }

    fn take_picture(&mut self, loaded: &Loaded) -> Result<CleanFile, Given> {
        let Some(info) = loaded.document.picture else {
            return self.give_up(format_args!("That is no picture."));
        };
        self.make_clean(&loaded.viewer, (info.width, info.height), |session, from| {
            let piece = session.ask_viewer(&loaded.viewer, |viewer| viewer.picture(from))?;
            Ok(piece.ok().map(Secret::new))
        })
    }
}
