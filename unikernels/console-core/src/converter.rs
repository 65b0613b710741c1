//! `convert FILE`, and what `vault convert` shares with it: a picture file, decoded by a disposable that has nothing else.
//!
//! A converter that waits is started, takes one file, says what it is, hands over the pixels and is ended, whatever came of
//! it; what comes of the pixels is in `clean.rs`. The file goes to it piece by piece and is never whole here. It may be a
//! secret of a vault: pieces and pixels are wiped, and no byte of them is ever shown, but as the file a person asked for.

use crate::clean::CleanFile;
use crate::plain::Plain;
use crate::sentence::NoAnswer;
use crate::session::{Done, Given, Session};
use crate::starting::Places;
use crate::system::{System, World};
use crate::vault::{Pasted, Piece};
use core::fmt;
use ipc_proto_convert_api::{
    ConvertClient, ConvertError, Decoded, FILE_MAX, FileKind, PICTURE_PIXELS_MAX, SIDE_MAX,
};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{Bytes, MAX_QUBES, QubeName, Secret, Text};

/// The longest name of a file, in bytes: a vault takes no longer one.
const NAME_MAX: usize = 256;
/// What a picture that was made anew is called behind the name it had: it is a PNG, whatever it was.
const SUFFIX: &str = ".safe.png";
/// The endings of names that say a file is a picture, and that are left out before [`SUFFIX`].
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "bmp", "webp"];

/// A life of a converter, started for one file.
pub(crate) struct Converter(QubeName);

