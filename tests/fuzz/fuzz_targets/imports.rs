//! Fuzz target `imports`: see `tests/oracles/src/imports.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::imports(input));
