//! The bootable supervisor: wiring only.

fn main() {}