impl<W: World> Session<'_, W> {
    /// Shows a picture that is pasted as a clean file.
    #[inline(never)]
    pub(crate) fn convert_pasted(&mut self, file: &str) -> Done {
        let name = self.safe_name(file)?;
        let (clean, decoded) = self.in_converter(|session, converter| {
            session.paste_into("the picture", Pasted::Base64, &mut |session, from, piece| {
                session.feed(converter, from, &piece)
            })?;
            session.take_converted(converter)
        })?;
        self.say_decoded(&decoded);
        self.show_clean(&name, &clean)
    }

    /// Starts a converter, has it do something, and ends it, whatever came of that.
    pub(crate) fn in_converter<T>(
        &mut self,
        convert: impl FnOnce(&mut Self, &Converter) -> Result<T, Given>,
    ) -> Result<T, Given> {
        let (name, _) = self.start_free("converter", Self::converters)?;
        let converter = Converter(name);
        let done = match self.greet_converter(&converter) {
            Ok(()) => convert(self, &converter),
            Err(given) => Err(given),
        };
        self.end_disposable(&converter.0);
        done
    }

    /// Hands over a piece of the file.
    pub(crate) fn feed(&mut self, converter: &Converter, from: u32, piece: &Piece) -> Done {
        match self.ask_converter(converter, |client| client.put(from, piece.clone()))? {
            Ok(()) => Ok(()),
            Err(error) => self.not_converted(converter, error),
        }
    }

    /// Has the file decoded and makes another of its pixels.
    pub(crate) fn take_converted(&mut self, converter: &Converter) -> Result<(CleanFile, Decoded), Given> {
        let decoded = match self.ask_converter(converter, ConvertClient::decode)? {
            Ok(decoded) => decoded,
            Err(error) => return self.not_converted(converter, error),
        };
        let size = (decoded.width, decoded.height);
        let file = self.make_clean(&converter.0, size, |session, from| {
            session.ask_converter(converter, |client| client.pixels(from)).map(Result::ok)
        })?;
        Ok((file, decoded))
    }

    /// Says what a file was.
    pub(crate) fn say_decoded(&mut self, decoded: &Decoded) {
        let Decoded { kind, width, height } = decoded;
        let kind = Kind(*kind);
        self.say(format_args!(
            "It was {kind} of {width} by {height} pixels; the PNG made of them has nothing else of it."
        ));
    }

    /// What a file is called when it was made anew: `photo.safe.png` for `photo.jpg`.
    pub(crate) fn safe_name(&mut self, file: &str) -> Result<Text<NAME_MAX>, Given> {
        let stem = stem(file);
        let mut name = Text::new();
        if name.push_str(stem).and_then(|()| name.push_str(SUFFIX)).is_err() {
            let most = NAME_MAX - SUFFIX.len();
            return self.give_up(format_args!(
                "'{}' has no room for '{SUFFIX}' behind it: {most} bytes before it are the most.",
                Plain(stem)
            ));
        }
        Ok(name)
    }

    /// The converters that are nobody else's.
    fn converters(&mut self) -> Result<Places, Given> {
        if self.screen.world.converter_name(0).is_none() {
            return self.no_channel("convert");
        }
        let qubes = self.all_qubes()?;
        let own_name = self.screen.world.own_name();
        let mut places = Places::new();
        for number in 0..MAX_QUBES {
            let Some(name) = self.screen.world.converter_name(number) else { break };
            let Some(qube) = qubes.iter().find(|qube| name == *qube.name.as_str()) else { continue };
            let opener = qube.opened_for.and_then(|opener| qubes.get(usize::from(opener)));
            if opener.is_none_or(|opener| own_name == *opener.name.as_str()) {
                let pushed = places.push((qube.clone(), name));
                debug_assert!(pushed.is_ok(), "no more converters than qubes");
            }
        }
        if places.is_empty() {
            return self.give_up(format_args!("Every converter is kept for another qube."));
        }
        Ok(places)
    }

    /// The first call of a life, which may only learn that it is another one; an empty piece changes nothing.
    fn greet_converter(&mut self, converter: &Converter) -> Done {
        let greet = |client: &mut ConvertClient<'static, <W as System>::Port>| {
            let piece = || Secret::new(Bytes::new());
            match client.put(0, piece()) {
                Err(CallError::PeerRestarted(_)) => client.put(0, piece()),
                other => other,
            }
        };
        match self.ask_converter(converter, greet)? {
            Ok(()) => Ok(()),
            Err(error) => self.not_converted(converter, error),
        }
    }

    /// Calls a converter; what went wrong is said. A life that ended in the middle took its file along.
    fn ask_converter<T>(
        &mut self,
        converter: &Converter,
        ask: impl FnOnce(&mut ConvertClient<'static, <W as System>::Port>) -> Result<T, CallError>,
    ) -> Result<T, Given> {
        let name = converter.0;
        let Some(client) = self.screen.world.converter(name.as_str()) else {
            return self.no_channel("convert");
        };
        ask(client).or_else(|error| {
            self.screen.clear_row();
            match error {
                CallError::PeerRestarted(_) | CallError::PeerGone => self.give_up(format_args!(
                    "{name} ended while it had the file, which may have been made for that; nothing came of it."
                )),
                error => {
                    let no_answer = NoAnswer { peer: name.as_str(), error, after_restart: "" };
                    self.give_up(format_args!("{no_answer}"))
                }
            }
        })
    }

    /// Says why there is no picture, and what to do.
    fn not_converted<T>(&mut self, converter: &Converter, error: ConvertError) -> Result<T, Given> {
        self.screen.clear_row();
        match error {
            ConvertError::FileTooLarge => self.give_up(format_args!(
                "The file has more than {} KiB: make the picture smaller first.",
                FILE_MAX / 1024
            )),
            ConvertError::TooManyPixels => self.give_up(format_args!(
                "The picture has more than {PICTURE_PIXELS_MAX} pixels, or a side of more than {SIDE_MAX}: make it smaller first."
            )),
            ConvertError::NoFile => self.give_up(format_args!("The file is empty.")),
            ConvertError::UnknownKind => self.give_up(format_args!(
                "That is no picture that is taken: PNG, JPEG, GIF, BMP and WebP are, by their first bytes."
            )),
            ConvertError::Unsupported => self.give_up(format_args!(
                "It is a kind of picture that can't be decoded here: save it as another kind, and try that."
            )),
            ConvertError::NoPixels => self.give_up(format_args!("The picture has no pixels.")),
            ConvertError::Damaged => {
                self.give_up(format_args!("The picture is damaged or cut short: get it once more."))
            }
            ConvertError::NoMemory => self.give_up(format_args!(
                "{} has too little memory for that file: its manifest would have to give it more.",
                converter.0
            )),
            ConvertError::OutOfOrder
            | ConvertError::Used
            | ConvertError::NoPicture
            | ConvertError::BadPlace => self.contradicts(&converter.0),
        }
    }
}

/// The name of a file without an ending that says it is a picture.
fn stem(file: &str) -> &str {
    match file.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty() && ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) =>
        {
            stem
        }
        _ => file,
    }
}

/// A kind of file in a sentence.
struct Kind(FileKind);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            FileKind::Png => "a PNG",
            FileKind::Jpeg => "a JPEG",
            FileKind::Gif => "a GIF",
            FileKind::Bmp => "a BMP",
            FileKind::WebP => "a WebP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn only_the_ending_of_a_picture_is_left_out() {
        for (file, expected) in [
            ("photo.png", "photo"),
            ("photo.JPeG", "photo"),
            ("two.dots.webp", "two.dots"),
            ("photo", "photo"),
            ("photo.pdf", "photo.pdf"),
            ("photo.", "photo."),
            (".png", ".png"),
            ("", ""),
        ] {
            assert_eq!(stem(file), expected);
        }
    }
}
