//! Trust labels: colour, shape and word together, because a colour alone is nothing to one man in twelve.

use core::fmt;

use serde::{Deserialize, Serialize};

/// How far a qube is trusted, as people see it. The order is the number in the manifest, not a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Label {
    /// Red circle: anything may come in here.
    Untrusted = 0,
    /// Yellow square.
    Personal = 1,
    /// Blue triangle.
    Work = 2,
    /// Black diamond: secrets; printed black on white.
    Vault = 3,
    /// Green star, free for the user.
    Green = 4,
    /// Orange cross, free for the user.
    Orange = 5,
    /// Purple half circle, free for the user.
    Purple = 6,
    /// Grey ring, free for the user.
    Grey = 7,
}

impl Label {
    /// All labels, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Untrusted,
        Self::Personal,
        Self::Work,
        Self::Vault,
        Self::Green,
        Self::Orange,
        Self::Purple,
        Self::Grey,
    ];

    /// The label with this number, 0 to 7.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Untrusted),
            1 => Some(Self::Personal),
            2 => Some(Self::Work),
            3 => Some(Self::Vault),
            4 => Some(Self::Green),
            5 => Some(Self::Orange),
            6 => Some(Self::Purple),
            7 => Some(Self::Grey),
            _ => None,
        }
    }

    /// The number, 0 to 7.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// The label with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.word() == word)
    }

    /// The word, as the manifest writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Personal => "personal",
            Self::Work => "work",
            Self::Vault => "vault",
            Self::Green => "green",
            Self::Orange => "orange",
            Self::Purple => "purple",
            Self::Grey => "grey",
        }
    }

    /// The shape that goes with the colour.
    #[must_use]
    pub const fn shape(self) -> char {
        match self {
            Self::Untrusted => '●',
            Self::Personal => '■',
            Self::Work => '▲',
            Self::Vault => '◆',
            Self::Green => '★',
            Self::Orange => '✚',
            Self::Purple => '◐',
            Self::Grey => '○',
        }
    }

    /// The name of the colour.
    #[must_use]
    pub const fn colour(self) -> &'static str {
        match self {
            Self::Untrusted => "red",
            Self::Personal => "yellow",
            Self::Work => "blue",
            Self::Vault => "black",
            Self::Green => "green",
            Self::Orange => "orange",
            Self::Purple => "purple",
            Self::Grey => "grey",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_has_its_own_number_word_shape_and_colour() {
        for (number, label) in Label::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(label.as_u8()), number);
            assert_eq!(Label::from_u8(label.as_u8()), Some(label));
            assert_eq!(Label::from_word(label.word()), Some(label));
            for other in Label::ALL.into_iter().filter(|other| *other != label) {
                assert_ne!(label.shape(), other.shape());
                assert_ne!(label.colour(), other.colour());
            }
        }
        assert_eq!(Label::from_u8(8), None);
        assert_eq!(Label::from_word("red"), None);
    }
}
