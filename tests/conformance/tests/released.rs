//! What was released still holds: every schema under its version, every frame that was sent.

use std::path::PathBuf;

use build_manifest::{Catalogue, Released};
use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Header, MethodKind, Service, Table};
use tests_conformance::{SERVICES, files};

/// The release that this tree is, or becomes.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(text.get(at..at + 2).unwrap_or("??"), 16);
    (0..text.len()).step_by(2).map(|at| digit(at).expect("pairs of hex digits")).collect()
}

/// A service as it would be released now.
fn now(service: &Service) -> Released {
    let golden = files::read(&format!("golden/{}.txt", service.name));
    Released {
        version: service.version,
        first_line: 4,
        text: service.canonical().as_str().to_owned(),
        table: hex(service.table),
        frames: golden.lines().filter_map(|line| line.strip_prefix("frame ")).map(str::to_owned).collect(),
    }
}

/// All files of all releases: name in the tree, service, content.
fn released() -> Vec<(String, String, String)> {
    let read = |folder: &PathBuf| std::fs::read_dir(folder).expect("a folder of releases");
    let mut all = Vec::new();
    for release in read(&files::spec("released")) {
        for file in read(&release.expect("a release").path()) {
            let path = file.expect("a file of a release").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a service's name").to_owned();
            let content = std::fs::read_to_string(&path).expect("a file of a release");
            all.push((path.display().to_string(), name, content));
        }
    }
    all
}

#[test]
fn every_service_of_this_release_is_kept_and_none_broke_a_release() {
    if std::env::var_os("RELEASE").is_some_and(|value| value == "1") {
        for service in SERVICES {
            let name = format!("released/{RELEASE}/{}.txt", service.name);
            files::write(&name, &now(&service).write(service.name, RELEASE));
        }
    }
    for service in SERVICES {
        assert!(
            released().iter().any(|(_, name, _)| name == service.name),
            "{} was never released",
            service.name
        );
    }
    let catalogue = Catalogue::builtin();
    for (file, name, content) in released() {
        catalogue.check_released(&file, &name, &content).unwrap_or_else(|broken| panic!("{broken}"));
    }
}

#[test]
fn every_released_frame_still_passes_while_its_version_is_spoken() {
    let mut frames = 0;
    for (file, name, content) in released() {
        let Some(service) = SERVICES.into_iter().find(|service| service.name == name) else { continue };
        let old = Released::read(&content).unwrap_or_else(|| panic!("{file} is no file of a release"));
        if old.version != service.version {
            continue;
        }
        for frame in &old.frames {
            assert_eq!(passes(&service, &unhex(frame)), Ok(()), "{file}: frame {frame}");
            frames += 1;
        }
        assert_eq!(old.table, hex(service.table), "{file}: another table under version {}", old.version);
    }
    assert!(frames > 50, "{frames} frames");
}

#[test]
fn a_frame_that_today_does_not_take_is_noticed() {
    let frames = now(&ipc_proto_echo_api::SERVICE).frames;
    let frame = unhex(frames.first().expect("a golden frame"));
    assert_eq!(passes(&ipc_proto_echo_api::SERVICE, &frame), Ok(()));
    assert!(passes(&ipc_proto_clock_api::SERVICE, &frame).is_err(), "a frame of another schema");
    let (cut, _) = frame.split_at(frame.len() - 1);
    assert!(passes(&ipc_proto_echo_api::SERVICE, cut).is_err(), "a frame without its last byte");
}

/// Whether the service of today takes a frame.
fn passes(service: &Service, frame: &[u8]) -> Result<(), String> {
    let (header, body) = Header::parse(frame).map_err(|error| format!("{error:?}"))?;
    let kind = service.methods.get(usize::from(header.method)).map(|method| method.kind);
    let from_server = header.kind == Kind::Reply || kind == Some(MethodKind::Event);
    let sender = if from_server { Role::Server } else { Role::Client };
    if header.schema != service.id {
        return Err("another schema".to_owned());
    }
    let table = Table::parse(service.table).map_err(|error| format!("{error:?}"))?;
    table.check(sender, &header, body, &mut ()).map_err(|violation| format!("{violation:?}"))
}
