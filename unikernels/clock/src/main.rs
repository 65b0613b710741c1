//! Tells the time.

fn main() {}
