//! Which functions there are.

use core::ops::RangeInclusive;

use crate::{Address, Config, command, register};

const FUNCTIONS: u16 = 8;
const ABSENT: u32 = 0xffff;
/// Type of a header, in bits 16 to 22 of its register; 0 is a function that does something.
const HEADER_TYPE: u32 = 0x7f << 16;
const MULTI_FUNCTION: u32 = 1 << 23;

/// What a manifest asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first function of this class and subclass.
    Class(u16),
    /// The function at this address.
    Address(Address),
}

/// The first function that is wanted, on buses 0 to `last_bus`.
pub fn find(config: &impl Config, last_bus: u8, wanted: Wanted) -> Option<Address> {
    let is_wanted = |function: Address| match wanted {
        Wanted::Class(class) => config.read(function, register::CLASS) >> 16 == u32::from(class),
        Wanted::Address(address) => function == address,
    };
    let mut all = devices(last_bus).flat_map(|device| functions(config, device)).map(Address);
    all.find(|function| is_endpoint(config, *function) && is_wanted(*function))
}

/// Takes bus mastering from every function that is no bridge: nothing that firmware left running writes to memory.
pub fn quiesce(config: &mut impl Config, last_bus: u8) {
    for device in devices(last_bus) {
        for function in functions(config, device).map(Address) {
            if is_endpoint(config, function) {
                let value = config.read(function, register::COMMAND) & 0xffff & !command::BUS_MASTER;
                config.write(function, register::COMMAND, value);
            }
        }
    }
}

/// Addresses of function 0 of every device there may be, at most 8,192.
fn devices(last_bus: u8) -> impl Iterator<Item = u16> {
    (0..=u16::from(last_bus) << 8 | 0xff).step_by(usize::from(FUNCTIONS))
}

/// Addresses that functions of a device may have. One without function 0 has none, and only one that says so has more.
fn functions(config: &impl Config, device: u16) -> RangeInclusive<u16> {
    let first = Address(device);
    if !is_there(config, first) {
        return RangeInclusive::new(1, 0);
    }
    let has_more = config.read(first, register::HEADER) & MULTI_FUNCTION != 0;
    device..=if has_more { device + (FUNCTIONS - 1) } else { device }
}

fn is_there(config: &impl Config, function: Address) -> bool {
    config.read(function, register::ID) & ABSENT != ABSENT
}

/// Whether a function that does something is there.
fn is_endpoint(config: &impl Config, function: Address) -> bool {
    is_there(config, function) && config.read(function, register::HEADER) & HEADER_TYPE == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_function_is_found_by_class_or_by_address_and_bridges_never() {
        let mut fake = Fake::new();
        fake.function(0x0008, 0x0604, 1 << 16);
        fake.function(0x0020, 0x0108, 0);
        fake.function(0x00f8, 0x0601, MULTI_FUNCTION);
        fake.function(0x00fa, 0x0106, 0);
        fake.function(0x0101, 0x0200, 0); // A function 1 without a function 0.
        let find = |wanted| find(&fake, 1, wanted);
        assert_eq!(find(Wanted::Class(0x0108)), Some(Address(0x20)));
        assert_eq!(find(Wanted::Class(0x0106)), Some(Address(0xfa)));
        assert_eq!(find(Wanted::Class(0x0604)), None);
        assert_eq!(find(Wanted::Class(0x0200)), None);
        assert_eq!(find(Wanted::Address(Address(0x20))), Some(Address(0x20)));
        assert_eq!(find(Wanted::Address(Address(0x21))), None);
    }

    #[test]
    fn quiet_functions_master_no_bus_and_keep_the_rest() {
        let mut fake = Fake::new();
        fake.function(0x20, 0x0108, 0);
        fake.function(0x28, 0x0604, 1 << 16);
        fake.set(0x20, register::COMMAND, 0x0010_0007);
        fake.set(0x28, register::COMMAND, 7);
        quiesce(&mut fake, 0);
        assert_eq!(fake.get(0x20, register::COMMAND) & 0xffff, 3);
        assert_eq!(fake.get(0x28, register::COMMAND), 7, "a bridge carries what others send");
    }
}
