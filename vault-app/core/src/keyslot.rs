//! What stands in a key slot of the volume: the volume's key, wrapped under a passphrase and, if there is one, a key file.
//!
//! Anybody can read it, and whoever owns the disk can change it. So the cost is within caps before anything is derived, and
//! everything before the wrapped key is bound to it: a changed byte opens nothing. Another passphrase is another slot and
//! no other byte of the volume.
//!
//! Layout, 120 bytes: version 1; 1 if a key file belongs to it, else 0; memory in KiB, passes and lanes of Argon2id, each u32
//! little endian; 32 bytes of salt; 24 of nonce; 32 of wrapped key; 16 of tag, and 2 bytes of zeros that make it whole words.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use unikernels_volume::{KEY_SIZE, VolumeKey};
use vault_app_kdf::{Block, Cost, KdfError, derive};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const SALT_SIZE: usize = 32;
const NONCE_SIZE: usize = 24;
const TAG_SIZE: usize = 16;
const COST_AT: usize = 2;
const SALT_AT: usize = COST_AT + 12;
const NONCE_AT: usize = SALT_AT + SALT_SIZE;
const KEY_AT: usize = NONCE_AT + NONCE_SIZE;
const TAG_AT: usize = KEY_AT + KEY_SIZE;
const END: usize = TAG_AT + TAG_SIZE;
/// A slot's length in bytes.
pub(crate) const SLOT_SIZE: usize = END.next_multiple_of(4);
const _: () = assert!(SLOT_SIZE <= unikernels_volume::SLOT_MAX && SLOT_SIZE == 120);

/// What opens a store, as it was typed.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The passphrase.
    pub passphrase: &'a [u8],
    /// The key file's content.
    pub key_file: Option<&'a [u8]>,
}

/// A slot as it stands on the disk.
pub(crate) struct KeySlot([u8; SLOT_SIZE]);

/// Bytes that are no slot of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSlot;

impl KeySlot {
    /// Wraps a volume's key.
    pub(crate) fn wrap(
        key: &VolumeKey,
        keys: Keys<'_>,
        cost: Cost,
        blocks: &mut [Block],
        random: &mut impl FnMut(&mut [u8]),
    ) -> Result<Self, KdfError> {
        let mut slot = [0; SLOT_SIZE];
        slot[0] = VERSION;
        slot[1] = u8::from(keys.key_file.is_some());
        for (place, number) in slot[COST_AT..SALT_AT].as_chunks_mut().0.iter_mut().zip(numbers(cost)) {
            *place = number.to_le_bytes();
        }
        random(&mut slot[SALT_AT..KEY_AT]);
        slot[KEY_AT..TAG_AT].copy_from_slice(key.expose());
        let cipher = cipher(keys, cost, &slot, blocks)?;
        let (clear, rest) = slot.split_at_mut(KEY_AT);
        let (wrapped, rest) = rest.split_at_mut(KEY_SIZE);
        let nonce: &[u8; NONCE_SIZE] = field(clear, NONCE_AT);
        let tag = cipher
            .encrypt_inout_detached(nonce.into(), clear, wrapped.into())
            .expect("a key is far below the 256 GiB this cipher takes");
        rest[..TAG_SIZE].copy_from_slice(&tag);
        Ok(Self(slot))
    }

    /// The slot in these bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NoSlot> {
        let slot = Self(bytes.try_into().map_err(|_| NoSlot)?);
        let is_ours = slot.0[0] == VERSION && slot.0[1] <= 1 && slot.0[END..].iter().all(|byte| *byte == 0);
        if is_ours && slot.cost().is_ok() { Ok(slot) } else { Err(NoSlot) }
    }

    /// The volume's key; `None` when the keys are not those that it was wrapped under, or the slot was changed.
    ///
    /// # Errors
    /// The cost is more than there is memory for.
    pub(crate) fn unwrap(&self, keys: Keys<'_>, blocks: &mut [Block]) -> Result<Option<VolumeKey>, KdfError> {
        let slot = &self.0;
        let cipher = cipher(keys, self.cost()?, slot, blocks)?;
        let mut key: Zeroizing<[u8; KEY_SIZE]> = Zeroizing::new(*field(slot, KEY_AT));
        let (nonce, tag): (&[u8; NONCE_SIZE], &[u8; TAG_SIZE]) = (field(slot, NONCE_AT), field(slot, TAG_AT));
        let opened = cipher.decrypt_inout_detached(
            nonce.into(),
            &slot[..KEY_AT],
            key.as_mut_slice().into(),
            tag.into(),
        );
        Ok(opened.is_ok().then(|| VolumeKey::new(*key)))
    }

    /// Whether a key file belongs to it.
    pub(crate) const fn has_key_file(&self) -> bool {
        self.0[1] == 1
    }

    /// What a derivation costs.
    pub(crate) fn cost(&self) -> Result<Cost, KdfError> {
        let numbers = self.0[COST_AT..SALT_AT].as_chunks().0;
        let number = |at: usize| numbers.get(at).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Cost::new(number(0), number(1), number(2))
    }

    /// Its bytes.
    pub(crate) const fn bytes(&self) -> &[u8; SLOT_SIZE] {
        &self.0
    }
}

