//! Fuzz target `queue`: see `tests/oracles/src/queue.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::queue(input));
