//! What goes into an image comes out of it again; what does not fit is named.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use build_image::{ElfError, PackError, PlaceError, pack, place, read};
use build_manifest::Device;
use common::{PT_DYNAMIC, Part, R, RW, RWX, RX, STACK, elf, load, ordinary, qube, system};
use ipc_proto_types::{Label, PortIndex, QubeIndex, ServiceIndex};
use supervisor_image::{Image, IoPorts, Restart, Rights};

fn index(number: u8) -> QubeIndex {
    QubeIndex::new(number).unwrap()
}

#[test]
fn a_packed_system_reads_back_as_it_was() {
    let file = elf(&ordinary(), &STACK);
    let bytes = pack(&system(), |_| &file).unwrap();
    let image = Image::open(&bytes).unwrap();
    assert_eq!((image.name().as_str(), image.qube_count(), image.channel_count()), ("pair", 2, 2));

    let console = image.qube(index(0)).unwrap();
    assert_eq!((console.name.as_str(), console.label, console.args), ("console", Label::Work, "width=80"));
    assert_eq!((console.restart, console.irq, console.port_count), (Restart::Always, Some(4), 2));
    assert_eq!(console.io_ports(), [IoPorts { first: 0x3f8, count: 8 }]);
    assert_eq!((console.memory_pages, console.entry, console.stack_top), (256, 0x20_0000, 0x20_6000));
    assert_eq!((console.page_table_root, console.boot_info), (0x2f_c000, 0x2f_f000));
    assert_eq!((console.cpu_khz_at, console.boot_time_at), (0x2f_f000 + 104, 0x2f_f000 + 112));
    assert_eq!(console.arena, (0x20_8000, 0x2f_c000));

    let echo = image.qube(index(1)).unwrap();
    assert_eq!((echo.restart, echo.irq, echo.io_ports().len()), (Restart::Never, None, 0));
    assert!(image.qube(index(2)).is_none());

    let channels: Vec<_> = image.channels().map(|(_, channel)| channel).collect();
    assert_eq!((channels[0].client, channels[0].server, channels[0].depth), (index(0), Some(index(1)), 4));
    assert_eq!(channels[0].decisions().collect::<Vec<_>>(), [3, 1, 1, 1]);
    assert_eq!((channels[0].decision(0), channels[0].decision(4)), (3, 0));
    assert_eq!((channels[1].server, channels[1].client_port), (None, PortIndex::new(1).unwrap()));
    let service = image.service(ServiceIndex::new(0).unwrap()).unwrap();
    let api = ipc_proto_echo_api::SERVICE;
    assert_eq!((service.name.as_str(), service.version, service.id), (api.name, api.version, api.id));
    assert_eq!((service.table, service.message_max), (api.table, api.message_max));
    let text = image.service_text(ServiceIndex::new(0).unwrap()).unwrap();
    assert_eq!(text, api.canonical().as_str().as_bytes());
    assert!(text.starts_with(b"service echo\ncall "));
    assert_eq!(image.chains().count(), 1);
}

#[test]
fn the_owner_of_the_inspect_port_gets_the_second_serial_port() {
    let file = elf(&ordinary(), &STACK);
    let mut system = system();
    system.qubes[1].devices = vec![Device::Inspect];
    let bytes = pack(&system, |_| &file).unwrap();
    let inspector = Image::open(&bytes).unwrap().qube(index(1)).unwrap();
    assert_eq!(inspector.irq, Some(3));
    assert_eq!(inspector.io_ports(), [IoPorts { first: 0x2f8, count: 8 }]);
}

#[test]
fn regions_carry_rights_and_data_and_zeros_take_no_room() {
    let file = elf(&ordinary(), &STACK);
    let bytes = pack(&system(), |_| &file).unwrap();
    let image = Image::open(&bytes).unwrap();
    let found: Vec<_> = image
        .qube(index(0))
        .unwrap()
        .regions()
        .map(|it| (it.gpa, it.pages, it.rights, it.data.len()))
        .collect();
    assert_eq!(
        found,
        [
            (0x20_0000, 2, Rights::RX, 8192),
            (0x20_2000, 1, Rights::R, 4096),
            (0x20_4000, 2, Rights::RW, 0),
            (0x20_6000, 2, Rights::RW, 4),
            (0x20_8000, 0xf4, Rights::RW, 0),
            (0x2f_c000, 4, Rights::RW, 3 * 4096 + 128),
        ]
    );
    let start = bytes.as_ptr().addr();
    for (_, qube) in image.qubes() {
        for region in qube.regions().filter(|region| !region.data.is_empty()) {
            assert_eq!((region.data.as_ptr().addr() - start) % 4096, 0);
        }
    }
    let code = |number| image.qube(index(number)).unwrap().regions().next().unwrap().data.as_ptr();
    assert_eq!(code(0), code(1), "two qubes of one program share its code");
}

