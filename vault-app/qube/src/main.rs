//! The vault qube.

fn main() {}
