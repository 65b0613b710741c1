//! A system in a few lines of test, as an image that the supervisor's own reader opens.
//!
//! The real writer is `build/image`; it wants manifests and ELF files. This one writes the same layout from plain values,
//! the qubes' "code" being a page of filler: what they do is a [`crate::Guest`].

use ipc_proto_types::{Label, QubeIndex, QubeName};
use ipc_proto_wire::Service;
use supervisor_image::layout::{self, BLOCK, PAGE, channel, directory, prefix, qube, region, service};
use supervisor_image::{Image, Restart, Rights, checksum};

/// Pages of a qube's memory unless the plan says otherwise: 512 KiB.
const PAGES: u32 = 128;
/// What every qube's text and initialised data are filled with.
const TEXT_FILLER: u8 = 0xcc;
const DATA_FILLER: u8 = 0xda;
/// Pages before the arena: text, rodata, stack, data.
const ARENA_AT: u64 = 4;
/// Pages after it: the qube's own page tables, its boot information.
const LAST_PAGES: u64 = 2;
const REGIONS: usize = 3;

/// One qube of a plan.
#[derive(Clone, Debug)]
pub struct QubePlan {
    /// Unique.
    pub name: &'static str,
    /// Its trust colour.
    pub label: Label,
    /// Memory in pages, at least 8.
    pub pages: u32,
    /// What follows its end.
    pub restart: Restart,
    /// On whose behalf it is opened.
    pub opened_for: Option<QubeIndex>,
    /// Its interrupt line.
    pub irq: Option<u8>,
    ports: u8,
}

/// One channel of a plan.
#[derive(Clone, Debug)]
pub struct ChannelPlan {
    client: (u8, u8),
    server: (u8, u8),
    service: u8,
    /// Buffers each end posts.
    pub depth: u16,
    /// Decision words, one a method; all allow unless changed.
    pub decisions: Vec<u16>,
}

/// A system.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Qubes, in the order of their indexes.
    pub qubes: Vec<QubePlan>,
    /// Channels, in the order of their indexes.
    pub channels: Vec<ChannelPlan>,
    services: Vec<&'static Service>,
    /// Rule chains, as `supervisor_policy` reads them.
    pub chains: Vec<u8>,
}

impl Plan {
    /// Qubes of these names, which restart, and no channels.
    #[must_use]
    pub fn new(names: &[&'static str]) -> Self {
        let plan = |name: &&'static str| QubePlan {
            name,
            label: Label::Work,
            pages: PAGES,
            restart: Restart::Always,
            opened_for: None,
            irq: None,
            ports: 0,
        };
        // No chains: a count of 0, and one offset behind the table.
        let chains = vec![0, 0, 0, 0, 8, 0, 0, 0];
        Self { qubes: names.iter().map(plan).collect(), channels: Vec::new(), services: Vec::new(), chains }
    }

    /// The qube of this name, to change.
    ///
    /// # Panics
    /// When there is none.
    pub fn qube(&mut self, name: &str) -> &mut QubePlan {
        self.qubes.iter_mut().find(|qube| qube.name == name).expect("a qube of the plan")
    }

    /// Adds a channel on the next free port of both ends, on which the client may say everything. `@supervisor` is a
    /// server too.
    ///
    /// # Panics
    /// When there is no such qube.
    pub fn channel(&mut self, client: &str, server: &str, service: &'static Service) -> &mut ChannelPlan {
        let place = self.services.iter().position(|one| one.id == service.id).unwrap_or_else(|| {
            self.services.push(service);
            self.services.len() - 1
        });
        let server = if server == "@supervisor" { (channel::SUPERVISOR, 0) } else { self.next_port(server) };
        let plan = ChannelPlan {
            client: self.next_port(client),
            server,
            service: byte(place),
            depth: 8,
            decisions: vec![supervisor_policy::ALLOW; service.methods.len()],
        };
        self.channels.push(plan);
        self.channels.last_mut().expect("just pushed")
    }

    fn next_port(&mut self, name: &str) -> (u8, u8) {
        let place = self.qubes.iter().position(|qube| qube.name == name).expect("a qube of the plan");
        let qube = &mut self.qubes[place];
        qube.ports += 1;
        (byte(place), qube.ports - 1)
    }

    /// The image.
    ///
    /// # Panics
    /// When the supervisor's reader refuses the plan.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        let mut file = File(vec![0; directory::END]);
        file.put(prefix::MAGIC, &layout::MAGIC);
        file.put(prefix::VERSION, &layout::VERSION.to_le_bytes());
        file.put(directory::NAME, name("sim").padded());
        let qubes = file.table(directory::QUBES, self.qubes.len(), qube::SIZE);
        let regions = file.table(directory::REGIONS, self.qubes.len() * REGIONS, region::SIZE);
        let channels = file.table(directory::CHANNELS, self.channels.len(), channel::SIZE);
        let services = file.table(directory::SERVICES, self.services.len(), service::SIZE);
        let chains = file.append(&self.chains, 8);
        file.put_u32(directory::CHAINS, chains);
        file.put_u32(directory::CHAINS + 4, self.chains.len());
        let text = file.append(&[TEXT_FILLER; PAGE], PAGE);
        let data = file.append(&[DATA_FILLER; PAGE], PAGE);
        for (place, plan) in self.qubes.iter().enumerate() {
            file.qube(qubes + place * qube::SIZE, plan, place * REGIONS);
            file.regions(regions + place * REGIONS * region::SIZE, plan, text, data);
        }
        for (place, plan) in self.channels.iter().enumerate() {
            file.channel(channels + place * channel::SIZE, plan);
        }
        for (place, plan) in self.services.iter().enumerate() {
            file.service(services + place * service::SIZE, plan);
        }
        let bytes = file.finish();
        if let Err(error) = Image::open(&bytes) {
            panic!("the plan makes no image: {error}");
        }
        bytes
    }
}

