//! Fuzz target `records`: see `tests/oracles/src/records.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::records(input));
