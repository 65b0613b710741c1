//! The store's life: empty, locked, open, unavailable.
//!
//! What a method can't do changes nothing. When the disk fails in the middle of a change nobody can say which state it holds;
//! then the store locks itself, and unlocking shows it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ipc_proto_vault_api::{Storage, VaultError};
use unikernels_volume::{KeySlots, OpenError, Volume, VolumeError, VolumeKey, read_slots};
use vault_app_entries::Store;
use vault_app_entries::store::{LoadFault, Loader};
use vault_app_kdf::{Block, Cost, KdfError, calibrate};
use vault_app_signing::Signer;

use crate::delay::Delay;
use crate::keyslot::{KeySlot, Keys};
use crate::medium::{Medium, Shared};
use crate::record::{self, Kind, Settings};

/// The key slot in use.
const SLOT: usize = 0;
/// What an unlocking should take on the machine where the passphrase was chosen, in milliseconds: as long as a person waits
/// without wondering.
const UNLOCK_MS: u64 = 1_000;
/// Most bytes of memory that entries and groups take: 18,000 small ones. A qube has 30 MiB beside Argon2id's; the rest is for what an
/// operation works out, and for files.
const BUDGET: usize = 20 * 1024 * 1024;

/// What a new passphrase costs to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// About a second on this machine, and no less than [`Cost::FLOOR`].
    Measured,
    /// This.
    Fixed(Cost),
}

/// The state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Never initialised.
    Empty,
    /// Only the disk knows what the entries are.
    Locked,
    /// The entries are in memory.
    Unlocked,
    /// The disk does not answer, or does not hold a store.
    Unavailable,
}

/// What is known while it is open.
pub(crate) struct Open<M, F> {
    pub(crate) volume: Volume<Shared<M>, F>,
    pub(crate) store: Store,
    pub(crate) settings: Settings,
}

/// What is known while it is not.
enum Closed {
    /// The disk was not looked at since something failed.
    Unknown,
    Empty,
    /// On the heap: the others have nothing to keep.
    Locked(Box<KeySlots>),
    Unavailable(VaultError),
}

/// A store on a medium. `F` fills a buffer with random bytes and never fails.
pub struct Session<'m, M, F> {
    medium: Shared<M>,
    random: F,
    pub(crate) blocks: &'m mut [Block],
    effort: Effort,
    closed: Closed,
    /// On the heap, so that it is wiped where it was.
    pub(crate) open: Option<Box<Open<M, F>>>,
    pub(crate) signer: Signer,
    delay: Delay,
    used_ms: u64,
}

impl<'m, M: Medium, F: FnMut(&mut [u8]) + Clone> Session<'m, M, F> {
    /// A store on `medium`, which is looked at when it is first needed. `blocks` is the memory Argon2id works in.
    pub fn new(medium: M, random: F, blocks: &'m mut [Block], effort: Effort) -> Self {
        Self {
            medium: Shared::new(medium),
            random,
            blocks,
            effort,
            closed: Closed::Unknown,
            open: None,
            signer: Signer::new(),
            delay: Delay::new(),
            used_ms: 0,
        }
    }

    /// The state; looks at the disk again if it is not known.
    pub fn phase(&mut self) -> Phase {
        if self.open.is_some() {
            return Phase::Unlocked;
        }
        match self.look() {
            Closed::Empty => Phase::Empty,
            Closed::Locked(_) => Phase::Locked,
            Closed::Unknown | Closed::Unavailable(_) => Phase::Unavailable,
        }
    }

    /// Whether the entries are in memory. Never looks at the disk.
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What the entries are kept on.
    pub fn storage(&self) -> Storage {
        self.medium.storage()
    }

    /// Whether opening takes a key file; no unless there is a store.
    pub fn has_key_file(&mut self) -> bool {
        let slots = match (&self.open, &self.closed) {
            (Some(open), _) => open.volume.slots(),
            (None, Closed::Locked(slots)) => slots,
            (None, _) => return false,
        };
        key_slot(slots).is_some_and(|slot| slot.has_key_file())
    }

    /// How many milliseconds the next passphrase must still wait; 0 when it may come.
    pub fn retry_after_ms(&self, now_ms: u64) -> u32 {
        self.delay.left_ms(now_ms)
    }

