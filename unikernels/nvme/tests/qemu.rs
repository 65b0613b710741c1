//! The driver on QEMU's NVMe controller: an implementation that nobody here wrote.
//!
//! Its processor is halted; single reads and writes of memory and ports come by the qtest protocol.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_nvme::{ARENA_MAX, Dma, Error, Nvme, Registers, Request, SLOT_BYTES, Status, Wait};

/// Where BAR0 goes: free on a q35 with little memory.
const BAR0: u64 = 0xe000_0000;
const BAR0_BYTES: usize = 0x2000;
/// Memory for the driver, and where the controller's interrupt messages go: to plain memory, where they can be seen.
const ARENA: u64 = 0x100_0000;
const MESSAGE: u64 = 0x80_0000;
const MESSAGE_DATA: u64 = 0x5eed;
/// The device's slot on the root bus.
const SLOT: u64 = 4;
/// How often the driver looks, for interrupts do not reach this program.
const POLL: Duration = Duration::from_micros(100);
/// A firmware that halts: the last 16 bytes are where the processor starts.
const FIRMWARE_BYTES: usize = 64 * 1024;
const HALT: [u8; 4] = [0xfa, 0xf4, 0xeb, 0xfd];

struct Qemu {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    began: Instant,
    doorbells: u64,
}

impl Qemu {
    /// One command of the protocol. Says what comes after `OK`.
    fn ask(&mut self, command: &str) -> String {
        writeln!(self.to, "{command}").unwrap();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "QEMU ended at {command}");
            // Interrupts of the machine are told in between.
            if let Some(answer) = line.strip_prefix("OK") {
                return answer.trim().into();
            }
            assert!(line.starts_with("IRQ"), "{command}: {line}");
        }
    }

    fn number(&mut self, command: &str) -> u64 {
        let answer = self.ask(command);
        u64::from_str_radix(answer.trim_start_matches("0x"), 16).unwrap()
    }

    fn config(&mut self, at: u64) -> u32 {
        self.ask(&format!("outl 0xcf8 {:#x}", 1 << 31 | SLOT << 11 | at));
        self.number("inl 0xcfc") as u32
    }

    fn set_config(&mut self, at: u64, value: u64) {
        self.ask(&format!("outl 0xcf8 {:#x}", 1 << 31 | SLOT << 11 | at));
        self.ask(&format!("outl 0xcfc {value:#x}"));
    }

    /// What the supervisor does: BAR0, bus mastering, and the first entry of the MSI-X table.
    fn give_away(&mut self) {
        assert_eq!(self.config(8) >> 8, 0x01_08_02, "an NVMe controller");
        self.set_config(0x10, BAR0);
        self.set_config(0x14, 0);
        self.set_config(4, 0b110);
        let mut at = u64::from(self.config(0x34) & 0xfc);
        while self.config(at) & 0xff != 0x11 {
            at = u64::from(self.config(at) >> 8 & 0xfc);
            assert!(at != 0, "MSI-X");
        }
        let table = u64::from(self.config(at + 4));
        assert_eq!(table & 7, 0, "its table is in BAR0");
        for (index, value) in [MESSAGE, 0, MESSAGE_DATA, 0].into_iter().enumerate() {
            self.ask(&format!("writel {:#x} {value:#x}", BAR0 + table + index as u64 * 4));
        }
        let control = self.config(at);
        self.set_config(at, u64::from(control) | 1 << 31);
    }

    /// Whether there was an interrupt message since this was last asked.
    fn take_message(&mut self) -> bool {
        let seen = self.number(&format!("readl {MESSAGE:#x}"));
        self.ask(&format!("writel {MESSAGE:#x} 0"));
        assert!(seen == MESSAGE_DATA || seen == 0, "message {seen:#x}");
        seen != 0
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone)]
struct Machine(Rc<RefCell<Qemu>>);

/// A file that is gone afterwards.
struct TempFile(PathBuf);

static FILES: AtomicU32 = AtomicU32::new(0);

