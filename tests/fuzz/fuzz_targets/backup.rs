//! Fuzz target `backup`: see `tests/oracles/src/backup.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::backup(input));
