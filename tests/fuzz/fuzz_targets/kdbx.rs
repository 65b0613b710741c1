//! Fuzz target `kdbx`: see `tests/oracles/src/kdbx.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::kdbx(input));
