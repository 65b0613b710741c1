//! Devices behind an IOMMU: a disk through either driver and either vendor's IOMMU, a machine without one, and a qube that aims
//! its device at everybody else's memory.

use std::path::{Path, PathBuf};

use tests_e2e::{Terminal, dump, plain, root, skep};

/// The shipped system with a disk, of which the tests make others.
const SYSTEM: &str = include_str!("../../../build/systems/storage.toml");

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = root().join("target/e2e").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for what the tests make");
    folder
}

/// Writes a manifest in which this qube is in the place of the storage qube.
fn system(folder: &Path, qube: &Path) -> String {
    let text = SYSTEM
        .replace("../../unikernels/console", &root().join("unikernels/console").display().to_string())
        .replace("../../unikernels/storage", &qube.display().to_string());
    let manifest = folder.join("devices.toml");
    std::fs::write(&manifest, text).expect("the manifest");
    manifest.display().to_string()
}

/// A copy of a qube file with one line changed; it names its package, which is not beside it.
fn qube(folder: &Path, package: &str, from: &str, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(root().join(from).join("qube.toml")).expect("a qube file");
    for (old, new) in changes {
        assert!(text.contains(old), "{from} has no '{old}'");
        text = text.replace(old, new);
    }
    let folder = folder.join("qube");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("qube.toml"), format!("{text}package = \"{package}\"\n"))
        .expect("the qube file");
    folder
}

/// `skep run` of a manifest with a disk, after everything is built.
fn run(manifest: &str, disk: &Path, arguments: &[&str], extra: &[&str]) -> Terminal {
    let disk = disk.display().to_string();
    let mut words = vec!["run", manifest, "--no-color", "--disk", &disk, "--disk-size", "64"];
    words.extend(arguments);
    words.push("--");
    words.extend(extra);
    let image = root().join("target/e2e/devices.img").display().to_string();
    let built = skep(&["image", manifest, "-o", &image]).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Terminal::open(skep(&words))
}

/// Longest wait for what a system does by itself.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);

