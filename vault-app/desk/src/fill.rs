//! What of the wire goes into an entry: passwords, one-time codes, tags.

use alloc::string::String;
use alloc::vec::Vec;

use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{self as api, Added, Algorithm, NewPassword, NewTotp, VaultError};
use vault_app_codes::generate::Recipe;
use vault_app_codes::phrase::{self, Capitals, Phrase};
use vault_app_codes::totp::{Hash, STEAM_PERIOD_S, Settings};
use vault_app_codes::{Random, base32};
use vault_app_entries::{Content, Plain, SecretBytes, SecretText, Totp, caps};
use zeroize::Zeroizing;

use crate::error::no_password;

/// The shortest secret of one-time codes in bytes. RFC 4226 section 4 asks for 16; 10 is what the largest sites hand out.
const TOTP_SECRET_MIN: usize = 10;
/// The longest password, which is one of words.
const GENERATED_MAX: usize = phrase::PHRASE_MAX;
const _: () = assert!(GENERATED_MAX >= u8::MAX as usize, "a password of characters has room too");

/// Gives the entry a password.
pub(crate) fn password(
    content: &mut Content,
    from: &NewPassword,
    random: &mut impl Random,
) -> Result<(), VaultError> {
    let mut drawn = Zeroizing::new([0; GENERATED_MAX]);
    let (length, entropy_centibits) = match from {
        NewPassword::Given(given) if given.expose().is_empty() => return Err(VaultError::EmptyPassphrase),
        NewPassword::Given(given) => {
            content.password = SecretText::new(given.expose());
            content.entropy_centibits = None;
            return Ok(());
        }
        NewPassword::Generate(wanted) => {
            let recipe = recipe(*wanted)?;
            let length = recipe.generate(random, &mut *drawn).map_err(no_password)?;
            (length, recipe.entropy_centibits())
        }
        NewPassword::Words(wanted) => {
            let phrase = words(wanted)?;
            let length = phrase.generate(random, &mut *drawn).map_err(no_password)?;
            (length, phrase.entropy_centibits())
        }
    };
    let text = drawn.get(..length).and_then(|drawn| core::str::from_utf8(drawn).ok());
    content.password = SecretText::new(text.ok_or(VaultError::Internal)?);
    content.entropy_centibits = Some(entropy_centibits);
    Ok(())
}

/// What became of the password.
pub(crate) fn added(content: &Content) -> Added {
    Added { entropy_centibits: content.strength().centibits, generated: content.entropy_centibits.is_some() }
}

/// How to make one-time codes.
pub(crate) fn totp(from: &NewTotp) -> Result<Totp, VaultError> {
    let mut secret = Zeroizing::new([0; caps::TOTP_SECRET_MAX]);
    let text = from.secret_base32.expose().as_bytes();
    let length = base32::decode_typed(text, &mut *secret).map_err(|_| VaultError::BadTotp)?;
    if length < TOTP_SECRET_MIN {
        return Err(VaultError::BadTotp);
    }
    let secret = SecretBytes::new(&secret[..length]);
    Ok(Totp { secret, settings: settings(from)?, issuer: Plain::default(), account: Plain::default() })
}

/// Tags in their order, each once.
pub(crate) fn tags(from: &List<Text<64>, 8>) -> Vec<Plain> {
    let mut tags: Vec<Plain> = Vec::with_capacity(from.len());
    for tag in from {
        if !tags.iter().any(|other| other.as_str() == tag.as_str()) {
            tags.push(plain(tag));
        }
    }
    tags
}

pub(crate) fn plain(text: &str) -> Plain {
    Plain::new(String::from(text))
}

fn recipe(wanted: api::Recipe) -> Result<Recipe, VaultError> {
    let api::Recipe { length, lower, upper, digits, symbols, no_look_alikes } = wanted;
    let recipe = Recipe::new(length, [lower, upper, digits, symbols]);
    let recipe = if no_look_alikes { recipe.and_then(Recipe::without_look_alikes) } else { recipe };
    recipe.map_err(no_password)
}

/// Without a separator the words begin with capitals, or they could not be told apart.
fn words(wanted: &api::Words) -> Result<Phrase, VaultError> {
    let capitals = if wanted.separator.is_empty() { Capitals::First } else { Capitals::None };
    Phrase::new(wanted.count, &wanted.separator, capitals).map_err(no_password)
}

fn settings(from: &NewTotp) -> Result<Settings, VaultError> {
    let hash = match from.algorithm {
        Algorithm::Sha1 => Hash::Sha1,
        Algorithm::Sha256 => Hash::Sha256,
        Algorithm::Sha512 => Hash::Sha512,
        Algorithm::Steam if u16::from(from.period_s) == STEAM_PERIOD_S => return Ok(Settings::STEAM),
        Algorithm::Steam => return Err(VaultError::BadTotp),
    };
    Settings::new(hash, from.digits, from.period_s.into()).ok_or(VaultError::BadTotp)
}
