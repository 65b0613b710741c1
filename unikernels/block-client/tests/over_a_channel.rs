//! A disk over a channel does what the disk behind it does, and says when that is gone.

use std::cell::RefCell;
use std::rc::Rc;

use ipc_proto_block_api::{
    BlockClient, BlockError, Buffers, DATA_MAX, FRAME_MAX, InPlace, SECTOR, SERVICE, serve_in_place,
};
use ipc_proto_rpc::{Caller, Port};
use ipc_proto_types::Role;
use tests_conformance::channel::{FakePort, Handle, channel};
use unikernels_block_client::{BlockDisk, Frame};
use unikernels_disk::{Disk, DiskError, check};

/// A volume in memory.
#[derive(Default)]
struct Volume {
    bytes: Vec<u8>,
    flushes: usize,
    discarded: Vec<(u64, u64)>,
    messages: usize,
    error: Option<BlockError>,
}

impl Volume {
    fn range(&mut self, at: u64, bytes: usize) -> Result<std::ops::Range<usize>, BlockError> {
        self.messages += 1;
        if let Some(error) = self.error {
            return Err(error);
        }
        check((self.bytes.len() / SECTOR) as u64, at, bytes).map_err(|_| BlockError::OutOfRange)?;
        let from = usize::try_from(at).expect("within") * SECTOR;
        Ok(from..from + bytes)
    }
}

impl InPlace for Volume {
    fn size(&mut self, _: &Caller) -> Result<u64, BlockError> {
        self.range(0, 0).map(|_| (self.bytes.len() / SECTOR) as u64)
    }

    fn read(&mut self, _: &Caller, from: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let range = self.range(from, into.len())?;
        into.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, _: &Caller, to: u64, data: &[u8]) -> Result<(), BlockError> {
        let range = self.range(to, data.len())?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self, _: &Caller) -> Result<(), BlockError> {
        self.range(0, 0)?;
        self.flushes += 1;
        Ok(())
    }

    fn discard(&mut self, _: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        self.range(0, 0)?;
        self.discarded.push((from, count));
        Ok(())
    }
}

/// A port whose peer serves a volume of so many sectors.
fn served(sectors: usize) -> (FakePort, Rc<RefCell<Volume>>, Handle) {
    let (client, mut server, shared) = channel(SERVICE.id);
    shared.borrow_mut().message_max = SERVICE.message_max;
    let volume = Rc::new(RefCell::new(Volume { bytes: vec![0; sectors * SECTOR], ..Volume::default() }));
    let behind = Rc::clone(&volume);
    let mut buffers = Box::new(Buffers::new());
    let client = client.while_asleep(move || {
        serve_in_place(&mut *behind.borrow_mut(), &mut server, &mut buffers);
        server.flush();
    });
    (client, volume, shared)
}

fn frame() -> Box<Frame> {
    vec![0; FRAME_MAX].into_boxed_slice().try_into().expect("as long as a frame")
}

#[test]
fn reads_and_writes_of_any_length_pass_in_as_few_messages_as_carry_them() {
    let (mut port, volume, _) = served(500);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    assert_eq!(disk.sectors(), 500);
    for (at, sectors) in [(0_u16, 1_u16), (7, 119), (7, 120), (7, 121), (13, 240), (0, 500), (499, 1)] {
        let bytes: Vec<u8> =
            (0_u8..251).cycle().skip(at.into()).take(usize::from(sectors) * SECTOR).collect();
        let before = volume.borrow().messages;
        assert_eq!(disk.write(at.into(), &bytes), Ok(()));
        let mut read = vec![0; bytes.len()];
        assert_eq!(disk.read(at.into(), &mut read), Ok(()));
        assert!(read == bytes, "{sectors} sectors from {at}");
        let messages = volume.borrow().messages - before;
        assert_eq!(messages, 2 * bytes.len().div_ceil(DATA_MAX), "{sectors} sectors");
    }
    assert_eq!(disk.flush(), Ok(()));
    assert_eq!(disk.discard(3, 400), Ok(()));
    assert_eq!((volume.borrow().flushes, volume.borrow().discarded.as_slice()), (1, [(3, 400)].as_slice()));
}

