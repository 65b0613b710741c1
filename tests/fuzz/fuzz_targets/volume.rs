//! Fuzz target `volume`: see `tests/oracles/src/volume.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::volume(input));
