//! Fuzz target `image`: see `tests/oracles/src/image.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::image(input));
