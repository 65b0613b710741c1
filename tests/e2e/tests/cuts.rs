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
const POLL: Duration = Duration::from_micros(300);
/// Longest time until something is logged: deriving a key takes seconds under emulation, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(180);

/// When the power is cut.
#[derive(Debug)]
enum When {
    /// So long after the start: while it boots, finds its volumes, opens the vault.
    Started(Duration),
    /// After so many acknowledged changes, and a while.
    Acknowledged(usize, Duration),
    /// After the disk was asked for so many things, when the last is not flushed.
    Unflushed(usize),
    /// After a passphrase was to be changed, and so many things that the disk was asked for then.
    Changing(usize),
    /// After a log began to be written anew, and so many things that the disk was asked for then.
    Rewriting(usize),
    /// When the vault was opened and told.
    Told,
}

impl When {
    fn random(random: &mut Random) -> Self {
        let mut below = |below| usize::try_from(random.below(below)).expect("a small number");
        let micros = Duration::from_micros(below(20_000) as u64);
        match below(8) {
            0 => Self::Started(Duration::from_millis(below(3_000) as u64)),
            1 | 2 => Self::Acknowledged(below(16), micros),
            3..=5 => Self::Unflushed(below(150)),
            6 => Self::Changing(below(6)),
            _ => Self::Rewriting(below(8)),
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
        let file =
            |name: &str, path: &Path| format!("driver=file,node-name={name},filename={}", path.display());
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
    /// Where a log is not written anew in so many changes, it will hardly be.
    const ENOUGH: usize = 300;
    let started = Instant::now();
    let (mut told, mut changing) = (None, None);
    loop {
        let lines = machine.log();
        let said = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        let asked = disk::asked(log);
        if said("cut: all") > 0 {
            told = told.or(Some(asked.count));
        }
        if said(" passphrase ") > 0 {
            changing = changing.or(Some(asked.count));
        }
        let (is_now, then) = match *when {
            When::Started(after) => (started.elapsed() >= after, Duration::ZERO),
            When::Acknowledged(count, then) => (said("cut: did ") >= count && said("cut: all") > 0, then),
            When::Unflushed(count) => (asked.count >= count && asked.is_unflushed, Duration::ZERO),
            When::Changing(more) => (changing.is_some_and(|at| asked.count >= at + more), Duration::ZERO),
            When::Rewriting(more) => {
                let large = asked.large.filter(|at| told.is_some_and(|told| *at >= told));
                let is_so_far = large.is_some_and(|at| asked.count > at + more);
                (said("cut: did ") > ENOUGH || is_so_far, Duration::ZERO)
            }
            When::Told => (said("cut: all") > 0, Duration::ZERO),
        };
        if is_now {
            std::thread::sleep(then);
            return;
        }
        let failed = said("cut: failed") > 0 || started.elapsed() > PATIENCE;
        assert!(!failed, "{when:?}: {lines:#?}");
        std::thread::sleep(POLL);
    }
}

/// Cuts the power so often; says what was done and found.
fn cuts(name: &str, device: &str, count: usize) {
    let seed = std::env::var("SKEP_CUTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    // Each name has instants of its own.
    let mut random = Random::new(name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31) + u64::from(byte)));
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
    println!(
        "{name}: {count} cuts in {took} s, {early} before the vault was open; {sum:?}, {with_loss} cuts lost some"
    );
    let Judge { acknowledged, kept, dropped, compared, .. } = judge;
    println!(
        "{name}: compared {compared} times; {acknowledged} acknowledged, 0 lost; of others {kept} kept, {dropped} not"
    );
    // The last boot tells all; fewer cuts than these may all be early ones.
    assert!(compared > count / 4 && acknowledged > count, "too little was done to mean anything");
    assert!(with_loss >= count / 10, "too few cuts lost anything");
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
#[ignore = "takes ten minutes and more"]
fn two_hundred_cuts_lose_nothing() {
    let disks = [("virtio-1", VIRTIO, 80), ("virtio-2", VIRTIO, 80), ("nvme-1", NVME, 40)];
    std::thread::scope(|scope| {
        for (name, device, count) in disks {
            scope.spawn(move || cuts(name, device, count));
        }
    });
}
