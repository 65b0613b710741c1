//! Fuzz target `message_convert`: see `tests/oracles/src/message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::message::<tests_oracles::Convert>(input));
