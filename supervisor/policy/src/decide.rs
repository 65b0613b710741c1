//! A decision word to a verdict.

use crate::chain::Chains;
use crate::fields::Fields;

/// Decision word: refuse.
pub const DENY: u16 = 0;
/// Decision word: let through.
pub const ALLOW: u16 = 1;
/// Decision word: the user decides.
pub const ASK: u16 = 2;
/// Decision words from here on name chain `word - FIRST_CHAIN`.
pub const FIRST_CHAIN: u16 = 3;

/// What policy says about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// Refuse it; the caller gets `Denied`.
    Deny,
    /// Deliver it.
    Allow,
    /// Ask the user first.
    Ask,
}

impl Verdict {
    /// The verdict a decision word or a chain's outcome byte stands for; `None` for a chain.
    #[must_use]
    pub const fn from_word(word: u16) -> Option<Verdict> {
        match word {
            DENY => Some(Verdict::Deny),
            ALLOW => Some(Verdict::Allow),
            ASK => Some(Verdict::Ask),
            _ => None,
        }
    }

    /// The decision word of this verdict.
    #[must_use]
    pub const fn word(self) -> u16 {
        match self {
            Verdict::Deny => DENY,
            Verdict::Allow => ALLOW,
            Verdict::Ask => ASK,
        }
    }
}

/// The verdict for a message whose method compiled to `decision`.
///
/// `fields` is only consulted when `decision >= FIRST_CHAIN`; a caller that wants to save the collecting may compare first.
/// A chain that does not exist denies.
#[inline]
pub fn decide(decision: u16, chains: &Chains<'_>, fields: &impl Fields) -> Verdict {
    match Verdict::from_word(decision) {
        Some(verdict) => verdict,
        None => chains.judge(decision - FIRST_CHAIN, fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::NoFields;

    #[test]
    fn plain_words_need_no_chain() {
        let none = Chains::EMPTY;
        for (word, verdict) in [(DENY, Verdict::Deny), (ALLOW, Verdict::Allow), (ASK, Verdict::Ask)] {
            assert_eq!(decide(word, &none, &NoFields), verdict);
            assert_eq!(verdict.word(), word);
        }
    }

    #[test]
    fn a_chain_that_does_not_exist_denies() {
        for word in [FIRST_CHAIN, FIRST_CHAIN + 1, u16::MAX] {
            assert_eq!(decide(word, &Chains::EMPTY, &NoFields), Verdict::Deny);
        }
    }
}
