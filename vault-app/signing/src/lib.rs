//! Keys that sign and never leave the vault.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
