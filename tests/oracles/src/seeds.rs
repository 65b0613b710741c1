//! Inputs to begin with, made from the schemas: what the corpus grew from, and what a service outside it begins with.

use ipc_proto_rpc::ByBytes;
use ipc_proto_types::Role;
use ipc_proto_wire::Service;
use tests_conformance::reference::Chance;

use crate::Target;
use crate::message::{FRAME, KINDS, Said, Sent, shape_of};

/// Encodings of all messages of a service together, of different sizes; there are as many again that are a little wrong.
const OF_ALL: usize = 120;

/// Inputs of a `message` target.
#[must_use]
pub fn messages<S: ByBytes>() -> Vec<Vec<u8>> {
    of_service(&S::SERVICE)
}

fn of_service(service: &Service) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    let mut chance = Chance::new(service.methods.len() as u64);
    let of_each = OF_ALL / service.methods.len().max(1);
    for method in 0..=u16::try_from(service.methods.len()).unwrap_or(0) {
        for sender in [Role::Client, Role::Server] {
            for kind in KINDS {
                let shape = shape_of(service, sender, kind, method);
                for _ in 0..shape.map_or(1, |_| of_each) {
                    let body = match shape {
                        Some(Sent::Shape(shape)) => chance.encoding(shape),
                        _ => vec![chance.byte() % 12],
                    };
                    inputs.push(Said { sender, kind, method, body: &body }.write());
                    let body = chance.mutation(&body);
                    inputs.push(Said { sender, kind, method, body: &body }.write());
                }
            }
        }
    }
    inputs.push(
        [vec![FRAME], service.id.0.to_vec(), vec![0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]].concat(),
    );
    inputs.iter().filter(|input| input.len() <= crate::corpus::INPUT_MAX).cloned().collect()
}

/// Inputs of any target.
#[must_use]
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    match (target.service, target.name) {
        (Some(service), _) => of_service(&service),
        (None, "elf") => vec![elf_file()],
        (None, "backup") => backups(),
        (None, "kdbx") => crate::kdbx::seeds(),
        (None, "records") => crate::records::seeds(),
        (None, "imports") => crate::imports::seeds(),
        (None, "agent") => crate::agent::seeds(),
        (None, "picture") => crate::picture::seeds(),
        (None, "table") => tables(),
        (None, "policy") => noise(64, 120).into_iter().chain([system_file()]).collect(),
        (None, _) => noise(64, 200),
    }
}

/// Bytes by chance, mostly small: every target takes bytes as decisions.
fn noise(count: u64, length: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|seed| {
            let mut chance = Chance::new(seed * 31 + 1);
            let length = 1 + chance.below(length);
            (0..length)
                .map(|_| if chance.below(3) == 0 { chance.byte() } else { chance.byte() & 0x0f })
                .collect()
        })
        .collect()
}

/// The table of each service with a body, and shapes with theirs.
fn tables() -> Vec<Vec<u8>> {
    let words = |table: &[u8]| u16::try_from(table.len() / 8).unwrap_or(0).to_le_bytes();
    let mut inputs: Vec<Vec<u8>> = crate::SERVICES
        .iter()
        .filter(|service| service.table.len() < 3000)
        .map(|service| [&[1], words(service.table).as_slice(), service.table, b"\x03abc"].concat())
        .collect();
    let mut chance = Chance::new(5);
    for seed in 0..80_u64 {
        let shape = Chance::new(seed * 7919).shape(3);
        let body = chance.encoding(shape);
        inputs.push([&[0, u8::try_from(seed).unwrap_or(0)], body.as_slice()].concat());
    }
    inputs.retain(|input| input.len() <= crate::corpus::INPUT_MAX);
    inputs
}

/// Headers, plaintexts and edits for `backup`: a good one of each, and many by chance.
fn backups() -> Vec<Vec<u8>> {
    let header = |numbers: [u32; 4]| {
        [b"\0skepbak1".as_slice(), &numbers.map(u32::to_le_bytes).concat(), &[0; 48]].concat()
    };
    let mut inputs: Vec<Vec<u8>> =
        [[8, 1, 1, 0], [7, 1, 1, 0], [1 << 19, 1, 1, 0], [64, 1, 9, 0], [64, 1 << 17, 1, 0], [64, 1, 1, 1]]
            .map(header)
            .to_vec();
    inputs.push(b"\x01\x05\x02\0\0\0\x01a\x03\0\0\0\0\0\0\0\x01b\x01\0\0\0\0\0\0\0xyzz".to_vec());
    inputs.push([b"\x01\xff\x01\0\0\0\x01a\0\0\x01\0\0\0\0\0".as_slice(), &[0xff; 16]].concat());
    inputs.push(vec![2, 2, 100, 0, 200, 0]);
    inputs.push(vec![2, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    for noise in noise(64, 60) {
        let small: Vec<u8> = noise.iter().take(12).copied().collect();
        inputs.push([[2, 3, 0, 0x90, 0, 0, 0, 0x90].as_slice(), &small].concat());
        inputs.push([b"\x01\x05\x02\0\0\0\x01a".as_slice(), &noise].concat());
    }
    inputs
}

fn system_file() -> Vec<u8> {
    let text = "name = \"s\"\nmemory = \"8MiB\"\nqubes = [\"alpha\", { path = \"beta\", name = \"b2\", label = \"grey\" }]\n\
                policy = '''\nprobe.open @anyvm b2 allow { port: 1..10 | 443, host: \"a*b\" }\n'''\n\
                [[channel]]\nclient = \"alpha\"\nserver = \"b2\"\nservice = \"probe\"\ndepth = 4\n";
    [&[1], text.as_bytes()].concat()
}

/// A small ELF file: text, then a page that may be written, and no symbols.
fn elf_file() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\xff\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for word in [0x20_0000_u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0; 4]);
    for half in [64_u16, 56, 2, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for (flags, at, size) in [(5_u32, 0x20_0000_u64, 16_u64), (6, 0x20_2000, 0x2000)] {
        file.extend(1_u32.to_le_bytes());
        file.extend(flags.to_le_bytes());
        for word in [176, at, at, 16, size, 4096] {
            file.extend(word.to_le_bytes());
        }
    }
    file.extend([0x90; 16]);
    file
}
