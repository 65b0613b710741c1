//! The storage qube, pure: partition table, volumes, and the service.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
