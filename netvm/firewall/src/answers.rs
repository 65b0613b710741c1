//! `Answers`: what the resolver told one client, for as long as it may believe it.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::name::HostName;

/// Most answers kept for one client: without it a client could have us keep names until our memory is full. When it is
/// reached, the answer that ends first goes, which is always one of the same client.
pub const ANSWERS_MAX: usize = 64;

/// A shorter TTL counts as this many seconds: who resolves a name and connects to the address in a second call needs it.
pub const TTL_MIN_S: u32 = 5;

/// A longer TTL counts as this many seconds, one day: an answer that was wrong once is not believed for ever.
pub const TTL_MAX_S: u32 = 86_400;

/// The longest TTL there can be; one with its top bit set counts as 0 (RFC 2181 section 8).
const TTL_LAWFUL_MAX_S: u32 = u32::MAX >> 1;

const MS_IN_A_SECOND: u64 = 1000;

/// The answers of one client.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<Answer>);

#[derive(Debug)]
struct Answer {
    name: HostName,
    address: IpAddr,
    until_ms: u64,
}

impl Answers {
    /// None.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// From now on the name has this address, until its TTL is over.
    pub(crate) fn learn(&mut self, name: &HostName, address: IpAddr, ttl_s: u32, now_ms: u64) {
        let ttl_s = if ttl_s > TTL_LAWFUL_MAX_S { 0 } else { ttl_s };
        let ttl_s = u64::from(ttl_s.clamp(TTL_MIN_S, TTL_MAX_S));
        let until_ms = now_ms.saturating_add(ttl_s.saturating_mul(MS_IN_A_SECOND));
        let address = address.to_canonical();
        self.0.retain(|answer| answer.until_ms > now_ms);
        if let Some(known) = self.0.iter_mut().find(|known| known.address == address && known.name == *name) {
            known.until_ms = known.until_ms.max(until_ms);
            return;
        }
        if self.0.len() >= ANSWERS_MAX {
            let first = self.0.iter().enumerate().min_by_key(|(_, answer)| answer.until_ms);
            if let Some((first, _)) = first {
                self.0.swap_remove(first);
            }
        }
        self.0.push(Answer { name: name.clone(), address, until_ms });
    }

    /// The addresses that this name has now.
    pub(crate) fn addresses(&self, name: &HostName, now_ms: u64) -> impl Iterator<Item = IpAddr> {
        let known = self.0.iter().filter(move |answer| answer.name == *name && answer.until_ms > now_ms);
        known.map(|answer| answer.address)
    }

    /// The names that have this address now.
    pub(crate) fn names(&self, address: IpAddr, now_ms: u64) -> impl Iterator<Item = &HostName> {
        let address = address.to_canonical();
        let known = self.0.iter().filter(move |answer| answer.address == address && answer.until_ms > now_ms);
        known.map(|answer| &answer.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

    fn name(text: &str) -> HostName {
        HostName::new(text).unwrap()
    }

    #[test]
    fn an_answer_ends_with_its_ttl() {
        let check = |ttl_s: u32, last_ms: u64| {
            let mut answers = Answers::new();
            answers.learn(&name("a.example"), HERE, ttl_s, 1000);
            assert_eq!(answers.names(HERE, 1000 + last_ms - 1).count(), 1, "TTL {ttl_s}");
            assert_eq!(answers.names(HERE, 1000 + last_ms).count(), 0, "TTL {ttl_s}");
        };
        check(60, 60_000);
        check(0, 5_000);
        check(u32::MAX >> 1, 86_400_000);
        check(1 << 31, 5_000);
        check(u32::MAX, 5_000);
    }

    #[test]
    fn a_second_answer_prolongs_and_never_shortens() {
        let mut answers = Answers::new();
        answers.learn(&name("a.example"), HERE, 60, 0);
        answers.learn(&name("a.example"), HERE, 10, 0);
        assert_eq!(answers.names(HERE, 59_999).count(), 1);
        answers.learn(&name("a.example"), HERE, 60, 30_000);
        assert_eq!(answers.names(HERE, 89_999).count(), 1);
    }

    #[test]
    fn of_too_many_answers_the_one_that_ends_first_goes() {
        let mut answers = Answers::new();
        for number in 0..1000 {
            answers.learn(&name(&format!("n{number}.example")), HERE, 100 + number, 0);
        }
        let names: Vec<_> = answers.names(HERE, 0).map(HostName::as_str).collect();
        assert_eq!(names.len(), ANSWERS_MAX);
        assert!(names.contains(&"n999.example") && !names.contains(&"n935.example"), "{names:?}");
    }
}
