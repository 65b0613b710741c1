//! Oracle `elf`: a qube's program file, read and placed by the host tool, whatever its bytes say.
//!
//! What is read lies in the file; what is placed lies in the qube's memory. Nothing panics, nothing grows without bound.

use build_image::{place, read};
use build_manifest::{Qube, Restart};
use ipc_proto_types::{Label, QubeName};
use supervisor_image::layout::RAM_BASE;

/// Memory of the qube.
const MEMORY: u64 = 1 << 20;

/// The oracle.
///
/// # Panics
/// Something lies where it may not.
pub fn elf(input: &[u8]) {
    let Ok(elf) = read(input) else { return };
    let Ok(placed) = place(&qube(), &elf) else { return };
    let end = RAM_BASE + MEMORY;
    for region in &placed.regions {
        let size = u64::from(region.pages) * 4096;
        let inside = region.gpa >= RAM_BASE && region.gpa.checked_add(size).is_some_and(|last| last <= end);
        assert!(inside, "a region from {:#x} over {size} bytes", region.gpa);
        assert!(region.data.len() as u64 <= size, "more data than its region holds");
    }
    let (first, last) = placed.arena;
    assert!(first <= last && first >= RAM_BASE && last <= end, "an arena from {first:#x} to {last:#x}");
}

fn qube() -> Qube {
    Qube {
        name: QubeName::new("fuzz").expect("a legal name"),
        label: Label::Work,
        memory: MEMORY,
        stack: None,
        folder: "fuzz".into(),
        package: "fuzz".into(),
        binary: "fuzz".into(),
        serves: Vec::new(),
        calls: Vec::new(),
        tags: Vec::new(),
        args: String::new(),
        restart: Restart::Always,
        family: None,
        opened_for: None,
        rules: None,
        devices: Vec::new(),
        dma_unprotected: false,
        port_count: 0,
    }
}
