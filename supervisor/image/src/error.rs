//! Why an image is refused. Whoever wrote the file, or the disk it came from, is to blame.

use core::fmt;

use supervisor_policy::ChainError;

/// Why [`crate::Image::open`] refuses a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// Shorter than its directory.
    TooShort,
    /// It does not begin with the magic.
    Magic,
    /// Of a version this supervisor does not read.
    Version(u32),
    /// Bytes of the first block that must be zero are not.
    Prefix,
    /// Its length is not what its first block says, or no whole number of blocks.
    Length,
    /// Its bytes changed since it was written.
    Checksum,
    /// A table of the directory lies outside the file, or holds too many records.
    Directory,
    /// The system's name is not a name.
    Name,
    /// Something is wrong with the qube of this index.
    Qube(u8, QubeFault),
    /// Something is wrong with the channel of this index.
    Channel(u8, ChannelFault),
    /// The service of this index has a bad name, or one that exists already.
    Service(u8),
    /// The schema table of this service does not parse or contradicts its record, or its text is none.
    Schema(u8),
    /// A rule chain is wrong.
    Chains(ChainError),
}

/// What is wrong with a qube.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QubeFault {
    /// A field of its record has no meaning, or points outside the file.
    Record,
    /// Another qube has this name.
    NameTaken,
    /// It is opened on behalf of itself, of nobody there is, or though it starts by itself; or it is opened and owns a PCI function.
    OpenedFor,
    /// It has no memory, or more than its page tables map.
    Memory,
    /// A region is empty, unaligned, out of order, outside the memory, or has more data than room.
    Region,
    /// Writable regions that do not reach, in one piece, to the end of the memory.
    Writable,
    /// The entry point is not executable.
    Entry,
    /// Stack, boot information, page tables or arena do not lie in writable memory as they must.
    Address,
    /// The arguments are too long.
    Args,
    /// A run of I/O ports is empty, runs over the last port, or belongs to another qube too.
    IoPorts,
    /// The interrupt line does not exist or belongs to another qube too.
    Irq,
    /// Its ports are not exactly those its channels use.
    Ports,
}

/// What is wrong with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelFault {
    /// A field of its record has no meaning, or points outside the file.
    Record,
    /// A qube, port or service that does not exist, or both ends the same qube.
    End,
    /// A port that another channel uses too.
    PortTaken,
    /// No buffers at all, or more than a queue has.
    Depth,
    /// Not one decision a method, or one that names a missing chain.
    Decisions,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ImageError::TooShort => f.write_str("the image is cut off"),
            ImageError::Magic => f.write_str("this is not a Skep system image"),
            ImageError::Version(found) => {
                write!(f, "image version {found}, this supervisor reads version {}", crate::layout::VERSION)
            }
            ImageError::Prefix => f.write_str("the image is damaged (its first block)"),
            ImageError::Length => f.write_str("the image is cut off or has bytes added"),
            ImageError::Checksum => f.write_str("the image is damaged (its checksum does not match)"),
            ImageError::Directory => f.write_str("the image's directory is wrong"),
            ImageError::Name => f.write_str("the system's name is wrong"),
            ImageError::Qube(index, fault) => write!(f, "qube {index}: {fault:?} is wrong"),
            ImageError::Channel(index, fault) => write!(f, "channel {index}: {fault:?} is wrong"),
            ImageError::Service(index) => write!(f, "service {index}: its name is wrong or taken"),
            ImageError::Schema(index) => write!(f, "service {index}: its schema table or text is wrong"),
            ImageError::Chains(fault) => write!(f, "rule chains: {fault:?}"),
        }
    }
}
