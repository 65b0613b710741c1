//! NVMe driver, pure: queues and commands over traits for registers and DMA memory.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
