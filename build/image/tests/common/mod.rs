//! Made-up ELF files and a made-up system for them.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test file uses a part")]

use build_manifest::{Channel, Decision, Device, Position, Qube, Restart, System};
use ipc_proto_types::{Label, PortIndex, QubeIndex, QubeName};
use ipc_proto_wire::Service;

pub(crate) const R: u32 = 4;
pub(crate) const RX: u32 = 5;
pub(crate) const RW: u32 = 6;
pub(crate) const RWX: u32 = 7;
pub(crate) const PT_LOAD: u32 = 1;
pub(crate) const PT_DYNAMIC: u32 = 2;

/// A program header to be: kind, flags, address, data, size in memory.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) at: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) size: u64,
}

pub(crate) fn load(flags: u32, at: u64, data: &[u8], size: u64) -> Part {
    Part { kind: PT_LOAD, flags, at, data: data.to_vec(), size }
}

/// The segments of an ordinary qube: text, rodata, guard page, stack of two pages with data and bss after it.
pub(crate) fn ordinary() -> Vec<Part> {
    let mut writable = vec![0; 2 * 4096];
    writable.extend(b"data");
    writable.extend([0; 60]);
    vec![
        load(RX, 0x20_0000, &[0x90; 5000], 5000),
        load(R, 0x20_2000, b"read only", 9),
        load(RW, 0x20_4000, &writable, 3 * 4096 + 100),
    ]
}

pub(crate) const STACK: [(&str, u64); 2] = [("__stack_bottom", 0x20_4000), ("__stack_top", 0x20_6000)];

/// An ELF file (System V ABI, ELF-64) of these segments and symbols; enters at 0x200000.
pub(crate) fn elf(parts: &[Part], symbols: &[(&str, u64)]) -> Vec<u8> {
    let mut out = vec![0; 64 + 56 * parts.len()];
    let mut headers = Vec::new();
    for part in parts {
        let offset = out.len() as u64;
        out.extend(&part.data);
        headers.extend(part.kind.to_le_bytes());
        headers.extend(part.flags.to_le_bytes());
        for word in [offset, part.at, part.at, part.data.len() as u64, part.size, 4096] {
            headers.extend(word.to_le_bytes());
        }
    }
    out[64..64 + headers.len()].copy_from_slice(&headers);
    let mut names = vec![0];
    let mut table = vec![0; 24];
    for (name, value) in symbols {
        table.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
        table.extend([0x10, 0, 0xf1, 0xff]);
        table.extend(value.to_le_bytes());
        table.extend([0; 8]);
        names.extend(name.bytes().chain([0]));
    }
    let (table_at, names_at) = (out.len() as u64, (out.len() + table.len()) as u64);
    out.extend(&table);
    out.extend(&names);
    let sections_at = out.len() as u64;
    let mut section = |kind: u32, at: u64, size: usize, link: u32, entry: u64| {
        out.extend(0u32.to_le_bytes());
        out.extend(kind.to_le_bytes());
        for word in [0, 0, at, size as u64] {
            out.extend(word.to_le_bytes());
        }
        out.extend(link.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(8u64.to_le_bytes());
        out.extend(entry.to_le_bytes());
    };
    section(0, 0, 0, 0, 0);
    section(2, table_at, table.len(), 2, 24);
    section(3, names_at, names.len(), 0, 0);
    let mut header = b"\x7fELF\x02\x01\x01\xff\0\0\0\0\0\0\0\0".to_vec();
    header.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [0x20_0000, 64, sections_at] {
        header.extend(word.to_le_bytes());
    }
    header.extend([0; 4]);
    for half in [64, 56, u16::try_from(parts.len()).unwrap(), 64, 3, 2] {
        header.extend(half.to_le_bytes());
    }
    out[..64].copy_from_slice(&header);
    out
}

pub(crate) fn qube(name: &str, memory: u64) -> Qube {
    Qube {
        name: QubeName::new(name).unwrap(),
        label: Label::Work,
        memory,
        stack: None,
        folder: name.into(),
        package: name.into(),
        binary: name.into(),
        serves: Vec::new(),
        calls: Vec::new(),
        tags: Vec::new(),
        args: String::new(),
        restart: Restart::Always,
        family: None,
        opened_for: None,
        devices: Vec::new(),
        dma_unprotected: false,
        rules: None,
        port_count: 0,
    }
}

fn channel(client: u8, client_port: u8, server: Option<u8>, service: usize, of: &Service) -> Channel {
    Channel {
        client: QubeIndex::new(client).unwrap(),
        client_port: PortIndex::new(client_port).unwrap(),
        server: server.map(|server| QubeIndex::new(server).unwrap()),
        server_port: PortIndex::new(0).unwrap(),
        service,
        depth: 4,
        at: Position { line: 1, column: 1 },
        decisions: of.methods.iter().map(|_| Decision { word: 1, rule: None }).collect(),
    }
}

/// Two qubes, `console` with the terminal and `echo`; a channel between them and one to the supervisor; one chain.
pub(crate) fn system() -> System {
    let (echo, log) = (&ipc_proto_echo_api::SERVICE, &ipc_proto_log_api::SERVICE);
    let mut console = qube("console", 1 << 20);
    console.devices = vec![Device::Terminal];
    console.port_count = 2;
    console.args = "width=80".into();
    let mut server = qube("echo", 1 << 20);
    server.restart = Restart::Never;
    server.label = Label::Untrusted;
    server.port_count = 1;
    let mut speak = channel(0, 0, Some(1), 0, echo);
    speak.decisions[0].word = 3;
    let mut chains = vec![1, 0, 0, 0, 12, 0, 0, 0, 19, 0, 0, 0];
    chains.extend([1, 1, 1, 0, 1, 4, 0]);
    System {
        name: QubeName::new("pair").unwrap(),
        path: "pair.toml".into(),
        memory: 2 << 20,
        qubes: vec![console, server],
        channels: vec![speak, channel(0, 1, None, 1, log)],
        services: vec![echo, log],
        chains,
    }
}
