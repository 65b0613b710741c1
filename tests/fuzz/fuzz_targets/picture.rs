//! Fuzz target `picture`: see `tests/oracles/src/picture.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::picture(input));
