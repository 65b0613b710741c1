//! The store: entries, the key, and the three states they can be in.
//!
//! | state | arena | key |
//! |---|---|---|
//! | Empty | zero | zero |
//! | Locked | sealed | zero |
//! | Unlocked | in the clear | present |
//!
//! Invariants: the arena is in the clear only while Unlocked. [`Store::lock`] can't fail: the nonce it seals with was
//! drawn when the store was opened, so a source of randomness that dies later can't keep the plaintext alive. A nonce
//! is used for one sealing. A passphrase is checked by the seal's tag, and not looked at while a wait runs.
//!
//! Deliberately absent: a clock (time is an argument), a way back from a forgotten passphrase, a disk.

use crate::VaultError;
use crate::arena::{Arena, InsertError};
use crate::base32;
use crate::delay::Delay;
use crate::generate::{GenerateError, Recipe};
use crate::key::{self, Block, Cost, DeriveError, KEY_SIZE, SALT_SIZE};
use crate::seal::{self, NONCE_SIZE, TAG_SIZE};
use crate::slot::{Entry, SlotMut};
use crate::totp::Settings;
use crate::{Random, RandomError};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// What the store is doing with its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Never initialised.
    Empty,
    /// Sealed; the key is gone.
    Locked,
    /// In the clear.
    Unlocked,
}

/// The shortest TOTP secret in bytes. RFC 4226 asks for 16; 10 is what the largest sites hand out.
pub const TOTP_SECRET_MIN: usize = 10;

/// An entry to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    /// Its name, unique, not empty.
    pub name: &'a str,
    /// The user name at the site.
    pub user: &'a str,
    /// Where its password comes from.
    pub password: NewPassword<'a>,
    /// The base32 secret and the settings of its one-time codes.
    pub totp: Option<(&'a str, Settings)>,
}

/// Where a password comes from.
#[derive(Clone, Copy)]
pub enum NewPassword<'a> {
    /// Somebody made it up.
    Given(&'a str),
    /// The store draws it.
    Generate(Recipe),
}

impl core::fmt::Debug for NewPassword<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(***)"),
            Self::Generate(recipe) => f.debug_tuple("Generate").field(recipe).finish(),
        }
    }
}

/// The entries of one vault. `blocks` is the memory Argon2id works in, lent for the store's life.
pub struct Store<'m, R: Random> {
    phase: Phase,
    arena: Arena,
    key: [u8; KEY_SIZE],
    salt: [u8; SALT_SIZE],
    /// Locked: the nonce of the seal. Unlocked: the nonce the next seal will use.
    nonce: [u8; NONCE_SIZE],
    tag: [u8; TAG_SIZE],
    delay: Delay,
    cost: Cost,
    blocks: &'m mut [Block],
    random: R,
}

impl<'m, R: Random> Store<'m, R> {
    /// An empty store. `blocks` must be [`Cost::blocks`] long, or every derivation answers [`VaultError::Internal`].
    pub const fn new(cost: Cost, blocks: &'m mut [Block], random: R) -> Self {
        Self {
            phase: Phase::Empty,
            arena: Arena::new(),
            key: [0; KEY_SIZE],
            salt: [0; SALT_SIZE],
            nonce: [0; NONCE_SIZE],
            tag: [0; TAG_SIZE],
            delay: Delay::new(),
            cost,
            blocks,
            random,
        }
    }

    /// The state.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many milliseconds the next passphrase must still wait; 0 when it may come.
    pub fn retry_after_ms(&self, now_ms: u64) -> u32 {
        self.delay.left_ms(now_ms)
    }

