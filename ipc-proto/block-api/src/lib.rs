//! Service: one volume as sectors.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
