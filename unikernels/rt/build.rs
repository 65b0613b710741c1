//! Tells the build scripts of the qubes where the link script is.
//!
//! Cargo passes link arguments only to the package that prints them, so every qube's
//! own build script (`qube-build.rs`) prints them and asks this one for the path.

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::metadata=link-script={root}/link.ld");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=link.ld");
}
