//! What the converter qube does, pure: a file of a stranger in pieces, its pixels in pieces ([`Converter`]).
//!
//! The invariant: a life decodes one file of one caller. Whoever calls second, or asks for a second one, is told that this life
//! is used; so what is left of a file in a decoder meets no other file, and no other caller. A hostile file costs a typed
//! error, or this life.
//!
//! What it deliberately does not do: decode (that is `unikernels-picture`), write files, believe a file's name. The format is
//! what the first bytes say; nobody sent a media type along. Sources of these bytes: PNG third edition 5.2,
//! ISO/IEC 10918-1 B.1.1.3, GIF89a 17, RFC 9649 2.4, and Microsoft's BITMAPFILEHEADER.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use ipc_proto_convert_api::{
    Convert, ConvertError, Decoded, FILE_MAX, FileKind, PICTURE_PIXELS_MAX, PIECE_MAX, PIXELS_MAX, SIDE_MAX,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Secret};
use unikernels_picture::{Format, Limits, Picture, PictureError, decode};
use zeroize::Zeroizing;

/// What a picture may cost.
const LIMITS: Limits = Limits { side_max: SIDE_MAX as usize, pixels_max: PICTURE_PIXELS_MAX as usize };

/// One life: at most one file of at most one caller.
#[derive(Default)]
pub struct Converter {
    /// Who sent the first piece; with its life, as a caller's next one is another caller.
    owner: Option<Caller>,
    state: State,
}

/// How far it is.
enum State {
    /// Pieces of the file come.
    Taking(Zeroizing<Vec<u8>>),
    /// It was decoded; these are the pixels.
    Decoded(Zeroizing<Vec<u8>>),
    /// It was no picture that is taken.
    Failed,
}

impl Default for State {
    fn default() -> Self {
        Self::Taking(Zeroizing::default())
    }
}

impl Converter {
    /// A new life.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this caller is the one whose file it is; the first one is.
    fn is_owner(&mut self, caller: &Caller) -> bool {
        *self.owner.get_or_insert(*caller) == *caller
    }
}

impl Convert for Converter {
    fn put(
        &mut self,
        caller: &Caller,
        from: u32,
        data: Secret<Bytes<PIECE_MAX>>,
    ) -> Result<(), ConvertError> {
        if !self.is_owner(caller) {
            return Err(ConvertError::Used);
        }
        let State::Taking(file) = &mut self.state else { return Err(ConvertError::Used) };
        let piece: &[u8] = data.expose();
        if usize::try_from(from) != Ok(file.len()) {
            return Err(ConvertError::OutOfOrder);
        }
        if file.len().saturating_add(piece.len()) > FILE_MAX as usize {
            self.state = State::Failed;
            return Err(ConvertError::FileTooLarge);
        }
        file.try_reserve(piece.len()).map_err(|_| ConvertError::NoMemory)?;
        file.extend_from_slice(piece);
        Ok(())
    }

    fn decode(&mut self, caller: &Caller) -> Result<Decoded, ConvertError> {
        if !self.is_owner(caller) {
            return Err(ConvertError::Used);
        }
        let State::Taking(file) = &mut self.state else { return Err(ConvertError::Used) };
        let file = core::mem::take(file);
        self.state = State::Failed;
        let (kind, picture) = read(&file)?;
        drop(file);
        let side = |pixels: usize| u16::try_from(pixels).map_err(|_| ConvertError::TooManyPixels);
        let decoded = Decoded { kind, width: side(picture.width())?, height: side(picture.height())? };
        self.state = State::Decoded(Zeroizing::new(picture.into_rgba()));
        Ok(decoded)
    }

    fn pixels(&mut self, caller: &Caller, from: u32) -> Result<Secret<Bytes<PIXELS_MAX>>, ConvertError> {
        let State::Decoded(pixels) = &self.state else { return Err(ConvertError::NoPicture) };
        if self.owner != Some(*caller) {
            return Err(ConvertError::NoPicture);
        }
        let from = usize::try_from(from).map_err(|_| ConvertError::BadPlace)?;
        let rest = pixels.get(from..).ok_or(ConvertError::BadPlace)?;
        let piece = rest.get(..PIXELS_MAX).unwrap_or(rest);
        Bytes::try_from(piece).map(Secret::new).map_err(|_| ConvertError::BadPlace)
    }
}

/// What a file is and shows.
fn read(file: &[u8]) -> Result<(FileKind, Picture), ConvertError> {
    if file.is_empty() {
        return Err(ConvertError::NoFile);
    }
    let kind = kind_of(file).ok_or(ConvertError::UnknownKind)?;
    let format = match kind {
        FileKind::Png => Format::Png,
        FileKind::Jpeg => Format::Jpeg,
        FileKind::Gif => Format::Gif,
        FileKind::Bmp => Format::Bmp,
        FileKind::WebP => Format::WebP,
    };
    let picture = decode(format, file, &LIMITS).map_err(|error| match error {
        PictureError::Unsupported => ConvertError::Unsupported,
        PictureError::TooLarge => ConvertError::TooManyPixels,
        PictureError::Empty => ConvertError::NoPixels,
        PictureError::Damaged | PictureError::Length => ConvertError::Damaged,
    })?;
    Ok((kind, picture))
}

/// What a file is by its first bytes.
fn kind_of(file: &[u8]) -> Option<FileKind> {
    match file {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(FileKind::Png),
        [0xff, 0xd8, 0xff, ..] => Some(FileKind::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(FileKind::Gif),
        [b'B', b'M', ..] => Some(FileKind::Bmp),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(FileKind::WebP),
        _ => None,
    }
}
