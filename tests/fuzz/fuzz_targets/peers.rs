//! Fuzz target `peers`: see `tests/oracles/src/peers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::peers(input));
