//! virtio-net as a network card, pure: one receive and one transmit queue over a transport of `virtio-drivers`.
//!
//! The queues are our own, because those of the library cannot serve a card that is not trusted: its safe calls spin until each
//! frame is sent, index its buffers with what the device says, and cut a frame out of a buffer by a length that the device says.
//! Here a queue that the device breaks is a typed error, and its memory is referred to by nobody.
//!
//! [`VirtioNic::start`] accepts `VERSION_1`, `ACCESS_PLATFORM` (without which a device goes around the IOMMU), `EVENT_IDX`, an
//! address and the state of the link, and nothing else: no offloads, so that a header says nothing; no merged buffers; no
//! control queue, so a device does not filter by address. An interrupt does not tell of the link: it has to be asked for.
//! While frames are taken there are none: [`unikernels_nic::Nic::wake_after`] asks for the next.
//!
//! Source: VIRTIO 1.2 (2.7 split queues, 3.1.1 initialization, 5.1 network device).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod card;
mod layout;
mod queue;

pub use card::{Error, VirtioNic};
pub use layout::{ARENA, RECEIVE_ENTRIES, TRANSMIT_ENTRIES};
