//! Which buffer of a pool is where: free, or with the device under a token.
//!
//! Every message is one buffer and one descriptor. The queue names a buffer that comes back by
//! the token it gave out, so the pool keeps a map from token to slot. Nothing here trusts the
//! device: a token that is not out gives no slot.

use ipc_proto_types::QUEUE_SIZE;

const _: () = assert!(QUEUE_SIZE <= 64, "one bit for each slot");

/// The slots of one pool.
#[derive(Clone, Debug)]
pub struct Slots {
    /// Bit set: the slot is free.
    free: u64,
    /// Slot plus one of each token that is out; 0 for a token that is not.
    by_token: [u8; QUEUE_SIZE],
}

impl Slots {
    /// A pool of `count` free slots, at most [`QUEUE_SIZE`].
    #[must_use]
    pub const fn new(count: u16) -> Self {
        let free =
            if count as usize >= QUEUE_SIZE { u64::MAX >> (64 - QUEUE_SIZE) } else { (1 << count) - 1 };
        Self { free, by_token: [0; QUEUE_SIZE] }
    }

    /// The lowest free slot; it stays free until [`Slots::give`].
    #[must_use]
    pub fn any_free(&self) -> Option<u8> {
        let lowest = u8::try_from(self.free.trailing_zeros()).ok()?;
        (self.free != 0).then_some(lowest)
    }

    /// Notes that the device has the slot under this token.
    pub fn give(&mut self, slot: u8, token: u16) {
        if let Some(place) = self.by_token.get_mut(usize::from(token)) {
            *place = slot + 1;
            self.free &= !(1 << (slot & 63));
        }
    }

    /// The slot that is out under this token.
    #[must_use]
    pub fn at(&self, token: u16) -> Option<u8> {
        self.by_token.get(usize::from(token))?.checked_sub(1)
    }

    /// Takes the slot back; it is free again.
    pub fn take(&mut self, token: u16) -> Option<u8> {
        let slot = self.at(token)?;
        if let Some(place) = self.by_token.get_mut(usize::from(token)) {
            *place = 0;
        }
        self.free |= 1 << (slot & 63);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_out_until_its_token_comes_back() {
        let mut slots = Slots::new(2);
        slots.give(0, 9);
        assert_eq!(slots.any_free(), Some(1));
        slots.give(1, 4);
        assert_eq!(slots.any_free(), None, "two slots, both out");
        assert_eq!(slots.at(4), Some(1));
        assert_eq!(slots.take(9), Some(0));
        assert_eq!(slots.take(9), None, "it came back once");
        assert_eq!(slots.any_free(), Some(0));
    }

    #[test]
    fn a_token_out_of_range_is_nobodys() {
        let mut slots = Slots::new(64);
        assert_eq!(slots.take(64), None);
        assert_eq!(slots.take(u16::MAX), None);
        slots.give(3, u16::MAX);
        assert_eq!(slots.any_free(), Some(0));
    }

    #[test]
    fn a_pool_has_as_many_slots_as_asked() {
        for count in [0_u16, 1, 63, 64, 65] {
            let mut slots = Slots::new(count);
            let mut given = 0;
            while let Some(slot) = slots.any_free() {
                slots.give(slot, given);
                given += 1;
            }
            assert_eq!(given, count.min(64));
        }
    }
}
