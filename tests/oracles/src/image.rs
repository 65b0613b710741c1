//! Oracle `image`: the reader of system images against damaged ones.
//!
//! Input: a list of changes to a good image, three bytes each and more (where, how, what); then the checksum is made right
//! again, so that damage gets past it. Whatever the reader accepts must hold what it promises, checked here from the bytes
//! alone, and can be walked to its end.

use ipc_proto_types::QubeIndex;
use ipc_proto_wire::Table;
use supervisor_image::layout::{self, PAGE, directory, prefix};
use supervisor_image::{Image, Restart, Rights, checksum};
use supervisor_policy::{FIRST_CHAIN, NoFields, Verdict, decide};
use supervisor_sim::Plan;

use crate::input::Input;

/// Most bytes of a file, so that no input makes the harness slow.
const FILE_MAX: usize = 1 << 16;

/// Bytes of the boot information.
const BOOT_INFO_SIZE: u64 = 128;

thread_local! {
    static GOOD: Vec<u8> = good();
}

/// The oracle.
///
/// # Panics
/// The reader accepted an image that breaks a promise.
pub fn image(input: &[u8]) {
    let mut file = GOOD.with(Clone::clone);
    let mut input = Input::new(input);
    while !input.is_empty() {
        damage(&mut file, &mut input);
    }
    seal(&mut file);
    // A byte that does not lie at the start of a page, so that nothing relies on where the file is.
    let file = [&[0_u8][..], &file].concat();
    if let Ok(image) = Image::open(&file[1..]) {
        walk(&image, &file[1..]);
    }
}

/// Two qubes, three channels, one of them with a rule, and everything that a record can say.
fn good() -> Vec<u8> {
    let mut plan = Plan::new(&["one", "two"]);
    plan.channel("one", "two", &ipc_proto_echo_api::SERVICE).decisions[0] = FIRST_CHAIN;
    plan.channel("one", "@supervisor", &ipc_proto_log_api::SERVICE);
    plan.channel("two", "one", &ipc_proto_echo_api::SERVICE).depth = 1;
    plan.qube("two").restart = Restart::Never;
    plan.qube("one").irq = Some(4);
    plan.chains = vec![1, 0, 0, 0, 12, 0, 0, 0, 20, 0, 0, 0, 1, 1, 1, 0, 1, 4, 1, b'a'];
    plan.image()
}

/// One change. Places are dense where records are, so that few bytes reach all of them.
fn damage(file: &mut Vec<u8>, input: &mut Input<'_>) {
    let how = input.byte();
    let at = usize::from(input.u16()) % file.len().max(1);
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = file.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    match how % 8 {
        0 | 1 => put(at, &[input.byte()]),
        2 => put(at & !3, &input.u32().to_le_bytes()),
        3 => put(at & !7, &input.number().to_le_bytes()),
        // An entry of the directory, or a field of a record: add a little.
        4 => {
            let at = directory::NAME + at % 1024;
            let old = file.get(at).copied().unwrap_or(0);
            let new = old.wrapping_add(input.byte()).wrapping_sub(8);
            if let Some(place) = file.get_mut(at) {
                *place = new;
            }
        }
        5 => {
            let length = usize::from(input.byte()) * layout::BLOCK;
            file.resize((file.len() + length).min(FILE_MAX), 0);
        }
        6 => file.truncate(at & !(layout::BLOCK - 1)),
        // One record over another.
        _ => {
            let (to, length) = (usize::from(input.u16()) % file.len().max(1), usize::from(input.byte()));
            let from: Vec<u8> = file.iter().skip(at).take(length).copied().collect();
            if let Some(place) = file.get_mut(to..to + from.len()) {
                place.copy_from_slice(&from);
            }
        }
    }
}

