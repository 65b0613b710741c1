//! A converter for tests: the real one, which can be told to say something else.

extern crate std;

use ipc_proto_convert_api::{Convert, ConvertError, Decoded, PIECE_MAX, PIXELS_MAX};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Secret};
use std::vec::Vec;
use unikernels_converter_core::Converter;

/// A converter.
pub(crate) struct FakeConverter {
    real: Converter,
    /// What it says instead of the truth.
    pub(crate) says: Option<Result<Decoded, ConvertError>>,
    /// The pixels it hands over instead of the true ones.
    pub(crate) pixels: Option<Vec<u8>>,
    /// Whatever piece of them is asked for, it is the first.
    pub(crate) endless: bool,
    /// It ends in the call of this name.
    pub(crate) dies_in: Option<&'static str>,
    /// It has ended so; whoever answers for it takes note.
    pub(crate) died: bool,
    /// What every life was given.
    pub(crate) files: Vec<Vec<u8>>,
}

impl FakeConverter {
    pub(crate) fn new() -> Self {
        Self {
            real: Converter::new(),
            says: None,
            pixels: None,
            endless: false,
            dies_in: None,
            died: false,
            files: std::vec![Vec::new()],
        }
    }

    /// Its life ended.
    pub(crate) fn restart(&mut self) {
        self.real = Converter::new();
        self.files.push(Vec::new());
    }
}

impl Convert for FakeConverter {
    fn put(
        &mut self,
        caller: &Caller,
        from: u32,
        data: Secret<Bytes<PIECE_MAX>>,
    ) -> Result<(), ConvertError> {
        self.died |= self.dies_in == Some("put") && from > 0;
        self.files.last_mut().unwrap().extend_from_slice(data.expose());
        self.real.put(caller, from, data)
    }

    fn decode(&mut self, caller: &Caller) -> Result<Decoded, ConvertError> {
        self.died |= self.dies_in == Some("decode");
        self.says.unwrap_or_else(|| self.real.decode(caller))
    }

    fn pixels(&mut self, caller: &Caller, from: u32) -> Result<Secret<Bytes<PIXELS_MAX>>, ConvertError> {
        let Some(pixels) = &self.pixels else { return self.real.pixels(caller, from) };
        let from = if self.endless { 0 } else { usize::try_from(from).unwrap() };
        let rest = pixels.get(from..).ok_or(ConvertError::BadPlace)?;
        Ok(Secret::new(Bytes::try_from(rest.get(..PIXELS_MAX).unwrap_or(rest)).unwrap()))
    }
}
