//! Fuzz target `table`: see `tests/oracles/src/table.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::table(input));
