//! What the model refuses, in the words of the wire.

use ipc_proto_vault_api::VaultError;
use vault_app_codes::generate::GenerateError;
use vault_app_entries::search::QueryError;
use vault_app_entries::{Breach, Part, StoreError};

/// What a caller is told of an operation that the store refused.
#[must_use]
pub const fn refusal(error: StoreError) -> VaultError {
    match error {
        StoreError::NoEntry => VaultError::NoSuchEntry,
        // A group inside itself would have no path.
        StoreError::NoGroup | StoreError::Circle => VaultError::NoSuchGroup,
        StoreError::NoAttachment | StoreError::NoVersion => VaultError::NoSuchPart,
        StoreError::Full | StoreError::TooDeep => VaultError::Full,
        StoreError::Recycled => VaultError::InBin,
        StoreError::NotRecycled => VaultError::NotInBin,
        StoreError::Breach(breach) => breached(breach),
        // An id drawn twice, changes out of order, no randomness: nobody's fault but the vault's.
        StoreError::Exists | StoreError::Stale | StoreError::Random => VaultError::Internal,
    }
}

const fn breached(breach: Breach) -> VaultError {
    match breach {
        Breach::TooLong(Part::TotpSecret | Part::TotpLabel) | Breach::Empty(Part::TotpSecret) => {
            VaultError::BadTotp
        }
        Breach::TooLong(_) => VaultError::TooLong,
        Breach::Empty(_) => VaultError::EmptyPassphrase,
        // Names are looked up before they are added, and ids are drawn.
        Breach::Twice(_) | Breach::Reserved(_) => VaultError::Internal,
    }
}

/// What a caller is told of a recipe that gives no password.
pub(crate) const fn no_password(error: GenerateError) -> VaultError {
    match error {
        GenerateError::Weak | GenerateError::Recipe => VaultError::WeakRecipe,
        GenerateError::Random => VaultError::Internal,
    }
}

/// What a caller is told of a search that is none.
pub(crate) const fn no_query(error: QueryError) -> VaultError {
    match error {
        QueryError::TooLong => VaultError::TooLong,
        QueryError::Quote | QueryError::Empty | QueryError::Is => VaultError::BadQuery,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_whose_fault_it_is() {
        for (error, expected) in [
            (StoreError::NoEntry, VaultError::NoSuchEntry),
            (StoreError::NoGroup, VaultError::NoSuchGroup),
            (StoreError::Circle, VaultError::NoSuchGroup),
            (StoreError::NoAttachment, VaultError::NoSuchPart),
            (StoreError::NoVersion, VaultError::NoSuchPart),
            (StoreError::Full, VaultError::Full),
            (StoreError::TooDeep, VaultError::Full),
            (StoreError::Recycled, VaultError::InBin),
            (StoreError::NotRecycled, VaultError::NotInBin),
            (StoreError::Exists, VaultError::Internal),
            (StoreError::Stale, VaultError::Internal),
            (StoreError::Random, VaultError::Internal),
            (StoreError::Breach(Breach::TooLong(Part::Notes)), VaultError::TooLong),
            (StoreError::Breach(Breach::TooLong(Part::TotpSecret)), VaultError::BadTotp),
            (StoreError::Breach(Breach::Empty(Part::TotpSecret)), VaultError::BadTotp),
            (StoreError::Breach(Breach::Empty(Part::Tag)), VaultError::EmptyPassphrase),
            (StoreError::Breach(Breach::Twice(Part::Tag)), VaultError::Internal),
            (StoreError::Breach(Breach::Reserved(Part::Id)), VaultError::Internal),
        ] {
            assert_eq!(refusal(error), expected, "{error:?}");
        }
    }
}
