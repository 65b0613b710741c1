//! A sealed volume: authenticated, crash-safe records on a disk that is not trusted.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
