//! The limits of a system. Each one keeps somebody from making the supervisor's work or memory grow.
//!
//! They are constants, not settings: tables in the supervisor are arrays of these sizes, so a manifest that wants more
//! fails in the host tool and not at run time.

/// Most qubes in a system. Each costs the supervisor some 9 KiB whether a system has it or not, and a look whenever a time is
/// up. A set of qubes is a word of 32 bits there, whose five highest stay free: three for work that was put off, the last,
/// 31, for "nobody".
pub const MAX_QUBES: usize = 24;

/// Most ports of one qube. Two virtqueues each; without this cap one qube could have the supervisor keep state for
/// as many queues as it likes.
pub const MAX_PORTS: usize = 24;

/// Most channels in a system.
pub const MAX_CHANNELS: usize = 64;

/// Most services in a system.
pub const MAX_SERVICES: usize = 24;

/// Most methods of one service. A method number indexes a row of verdicts, so it must be small.
pub const MAX_METHODS: usize = 32;

/// Longest name of a qube or a service, in bytes.
pub const NAME_MAX: usize = 16;

/// Longest message body in bytes. One message is copied in one exit; this bounds the longest exit.
pub const MESSAGE_MAX: usize = 65536;

/// Largest virtqueue, in descriptors; a power of two. A chain can't be longer than this.
pub const QUEUE_SIZE: usize = 64;

/// Most calls without a reply on one channel. Slot of a call = correlation modulo this number.
pub const CALLS_MAX: usize = 8;

const _: () = assert!(QUEUE_SIZE.is_power_of_two() && CALLS_MAX.is_power_of_two());
const _: () = assert!(MAX_QUBES <= 27 && MAX_PORTS < 256 && MAX_CHANNELS < 255 && MAX_SERVICES < 255);
