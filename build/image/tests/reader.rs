//! The supervisor's reader against damaged and hostile files.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use build_image::pack;
use common::{STACK, elf, ordinary, system};
use proptest::prelude::*;
use supervisor_image::{ChannelFault, Image, ImageError, QubeFault, checksum, layout};

fn image() -> Vec<u8> {
    let file = elf(&ordinary(), &STACK);
    pack(&system(), |_| &file).unwrap()
}

/// Makes length and checksum right again, as somebody would who wants to be believed.
fn seal(bytes: &mut [u8]) {
    let length = bytes.len() as u64;
    bytes[layout::prefix::LENGTH..][..8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&bytes[layout::prefix::SIZE..]);
    bytes[layout::prefix::CHECKSUM..][..8].copy_from_slice(&sum.to_le_bytes());
}

/// Reads all there is to read.
fn walk(image: &Image<'_>) -> usize {
    let qubes = image.qubes().map(|(_, qube)| {
        let bytes: usize = qube.regions().map(|region| region.data.len()).sum();
        bytes + qube.args.len() + qube.io_ports().len()
    });
    let channels = image.channels().map(|(_, channel)| channel.decisions().map(usize::from).sum::<usize>());
    let texts = image.services().filter_map(|(index, _)| image.service_text(index)).map(<[u8]>::len);
    let services = image.services().map(|(_, service)| service.table.len());
    qubes.chain(channels).chain(services).chain(texts).sum()
}

#[test]
fn every_truncation_is_refused() {
    let bytes = image();
    for length in 0..bytes.len() {
        assert!(Image::open(&bytes[..length]).is_err(), "cut to {length}");
    }
    let mut longer = bytes.clone();
    longer.extend([0; 64]);
    assert_eq!(Image::open(&longer).unwrap_err(), ImageError::Length);
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = image();
    for at in (0..bytes.len()).filter(|at| *at < 4096 || at % 97 == 0) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Image::open(&flipped).is_err(), "byte {at}");
    }
}

#[test]
fn a_file_of_something_else_is_named_so() {
    assert_eq!(Image::open(b"").unwrap_err(), ImageError::TooShort);
    assert_eq!(Image::open(&[0x7f; 4096]).unwrap_err(), ImageError::Magic);
    let mut newer = image();
    newer[layout::prefix::VERSION] = 4;
    assert_eq!(Image::open(&newer).unwrap_err(), ImageError::Version(4));
    assert_eq!(ImageError::Version(4).to_string(), "image version 4, this supervisor reads version 3");
}

/// Changes one byte at an offset of a record of table `entry` and says what the reader must find.
fn check(entry: usize, offset: usize, byte: u8, expected: ImageError) {
    let mut bytes = image();
    let table: [u8; 4] = bytes[entry..entry + 4].try_into().unwrap();
    bytes[u32::from_le_bytes(table) as usize + offset] = byte;
    seal(&mut bytes);
    assert_eq!(Image::open(&bytes).err(), Some(expected), "entry {entry}, offset {offset}");
}

