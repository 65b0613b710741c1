//! A bus for tests.

use std::collections::BTreeMap;

use crate::{Address, Config, register};

/// Configuration space whose window registers keep as many bits as their sizes say.
#[derive(Default)]
pub(crate) struct Fake {
    space: BTreeMap<(u16, u16), u32>,
    pub(crate) sizes: BTreeMap<(u16, u16), u32>,
    pub(crate) writes: Vec<(u16, u16, u32)>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn function(&mut self, at: u16, class: u32, header: u32) {
        self.set(at, register::ID, 0x1234_1af4);
        self.set(at, register::CLASS, class << 16);
        self.set(at, register::HEADER, header);
    }

    pub(crate) fn set(&mut self, at: u16, register: u16, value: u32) {
        self.space.insert((at, register), value);
    }

    pub(crate) fn get(&self, at: u16, register: u16) -> u32 {
        self.read(Address(at), register)
    }
}

impl Config for Fake {
    fn read(&self, function: Address, register: u16) -> u32 {
        let there = self.space.contains_key(&(function.0, register::ID));
        let value = self.space.get(&(function.0, register)).copied();
        value.unwrap_or(if there { 0 } else { u32::MAX })
    }

    fn write(&mut self, function: Address, register: u16, value: u32) {
        self.writes.push((function.0, register, value));
        let before = self.read(function, register);
        let mask = match self.sizes.get(&(function.0, register)) {
            Some(mask) => *mask,
            None if (0x10..0x28).contains(&register) => 0,
            None => u32::MAX,
        };
        let upper = if register == register::COMMAND { before & 0xffff_0000 } else { before & !mask };
        let value = if register == register::COMMAND { value & 0xffff } else { value & mask };
        self.set(function.0, register, upper | value);
    }
}
