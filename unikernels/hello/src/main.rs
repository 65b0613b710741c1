//! The smallest qube.

fn main() {}
