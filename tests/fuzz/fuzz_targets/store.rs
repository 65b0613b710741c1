//! Fuzz target `store`: see `tests/oracles/src/store.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::store(input));
