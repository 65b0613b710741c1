//! Pictures made anew: pixels that a disposable handed over become a PNG file of ours.
//!
//! What comes from the disposable is pixels, within caps, and nothing else is taken from it: the file is written by
//! `unikernels/picture` from these, so no byte of the original is in it. Pixels and file are held on the heap, in buffers that are
//! wiped, and the heap wipes what it is given back; a picture that this console has no memory for is refused before any of it
//! comes.

use crate::base64::{self, LINE_BYTES};
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use alloc::vec::Vec;
use ipc_proto_convert_api::{PICTURE_PIXELS_MAX, SIDE_MAX};
use ipc_proto_types::{Bytes, QubeName, Secret};
use unikernels_picture::{Limits, PIXEL_LEN, Picture, to_png};
use zeroize::Zeroizing;

/// What a picture may have: 1,024 by 512, and what a converter takes. As lines of base64 that is a megabyte or two.
const LIMITS: Limits = Limits { side_max: SIDE_MAX as usize, pixels_max: PICTURE_PIXELS_MAX as usize };
/// Memory that encoding takes beside the pixels, as a multiple of them: filtered rows, and buffers that double while they grow.
const WORK: usize = 8;
/// And what deflate takes however small the picture is, in bytes.
const WORK_MIN: usize = 512 * 1024;

/// A PNG file of our making.
pub(crate) type CleanFile = Zeroizing<Vec<u8>>;

/// What a disposable says of its picture: pixels of a row, rows.
pub(crate) type Size = (u16, u16);

impl<W: World> Session<'_, W> {
    /// Takes over as many pixels as there must be, and no more, and makes a file of them. `ask` gives those from a byte on;
    /// none when there are none.
    #[inline(never)]
    pub(crate) fn make_clean<const N: usize>(
        &mut self,
        from: &QubeName,
        (width, height): Size,
        mut ask: impl FnMut(&mut Self, u32) -> Result<Option<Secret<Bytes<N>>>, Given>,
    ) -> Result<CleanFile, Given> {
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
            let at = u32::try_from(pixels.len()).unwrap_or(u32::MAX);
            match ask(self, at)? {
                Some(piece) if !piece.expose().is_empty() && piece.expose().len() <= bytes - pixels.len() => {
                    pixels.extend_from_slice(piece.expose());
                }
                _ => return self.contradicts(from),
            }
            if self.screen.is_cancelled() {
                return self.give_up(format_args!("Stopped."));
            }
        }
        match Picture::new(width, height, core::mem::take(&mut pixels), &LIMITS) {
            Ok(picture) => {
                let file = Zeroizing::new(to_png(&picture));
                drop(Zeroizing::new(picture.into_rgba()));
                Ok(file)
            }
            Err(error) => self.give_up(format_args!("It is not taken: {error}.")),
        }
    }

    /// Shows a file as lines of base64 between two of dashes.
    #[inline(never)]
    pub(crate) fn show_clean(&mut self, name: &str, file: &[u8]) -> Done {
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

    /// Room for so many bytes of pixels, when there is also room for the work on them.
    fn room_for(&mut self, bytes: usize) -> Result<Zeroizing<Vec<u8>>, Given> {
        let (mut pixels, mut work) = (Vec::new(), Vec::<u8>::new());
        let needed = bytes.saturating_mul(WORK).saturating_add(WORK_MIN);
        if pixels.try_reserve_exact(bytes).is_err() || work.try_reserve_exact(needed).is_err() {
            let needed = (bytes + needed) / 1024;
            return self.give_up(format_args!(
                "This console has too little memory for that picture: its manifest would have to give it {needed} KiB more."
            ));
        }
        Ok(Zeroizing::new(pixels))
    }

    /// Says that nothing more of a disposable is believed.
    pub(crate) fn contradicts<T>(&mut self, name: &QubeName) -> Result<T, Given> {
        self.give_up(format_args!("{name} contradicts itself; nothing more of it is shown."))
    }
}