#[test]
fn what_is_not_within_is_refused_before_it_is_sent() {
    let (mut port, volume, _) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    let before = volume.borrow().messages;
    assert_eq!(disk.read(0, &mut [0; 100]), Err(DiskError::Unaligned));
    assert_eq!(disk.read(10, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.write(u64::MAX, &[0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.discard(5, u64::MAX), Err(DiskError::OutOfRange));
    assert_eq!(disk.write(3, &[]), Ok(()));
    assert_eq!(volume.borrow().messages, before);
}

#[test]
fn every_error_of_the_server_is_that_of_the_disk() {
    let (mut port, volume, _) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    for (error, expected) in [
        (BlockError::Unaligned, DiskError::Unaligned),
        (BlockError::OutOfRange, DiskError::OutOfRange),
        (BlockError::ReadOnly, DiskError::ReadOnly),
        (BlockError::Full, DiskError::Full),
        (BlockError::Failed, DiskError::Failed),
        (BlockError::Gone, DiskError::Gone),
    ] {
        volume.borrow_mut().error = Some(error);
        assert_eq!(disk.read(0, &mut [0; SECTOR]), Err(expected));
        assert_eq!(disk.write(0, &[0; SECTOR]), Err(expected));
        assert_eq!(disk.flush(), Err(expected));
        assert_eq!(disk.discard(0, 1), Err(expected));
        assert_eq!(disk.refresh(), Err(expected));
    }
}

#[test]
fn a_volume_that_grew_is_seen_when_asked_for() {
    let (mut port, volume, _) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    volume.borrow_mut().bytes.resize(20 * SECTOR, 0);
    assert_eq!((disk.sectors(), disk.refresh(), disk.sectors()), (10, Ok(20), 20));
}

#[test]
fn a_flush_after_a_restart_says_that_writes_before_it_may_be_lost() {
    let (mut port, _, shared) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    assert_eq!(disk.write(0, &[1; SECTOR]), Ok(()));
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!(disk.read(0, &mut [0; SECTOR]), Err(DiskError::Gone));
    assert_eq!(disk.read(0, &mut [0; SECTOR]), Ok(()));
    assert_eq!(disk.flush(), Err(DiskError::Gone));
    // Said once; what is written from now on is what the next flush is about.
    assert_eq!(disk.write(0, &[2; SECTOR]), Ok(()));
    assert_eq!(disk.flush(), Ok(()));

    // With nothing written, nothing is lost, and nobody need be told.
    let mut sector = [0; SECTOR];
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!(disk.read(0, &mut sector), Ok(()));
    assert_eq!(sector, [2; SECTOR]);
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!(disk.flush(), Ok(()));
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!(disk.write(0, &[3; SECTOR]), Ok(()));
    assert_eq!(disk.flush(), Ok(()));
    // The second of two writes is another matter: the first may be gone.
    assert_eq!(disk.write(0, &[4; SECTOR]), Ok(()));
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!(disk.write(1, &[4; SECTOR]), Err(DiskError::Gone));
    assert_eq!(disk.flush(), Err(DiskError::Gone));
}

#[test]
fn a_disk_that_nobody_was_asked_about_has_no_sectors() {
    let (mut port, volume, _) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::new(BlockClient::new(&mut port), &mut frame);
    assert_eq!(disk.sectors(), 0);
    assert_eq!(disk.read(0, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.write(0, &[1; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.discard(0, 1), Err(DiskError::OutOfRange));
    assert_eq!(volume.borrow().messages, 0);
    assert_eq!((disk.refresh(), disk.sectors()), (Ok(10), 10));
    assert_eq!(disk.write(9, &[1; SECTOR]), Ok(()));
}

#[test]
fn a_disk_begun_before_its_server_restarted_is_had_by_reopening() {
    let (mut port, _, shared) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::new(BlockClient::new(&mut port), &mut frame);
    shared.borrow_mut().restart_peer_of(Role::Client);
    assert_eq!((disk.reopen(), disk.sectors()), (Ok(10), 10));
}

#[test]
fn who_reopens_after_a_restart_is_told_of_no_lost_writes() {
    // Whether or not a call has learnt of the restart before.
    for is_known in [false, true] {
        let (mut port, volume, shared) = served(10);
        let mut frame = frame();
        let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
        assert_eq!(disk.write(0, &[1; SECTOR]), Ok(()));
        shared.borrow_mut().restart_peer_of(Role::Client);
        if is_known {
            assert_eq!(disk.read(0, &mut [0; SECTOR]), Err(DiskError::Gone));
        }
        volume.borrow_mut().bytes.resize(20 * SECTOR, 0);
        assert_eq!((disk.reopen(), disk.sectors()), (Ok(20), 20));
        assert_eq!(disk.flush(), Ok(()));
        // What is written from now on is lost by the next restart as ever.
        assert_eq!(disk.write(0, &[2; SECTOR]), Ok(()));
        shared.borrow_mut().restart_peer_of(Role::Client);
        assert_eq!(disk.flush(), Err(DiskError::Gone));
        assert_eq!(disk.flush(), Err(DiskError::Gone));
        assert_eq!(disk.flush(), Ok(()));
    }
}

#[test]
fn a_disk_that_does_not_reopen_is_as_it_was() {
    let (mut port, volume, shared) = served(10);
    let mut frame = frame();
    let mut disk = BlockDisk::open(BlockClient::new(&mut port), &mut frame).expect("it is served");
    assert_eq!(disk.write(0, &[1; SECTOR]), Ok(()));
    shared.borrow_mut().restart_peer_of(Role::Client);
    for (error, expected) in [(BlockError::Failed, DiskError::Failed), (BlockError::Gone, DiskError::Gone)] {
        volume.borrow_mut().error = Some(error);
        assert_eq!(disk.reopen(), Err(expected));
    }
    volume.borrow_mut().error = None;
    assert_eq!(disk.sectors(), 10);
    assert_eq!(disk.flush(), Err(DiskError::Gone));
}
