//! Fuzz target `policy`: see `tests/oracles/src/policy.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::policy(input));