    /// Commits since the store was made; 0 unless it is open.
    pub fn generation(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.volume.generation())
    }

    /// Makes an empty store that `keys` open, and leaves it open.
    ///
    /// # Errors
    /// `AlreadyInitialised`, `EmptyPassphrase`, `Full` when the disk is too small, what makes a disk unavailable, `Internal`.
    pub fn init(&mut self, keys: Keys<'_>, now_ms: impl Fn() -> u64) -> Result<(), VaultError> {
        match self.phase() {
            Phase::Empty => {}
            Phase::Locked | Phase::Unlocked => return Err(VaultError::AlreadyInitialised),
            Phase::Unavailable => return Err(self.unavailable()),
        }
        must_not_be_empty(keys)?;
        let key = VolumeKey::generate(&mut self.random);
        let slots = self.wrap(&key, keys, &now_ms)?;
        self.closed = Closed::Unknown;
        let volume = Volume::create(self.medium.clone(), &key, slots, self.random.clone());
        let volume = volume.map_err(|refused| open_error(refused.error))?;
        let store = Store::with_budget(BUDGET);
        self.signer.unlock([]).map_err(|_| VaultError::Internal)?;
        self.open = Some(Box::new(Open { volume, store, settings: Settings::default() }));
        self.use_at(now_ms());
        Ok(())
    }

    /// Opens a locked store. Opening an open one is no error, but checks nothing. The time is asked for twice: deriving the key
    /// takes long, and the wait after a wrong passphrase begins when that is known.
    ///
    /// # Errors
    /// `NotInitialised`, `EmptyPassphrase`, `TooSoon`, `WrongPassphrase`, what makes a disk unavailable, `Damaged`, `Full` when it
    /// holds more than fits in memory; it is still locked then.
    pub fn unlock(&mut self, keys: Keys<'_>, now_ms: impl Fn() -> u64) -> Result<(), VaultError> {
        if self.open.is_some() {
            return Ok(());
        }
        let slot = match self.look() {
            Closed::Empty => return Err(VaultError::NotInitialised),
            Closed::Locked(slots) => key_slot(slots).ok_or(VaultError::Damaged)?,
            Closed::Unknown | Closed::Unavailable(_) => return Err(self.unavailable()),
        };
        self.may_try(keys, now_ms())?;
        let Some(key) = slot.unwrap(keys, self.blocks).map_err(kdf_error)? else {
            return Err(self.wrong(now_ms()));
        };
        // Whatever comes of it, the disk is looked at again before the next passphrase is tried.
        self.closed = Closed::Unknown;
        let opened = Volume::open(self.medium.clone(), &key, self.random.clone());
        let volume = opened.map_err(|refused| open_error(refused.error))?;
        let open = self.load(volume).inspect_err(|_| self.signer.lock())?;
        self.open = Some(open);
        self.delay.clear();
        self.use_at(now_ms());
        Ok(())
    }

    /// Forgets the keys and the entries of an open store. Does nothing in the other states.
    pub fn lock(&mut self) {
        self.open = None;
        self.signer.lock();
    }

    /// Makes `new` what opens an open store. Nothing but the key slot is written.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, `EmptyPassphrase`, `TooSoon`, `WrongPassphrase` when `old` is not what opens it, `Internal`; the
    /// old ones still hold then. `Storage`, `Damaged`: locked, and one of the two holds.
    pub fn change(
        &mut self,
        old: Keys<'_>,
        new: Keys<'_>,
        now_ms: impl Fn() -> u64,
    ) -> Result<(), VaultError> {
        let slot = key_slot(self.opened()?.volume.slots()).ok_or(VaultError::Internal)?;
        must_not_be_empty(new)?;
        self.may_try(old, now_ms())?;
        let Some(key) = slot.unwrap(old, self.blocks).map_err(kdf_error)? else {
            return Err(self.wrong(now_ms()));
        };
        self.delay.clear();
        let slots = self.wrap(&key, new, &now_ms)?;
        let changed = self.opened()?.volume.set_slots(slots);
        self.kept(changed)
    }

    /// The entries.
    ///
    /// # Errors
    /// `NotInitialised`, `Locked`, what makes a disk unavailable.
    pub fn store(&mut self) -> Result<&Store, VaultError> {
        self.opened().map(|open| &open.store)
    }

    /// The keys for signing and who may use them.
    pub const fn signer(&mut self) -> &mut Signer {
        &mut self.signer
    }

    /// Seconds without a call after which it locks itself, 0 for never; the default unless it is open.
    pub fn auto_lock_s(&self) -> u32 {
        self.open.as_ref().map_or_else(Settings::default, |open| open.settings).auto_lock_s
    }

    /// Somebody used it at `now_ms`.
    pub const fn use_at(&mut self, now_ms: u64) {
        self.used_ms = now_ms;
    }

    /// When it will lock itself, in milliseconds of the clock, if nobody uses it before.
    pub fn locks_at_ms(&self) -> Option<u64> {
        let seconds = self.open.as_ref()?.settings.auto_lock_s;
        (seconds > 0).then(|| self.used_ms.saturating_add(u64::from(seconds) * 1_000))
    }

    /// Locks it when its time is over; true if that was now.
    pub fn lock_if_idle(&mut self, now_ms: u64) -> bool {
        let is_over = self.locks_at_ms().is_some_and(|at| at <= now_ms);
        if is_over {
            self.lock();
        }
        is_over
    }

    pub(crate) fn opened(&mut self) -> Result<&mut Open<M, F>, VaultError> {
        if self.open.is_none() {
            return Err(match self.phase() {
                Phase::Empty => VaultError::NotInitialised,
                Phase::Locked | Phase::Unlocked => VaultError::Locked,
                Phase::Unavailable => self.unavailable(),
            });
        }
        self.open.as_deref_mut().ok_or(VaultError::Internal)
    }

    /// What the disk holds, looked up unless it is known. A disk that was not there is looked for again each time.
    fn look(&mut self) -> &Closed {
        if matches!(self.closed, Closed::Unknown | Closed::Unavailable(_)) {
            let slots = self.medium.reopen().map_err(OpenError::Disk);
            self.closed = match slots.and_then(|()| read_slots(&mut self.medium)) {
                Ok(slots) => Closed::Locked(Box::new(slots)),
                Err(OpenError::NoVolume) => Closed::Empty,
                Err(error) => Closed::Unavailable(open_error(error)),
            };
        }
        &self.closed
    }

    fn unavailable(&self) -> VaultError {
        match self.closed {
            Closed::Unavailable(error) => error,
            _ => VaultError::Storage,
        }
    }

    /// The open store of a volume: its records, read once.
    fn load(&mut self, mut volume: Volume<Shared<M>, F>) -> Result<Box<Open<M, F>>, VaultError> {
        let mut loader = Loader::with_budget(BUDGET);
        let mut settings = Some(Settings::default());
        let mut keys: Vec<(Option<u64>, record::Bytes)> = Vec::new();
        let mut wrong = None;
        let read = volume.for_each(|id, record| match Kind::of(record) {
            Some((Kind::Item, item)) => wrong = wrong.take().or_else(|| loader.take(id, item).err()),
            Some((Kind::Settings, content)) => settings = Settings::read(content),
            Some((Kind::Key, key)) => keys.push((record::key_number(id), record::Bytes::new(key.into()))),
            Some((Kind::Content, _)) | None => {}
        });
        read.map_err(|error| match error {
            VolumeError::Disk(_) => VaultError::Storage,
            _ => VaultError::Damaged,
        })?;
        let loaded = wrong.map_or_else(|| loader.finish(), Err);
        let store = loaded.map_err(|error| match error.fault {
            LoadFault::Full => VaultError::Full,
            _ => VaultError::Damaged,
        })?;
        let settings = settings.ok_or(VaultError::Damaged)?;
        // A key under another id than a key's was not written by us; the signer compares the number with the key.
        let numbered = keys.iter().map(|(id, key)| id.map(|id| (id, key.as_slice())));
        let numbered: Vec<_> = numbered.collect::<Option<_>>().ok_or(VaultError::Damaged)?;
        self.signer.unlock(numbered).map_err(|_| VaultError::Damaged)?;
        Ok(Box::new(Open { volume, store, settings }))
    }

    fn wrap(
        &mut self,
        key: &VolumeKey,
        keys: Keys<'_>,
        now_ms: impl Fn() -> u64,
    ) -> Result<KeySlots, VaultError> {
        let cost = self.cost(now_ms)?;
        let slot = KeySlot::wrap(key, keys, cost, self.blocks, &mut self.random).map_err(kdf_error)?;
        let mut slots = KeySlots::new();
        slots.set(SLOT, slot.bytes()).map_err(|_| VaultError::Internal)?;
        Ok(slots)
    }

    /// What a passphrase that is chosen now costs to try.
    pub(crate) fn cost(&mut self, now_ms: impl Fn() -> u64) -> Result<Cost, VaultError> {
        match self.effort {
            Effort::Fixed(cost) => Ok(cost),
            Effort::Measured => calibrate(now_ms, self.blocks, UNLOCK_MS).map_err(kdf_error),
        }
    }

    /// Whether a passphrase may be looked at now. An empty one costs no wait: it can't be right.
    fn may_try(&self, keys: Keys<'_>, now_ms: u64) -> Result<(), VaultError> {
        must_not_be_empty(keys)?;
        match self.delay.left_ms(now_ms) {
            0 => Ok(()),
            retry_after_ms => Err(VaultError::TooSoon { retry_after_ms }),
        }
    }

    fn wrong(&mut self, now_ms: u64) -> VaultError {
        VaultError::WrongPassphrase { retry_after_ms: self.delay.fail(now_ms) }
    }
}

const fn must_not_be_empty(keys: Keys<'_>) -> Result<(), VaultError> {
    if keys.passphrase.is_empty() { Err(VaultError::EmptyPassphrase) } else { Ok(()) }
}

fn key_slot(slots: &KeySlots) -> Option<KeySlot> {
    KeySlot::read(slots.get(SLOT)?).ok()
}

/// Why a volume is not there or does not open.
const fn open_error(error: OpenError) -> VaultError {
    match error {
        OpenError::NoVolume => VaultError::NotInitialised,
        OpenError::TooSmall => VaultError::Full,
        OpenError::Disk(_) => VaultError::Storage,
        OpenError::UnknownFormat
        | OpenError::Truncated
        | OpenError::WrongKey
        | OpenError::StaleSlots
        | OpenError::Damaged(_) => VaultError::Damaged,
    }
}

/// A slot that wants more memory than there is was made elsewhere, or changed.
const fn kdf_error(error: KdfError) -> VaultError {
    match error {
        KdfError::TooFewBlocks | KdfError::CostRefused => VaultError::Damaged,
        KdfError::Input | KdfError::ClockStopped => VaultError::Internal,
    }
}