/// Makes length and checksum right.
fn seal(file: &mut [u8]) {
    let length = (file.len() as u64).to_le_bytes();
    if let Some(place) = file.get_mut(prefix::LENGTH..prefix::LENGTH + 8) {
        place.copy_from_slice(&length);
    }
    let sum = file.get(prefix::SIZE..).filter(|body| body.len() % 8 == 0).map(checksum);
    if let (Some(sum), Some(place)) = (sum, file.get_mut(prefix::CHECKSUM..prefix::CHECKSUM + 8)) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

/// Looks at everything, and demands what the reader promises of an open image.
fn walk(image: &Image<'_>, file: &[u8]) {
    assert_eq!(image.qubes().count(), image.qube_count(), "a qube that cannot be read");
    assert_eq!(image.channels().count(), image.channel_count(), "a channel that cannot be read");
    assert_eq!(image.services().count(), image.service_count(), "a service that cannot be read");
    let lies_in = |part: &[u8]| {
        part.is_empty() || file.as_ptr_range().contains(&part.as_ptr()) && part.len() <= file.len()
    };
    let mut names = Vec::new();
    for (_, qube) in image.qubes() {
        assert!(!names.contains(&qube.name), "two qubes of one name");
        names.push(qube.name);
        let mut next = layout::RAM_BASE;
        let mut executable = Vec::new();
        for region in qube.regions() {
            assert!(region.gpa >= next && region.pages > 0, "regions overlap: {region:x?}");
            assert_eq!(region.gpa % PAGE as u64, 0, "a region within a page");
            assert!(
                region.data.len() as u64 <= u64::from(region.pages) * PAGE as u64,
                "data over its region"
            );
            assert!(lies_in(region.data), "data outside the file");
            next = region.end();
            if region.rights == Rights::RX {
                executable.push(region.gpa..region.end());
            }
        }
        assert!(next <= qube.memory_end() && qube.memory_end() <= layout::RAM_END_MAX, "memory over its end");
        assert!(executable.iter().any(|part| part.contains(&qube.entry)), "an entry that is no code");
        assert!(qube.arena.0 <= qube.arena.1 && qube.arena.1 <= qube.memory_end(), "an arena outside");
        let told = qube.boot_info.checked_add(BOOT_INFO_SIZE).is_some_and(|end| end <= qube.memory_end());
        assert!(told, "boot information outside");
        assert!(qube.irq.is_none_or(|line| line <= layout::IRQ_MAX), "an interrupt line there is not");
        assert!(qube.args.len() <= layout::ARGS_MAX, "arguments over their page");
    }
    for (index, service) in image.services() {
        let text = image.service_text(index).expect("a service without its text");
        assert!(lies_in(service.table) && lies_in(text) && text.is_ascii(), "a service outside the file");
        let table = Table::parse(service.table).expect("a table that does not parse");
        assert_eq!(table.message_max(), service.message_max);
    }
    channels(image);
}

fn channels(image: &Image<'_>) {
    let mut ends: Vec<(QubeIndex, u8)> = Vec::new();
    for (_, channel) in image.channels() {
        let server = channel.server.map(|server| (server, channel.server_port.get()));
        for (qube, port) in [Some((channel.client, channel.client_port.get())), server].into_iter().flatten()
        {
            let of = image.qube(qube).expect("a channel of a qube there is not");
            assert!(port < of.port_count, "a port there is not");
            assert!(!ends.contains(&(qube, port)), "a port with two channels");
            ends.push((qube, port));
        }
        let service = image.service(channel.service).expect("a channel of a service there is not");
        let methods = Table::parse(service.table).map_or(0, |table| table.method_count());
        assert_eq!(channel.decisions().count(), usize::from(methods), "a decision for each method");
        assert!((1..=64).contains(&channel.depth), "a depth of {}", channel.depth);
        for word in channel.decisions() {
            let known = Verdict::from_word(word).is_some() || word - FIRST_CHAIN < image.chains().count();
            assert!(known, "a decision that says nothing: {word}");
            let _ = decide(word, &image.chains(), &NoFields);
        }
    }
    let ports: usize = image.qubes().map(|(_, qube)| usize::from(qube.port_count)).sum();
    assert_eq!(ports, ends.len(), "a port without a channel");
}
