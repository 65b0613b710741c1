//! Random bytes for rustls, from the generator of the connection whose turn it is.
//!
//! rustls wants its generator as a static object without state of a connection. So whoever calls into rustls lends
//! its generator for the time of the call; a call without one gets an error, not predictable bytes.

use rustls::crypto::{GetRandomFailed, SecureRandom};
use spin::Mutex;
use unikernels_sdk::{Csprng, SEED_BYTES};

/// Held as long as a generator is lent: one connection at a time. A qube has one thread; tests have more.
static TURN: Mutex<()> = Mutex::new(());
/// The generator that is lent.
static LENT: Mutex<Option<Csprng>> = Mutex::new(None);

/// Calls with this generator lent to [`Current`].
pub(crate) fn lend<T>(random: &mut Csprng, call: impl FnOnce() -> T) -> T {
    let turn = TURN.lock();
    *LENT.lock() = Some(core::mem::replace(random, Csprng::new([0; SEED_BYTES])));
    let result = call();
    if let Some(back) = LENT.lock().take() {
        *random = back;
    }
    drop(turn);
    result
}

/// Fills with random bytes.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
    LENT.lock().as_mut().ok_or(GetRandomFailed)?.fill(buffer);
    Ok(())
}

/// The generator that is lent.
#[derive(Debug)]
pub(crate) struct Current;

impl SecureRandom for Current {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        fill(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_generator_goes_on_where_it_was() {
        let (mut lent, mut plain) = (Csprng::new([5; 32]), Csprng::new([5; 32]));
        for _ in 0..2 {
            let (mut ours, mut theirs) = ([0; 40], [0; 40]);
            lend(&mut lent, || Current.fill(&mut ours)).unwrap();
            plain.fill(&mut theirs);
            assert_eq!(ours, theirs);
        }
        assert_eq!(lent.next_u64(), plain.next_u64());
    }

    #[test]
    fn without_a_generator_nothing_is_random() {
        let turn = TURN.lock();
        let mut bytes = [0; 4];
        assert!(Current.fill(&mut bytes).is_err());
        assert_eq!(bytes, [0; 4]);
        drop(turn);
    }
}
