//! `Arrival`: when a client that waits is told of what came on a stream.
//!
//! Whoever takes much at a time is told when as much is there as it took the last time, because each time costs two switches
//! between qubes; but no later than [`DELAY_MS`] after the first of it came. Whoever takes little is told at once.

/// How long something that came may wait for more, in milliseconds: less than anybody notices, and at the rates that are worth
/// it, time for tens of frames.
pub(crate) const DELAY_MS: u64 = 2;

/// Bytes taken between two waits from which on a stream counts as one that carries much: more than most single answers have.
const MUCH: usize = 4096;

/// What is known of a stream's pace.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arrival {
    /// How many bytes are worth telling; none and one are the same.
    enough: usize,
    /// Bytes that were taken since that was told last.
    taken: usize,
    /// Since when there is less than that.
    since_ms: Option<u64>,
}

impl Arrival {
    /// So many bytes were taken. Whatever is still there counts as if it had just come.
    pub(crate) const fn took(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_add(bytes);
        self.since_ms = None;
    }

    /// Whether a client that waits has to be told now that there are `bytes`, of which the buffer holds `room` at most.
    pub(crate) fn is_due(&mut self, bytes: usize, room: usize, now_ms: u64) -> bool {
        if bytes == 0 {
            return false;
        }
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        if bytes < self.enough && now_ms < since_ms.saturating_add(DELAY_MS) {
            return false;
        }
        // The other side must have room to go on sending while the client wakes up.
        let most = room / 2;
        self.enough = if self.taken < MUCH { 0 } else { self.taken.min(most) };
        (self.taken, self.since_ms) = (0, None);
        true
    }

    /// When it has to be asked again although nothing more came.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.since_ms.map(|since_ms| since_ms.saturating_add(DELAY_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 65_536;

    #[test]
    fn who_takes_little_is_told_at_once() {
        let mut arrival = Arrival::default();
        for now_ms in 0..100 {
            assert!(!arrival.is_due(0, ROOM, now_ms));
            assert!(arrival.is_due(1, ROOM, now_ms));
            arrival.took(MUCH - 1);
        }
    }

    #[test]
    fn who_takes_much_is_told_of_as_much_but_never_late() {
        let mut arrival = Arrival::default();
        arrival.took(20_000);
        assert!(arrival.is_due(1, ROOM, 5), "nothing was known of it");
        assert!(!arrival.is_due(19_999, ROOM, 6));
        assert_eq!(arrival.next_ms(), Some(6 + DELAY_MS));
        assert!(arrival.is_due(20_000, ROOM, 6));
        arrival.took(20_000);
        assert!(arrival.is_due(20_000, ROOM, 7));
        assert!(!arrival.is_due(1, ROOM, 10));
        assert!(!arrival.is_due(2, ROOM, 10 + DELAY_MS - 1), "more of it does not begin the time anew");
        assert!(arrival.is_due(2, ROOM, 10 + DELAY_MS));
        assert!(arrival.is_due(1, ROOM, 13), "little was taken since");
        arrival.took(usize::MAX);
        assert!(arrival.is_due(1, ROOM, 14));
        assert!(arrival.is_due(ROOM / 2, ROOM, 15), "half of the buffer is always enough");
    }
}
