//! From a system and its ELF files to an image that the supervisor's reader has opened.

use std::fmt;

use build_manifest::{Channel, Qube, System, format_size};
use ipc_proto_types::{QubeIndex, QubeName};
use ipc_proto_wire::HEADER_SIZE;
use supervisor_image::{Image, ImageError};

use crate::elf::{self, ElfError};
use crate::place::{PlaceError, Placed, place};
use crate::write::write;

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackError {
    /// The ELF file of this qube.
    Elf(QubeName, ElfError),
    /// The memory of this qube.
    Place(QubeName, PlaceError),
    /// The receive buffers of this qube's channels do not fit its heap.
    Buffers {
        /// Which qube.
        qube: QubeName,
        /// Bytes of all its receive buffers.
        needs: u64,
        /// Bytes between its data and its page tables.
        has: u64,
    },
    /// The supervisor's reader refuses what was written: our own mistake.
    Refused(ImageError),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::Elf(qube, error) => write!(f, "{qube}: {error}"),
            PackError::Place(qube, error) => write!(f, "{qube}: {error}"),
            PackError::Buffers { qube, needs, has } => write!(
                f,
                "{qube}: memory over budget: the receive buffers of its channels take {}, its heap has {}\n  \
                 fix: a larger `memory`, or a smaller `depth` of its channels",
                format_size(*needs),
                format_size(*has)
            ),
            PackError::Refused(error) => {
                write!(f, "the image was written wrongly, which is a bug of the writer: {error}")
            }
        }
    }
}

impl std::error::Error for PackError {}

/// Packs a system. `elf` gives the ELF file of each qube.
///
/// # Errors
/// Names the qube and what is wrong with it.
pub fn pack<'a>(system: &System, mut elf: impl FnMut(&Qube) -> &'a [u8]) -> Result<Vec<u8>, PackError> {
    let mut placed = Vec::new();
    for (index, qube) in QubeIndex::all().zip(&system.qubes) {
        let elf = elf::read(elf(qube)).map_err(|error| PackError::Elf(qube.name, error))?;
        let it = place(qube, &elf).map_err(|error| PackError::Place(qube.name, error))?;
        check_buffers(system, index, qube.name, &it)?;
        placed.push(it);
    }
    let image = write(system, &placed);
    Image::open(&image).map_err(PackError::Refused)?;
    Ok(image)
}

/// A channel whose receiver cannot post its buffers would never carry a message.
fn check_buffers(
    system: &System,
    index: QubeIndex,
    qube: QubeName,
    placed: &Placed,
) -> Result<(), PackError> {
    let mine = |channel: &&Channel| channel.client == index || channel.server == Some(index);
    let buffers = system.channels.iter().filter(mine).map(|channel| {
        let body = system.service(channel).map_or(0, |service| u64::from(service.message_max));
        u64::from(channel.depth) * (HEADER_SIZE as u64 + body)
    });
    let (needs, has) = (buffers.sum::<u64>(), placed.arena.1 - placed.arena.0);
    if needs > has { Err(PackError::Buffers { qube, needs, has }) } else { Ok(()) }
}