impl TempFile {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("skep-nvme-{}-{number}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    /// A disk image of zeros.
    fn image(bytes: usize) -> Self {
        Self::new("disk", &vec![0; bytes])
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

type Driver = Nvme<Machine, Machine, Machine>;

fn boot(image: &TempFile, options: &str) -> (Machine, Driver) {
    boot_drive(&format!("format=raw,discard=unmap,file={}", image.0.display()), options)
}

fn boot_drive(drive: &str, options: &str) -> (Machine, Driver) {
    let drive = format!("if=none,id=disk,{drive}");
    let device = format!("nvme,drive=disk,serial=S-1,addr={SLOT:#x}{options}");
    let mut halt = vec![0; FIRMWARE_BYTES];
    halt[FIRMWARE_BYTES - 16..][..HALT.len()].copy_from_slice(&HALT);
    let firmware = TempFile::new("firmware", &halt);
    let mut child = Command::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none", "-bios"])
        .arg(&firmware.0)
        .args(["-qtest", "stdio", "-qtest-log", "none", "-drive", &drive, "-device", &device])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("qemu-system-x86_64");
    let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut qemu = Qemu { child, to, from, began: Instant::now(), doorbells: 0 };
    qemu.give_away();
    let machine = Machine(Rc::new(RefCell::new(qemu)));
    (machine.clone(), Nvme::new(machine.clone(), machine.clone(), machine).unwrap())
}

impl Registers for Machine {
    fn len_bytes(&self) -> usize {
        BAR0_BYTES
    }

    fn read_u32(&mut self, at: usize) -> u32 {
        self.0.borrow_mut().number(&format!("readl {:#x}", BAR0 + at as u64)) as u32
    }

    fn read_u64(&mut self, at: usize) -> u64 {
        self.0.borrow_mut().number(&format!("readq {:#x}", BAR0 + at as u64))
    }

    fn write_u32(&mut self, at: usize, value: u32) {
        let mut qemu = self.0.borrow_mut();
        qemu.doorbells += u64::from(at >= 0x1000);
        qemu.ask(&format!("writel {:#x} {value:#x}", BAR0 + at as u64));
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        self.0.borrow_mut().ask(&format!("writeq {:#x} {value:#x}", BAR0 + at as u64));
    }
}

impl Dma for Machine {
    fn bus(&self) -> u64 {
        ARENA
    }

    fn len_bytes(&self) -> usize {
        ARENA_MAX
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        let mut command = format!("write {:#x} {:#x} 0x", ARENA + at as u64, bytes.len());
        for byte in bytes {
            write!(command, "{byte:02x}").unwrap();
        }
        self.0.borrow_mut().ask(&command);
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        let answer = self.0.borrow_mut().ask(&format!("read {:#x} {:#x}", ARENA + at as u64, into.len()));
        let digits = answer.strip_prefix("0x").unwrap();
        for (byte, digits) in into.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
        }
    }

    fn read_u64(&self, at: usize) -> u64 {
        self.0.borrow_mut().number(&format!("readq {:#x}", ARENA + at as u64))
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        self.0.borrow_mut().ask(&format!("writeq {:#x} {value:#x}", ARENA + at as u64));
    }
}

impl Wait for Machine {
    fn now_ns(&mut self) -> u64 {
        self.0.borrow().began.elapsed().as_nanos() as u64
    }

    fn wait(&mut self, _: u64) {
        std::thread::sleep(POLL);
    }
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| (index / SECTOR * 7 + index + seed) as u8).collect()
}

/// Writes, flushes, reads and discards; looks into the image from outside.
fn use_it(options: &str, block_bytes: usize, max_bytes: usize) {
    const SECTORS: u64 = 16 * 1024;
    let image = TempFile::image(SECTORS as usize * SECTOR);
    let (machine, mut driver) = boot(&image, options);
    let info = driver.start().unwrap();
    assert_eq!(&info.serial, b"S-1                 ");
    assert_eq!((info.block_bytes, info.max_bytes), (block_bytes, max_bytes));
    assert_eq!((info.namespace, driver.sectors()), (1, SECTORS));
    assert!(info.can_discard && info.write_cache && !info.read_only);
    assert!(machine.0.borrow_mut().take_message(), "admin commands interrupt");

    // One command, a whole round, more than a round, and parts of blocks.
    for (to, bytes) in
        [(0, SECTOR), (8, 64 * 1024), (2048, 1024 * 1024), (8200, 1_200 * 1024), (3, 9 * SECTOR)]
    {
        let data = pattern(bytes, to as usize);
        driver.write(to, &data).unwrap();
        assert!(machine.0.borrow_mut().take_message(), "I/O commands interrupt");
        driver.flush().unwrap();
        let mut into = vec![0; bytes];
        driver.read(to, &mut into).unwrap();
        assert!(into == data, "{bytes} bytes at {to}");
        let at = to as usize * SECTOR;
        assert!(std::fs::read(&image.0).unwrap()[at..at + bytes] == data, "{bytes} bytes at {to}, outside");
    }
    assert_eq!(driver.discard(2048, 2048), Ok(()));
    assert_eq!(driver.read(SECTORS, &mut [0; SECTOR]), Err(DiskError::OutOfRange));

    // After a shutdown and a start it is all there.
    driver.shutdown().unwrap();
    assert_eq!(driver.flush(), Err(DiskError::Failed));
    assert_eq!(driver.start(), Ok(info));
    let mut into = vec![0; 9 * SECTOR];
    driver.read(3, &mut into).unwrap();
    assert!(into == pattern(9 * SECTOR, 3));
}

#[test]
fn a_disk_of_512_byte_blocks_works() {
    use_it("", 512, SLOT_BYTES);
}

#[test]
fn a_disk_of_4096_byte_blocks_works() {
    use_it(",logical_block_size=4096,physical_block_size=4096", 4096, SLOT_BYTES);
}

#[test]
fn a_controller_that_moves_no_more_than_8_kib_a_command_works() {
    use_it(",mdts=1", 512, 8192);
}

#[test]
fn sixty_four_kib_cost_two_doorbell_writes_here_too() {
    let image = TempFile::image(4 << 20);
    let (machine, mut driver) = boot(&image, "");
    driver.start().unwrap();
    let before = machine.0.borrow().doorbells;
    driver.write(0, &pattern(64 * 1024, 1)).unwrap();
    assert_eq!(machine.0.borrow().doorbells - before, 2);
}

#[test]
fn a_bad_sector_is_an_error_of_its_command_and_of_no_other() {
    let image = TempFile::image(1 << 20);
    let bad = "file.inject-error.0.event=none,file.inject-error.0.iotype=read,file.inject-error.0.sector=100";
    let drive = format!(
        "driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename={},{bad}",
        image.0.display()
    );
    let (_, mut driver) = boot_drive(&drive, "");
    driver.start().unwrap();
    let mut into = vec![0xff; SECTOR];
    // Unrecovered Read Error of the media.
    let unreadable = Err(Error::Status(Status(0x281)));
    assert_eq!(driver.batch(&mut [Request::Read { lba: 100, into: &mut into }]), unreadable);
    assert_eq!(driver.batch(&mut [Request::Read { lba: 101, into: &mut into }]), Ok(()));
    assert_eq!(into, [0; SECTOR]);
    assert_eq!(driver.read(99, &mut [0; 3 * SECTOR]), Err(DiskError::Failed));
    assert_eq!(driver.write(100, &[1; SECTOR]), Ok(()));
}
