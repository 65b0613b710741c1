//! Devices behind an IOMMU: a disk through either driver and either vendor's IOMMU, a machine without one, and a qube that aims
//! its device at everybody else's memory.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tests_e2e::{Terminal, plain, root, skep};

/// A console and one more qube.
const SYSTEM: &str = r#"name = "devices"
memory = "64MiB"
qubes = ["CONSOLE", "QUBE"]
policy = '''
VOLUMES
ctl.tap      @anyvm   @supervisor  deny
ctl.tapped   @anyvm   @supervisor  deny
ctl.*        console  @supervisor  allow
log.*        console  @supervisor  allow
'''

[[channel]]
client = "console"
server = "@supervisor"
service = "ctl"

[[channel]]
client = "console"
server = "@supervisor"
service = "log"
"#;

const VOLUMES: &str = r#"
[[channel]]
client = "console"
server = "storage"
service = "volumes"
"#;

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = root().join("target/e2e").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for what the tests make");
    folder
}

/// Writes the manifest of a system with this qube; with the administrator's channel if it keeps volumes.
fn system(folder: &Path, qube: &Path, keeps_volumes: bool) -> String {
    let rule = if keeps_volumes { "volumes.*  console  storage  allow" } else { "" };
    let mut text = SYSTEM
        .replace("CONSOLE", &root().join("unikernels/console").display().to_string())
        .replace("QUBE", &qube.display().to_string())
        .replace("VOLUMES", rule);
    if keeps_volumes {
        text += VOLUMES;
    }
    let manifest = folder.join("devices.toml");
    std::fs::write(&manifest, text).expect("the manifest");
    manifest.display().to_string()
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

/// Types a command until its answer has `text`: what it asks for takes its time.
fn until(t: &mut Terminal, command: &str, text: &str) -> String {
    let start = std::time::Instant::now();
    loop {
        let shown = plain(&t.command(command));
        if shown.contains(text) {
            return shown;
        }
        assert!(start.elapsed().as_secs() < 120, "no '{text}' in what '{command}' shows:\n{shown}");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

#[test]
fn volumes_are_found_again_through_every_driver_and_iommu() {
    let folder = folder("volumes");
    let manifest = system(&folder, &root().join("unikernels/storage"), true);
    let disk = folder.join("disk.img");
    let machines = [("virtio", "amd"), ("nvme", "amd"), ("virtio", "intel"), ("nvme", "intel")];
    for (number, (kind, iommu)) in machines.iter().enumerate() {
        let mut t = run(&manifest, &disk, &["--disk-kind", kind, "--iommu", iommu], &[]);
        let list = until(&mut t, "call volumes.list 0", "volumes: [");
        assert!(list.contains(&format!("total: {number}")), "{kind} {iommu}: {list}");
        assert_eq!(list.matches("sectors: 256").count(), number, "{kind} {iommu}: {list}");
        let made = t.command(&format!("call volumes.make v{number} 256"));
        assert!(!made.contains("Error") && !made.contains("not"), "{kind} {iommu}: {made}");
        assert_eq!(t.power_off().0, 0);
    }
}

#[test]
fn a_disk_qube_does_not_start_without_an_iommu() {
    let folder = folder("no-iommu");
    let manifest = system(&folder, &root().join("unikernels/storage"), true);
    let mut t = run(&manifest, &folder.join("disk.img"), &["--iommu", "none"], &[]);
    let log = plain(&t.command("log"));
    assert!(log.contains("storage does not start: no IOMMU"), "{log}");
    assert!(plain(&t.command("call volumes.list 0")).contains("not running"), "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}

/// A byte of what the attacker writes (`tests/dma-qube`).
fn mark() -> Vec<u8> {
    (0..16_u8).map(|index| 0xd0 ^ index.wrapping_mul(37)).collect()
}

/// Has QEMU write all memory to a file, and gives its bytes.
fn dump(socket: &Path, file: &Path) -> Vec<u8> {
    let mut out = UnixStream::connect(socket).expect("QEMU listens");
    let mut lines = BufReader::new(out.try_clone().expect("a second handle")).lines().map_while(Result::ok);
    let mut say = |command: String| {
        writeln!(out, "{command}").expect("QEMU listens");
        lines.by_ref().find(|line| line.contains("\"return\"") || line.contains("\"error\""))
    };
    let _ = say("{\"execute\": \"qmp_capabilities\"}".into());
    let arguments = format!("{{\"val\": 0, \"size\": {}, \"filename\": \"{}\"}}", 256 << 20, file.display());
    let answer = say(format!("{{\"execute\": \"pmemsave\", \"arguments\": {arguments}}}"));
    assert!(answer.as_ref().is_some_and(|line| line.contains("return")), "{answer:?}");
    let bytes = std::fs::read(file).expect("the dump");
    let _ = std::fs::remove_file(file);
    bytes
}

/// Lets the attacker drive the disk's controller against so many addresses, and gives what the audit tells.
fn attack(name: &str, iommu: &str, arguments: &str, tries: &str) -> String {
    let folder = folder(name);
    let text = std::fs::read_to_string(root().join("tests/dma-qube/qube.toml")).expect("the attacker");
    let text = text.replace("pci-class:00ff", "disk").replace("tries=100000", arguments);
    std::fs::create_dir_all(folder.join("dma")).expect("a folder");
    std::fs::write(folder.join("dma/qube.toml"), text + "package = \"tests-dma-qube\"\n")
        .expect("the qube file");
    let mut disk = [mark(), vec![0; 512 - 16]].concat().repeat(16);
    disk.resize(64 << 20, 0);
    std::fs::write(folder.join("disk.img"), disk).expect("the disk");
    let manifest = system(&folder, &folder.join("dma"), false);
    let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
    let qmp = format!("unix:{},server=on,wait=off", socket.display());
    let mut t =
        run(&manifest, &folder.join("disk.img"), &["--disk-kind", "nvme", "--iommu", iommu], &["-qmp", &qmp]);
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

#[test]
fn no_byte_of_a_hundred_thousand_lands_behind_amd_vi() {
    attack("dma-amd", "amd", "tries=100000", "100000");
}

/// Interrupts are spared: this emulated unit lets a device raise any vector, which real ones do not.
#[test]
fn no_byte_of_ten_thousand_lands_behind_vt_d_and_the_audit_tells() {
    let audit = attack("dma-intel", "intel", "tries=10000 interrupts=no", "10000");
    assert!(audit.contains("its device would write memory not its own"), "{audit}");
}
