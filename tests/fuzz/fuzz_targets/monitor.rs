//! Fuzz target `monitor`: see `tests/oracles/src/monitor.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::monitor(input));