/// An image in the making.
struct File(Vec<u8>);

impl File {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_u32(&mut self, at: usize, value: usize) {
        self.put(at, &u32::try_from(value).expect("a small image").to_le_bytes());
    }

    fn append(&mut self, bytes: &[u8], align: usize) -> usize {
        let at = self.0.len().next_multiple_of(align);
        self.0.resize(at, 0);
        self.0.extend(bytes);
        at
    }

    fn table(&mut self, entry: usize, count: usize, record: usize) -> usize {
        let at = self.append(&vec![0; count * record], 8);
        self.put_u32(entry, at);
        self.put_u32(entry + 4, count);
        at
    }

    fn qube(&mut self, at: usize, plan: &QubePlan, first_region: usize) {
        let page = |number: u64| layout::RAM_BASE + number * PAGE as u64;
        let end = page(plan.pages.into());
        let (root, info) = (end - 2 * PAGE as u64, end - PAGE as u64);
        self.put(at + qube::NAME, name(plan.name).padded());
        self.put(at + qube::LABEL, &[plan.label.as_u8()]);
        self.put(at + qube::RESTART, &[plan.restart.code()]);
        self.put(at + qube::OPENED_FOR, &[plan.opened_for.map_or(0, |opener| opener.get() + 1)]);
        self.put(at + qube::PORT_COUNT, &[plan.ports]);
        self.put(at + qube::IRQ, &[plan.irq.unwrap_or(qube::NONE)]);
        self.put(at + qube::MEMORY_PAGES, &plan.pages.to_le_bytes());
        for (field, address) in [
            (qube::ENTRY, page(0)),
            (qube::STACK_TOP, page(3)),
            (qube::BOOT_INFO, info),
            (qube::BOOT_TIME_AT, info + 64),
            (qube::CPU_KHZ_AT, info + 96),
            (qube::PAGE_TABLE_ROOT, root),
            (qube::ARENA_START, page(ARENA_AT)),
            (qube::ARENA_END, end - LAST_PAGES * PAGE as u64),
        ] {
            self.put(at + field, &address.to_le_bytes());
        }
        self.put(at + qube::REGION_COUNT, &[byte(REGIONS)]);
        self.put_u32(at + qube::FIRST_REGION, first_region);
    }

    /// Text, an unmapped page, then everything writable: a page of stack and the rest, which begins with data.
    fn regions(&mut self, at: usize, plan: &QubePlan, text: usize, data: usize) {
        let rest = plan.pages - 3;
        for (place, (first, pages, rights, offset, len)) in
            [(0, 1, Rights::RX, text, PAGE), (2, 1, Rights::RW, 0, 0), (3, rest, Rights::RW, data, PAGE / 2)]
                .into_iter()
                .enumerate()
        {
            let at = at + place * region::SIZE;
            let gpa = layout::RAM_BASE + first * PAGE as u64;
            self.put(at + region::GPA, &gpa.to_le_bytes());
            self.put(at + region::PAGES, &u32::to_le_bytes(pages));
            self.put_u32(at + region::DATA_OFFSET, offset);
            self.put_u32(at + region::DATA_LENGTH, len);
            self.put(at + region::RIGHTS, &[rights.code()]);
        }
    }

    fn channel(&mut self, at: usize, plan: &ChannelPlan) {
        let words: Vec<u8> = plan.decisions.iter().flat_map(|word| word.to_le_bytes()).collect();
        let decisions = self.append(&words, 2);
        self.put(
            at + channel::CLIENT,
            &[plan.client.0, plan.client.1, plan.server.0, plan.server.1, plan.service],
        );
        self.put(at + channel::DECISION_COUNT, &[byte(plan.decisions.len())]);
        self.put(at + channel::DEPTH, &plan.depth.to_le_bytes());
        self.put_u32(at + channel::DECISIONS, decisions);
    }

    fn service(&mut self, at: usize, plan: &Service) {
        let table = self.append(plan.table, 8);
        let canonical = plan.canonical();
        let text = self.append(canonical.as_str().as_bytes(), 1);
        self.put(at + service::NAME, name(plan.name).padded());
        self.put(at + service::ID, &plan.id.0);
        self.put(at + service::VERSION, &plan.version.to_le_bytes());
        self.put(at + service::MESSAGE_MAX, &plan.message_max.to_le_bytes());
        self.put_u32(at + service::TABLE_OFFSET, table);
        self.put_u32(at + service::TABLE_LENGTH, plan.table.len());
        self.put_u32(at + service::TEXT_OFFSET, text);
        self.put_u32(at + service::TEXT_LENGTH, canonical.as_str().len());
    }

    fn finish(mut self) -> Vec<u8> {
        let length = self.0.len().next_multiple_of(BLOCK);
        self.0.resize(length, 0);
        self.put(prefix::LENGTH, &(length as u64).to_le_bytes());
        let sum = checksum(&self.0[prefix::SIZE..]);
        self.put(prefix::CHECKSUM, &sum.to_le_bytes());
        self.0
    }
}

fn name(text: &str) -> QubeName {
    QubeName::new(text).expect("a legal name")
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("a small plan")
}
