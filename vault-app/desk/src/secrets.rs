//! Secrets of an entry, given away. Of what is in the bin only [`crate::entry`] gives the password, since its answer says so.

use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api::{Code, Reveal, VaultError};
use vault_app_entries::{Store, otpauth};

use crate::edit::live;

/// One secret of an entry.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`, `NoSuchPart` for a field or version that is not there, `NoTotp`; `TooLong` for a
/// secret that has no room in the answer.
pub fn reveal(store: &Store, name: &str, what: &Reveal) -> Result<Secret<Text<4096>>, VaultError> {
    let entry = live(store, name)?;
    let content = &entry.content;
    match what {
        Reveal::Password => secret(content.password.expose()),
        Reveal::Notes => secret(content.notes.expose()),
        Reveal::Field(field) => secret(content.field(field).ok_or(VaultError::NoSuchPart)?.value.expose()),
        Reveal::OldPassword(version) => {
            let version = entry.history.get(usize::from(*version)).ok_or(VaultError::NoSuchPart)?;
            secret(version.content.password.expose())
        }
        Reveal::Totp => {
            let totp = content.totp.as_ref().ok_or(VaultError::NoTotp)?;
            secret(otpauth::print(totp).expose())
        }
    }
}

/// The password of an entry, to be given away once.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`; `TooLong` for a password that has no room in the answer.
pub fn copy_once(store: &Store, name: &str) -> Result<Secret<Text<1024>>, VaultError> {
    secret(live(store, name)?.content.password.expose())
}

/// The one-time code of an entry. A life of more than 255 seconds is said to be 255.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`, `NoTotp`.
pub fn totp(store: &Store, name: &str, now_s: u64) -> Result<Code, VaultError> {
    let totp = live(store, name)?.content.totp.as_ref().ok_or(VaultError::NoTotp)?;
    let (code, seconds_left) = totp.code(now_s);
    Ok(Code { digits: secret(code.expose())?, seconds_left: u8::try_from(seconds_left).unwrap_or(u8::MAX) })
}

/// Whole or not at all. Written in place.
pub(crate) fn secret<const N: usize>(text: &str) -> Result<Secret<Text<N>>, VaultError> {
    let mut secret = Secret::new(Text::new());
    secret.expose_mut().push_str(text).map_err(|_| VaultError::TooLong)?;
    Ok(secret)
}