    /// Makes an empty store one that `passphrase` opens, and leaves it open.
    ///
    /// # Errors
    /// `AlreadyInitialised`, `EmptyPassphrase`, `Internal`; the store is still Empty then.
    pub fn init(&mut self, passphrase: &str) -> Result<(), VaultError> {
        if self.phase != Phase::Empty {
            return Err(VaultError::AlreadyInitialised);
        }
        if passphrase.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        self.random.fill(&mut self.salt).map_err(no_random)?;
        self.random.fill(&mut self.nonce).map_err(no_random)?;
        key::derive(self.cost, passphrase.as_bytes(), &self.salt, self.blocks, &mut self.key)?;
        self.arena.wipe();
        self.phase = Phase::Unlocked;
        Ok(())
    }

    /// Opens a locked store. Opening an open one is no error, but checks nothing. The time is asked for twice: deriving
    /// the key takes long, and the wait after a wrong passphrase begins when that is known.
    ///
    /// # Errors
    /// `NotInitialised`, `EmptyPassphrase`, `TooSoon`, `WrongPassphrase`, `Internal`; the store is still Locked then.
    pub fn unlock(&mut self, passphrase: &str, now_ms: impl Fn() -> u64) -> Result<(), VaultError> {
        match self.phase {
            Phase::Empty => return Err(VaultError::NotInitialised),
            Phase::Unlocked => return Ok(()),
            Phase::Locked => {}
        }
        self.may_try(passphrase, now_ms())?;
        let mut nonce = [0; NONCE_SIZE];
        self.random.fill(&mut nonce).map_err(no_random)?;
        key::derive(self.cost, passphrase.as_bytes(), &self.salt, self.blocks, &mut self.key)?;
        let bytes = self.arena.bytes_mut();
        if seal::open(&self.key, &self.nonce, &self.tag, &self.salt, self.cost, bytes).is_err() {
            self.key.zeroize();
            return Err(self.wrong(now_ms()));
        }
        self.nonce = nonce;
        self.delay.clear();
        self.phase = Phase::Unlocked;
        Ok(())
    }

    /// Seals an open store and forgets the key. Does nothing in the other states. Can't fail.
    pub fn lock(&mut self) {
        if self.phase == Phase::Unlocked {
            self.tag = seal::seal(&self.key, &self.nonce, &self.salt, self.cost, self.arena.bytes_mut());
            self.key.zeroize();
            self.phase = Phase::Locked;
        }
    }

    /// Makes `new` the passphrase of an open store, with a new salt.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, `EmptyPassphrase`, `TooSoon`, `WrongPassphrase` when `old` is not the passphrase,
    /// `Internal`; the old one still holds then.
    pub fn change(&mut self, old: &str, new: &str, now_ms: impl Fn() -> u64) -> Result<(), VaultError> {
        self.must_be_open()?;
        if new.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        self.may_try(old, now_ms())?;
        let mut key = Zeroizing::new([0; KEY_SIZE]);
        key::derive(self.cost, old.as_bytes(), &self.salt, self.blocks, &mut key)?;
        if !bool::from(key.ct_eq(&self.key)) {
            return Err(self.wrong(now_ms()));
        }
        let (mut salt, mut nonce) = ([0; SALT_SIZE], [0; NONCE_SIZE]);
        self.random.fill(&mut salt).map_err(no_random)?;
        self.random.fill(&mut nonce).map_err(no_random)?;
        key::derive(self.cost, new.as_bytes(), &salt, self.blocks, &mut key)?;
        self.key.copy_from_slice(&*key);
        self.salt = salt;
        self.nonce = nonce;
        self.delay.clear();
        Ok(())
    }

    /// Adds an entry and returns the entropy of its password in hundredths of a bit, 0 for one somebody made up.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, `EntryExists`, `Full`, `EmptyPassphrase` for an empty name or password, `BadTotp`,
    /// `Internal`; nothing is added then.
    pub fn add(&mut self, entry: &NewEntry<'_>) -> Result<u32, VaultError> {
        self.must_be_open()?;
        let random = &mut self.random;
        self.arena.insert(entry.name, |slot| write(slot, entry, random))
    }

