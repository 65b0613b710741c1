//! Fuzz target `agent`: see `tests/oracles/src/agent.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::agent(input));
