//! What a password store keeps: entries, groups, search, reports, imports.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
