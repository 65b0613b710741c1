//! A simulated disk that tears, reorders, drops, misdirects and rots writes.

#![forbid(unsafe_code)]