    /// The entries, sorted by name.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`.
    pub fn entries(&self) -> Result<impl Iterator<Item = Entry<'_>>, VaultError> {
        self.must_be_open()?;
        Ok(self.arena.entries())
    }

    /// How many entries there are; 0 unless open, since the number is sealed too.
    pub fn len(&self) -> usize {
        if self.phase == Phase::Unlocked { self.arena.len() } else { 0 }
    }

    /// Whether [`Store::len`] is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, `NoSuchEntry`.
    pub fn entry(&self, name: &str) -> Result<Entry<'_>, VaultError> {
        self.must_be_open()?;
        self.arena.find(name).ok_or(VaultError::NoSuchEntry)
    }

    /// Removes the entry of this name for good.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, `NoSuchEntry`.
    pub fn remove(&mut self, name: &str) -> Result<(), VaultError> {
        self.must_be_open()?;
        if self.arena.remove(name) { Ok(()) } else { Err(VaultError::NoSuchEntry) }
    }

    fn must_be_open(&self) -> Result<(), VaultError> {
        match self.phase {
            Phase::Empty => Err(VaultError::NotInitialised),
            Phase::Locked => Err(VaultError::Locked),
            Phase::Unlocked => Ok(()),
        }
    }

    /// Whether a passphrase may be looked at now. An empty one costs no wait: it can't be right.
    fn may_try(&self, passphrase: &str, now_ms: u64) -> Result<(), VaultError> {
        if passphrase.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        match self.delay.left_ms(now_ms) {
            0 => Ok(()),
            retry_after_ms => Err(VaultError::TooSoon { retry_after_ms }),
        }
    }

    fn wrong(&mut self, now_ms: u64) -> VaultError {
        VaultError::WrongPassphrase { retry_after_ms: self.delay.fail(now_ms) }
    }
}

impl<R: Random> Drop for Store<'_, R> {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Writes a new entry into its zeroed record.
fn write(mut slot: SlotMut<'_>, entry: &NewEntry<'_>, random: &mut impl Random) -> Result<u32, VaultError> {
    let fits = slot.set_name(entry.name) && slot.set_user(entry.user);
    let mut entropy_centibits = 0;
    match entry.password {
        NewPassword::Given("") => return Err(VaultError::EmptyPassphrase),
        NewPassword::Given(password) if fits && slot.set_password(password) => {}
        NewPassword::Generate(recipe) if fits => {
            entropy_centibits = recipe.entropy_centibits();
            let length = recipe.generate(random, slot.password_field()).map_err(no_password)?;
            slot.set_generated(length, entropy_centibits);
        }
        // The service's types are as long as the record's fields, so this is our mistake.
        NewPassword::Given(_) | NewPassword::Generate(_) => return Err(VaultError::Internal),
    }
    if let Some((secret, settings)) = entry.totp {
        let length =
            base32::decode(secret.as_bytes(), slot.totp_secret_field()).map_err(|_| VaultError::BadTotp)?;
        if length < TOTP_SECRET_MIN {
            return Err(VaultError::BadTotp);
        }
        if !slot.set_totp(settings, length) {
            return Err(VaultError::BadTotp);
        }
    }
    Ok(entropy_centibits)
}

impl From<InsertError> for VaultError {
    fn from(error: InsertError) -> Self {
        match error {
            InsertError::Exists => Self::EntryExists,
            InsertError::Full => Self::Full,
        }
    }
}

impl From<DeriveError> for VaultError {
    fn from(_: DeriveError) -> Self {
        Self::Internal
    }
}

/// The source of randomness failed, which is our trouble and nobody else's.
fn no_random(_: RandomError) -> VaultError {
    VaultError::Internal
}

/// What a caller is told of a recipe that gives no password.
pub(crate) fn no_password(error: GenerateError) -> VaultError {
    match error {
        GenerateError::Weak | GenerateError::Recipe => VaultError::WeakRecipe,
        GenerateError::Random => VaultError::Internal,
    }
}