#[test]
fn a_resealed_image_that_contradicts_itself_is_refused() {
    use layout::{channel, directory, qube, region, service};
    let fault = |fault| ImageError::Qube(0, fault);
    check(directory::QUBES, qube::NAME, b'1', fault(QubeFault::Record));
    check(directory::QUBES, qube::LABEL, 8, fault(QubeFault::Record));
    check(directory::QUBES, qube::RESTART, 3, fault(QubeFault::Record));
    // What starts by itself is opened on nobody's behalf.
    check(directory::QUBES, qube::OPENED_FOR, 2, fault(QubeFault::OpenedFor));
    check(directory::QUBES, qube::OPENED_FOR, 25, fault(QubeFault::Record));
    check(directory::QUBES, qube::PORT_COUNT, 3, fault(QubeFault::Ports));
    check(directory::QUBES, qube::PORT_COUNT, 255, fault(QubeFault::Ports));
    check(directory::QUBES, qube::IRQ, 24, fault(QubeFault::Irq));
    check(directory::QUBES, qube::MEMORY_PAGES + 3, 1, fault(QubeFault::Memory));
    check(directory::QUBES, qube::MEMORY_PAGES + 1, 0, fault(QubeFault::Memory));
    check(directory::QUBES, qube::ENTRY + 2, 0x21, fault(QubeFault::Entry));
    check(directory::QUBES, qube::STACK_TOP, 8, fault(QubeFault::Address));
    check(directory::QUBES, qube::STACK_TOP + 7, 0xff, fault(QubeFault::Address));
    check(directory::QUBES, qube::BOOT_TIME_AT + 2, 0x30, fault(QubeFault::Address));
    check(directory::QUBES, qube::PAGE_TABLE_ROOT + 2, 0x20, fault(QubeFault::Address));
    check(directory::QUBES, qube::ARENA_END + 2, 0x30, fault(QubeFault::Address));
    check(directory::QUBES, qube::REGION_COUNT, 9, fault(QubeFault::Region));
    check(directory::QUBES, qube::IO_PORTS + 2, 0, fault(QubeFault::IoPorts));
    check(directory::QUBES, qube::IO_PORTS + 3, 0xff, fault(QubeFault::IoPorts));
    check(directory::QUBES, qube::SIZE + qube::NAME, b'X', ImageError::Qube(1, QubeFault::Record));
    check(directory::REGIONS, region::RIGHTS, 4, fault(QubeFault::Region));
    check(directory::REGIONS, region::RIGHTS, 3, fault(QubeFault::Writable));
    check(directory::REGIONS, region::GPA, 1, fault(QubeFault::Region));
    check(directory::REGIONS, region::GPA + 2, 0x1f, fault(QubeFault::Region));
    check(directory::REGIONS, region::PAGES, 3, fault(QubeFault::Region));
    check(directory::REGIONS, region::PAGES, 0, fault(QubeFault::Region));
    let fault = |fault| ImageError::Channel(0, fault);
    check(directory::CHANNELS, channel::CLIENT, 2, fault(ChannelFault::End));
    check(directory::CHANNELS, channel::CLIENT, 1, fault(ChannelFault::PortTaken));
    check(directory::CHANNELS, channel::SERVER, 200, fault(ChannelFault::Record));
    check(directory::CHANNELS, channel::CLIENT_PORT, 24, fault(ChannelFault::Record));
    check(directory::CHANNELS, channel::SERVICE, 2, fault(ChannelFault::End));
    check(directory::CHANNELS, channel::DEPTH, 0, fault(ChannelFault::Depth));
    check(directory::CHANNELS, channel::DEPTH, 65, fault(ChannelFault::Depth));
    check(directory::CHANNELS, channel::DECISION_COUNT, 3, fault(ChannelFault::Decisions));
    check(
        directory::CHANNELS,
        channel::SIZE + channel::CLIENT_PORT,
        0,
        ImageError::Channel(1, ChannelFault::PortTaken),
    );
    check(directory::SERVICES, service::TABLE_LENGTH, 0, ImageError::Schema(0));
    check(directory::SERVICES, service::MESSAGE_MAX, 1, ImageError::Schema(0));
    check(directory::SERVICES, service::TEXT_LENGTH + 1, 0x41, ImageError::Schema(0));
    check(directory::SERVICES, service::TEXT_OFFSET + 3, 1, ImageError::Schema(0));
}

#[test]
fn a_text_of_a_service_that_is_not_ascii_or_not_there_is_refused() {
    let mut bytes = image();
    let at = bytes.windows(12).position(|it| it == b"service echo").unwrap();
    bytes[at] = 0xc3;
    seal(&mut bytes);
    assert_eq!(Image::open(&bytes).err(), Some(ImageError::Schema(0)));
    let mut bytes = image();
    let table: [u8; 4] = bytes[layout::directory::SERVICES..][..4].try_into().unwrap();
    let length = u32::from_le_bytes(table) as usize + layout::service::TEXT_LENGTH;
    bytes[length..length + 4].fill(0);
    seal(&mut bytes);
    assert_eq!(Image::open(&bytes).err(), Some(ImageError::Schema(0)));
}

#[test]
fn a_decision_that_names_a_missing_chain_is_refused() {
    let mut system = system();
    system.channels[0].decisions[0].word = 4;
    let file = elf(&ordinary(), &STACK);
    let error = pack(&system, |_| &file).unwrap_err();
    assert_eq!(error, build_image::PackError::Refused(ImageError::Channel(0, ChannelFault::Decisions)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_resealed_image_of_any_content_never_panics(changes in proptest::collection::vec((64usize..2048, any::<u8>()), 1..5)) {
        static IMAGE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = IMAGE.get_or_init(image).clone();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        seal(&mut bytes);
        if let Ok(image) = Image::open(&bytes) {
            prop_assert!(walk(&image) < 1 << 20);
        }
    }
}
