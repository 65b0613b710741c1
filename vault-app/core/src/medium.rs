//! What a store is kept on, shared between the session, which looks at it while it is locked, and the open volume.

use alloc::rc::Rc;
use core::cell::RefCell;

use ipc_proto_vault_api::Storage;
use unikernels_disk::{Disk, DiskError};

/// A disk that can be found again after whoever drives it was gone.
pub trait Medium: Disk {
    /// What kind it is.
    fn storage(&self) -> Storage;

    /// Asks again how large it is. What was written and not flushed may be gone.
    ///
    /// # Errors
    /// It does not answer.
    fn reopen(&mut self) -> Result<(), DiskError>;
}

/// One medium with two owners, who take turns.
pub(crate) struct Shared<M>(Rc<RefCell<M>>);

impl<M> Clone for Shared<M> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<M: Medium> Shared<M> {
    pub(crate) fn new(medium: M) -> Self {
        Self(Rc::new(RefCell::new(medium)))
    }

    pub(crate) fn storage(&self) -> Storage {
        self.0.borrow().storage()
    }

    pub(crate) fn reopen(&self) -> Result<(), DiskError> {
        self.0.borrow_mut().reopen()
    }
}

impl<M: Medium> Disk for Shared<M> {
    fn sectors(&self) -> u64 {
        self.0.borrow().sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.0.borrow_mut().read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.borrow_mut().write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.0.borrow_mut().flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.0.borrow_mut().discard(from, sectors)
    }
}
