//! Every qube of every system, built for real: Hermit's own loader takes it, and it fits its manifest.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;

use build_manifest::System;
use build_skep::builder::{binary, build_packages, pack, read_system};
use build_skep::workspace::Workspace;
use hermit_entry::UhyveIfVersion;
use hermit_entry::elf::KernelObject;
use supervisor_image::Image;

fn workspace() -> Workspace {
    Workspace::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

fn systems(workspace: &Workspace) -> Vec<System> {
    let folder = std::fs::read_dir(workspace.root.join("build/systems")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
    let systems: Vec<System> = paths
        .filter(|path| path.ends_with(".toml"))
        .map(|path| read_system(workspace, &path).unwrap_or_else(|failure| panic!("{failure}")))
        .collect();
    assert!(systems.iter().any(|system| system.name == *"desktop"), "the desktop is among them");
    systems
}

#[test]
fn every_qube_is_one_for_hermit_s_own_loader_and_every_system_packs() {
    let workspace = workspace();
    let systems = systems(&workspace);
    let packages: BTreeSet<&str> = systems.iter().flat_map(System::packages).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    build_packages(&workspace, &packages).unwrap_or_else(|failure| panic!("{failure}"));
    for system in &systems {
        for qube in &system.qubes {
            let bytes = std::fs::read(binary(&workspace, &qube.package, &qube.binary)).unwrap();
            let object = KernelObject::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", qube.name));
            assert_eq!(object.start_addr(), Some(0x20_0000), "{}", qube.name);
            assert_eq!(object.uhyve_interface_version(), Some(UhyveIfVersion(3)), "{}", qube.name);
        }
        let path = workspace.output().join(format!("{}-tested.img", system.name));
        pack(&workspace, system, &path).unwrap_or_else(|failure| panic!("{failure}"));
        let bytes = std::fs::read(&path).unwrap();
        let image = Image::open(&bytes).unwrap();
        let names: Vec<String> = image.qubes().map(|(_, qube)| qube.name.to_string()).collect();
        assert_eq!(names, system.qubes.iter().map(|qube| qube.name.to_string()).collect::<Vec<_>>());
    }
}
