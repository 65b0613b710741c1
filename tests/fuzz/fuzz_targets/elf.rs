//! Fuzz target `elf`: see `tests/oracles/src/elf.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::elf(input));
