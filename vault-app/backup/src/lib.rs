//! Backups: one file, encrypted and authenticated.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