fn check_elf(change: impl FnOnce(&mut Vec<Part>), expected: ElfError) {
    let mut parts = ordinary();
    change(&mut parts);
    assert_eq!(read(&elf(&parts, &STACK)).unwrap_err(), expected);
}

#[test]
fn an_elf_file_that_is_no_qube_is_refused() {
    check_elf(|parts| parts[0].flags = RWX, ElfError::WritableCode(0x20_0000));
    check_elf(|parts| parts[1].at = 0x20_2010, ElfError::Segment(0x20_2010));
    check_elf(|parts| parts[1].at = 0x20_1000, ElfError::Segment(0x20_1000));
    check_elf(|parts| parts[0].at = 0x10_0000, ElfError::Segment(0x10_0000));
    check_elf(|parts| parts[2].at = !0xfff, ElfError::Segment(!0xfff));
    check_elf(|parts| parts[2].flags = R, ElfError::Stack);
    check_elf(|parts| parts[1].kind = PT_DYNAMIC, ElfError::NotStatic("linked dynamically"));
    let no_top = elf(&ordinary(), &STACK[..1]);
    assert_eq!(read(&no_top).unwrap_err(), ElfError::NoSymbol("__stack_top"));
    let mut shared = elf(&ordinary(), &STACK);
    shared[16] = 3;
    assert!(matches!(read(&shared).unwrap_err(), ElfError::NotStatic(_)));
}

#[test]
fn every_truncation_of_an_elf_file_is_refused_without_a_panic() {
    let file = elf(&ordinary(), &STACK);
    assert!(read(&file).is_ok());
    for length in (0..file.len()).step_by(7) {
        assert!(read(&file[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn a_qube_that_does_not_fit_its_memory_is_told_how_much_it_needs() {
    let file = elf(&ordinary(), &STACK);
    let elf = read(&file).unwrap();
    assert!(place(&qube("fits", 12 * 4096), &elf).is_ok());
    let error = place(&qube("small", 11 * 4096), &elf).unwrap_err();
    assert_eq!(error, PlaceError::Memory { needs: 12 * 4096, has: 11 * 4096 });
    assert!(error.to_string().contains("fix: write `memory = \"1MiB\"`"), "{error}");
}

#[test]
fn a_stack_of_another_size_than_declared_is_refused() {
    let file = elf(&ordinary(), &STACK);
    let mut it = qube("stacked", 1 << 20);
    it.stack = Some(8192);
    assert!(place(&it, &read(&file).unwrap()).is_ok());
    it.stack = Some(65536);
    assert_eq!(
        place(&it, &read(&file).unwrap()).unwrap_err(),
        PlaceError::Stack { wanted: 65536, linked: 8192 }
    );
}

#[test]
fn writable_memory_comes_last_and_in_one_piece() {
    let mut parts = ordinary();
    parts.push(load(RX, 0x20_8000, b"code", 4));
    assert_eq!(
        place(&qube("q", 1 << 20), &read(&elf(&parts, &STACK)).unwrap()).unwrap_err(),
        PlaceError::Order
    );

    let mut parts = ordinary();
    parts.push(load(RW, 0x20_9000, b"more", 4));
    let file = elf(&parts, &STACK);
    let placed = place(&qube("q", 1 << 20), &read(&file).unwrap()).unwrap();
    let writable: Vec<_> =
        placed.regions.iter().filter(|it| it.rights == Rights::RW).map(|it| (it.gpa, it.end())).collect();
    assert!(writable.windows(2).all(|pair| pair[0].1 == pair[1].0), "{writable:?}");
    assert_eq!(placed.arena.0, 0x20_a000);
}

#[test]
fn receive_buffers_that_do_not_fit_the_heap_are_refused() {
    let file = elf(&ordinary(), &STACK);
    let mut system = system();
    system.channels[0].depth = 64;
    system.qubes[1].memory = 24 * 4096;
    let error = pack(&system, |_| &file).unwrap_err();
    assert!(matches!(error, PackError::Buffers { has: 49152, .. }), "{error:?}");
    assert!(error.to_string().contains("fix: a larger `memory`"), "{error}");
}
