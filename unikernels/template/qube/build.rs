{%- if skep_version != "" -%}
//! The build script of every qube: `build = "../rt/qube-build.rs"` in its Cargo.toml.
//!
//! It links the qube as a freestanding static ELF on the ordinary host target. The
//! precompiled libraries are position independent; linking them at fixed addresses needs
//! no other relocation model, only `-no-pie`. It reads one key of `qube.toml`, `stack`,
//! because the stack is laid out by the linker; every other key is the image writer's.

use std::path::Path;

/// Passed to the linker of this qube's binaries, and to nothing else.
const LINK_ARGUMENTS: [&str; 9] = [
    "-nostartfiles",
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,-z,max-page-size=4096",
    "-Wl,--build-id=none",
    "-Wl,-z,norelro",
    "-Wl,--no-eh-frame-hdr",
    "-Wl,--gc-sections",
];

fn main() {
    let script = std::env::var("DEP_SKEP_RT_LINK_SCRIPT")
        .expect("a qube depends on unikernels-rt, whose build script names the link script");
    for argument in LINK_ARGUMENTS {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let manifest = Path::new(&root).join("qube.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let text = std::fs::read_to_string(&manifest).unwrap_or_default();
    // Before the script: the linker reads both in order, and the script asks whether the symbol is there.
    if let Some(bytes) = stack_bytes(&text) {
        println!("cargo::rustc-link-arg-bins=-Wl,--defsym=__stack_size={bytes}");
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{script}");
    println!("cargo::rerun-if-changed={script}");
}

/// The size in a line `stack = "64KiB"` (or MiB), in bytes. The manifest reader refuses
/// malformed sizes with a proper message, so here anything else counts as absent.
fn stack_bytes(manifest: &str) -> Option<u64> {
    let line = manifest
        .lines()
        .find(|line| line.strip_prefix("stack").is_some_and(|rest| rest.trim_start().starts_with('=')))?;
    let size = line.split('"').nth(1)?;
    let (number, unit) = match size.strip_suffix("KiB") {
        Some(number) => (number, 1024),
        None => (size.strip_suffix("MiB")?, 1024 * 1024),
    };
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}
{% endif -%}