const fn numbers(cost: Cost) -> [u32; 3] {
    [cost.memory_kib(), cost.passes(), cost.lanes()]
}

/// The cipher that wraps: Argon2id of the passphrase, then HKDF-SHA256 (RFC 5869) with the key file's hash as salt.
fn cipher(
    keys: Keys<'_>,
    cost: Cost,
    slot: &[u8; SLOT_SIZE],
    blocks: &mut [Block],
) -> Result<XChaCha20Poly1305, KdfError> {
    let mut derived = Zeroizing::new([0; KEY_SIZE]);
    let salt: &[u8; SALT_SIZE] = field(slot, SALT_AT);
    derive(cost, keys.passphrase, salt, blocks, &mut derived)?;
    let file: Option<Zeroizing<[u8; 32]>> =
        keys.key_file.map(|file| Zeroizing::new(Sha256::digest(file).into()));
    let mut key = Zeroizing::new([0; KEY_SIZE]);
    Hkdf::<Sha256>::new(file.as_ref().map(|file| file.as_slice()), derived.as_slice())
        .expand(b"skep vault 1: key slot", key.as_mut_slice())
        .expect("one key is far below the 255 hashes that HKDF can give");
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

/// So many bytes from a place on. The places are this file's own constants.
fn field<const N: usize>(slot: &[u8], at: usize) -> &[u8; N] {
    slot.get(at..).and_then(|rest| rest.first_chunk()).expect("the layout has room for its fields")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = match Cost::new(32, 1, 1) {
        Ok(cost) => cost,
        Err(_) => panic!("within the caps"),
    };

    fn keys<'a>(passphrase: &'a str, key_file: Option<&'a str>) -> Keys<'a> {
        Keys { passphrase: passphrase.as_bytes(), key_file: key_file.map(str::as_bytes) }
    }

    fn blocks() -> Vec<Block> {
        vec![Block::new(); COST.blocks()]
    }

    fn wrap(keys: Keys<'_>, seed: u8) -> KeySlot {
        let mut random = |bytes: &mut [u8]| bytes.fill(seed);
        KeySlot::wrap(&VolumeKey::new([7; KEY_SIZE]), keys, COST, &mut blocks(), &mut random).unwrap()
    }

    fn unwrap(slot: &KeySlot, keys: Keys<'_>) -> Option<[u8; KEY_SIZE]> {
        slot.unwrap(keys, &mut blocks()).unwrap().map(|key| *key.expose())
    }

    #[test]
    fn only_the_very_keys_open_it() {
        let all = [
            keys("a", None),
            keys("b", None),
            keys("a", Some("f")),
            keys("a", Some("g")),
            keys("a", Some("")),
        ];
        for (wrapping, with) in all.iter().enumerate() {
            let slot = wrap(*with, 1);
            let slot = KeySlot::read(slot.bytes()).unwrap();
            assert_eq!(slot.has_key_file(), with.key_file.is_some());
            for (opening, with) in all.iter().enumerate() {
                assert_eq!(unwrap(&slot, *with), (opening == wrapping).then_some([7; KEY_SIZE]));
            }
        }
    }

    #[test]
    fn no_changed_byte_opens_or_costs_more_than_the_caps() {
        let good = wrap(keys("a", None), 1);
        let mut room = vec![Block::new(); 1024];
        for at in 0..SLOT_SIZE {
            for bit in 0..8 {
                let mut bytes = *good.bytes();
                bytes[at] ^= 1 << bit;
                let Ok(slot) = KeySlot::read(&bytes) else { continue };
                // Not more than the memory there is; passes are bounded, but a test need not wait for them.
                if slot.cost().unwrap().work_kib() > 1024 {
                    continue;
                }
                assert!(slot.unwrap(keys("a", None), &mut room).unwrap().is_none(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_slot_that_wants_more_memory_than_there_is_is_an_error() {
        let slot = wrap(keys("a", None), 1);
        assert_eq!(slot.unwrap(keys("a", None), &mut blocks()[1..]).err(), Some(KdfError::TooFewBlocks));
    }

    #[test]
    fn salt_and_nonce_make_every_slot_another() {
        let (one, two) = (wrap(keys("a", None), 1), wrap(keys("a", None), 2));
        assert!(one.bytes()[KEY_AT..TAG_AT] != two.bytes()[KEY_AT..TAG_AT]);
        assert!(one.bytes()[KEY_AT..TAG_AT] != [7; KEY_SIZE]);
    }

    #[test]
    fn other_bytes_are_no_slot() {
        let good = *wrap(keys("a", None), 1).bytes();
        assert_eq!(KeySlot::read(&good[1..]).err(), Some(NoSlot));
        for (at, value) in [(0, 2), (1, 2), (SLOT_SIZE - 1, 1), (COST_AT + 3, 1), (COST_AT + 8, 0)] {
            let mut bytes = good;
            bytes[at] = value;
            assert_eq!(KeySlot::read(&bytes).err(), Some(NoSlot), "byte {at}");
        }
    }
}
