//! Ids of 128 random bits: nothing about an entry follows from its id, and two stores never make the same.

use core::fmt;

use serde::{Deserialize, Serialize};
use vault_app_codes::{Random, RandomError};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn bytes(self) -> [u8; 16] {
                self.0
            }

            /// The id as a number, for a record store; its order is the order of ids.
            #[must_use]
            pub const fn number(self) -> u128 {
                u128::from_be_bytes(self.0)
            }

            /// A new id.
            ///
            /// # Errors
            /// When the source of randomness fails.
            pub fn random(random: &mut impl Random) -> Result<Self, RandomError> {
                let mut bytes = [0; 16];
                random.fill(&mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:032x})", stringify!($name), self.number())
            }
        }
    };
}

id!(
    /// Names an entry for as long as it exists, wherever it is moved.
    EntryId
);
id!(
    /// Names a group.
    GroupId
);
id!(
    /// Names the content of an attachment. Who keeps contents makes these.
    ContentId
);

impl GroupId {
    /// The root: above all groups, no record of its own, never in the bin.
    pub const ROOT: Self = Self([0; 16]);
}
