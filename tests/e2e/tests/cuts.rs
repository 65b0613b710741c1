//! The vault when the power is cut: QEMU is stopped dead at any instruction, started again, and the vault compared.
//!
//! A client changes the vault without end (`tests/cut-qube`). The disk behind the storage qube has a cache: of what was not
//! flushed, some is lost and some torn. The instants follow from a seed, as far as an emulator in a busy machine follows.
//! `SKEP_CUTS_SEED` is another seed. When something is lost, the disk on which that was found stays in `target/e2e`.

#[path = "cuts/disk.rs"]
mod disk;
#[path = "cuts/judge.rs"]
mod judge;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::Cut;
use judge::Judge;
use tests_disk::Random;
use tests_harness::{Boot, Machine, Packed};

/// Storage, a vault and its client. The volume is so small that its log is often full, and written anew.
const SYSTEM: &str = include_str!("cuts/cuts.toml");
/// Of the disk: room for a partition table and that volume.
const DISK_BYTES: usize = 16 << 20;
/// How often somebody looks whether the instant has come.
const POLL: Duration = Duration::from_millis(1);
/// Longest time until something is logged: deriving a key takes seconds under emulation, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(180);

/// When the power is cut.
#[derive(Debug)]
enum When {
    /// So long after the start: while it boots, finds its volumes, opens the vault.
    Started(Duration),
    /// After so many acknowledged changes, and a while.
    Acknowledged(usize, Duration),
    /// After the disk was asked for so many things, and a while.
    Written(usize, Duration),
    /// When the vault was opened and told.
    Told,
}

impl When {
    fn random(random: &mut Random) -> Self {
        let micros = Duration::from_micros(random.below(20_000));
        let count = |random: &mut Random, below| usize::try_from(random.below(below)).expect("a small number");
        match random.below(6) {
            0 => Self::Started(Duration::from_millis(random.below(3_000))),
            1..=2 => Self::Acknowledged(count(random, 16), micros),
            3 => Self::Written(count(random, 150), micros),
            _ => Self::Written(count(random, 150), Duration::ZERO),
        }
    }
}

/// The files of one test.
struct Files {
    data: PathBuf,
    log: PathBuf,
}

impl Files {
    fn of(name: &str) -> Self {
        let folder = tests_e2e::root().join("target/e2e");
        std::fs::create_dir_all(&folder).expect("a folder for what the tests make");
        let file = |what: &str| folder.join(format!("cuts-{name}-{}.{what}", std::process::id()));
        Self { data: file("data"), log: file("log") }
    }

    /// A machine with this disk.
    fn start(&self, packed: &Packed, disk: &[u8], device: &str) -> Machine {
        std::fs::write(&self.data, disk).expect("room for a disk");
        std::fs::write(&self.log, []).expect("room for a log");
        let file = |name: &str, path: &Path| format!("driver=file,node-name={name},filename={}", path.display());
        let boot = Boot::of(packed).limit(PATIENCE).arg("-device").arg("amd-iommu");
        let boot = boot.arg("-blockdev").arg(file("data", &self.data) + ",discard=unmap");
        let boot = boot.arg("-blockdev").arg(file("log", &self.log));
        let cache = "driver=blklogwrites,node-name=disk,file=data,log=log,log-sector-size=512";
        let boot = boot.arg("-blockdev").arg(cache).arg("-device").arg(device);
        boot.start().expect("QEMU starts")
    }
}

/// Waits for the instant.
fn wait(machine: &Machine, when: &When, log: &Path) {
    let started = Instant::now();
    let said = |words: &str| machine.log().iter().filter(|line| line.contains(words)).count();
    loop {
        let (is_now, then) = match *when {
            When::Started(after) => (started.elapsed() >= after, Duration::ZERO),
            When::Acknowledged(count, then) => (said("cut: did ") >= count && said("cut: all") > 0, then),
            When::Written(count, then) => (disk::count(log) >= count, then),
            When::Told => (said("cut: all") > 0, Duration::ZERO),
        };
        if is_now {
            std::thread::sleep(then);
            return;
        }
        let failed = said("cut: failed") > 0 || started.elapsed() > PATIENCE;
        assert!(!failed, "{when:?}: {:#?}", machine.log());
        std::thread::sleep(POLL);
    }
}

/// Cuts the power so often; says what was done and found.
fn cuts(name: &str, device: &str, count: usize) {
    let seed = std::env::var("SKEP_CUTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random::new(seed);
    let files = Files::of(name);
    let (mut disk, mut judge) = (vec![0; DISK_BYTES], Judge::default());
    let (mut sum, mut early, mut with_loss) = (Cut::default(), 0, 0);
    let started = Instant::now();
    for number in 0..=count {
        // The last boot is for looking only.
        let when = if number == count { When::Told } else { When::random(&mut random) };
        let packed = Packed::text(&SYSTEM.replace("ARGUMENTS", &judge.arguments())).expect("it packs");
        let machine = files.start(&packed, &disk, device);
        wait(&machine, &when, &files.log);
        let said = machine.cut_power().expect("it runs until the power is cut");
        let (log, data) = (std::fs::read(&files.log), std::fs::read(&files.data));
        let (log, data) = (log.expect("QEMU's log"), data.expect("QEMU's disk"));
        let before = disk.clone();
        disk::assert_complete(&before, &log, &data);
        let cut = disk::cut(&mut disk, &log, &mut random);
        let compared = judge.compared;
        if let Err(wrong) = judge.hear(&said) {
            std::fs::write(files.data.with_extension("found"), &before).expect("room for a disk");
            let what = format!("{name}, seed {seed}, boot {number}, {when:?}: {wrong}");
            panic!("{what}\nthe log: {}", said.join("\n"));
        }
        println!("{name} {number}: {when:?}, {cut:?}, {} s", started.elapsed().as_secs());
        early += usize::from(compared == judge.compared);
        with_loss += usize::from(cut.lost + cut.torn > 0);
        sum.writes += cut.writes;
        sum.unflushed += cut.unflushed;
        sum.lost += cut.lost;
        sum.torn += cut.torn;
    }
    let took = started.elapsed().as_secs();
    println!("{name}: {count} cuts in {took} s, {early} before the vault was open; {sum:?}, {with_loss} cuts lost some");
    let Judge { acknowledged, kept, dropped, compared, .. } = judge;
    println!("{name}: compared {compared} times; {acknowledged} acknowledged, 0 lost; of others {kept} kept, {dropped} not");
    assert!(compared > count / 2 && acknowledged >= count, "too little was done to mean anything");
    for file in [&files.data, &files.log] {
        let _ = std::fs::remove_file(file);
    }
}

const VIRTIO: &str = "virtio-blk-pci,drive=disk,disable-legacy=on,iommu_platform=on";
const NVME: &str = "nvme,drive=disk,serial=skep";

#[test]
fn what_the_vault_acknowledged_survives_cuts_of_the_power() {
    cuts("virtio", VIRTIO, 6);
    cuts("nvme", NVME, 2);
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn two_hundred_cuts_lose_nothing() {
    cuts("virtio-long", VIRTIO, 160);
    cuts("nvme-long", NVME, 40);
}
