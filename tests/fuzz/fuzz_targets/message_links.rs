//! Fuzz target `message_links`: see `tests/oracles/src/message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::message::<tests_oracles::Links>(input));
