//! Every attack of `tests/hostile-qube`, one test each.

mod memory;
