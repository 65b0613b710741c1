//! The open image and its accessors.

use ipc_proto_types::{ChannelIndex, QubeIndex, QubeName, ServiceIndex};
use supervisor_policy::Chains;

use crate::bytes::{Bytes, Table};
use crate::error::ImageError;
use crate::layout::{self, directory, prefix};
use crate::records::{self, Channel, Qube, Service};
use crate::{checksum, verify};

/// A verified system image.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    file: Bytes<'a>,
    name: QubeName,
    pub(crate) qubes: Table<'a>,
    pub(crate) regions: Table<'a>,
    pub(crate) channels: Table<'a>,
    pub(crate) services: Table<'a>,
    chains: Chains<'a>,
}

impl<'a> Image<'a> {
    /// Verifies the whole file, once. Cost: three instructions for eight bytes, and a bounded walk of the tables.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn open(bytes: &'a [u8]) -> Result<Image<'a>, ImageError> {
        check_prefix(bytes)?;
        let image = Image::read_directory(Bytes(bytes))?;
        verify::verify(&image)?;
        Ok(image)
    }

    fn read_directory(file: Bytes<'a>) -> Result<Image<'a>, ImageError> {
        let table = |entry, record| Table::at(file, entry, record).ok_or(ImageError::Directory);
        let name = file.array(directory::NAME).and_then(records::name).ok_or(ImageError::Name)?;
        let chains = table(directory::CHAINS, 1)?;
        Ok(Image {
            file,
            name,
            qubes: table(directory::QUBES, layout::qube::SIZE)?,
            regions: table(directory::REGIONS, layout::region::SIZE)?,
            channels: table(directory::CHANNELS, layout::channel::SIZE)?,
            services: table(directory::SERVICES, layout::service::SIZE)?,
            chains: Chains::parse(chains.bytes()).map_err(ImageError::Chains)?,
        })
    }

    /// Name of the system.
    #[must_use]
    pub fn name(&self) -> QubeName {
        self.name
    }

    /// Number of qubes, 1..=`MAX_QUBES`. Their indexes are `0..count`.
    #[must_use]
    pub fn qube_count(&self) -> usize {
        self.qubes.count()
    }

    /// The qube of this index.
    #[must_use]
    pub fn qube(&self, index: QubeIndex) -> Option<Qube<'a>> {
        Qube::read(self.qubes.get(index.as_usize())?, self.regions, self.file)
    }

    /// All qubes with their indexes.
    pub fn qubes(&self) -> impl Iterator<Item = (QubeIndex, Qube<'a>)> {
        QubeIndex::all().map_while(move |index| Some((index, self.qube(index)?)))
    }

    /// Number of channels, at most `MAX_CHANNELS`.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.channels.count()
    }

    /// The channel of this index.
    #[must_use]
    pub fn channel(&self, index: ChannelIndex) -> Option<Channel<'a>> {
        Channel::read(self.channels.get(index.as_usize())?, self.file)
    }

    /// All channels with their indexes.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelIndex, Channel<'a>)> {
        ChannelIndex::all().map_while(move |index| Some((index, self.channel(index)?)))
    }

    /// Number of services, at most `MAX_SERVICES`.
    #[must_use]
    pub fn service_count(&self) -> usize {
        self.services.count()
    }

    /// The service of this index.
    #[must_use]
    pub fn service(&self, index: ServiceIndex) -> Option<Service<'a>> {
        Service::read(self.services.get(index.as_usize())?, self.file)
    }

    /// The canonical text of the service of this index, for whoever wants to read its messages: ASCII, so that it may be
    /// cut anywhere.
    #[must_use]
    pub fn service_text(&self, index: ServiceIndex) -> Option<&'a [u8]> {
        Service::read_text(self.services.get(index.as_usize())?, self.file)
    }

    /// All services with their indexes.
    pub fn services(&self) -> impl Iterator<Item = (ServiceIndex, Service<'a>)> {
        ServiceIndex::all().map_while(move |index| Some((index, self.service(index)?)))
    }

    /// The rule chains that decision words from `supervisor_policy::FIRST_CHAIN` on name.
    #[must_use]
    pub fn chains(&self) -> Chains<'a> {
        self.chains
    }
}

/// Magic, version, length and checksum.
fn check_prefix(bytes: &[u8]) -> Result<(), ImageError> {
    let file = Bytes(bytes);
    let magic: [u8; 8] = file.array(prefix::MAGIC).ok_or(ImageError::TooShort)?;
    if magic != layout::MAGIC {
        return Err(ImageError::Magic);
    }
    let version = file.u32(prefix::VERSION).ok_or(ImageError::TooShort)?;
    if version != layout::VERSION {
        return Err(ImageError::Version(version));
    }
    if bytes.len() < directory::END {
        return Err(ImageError::TooShort);
    }
    let length = file.u64(prefix::LENGTH);
    if length != Some(bytes.len() as u64) || !bytes.len().is_multiple_of(layout::BLOCK) {
        return Err(ImageError::Length);
    }
    let spare = [(prefix::VERSION + 4, 4), (prefix::CHECKSUM + 8, 32)];
    if spare
        .iter()
        .any(|(at, length)| file.slice(*at, *length).is_none_or(|spare| spare.iter().any(|byte| *byte != 0)))
    {
        return Err(ImageError::Prefix);
    }
    let body = bytes.get(prefix::SIZE..).ok_or(ImageError::TooShort)?;
    if file.u64(prefix::CHECKSUM) != Some(checksum(body)) {
        return Err(ImageError::Checksum);
    }
    Ok(())
}
