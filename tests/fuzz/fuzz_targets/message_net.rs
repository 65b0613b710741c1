//! Fuzz target `message_net`: see `tests/oracles/src/message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::message::<tests_oracles::Net>(input));
