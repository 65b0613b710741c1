//! Requests: cut into commands, as many at once as there are slots, with one doorbell write.

use unikernels_disk::{Dma, Registers, Wait};

use crate::command::Command;
use crate::controller::Nvme;
use crate::error::Error;
use crate::identify::Info;
use crate::layout;

/// Blocks of one Dataset Management command at most: a controller that deallocates for real must be done in time.
const DISCARD_BLOCKS: u64 = 1 << 20;

/// What to do, in blocks of [`Info::block_bytes`].
#[derive(Debug)]
pub enum Request<'a> {
    /// Read whole blocks from block `lba`.
    Read {
        /// The first block.
        lba: u64,
        /// Where they go.
        into: &'a mut [u8],
    },
    /// Write whole blocks from block `lba`.
    Write {
        /// The first block.
        lba: u64,
        /// What they become.
        bytes: &'a [u8],
    },
    /// Make durable what was written by earlier batches.
    Flush,
    /// Say that blocks are not needed. They may read as anything afterwards.
    Discard {
        /// The first block.
        lba: u64,
        /// How many.
        blocks: u64,
    },
}

impl Request<'_> {
    /// Blocks that it covers; a flush counts as one.
    fn blocks(&self, info: &Info) -> u64 {
        match self {
            Self::Read { into, .. } => (into.len() / info.block_bytes) as u64,
            Self::Write { bytes, .. } => (bytes.len() / info.block_bytes) as u64,
            Self::Flush => 1,
            Self::Discard { blocks, .. } => *blocks,
        }
    }

    /// Blocks of one command at most.
    fn most(&self, info: &Info) -> u64 {
        match self {
            Self::Read { .. } | Self::Write { .. } => (info.max_bytes / info.block_bytes) as u64,
            Self::Flush => 1,
            Self::Discard { .. } => DISCARD_BLOCKS,
        }
    }

    fn check(&self, info: &Info) -> Result<(), Error> {
        let (lba, bytes) = match self {
            Self::Flush => return Ok(()),
            Self::Read { lba, into } => (lba, into.len()),
            Self::Write { .. } | Self::Discard { .. } if info.read_only => return Err(Error::ReadOnly),
            Self::Write { lba, bytes } => (lba, bytes.len()),
            Self::Discard { .. } if !info.can_discard => return Err(Error::NoDiscard),
            Self::Discard { lba, .. } => (lba, 0),
        };
        if !bytes.is_multiple_of(info.block_bytes) {
            return Err(Error::Unaligned);
        }
        let end = lba.checked_add(self.blocks(info)).filter(|end| *end <= info.blocks);
        end.map(|_| ()).ok_or(Error::OutOfRange)
    }
}

/// The part of a request that one command does.
struct Piece {
    request: usize,
    /// Blocks before it in the request, and in it.
    before: u64,
    blocks: u64,
}

impl Piece {
    /// Where its data lies in the request's.
    fn bytes(&self, info: &Info) -> core::ops::Range<usize> {
        // Both are at most the length of a slice.
        let index =
            |blocks: u64| usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(info.block_bytes);
        index(self.before)..index(self.before + self.blocks)
    }
}

/// How far requests were cut.
#[derive(Clone, Copy, Default)]
struct Cursor {
    request: usize,
    before: u64,
}

impl Cursor {
    fn next(&mut self, requests: &[Request<'_>], info: &Info) -> Option<Piece> {
        while let Some(request) = requests.get(self.request) {
            let blocks = (request.blocks(info) - self.before).min(request.most(info));
            if blocks > 0 {
                let piece = Piece { request: self.request, before: self.before, blocks };
                self.before += blocks;
                return Some(piece);
            }
            *self = Self { request: self.request + 1, before: 0 };
        }
        None
    }
}

impl<R: Registers, D: Dma, W: Wait> Nvme<R, D, W> {
    /// Does all requests, up to [`SLOTS_MAX`](crate::SLOTS_MAX) commands at a time, in no order: a flush does not cover the
    /// writes beside it, and requests that overlap leave either result.
    ///
    /// # Errors
    /// If a request is wrong nothing is done. With [`Error::Status`] some requests were not done, and the controller still
    /// runs. After any other error it does not, see [`Self::start`].
    pub fn batch(&mut self, requests: &mut [Request<'_>]) -> Result<(), Error> {
        let info = self.info()?;
        requests.iter().try_for_each(|request| request.check(&info))?;
        let mut cursor = Cursor::default();
        loop {
            let first = cursor;
            match self.round(requests, &info, &mut cursor) {
                Ok(0) => return Ok(()),
                Ok(count) => self.collect(requests, &info, first, count),
                Err(error) if error.is_harmless() => return Err(error),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Sends as many commands as there are slots, and waits for them. Says how many.
    fn round(&mut self, requests: &[Request<'_>], info: &Info, cursor: &mut Cursor) -> Result<usize, Error> {
        let mut count = 0;
        while count < self.slots {
            let Some(piece) = cursor.next(requests, info) else { break };
            let command = self.command(&requests[piece.request], &piece, info, count);
            self.io.push(&mut self.dma, count, &command)?;
            count += 1;
        }
        if count > 0 {
            self.run()?;
        }
        Ok(count)
    }

    /// The command for a piece, its data in the slot.
    fn command(&mut self, request: &Request<'_>, piece: &Piece, info: &Info, slot: usize) -> Command {
        let (at, second) = layout::prp(slot, piece.bytes(info).len());
        let bus = self.dma.bus();
        let prp = [bus + at as u64, second.map_or(0, |second| bus + second as u64)];
        // A piece is far smaller than 2^32 blocks.
        let blocks = u32::try_from(piece.blocks).unwrap_or(u32::MAX);
        match request {
            Request::Read { lba, .. } => Command::read(info.namespace, lba + piece.before, blocks, prp),
            Request::Write { lba, bytes } => {
                self.dma.copy_in(at, &bytes[piece.bytes(info)]);
                Command::write(info.namespace, lba + piece.before, blocks, prp)
            }
            Request::Flush => Command::flush(info.namespace),
            Request::Discard { lba, .. } => {
                for (index, word) in
                    Command::deallocate_range(lba + piece.before, blocks).into_iter().enumerate()
                {
                    self.dma.write_u64(at + index * 8, word);
                }
                Command::deallocate(info.namespace, prp[0])
            }
        }
    }

    /// Copies out what a round has read.
    fn collect(&self, requests: &mut [Request<'_>], info: &Info, mut cursor: Cursor, count: usize) {
        for slot in 0..count {
            let Some(piece) = cursor.next(requests, info) else { break };
            if let Request::Read { into, .. } = &mut requests[piece.request] {
                self.dma.copy_out(layout::slot(slot), &mut into[piece.bytes(info)]);
            }
        }
    }
}
