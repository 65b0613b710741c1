//! Fuzz target `message_clock`: see `tests/oracles/src/message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::message::<tests_oracles::Clock>(input));
