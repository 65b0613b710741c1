//! Answers what it is told.

fn main() {}
