//! Fuzz target `message_console`: see `tests/oracles/src/message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::message::<tests_oracles::Console>(input));
