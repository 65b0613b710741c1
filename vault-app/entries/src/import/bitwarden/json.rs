//! The shape of the file, as far as it is read.

use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::{Plain, SecretText};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export {
    pub(super) encrypted: Option<bool>,
    pub(super) password_protected: Option<bool>,
    pub(super) folders: Option<Vec<Named>>,
    pub(super) collections: Option<Vec<Named>>,
    pub(super) items: Option<Vec<Item>>,
}

/// A folder or collection.
#[derive(Deserialize, Clone)]
pub(super) struct Named {
    pub(super) id: Option<Plain>,
    pub(super) name: Plain,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    #[serde(rename = "type")]
    pub(super) kind: u8,
    pub(super) folder_id: Option<Plain>,
    pub(super) collection_ids: Option<Vec<Plain>>,
    pub(super) name: Option<Plain>,
    pub(super) notes: Option<SecretText>,
    pub(super) favorite: Option<bool>,
    pub(super) fields: Option<Vec<ItemField>>,
    pub(super) login: Option<Login>,
    pub(super) card: Option<Flat>,
    pub(super) identity: Option<Flat>,
    pub(super) ssh_key: Option<Flat>,
    pub(super) password_history: Option<Vec<Former>>,
    pub(super) creation_date: Option<Plain>,
    pub(super) revision_date: Option<Plain>,
    pub(super) deleted_date: Option<Plain>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemField {
    pub(super) name: Option<Plain>,
    pub(super) value: Option<SecretText>,
    /// 0 text, 1 hidden, 2 boolean, 3 linked to another field.
    #[serde(rename = "type")]
    pub(super) kind: Option<u8>,
    pub(super) linked_id: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Login {
    pub(super) uris: Option<Vec<Uri>>,
    pub(super) username: Option<Plain>,
    pub(super) password: Option<SecretText>,
    pub(super) totp: Option<SecretText>,
    pub(super) fido2_credentials: Option<Vec<Flat>>,
}

#[derive(Deserialize)]
pub(super) struct Uri {
    pub(super) uri: Option<Plain>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Former {
    pub(super) last_used_date: Option<Plain>,
    pub(super) password: Option<SecretText>,
}

/// An object of texts, numbers and truths, in their order; what is empty or deeper is left out.
pub(super) struct Flat(pub(super) Vec<(Plain, SecretText)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Flat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Plain, Scalar>()? {
                    members.extend(value.0.filter(|value| !value.is_empty()).map(|value| (name, value)));
                }
                Ok(Flat(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct Scalar(Option<SecretText>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(SecretText::new(text))))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar(Some(SecretText::new(if truth { "true" } else { "false" }))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(alloc::format!("{number}").into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(alloc::format!("{number}").into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar(Some(alloc::format!("{number}").into())))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }
}
