//! A store on a simulated disk, called as clients call it.

#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Generation, List, PortIndex, QubeName, Secret, Text};
use ipc_proto_vault_api::{Keys, NewEntry, NewPassword, Storage, Vault};
use tests_disk::{Random, SimDisk};
use unikernels_disk::{Disk, DiskError};
use vault_app_core::{Block, Clock, Cost, Effort, Medium, Server, Session, VaultError};

pub const COST: Cost = match Cost::new(8, 1, 1) {
    Ok(cost) => cost,
    Err(_) => panic!("within the caps"),
};

/// Sectors of the disk: 4 MiB.
pub const SECTORS: usize = 8192;

/// A simulated disk whose driver can be away.
#[derive(Clone)]
pub struct Slab {
    pub disk: SimDisk,
    pub is_away: Rc<Cell<bool>>,
}

impl Slab {
    pub fn new(disk: SimDisk) -> Self {
        Self { disk, is_away: Rc::default() }
    }

    fn there(&mut self) -> Result<&mut SimDisk, DiskError> {
        if self.is_away.get() { Err(DiskError::Gone) } else { Ok(&mut self.disk) }
    }
}

impl Medium for Slab {
    fn storage(&self) -> Storage {
        Storage::Volume
    }

    fn reopen(&mut self) -> Result<(), DiskError> {
        self.there().map(|_| ())
    }
}

impl Disk for Slab {
    fn sectors(&self) -> u64 {
        self.disk.sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.there()?.read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.there()?.write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.there()?.flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.there()?.discard(from, sectors)
    }
}

/// Moves when told to.
#[derive(Clone, Default)]
pub struct Hand(pub Rc<Cell<u64>>);

impl Hand {
    pub fn pass(&self, ms: u64) {
        self.0.set(self.0.get() + ms);
    }
}

impl Clock for Hand {
    fn now_ms(&self) -> u64 {
        self.0.get()
    }

    fn unix_s(&self) -> u64 {
        1_800_000_000 + self.0.get() / 1_000
    }
}

/// Bytes from a seed; clones draw from the same source, as the qube's do.
#[derive(Clone)]
pub struct Draws(Rc<RefCell<Random>>);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Random::new(seed))))
    }

    pub fn fill(&self, out: &mut [u8]) {
        self.0.borrow_mut().fill(out);
    }
}

pub fn caller() -> Caller {
    Caller { port: PortIndex::new(0).unwrap(), generation: Generation(1) }
}

pub fn mail() -> Caller {
    Caller { port: PortIndex::new(5).unwrap(), generation: Generation(3) }
}

pub fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).unwrap()
}

pub fn secret<const N: usize>(secret: &str) -> Secret<Text<N>> {
    Secret::new(text(secret))
}

pub fn keys(passphrase: &str) -> Keys {
    Keys { passphrase: secret(passphrase), key_file: None }
}

pub fn keys_and_file(passphrase: &str, file: &[u8]) -> Keys {
    Keys { passphrase: secret(passphrase), key_file: Some(Secret::new(Bytes::try_from(file).unwrap())) }
}

pub fn entry(title: &str) -> NewEntry {
    NewEntry {
        title: text(title),
        group: Text::new(),
        user: text("me"),
        url: Text::new(),
        tags: List::new(),
        password: NewPassword::Given(secret("hunter2 hunter2")),
        totp: None,
        expires: None,
    }
}

/// Runs `test` with a vault on `slab`: one life of the qube.
pub fn life<T>(slab: &Slab, seed: u64, clock: &Hand, test: impl FnOnce(&mut dyn AllServices) -> T) -> T {
    let mut blocks = vec![Block::new(); COST.blocks()];
    let draws = Draws::new(seed);
    let random = move |out: &mut [u8]| draws.fill(out);
    let session = Session::new(slab.clone(), random.clone(), &mut blocks, Effort::Fixed(COST));
    let mut server = Server::new(session, random, clock.clone());
    let mut callers = List::new();
    callers.push((QubeName::new("mail").unwrap(), mail())).unwrap();
    server.set_callers(callers);
    test(&mut server)
}

/// Everything a vault answers, and what it does when nobody calls.
pub trait AllServices:
    Vault + ipc_proto_vault_api::files::Files + ipc_proto_vault_api::keys::KeyStore + ipc_proto_sign_api::Sign
{
    fn rest(&mut self) -> Option<u64>;

    /// The questions of which the owner is told now.
    fn ask_owner(&mut self) -> Vec<ipc_proto_vault_api::keys::Question>;

    /// The same, and nobody listens.
    fn ask_nobody(&mut self);
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> AllServices for Server<'_, M, F, C> {
    fn rest(&mut self) -> Option<u64> {
        self.idle()
    }

    fn ask_owner(&mut self) -> Vec<ipc_proto_vault_api::keys::Question> {
        let mut questions = Vec::new();
        self.ask(&mut |question| {
            questions.push(question.clone());
            true
        });
        questions
    }

    fn ask_nobody(&mut self) {
        self.ask(&mut |_| false);
    }
}

pub fn titles(vault: &mut dyn AllServices) -> Vec<String> {
    let mut titles = Vec::new();
    loop {
        let page = Vault::list(vault, &caller(), Text::new(), at(titles.len())).unwrap();
        if page.entries.is_empty() {
            assert_eq!(titles.len(), page.total as usize);
            return titles;
        }
        titles.extend(page.entries.iter().map(|entry| entry.title.to_string()));
    }
}

pub fn put_file(vault: &mut dyn AllServices, file: &[u8]) -> Result<(), VaultError> {
    let mut from = 0;
    for piece in file.chunks(4096) {
        vault.upload(&caller(), from, Secret::new(Bytes::try_from(piece).unwrap()))?;
        from += at(piece.len());
    }
    if file.is_empty() { vault.upload(&caller(), 0, Secret::new(Bytes::default())) } else { Ok(()) }
}

pub fn get_file(vault: &mut dyn AllServices) -> Result<Vec<u8>, VaultError> {
    let mut file = Vec::new();
    loop {
        let piece = vault.download(&caller(), at(file.len()))?;
        file.extend_from_slice(piece.expose());
        if piece.expose().len() < 4096 {
            return Ok(file);
        }
    }
}

/// A place as the wire has it.
pub fn at(place: usize) -> u32 {
    u32::try_from(place).unwrap()
}
