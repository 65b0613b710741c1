//! `convert`: a picture decoded by a disposable, and made anew here.
//!
//! What comes from the viewer is pixels, within caps, and nothing else is taken from it: the file is written by
//! `unikernels/picture` from these, so no byte of the original is in it. It is held on the heap, which is wiped when it is
//! freed; a picture that this console has no memory for is refused before any of it is encoded.

use super::{Loaded, Place};
use crate::base64::{self, LINE_BYTES};
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use alloc::vec::Vec;
use ipc_proto_open_api::{PictureInfo, URL_MAX};
use ipc_proto_types::Text;
use unikernels_picture::{Limits, PIXEL_LEN, Picture, to_png};

/// What a picture may have: 800 by 600 and a little more. As lines of base64 that is a megabyte or two.
const LIMITS: Limits = Limits { side_max: 8192, pixels_max: 512 * 1024 };
/// Memory that encoding takes beside the pixels, as a multiple of them: filtered rows, and buffers that double while they grow.
const WORK: usize = 8;
/// And what deflate takes however small the picture is, in bytes.
const WORK_MIN: usize = 512 * 1024;

impl<W: World> Session<'_, W> {
    /// Shows a picture from the web as a clean file.
    #[inline(never)]
    pub(crate) fn convert(&mut self, url: &str, name: &str) -> Done {
        let Ok(url) = Text::try_from(url) else {
            return self.give_up(format_args!("That address is longer than {URL_MAX} bytes."));
        };
        let loaded = self.load_document(&url, &Place::Own)?;
        let picture = self.take_picture(&loaded);
        // It has done what it was for, whatever came of it.
        self.end_viewer(&loaded.viewer);
        let file = to_png(&picture?);
        self.say(format_args!("-----BEGIN SKEP FILE {}-----", Plain(name)));
        for line in file.chunks(LINE_BYTES) {
            base64::encode(line, &mut |text| self.screen.put(format_args!("{text}\n")));
            if self.screen.is_cancelled() {
                return self.give_up(format_args!("Stopped; the file is of no use."));
            }
        }
        self.say(format_args!("-----END SKEP FILE {}-----", Plain(name)));
        Ok(())
    }

    /// Takes the pixels over, as many as there must be and no more.
    fn take_picture(&mut self, loaded: &Loaded) -> Result<Picture, Given> {
        let Some(info) = loaded.document.picture else {
            return self.give_up(format_args!("That is no picture."));
        };
        let PictureInfo { width, height, .. } = info;
        let (width, height) = (usize::from(width), usize::from(height));
        if width.saturating_mul(height) > LIMITS.pixels_max {
            return self.give_up(format_args!(
                "The picture has {width} by {height} pixels; {} are the most.",
                LIMITS.pixels_max
            ));
        }
        let bytes = width.saturating_mul(height).saturating_mul(PIXEL_LEN);
        let mut pixels = self.room_for(bytes)?;
        while pixels.len() < bytes {
            let from = u32::try_from(pixels.len()).unwrap_or(u32::MAX);
            match self.ask_viewer(&loaded.viewer, |viewer| viewer.picture(from))? {
                Ok(piece) if !piece.is_empty() && piece.len() <= bytes - pixels.len() => {
                    pixels.extend_from_slice(&piece);
                }
                _ => return self.contradicts(&loaded.viewer),
            }
            if self.screen.is_cancelled() {
                return self.give_up(format_args!("Stopped."));
            }
        }
        match Picture::new(width, height, pixels, &LIMITS) {
            Ok(picture) => Ok(picture),
            Err(error) => self.give_up(format_args!("It is not taken: {error}.")),
        }
    }

    /// Room for so many bytes of pixels, when there is also room for the work on them.
    fn room_for(&mut self, bytes: usize) -> Result<Vec<u8>, Given> {
        let (mut pixels, mut work) = (Vec::new(), Vec::<u8>::new());
        let needed = bytes.saturating_mul(WORK).saturating_add(WORK_MIN);
        if pixels.try_reserve_exact(bytes).is_err() || work.try_reserve_exact(needed).is_err() {
            let needed = (bytes + needed) / 1024;
            return self.give_up(format_args!(
                "This console has too little memory for that picture: its manifest would have to give it {needed} KiB more."
            ));
        }
        Ok(pixels)
    }
}