/// Types a command until its answer has `text`: what it asks for takes its time.
fn until(t: &mut Terminal, command: &str, text: &str) -> String {
    let start = std::time::Instant::now();
    loop {
        let shown = plain(&t.command(command));
        if shown.contains(text) {
            return shown;
        }
        assert!(start.elapsed() < PATIENCE, "no '{text}' in what '{command}' shows:\n{shown}");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

/// That there are volumes v0 to v`count`, and no other.
fn assert_volumes(t: &mut Terminal, count: usize, when: &str) {
    let list = until(t, "call volumes.list 0", "volumes: [");
    assert!(list.contains(&format!("total: {count}")), "{when}: {list}");
    for number in 0..count {
        assert!(list.contains(&format!("name: \"v{number}\", sectors: 256")), "{when}: {list}");
    }
}

#[test]
fn volumes_are_found_again_through_every_driver_and_iommu_and_after_a_kill() {
    let disk = folder("volumes").join("disk.img");
    let machines = [("virtio", "amd"), ("nvme", "amd"), ("virtio", "intel"), ("nvme", "intel")];
    for (number, (kind, iommu)) in machines.iter().enumerate() {
        let when = format!("{kind} {iommu}");
        let mut t = run("storage", &disk, &["--disk-kind", kind, "--iommu", iommu], &[]);
        assert!(!t.seen.contains("Warning"), "{when}: {}", t.seen);
        assert_volumes(&mut t, number, &when);
        let _ = t.command(&format!("call volumes.make v{number} 256"));
        assert_volumes(&mut t, number + 1, &when);
        // The device is taken from its memory, reset, and given to the next life.
        let _ = t.command("kill storage");
        assert_volumes(&mut t, number + 1, &when);
        assert!(plain(&t.command("log")).contains("storage generation 2 starts"), "{}", t.seen);
        assert_eq!(t.power_off().0, 0);
    }
}

#[test]
fn a_disk_qube_does_not_start_without_an_iommu() {
    let disk = folder("no-iommu").join("disk.img");
    let mut t = run("storage", &disk, &["--iommu", "none"], &[]);
    let log = plain(&t.command("log"));
    assert!(log.contains("storage does not start: no IOMMU"), "{log}");
    assert!(plain(&t.command("call volumes.list 0")).contains("not running"), "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn one_that_may_start_without_drives_its_disk_and_the_terminal_warns_at_every_boot() {
    let folder = folder("unprotected");
    let change = ("devices = [\"disk\"]", "devices = [\"disk\"]\ndma = \"unprotected\"");
    let qube = qube(&folder, "unikernels-storage", "unikernels/storage", &[change]);
    let manifest = system(&folder, &qube);
    for (number, kind) in ["virtio", "nvme"].iter().enumerate() {
        let arguments = ["--disk-kind", kind, "--iommu", "none"];
        let mut t = run(&manifest, &folder.join("disk.img"), &arguments, &[]);
        assert!(t.seen.contains("Warning: there is no IOMMU."), "{}", t.seen);
        assert_volumes(&mut t, number, kind);
        let _ = t.command(&format!("call volumes.make v{number} 256"));
        assert_volumes(&mut t, number + 1, kind);
        assert_eq!(t.power_off().0, 0);
    }
}

/// A byte of what the attacker writes (`tests/dma-qube`).
fn mark() -> Vec<u8> {
    (0..16_u8).map(|index| 0xd0 ^ index.wrapping_mul(37)).collect()
}

/// What the attacker has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weapon {
    /// The disk's controller, whose first sectors begin with the mark.
    Nvme,
    /// QEMU's educational device. It takes 100 ms a shot, so time is counted and idle time skipped.
    Edu,
}

/// Lets the attacker fire at so many addresses, looks for what landed, and gives what the audit tells.
///
/// Behind VT-d interrupts are spared: this emulated unit lets a device raise any vector, which real ones do not.
fn attack(weapon: Weapon, iommu: &str, tries: u32) -> String {
    let folder = folder(&format!("dma-{}-{iommu}", if weapon == Weapon::Nvme { "nvme" } else { "edu" }));
    let interrupts = if iommu == "intel" { "no" } else { "yes" };
    let arguments = format!("tries={tries} interrupts={interrupts}");
    // It has the place of the storage qube in the system, and so its name.
    let mut changes =
        vec![("tries=100000", &*arguments), ("name = \"dma\"", "name = \"storage\"\nserves = [\"volumes\"]")];
    let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
    let qmp = format!("unix:{},server=on,wait=off", socket.display());
    let mut extra = vec!["-qmp", &qmp];
    match weapon {
        Weapon::Nvme => changes.push(("pci-class:00ff", "disk")),
        Weapon::Edu => {
            extra.extend(["-device", "edu,dma_mask=0xffffffffffffffff", "-icount", "shift=0,sleep=off"])
        }
    }
    let qube = qube(&folder, "tests-dma-qube", "tests/dma-qube", &changes);
    let mut disk = [mark(), vec![0; 512 - 16]].concat().repeat(16);
    disk.resize(64 << 20, 0);
    std::fs::write(folder.join("disk.img"), disk).expect("the disk");
    let manifest = system(&folder, &qube);
    let arguments = ["--disk-kind", "nvme", "--iommu", iommu];
    let mut t = run(&manifest, &folder.join("disk.img"), &arguments, &extra);
    let log = until(&mut t, "log", "aimed at ");
    assert!(log.contains(&format!("aimed at {tries} addresses")), "{log}");
    assert!(log.contains("own memory reached after: true"), "the device must work to show anything:\n{log}");
    let memory = dump(&socket, &file);
    let landed: Vec<usize> = memchr::memmem::find_iter(&memory, &mark()).collect();
    assert!(landed.is_empty(), "{iommu}: the mark landed at {landed:x?}");
    let audit = plain(&t.command("audit"));
    assert_eq!(t.power_off().0, 0);
    audit
}

/// What the audit says of a write that a unit refused. QEMU's AMD-Vi tells of none.
const REFUSED: &str = "its device would write memory not its own";

#[test]
fn no_byte_of_a_hundred_thousand_from_a_disk_lands_behind_amd_vi() {
    attack(Weapon::Nvme, "amd", 100_000);
}

#[test]
fn no_byte_of_a_hundred_thousand_from_a_disk_lands_behind_vt_d_and_the_audit_tells() {
    let audit = attack(Weapon::Nvme, "intel", 100_000);
    assert!(audit.contains(REFUSED), "{audit}");
}

#[test]
fn no_byte_of_five_thousand_from_a_copying_device_lands() {
    attack(Weapon::Edu, "amd", 5_000);
    let audit = attack(Weapon::Edu, "intel", 5_000);
    assert!(audit.contains(REFUSED), "{audit}");
}

/// Minutes; the last result is in `docs/measurements.md`.
#[test]
#[ignore = "the same as the one above with more shots"]
fn no_byte_of_a_hundred_thousand_from_a_copying_device_lands() {
    attack(Weapon::Edu, "amd", 100_000);
    let audit = attack(Weapon::Edu, "intel", 100_000);
    assert!(audit.contains(REFUSED), "{audit}");
}
