//! The device side of virtio as the supervisor needs it: split queues, the register page, the console's control messages.
//!
//! Follows VIRTIO 1.2: split virtqueues (2.7), the register layout of virtio-mmio (4.2.2), the console device with
//! MULTIPORT (5.3). Offered features: VERSION_1 and, on the console, MULTIPORT. EVENT_IDX and INDIRECT_DESC are never
//! offered: fewer ways to be wrong. Everything a driver writes is claimed; a queue that lies once is poisoned for good.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod control;
mod queue;
mod registers;

pub use queue::{CHAIN_MAX, Chain, Malformed, QUEUE_SIZE_MAX, Queue, QueueAreas, QueueState, Ring};
pub use registers::{DeviceKind, Effect, PAGE_BYTES, Registers, initial_page, offset};
