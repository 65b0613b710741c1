//! Which programs and files of the system each task needs, and which Debian package has them.

use std::path::{Path, PathBuf};

/// What the user wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Compile.
    Build,
    /// Boot in QEMU.
    Run,
    /// Make a bootable CD.
    Iso,
    /// Run all tests, which boot that CD under UEFI too.
    Test,
    /// Count the instructions of a program on this machine.
    Measure,
    /// Look into a running qube.
    Debug,
    /// Fuzz.
    Fuzz,
}

impl Task {
    /// All of them.
    pub const ALL: [Task; 7] =
        [Task::Build, Task::Run, Task::Iso, Task::Test, Task::Measure, Task::Debug, Task::Fuzz];
}

/// Something that must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What it is for.
    pub task: Task,
    /// What must exist.
    pub thing: Thing,
    /// The Debian package that has it.
    pub package: &'static str,
}

/// What must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A program on the path.
    Program(&'static str),
    /// A file or folder.
    File(&'static str),
}

const fn program(task: Task, name: &'static str, package: &'static str) -> Need {
    Need { task, thing: Thing::Program(name), package }
}

const fn file(task: Task, path: &'static str, package: &'static str) -> Need {
    Need { task, thing: Thing::File(path), package }
}

/// The one package that starts a server when it is installed. There is none with the program alone.
pub const NGINX: &str = "nginx-light";

/// UEFI firmware for QEMU.
pub const FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE.fd";

/// Everything any task needs.
pub const NEEDS: [Need; 23] = [
    program(Task::Build, "cc", "gcc"),
    file(Task::Build, "/usr/include/stdlib.h", "libc6-dev"),
    program(Task::Run, "qemu-system-x86_64", "qemu-system-x86"),
    program(Task::Run, "setpriv", "util-linux"),
    program(Task::Run, "stty", "coreutils"),
    program(Task::Iso, "grub-mkrescue", "grub-common"),
    file(Task::Iso, "/usr/lib/grub/i386-pc", "grub-pc-bin"),
    file(Task::Iso, "/usr/lib/grub/x86_64-efi", "grub-efi-amd64-bin"),
    program(Task::Iso, "xorriso", "xorriso"),
    program(Task::Iso, "mformat", "mtools"),
    program(Task::Iso, "xz", "xz-utils"),
    file(Task::Test, FIRMWARE, "ovmf"),
    program(Task::Test, "keepassxc-cli", "keepassxc"),
    program(Task::Test, "ssh-keygen", "openssh-client"),
    program(Task::Test, "openssl", "openssl"),
    program(Task::Test, "nginx", NGINX),
    program(Task::Test, "dnsmasq", "dnsmasq-base"),
    file(Task::Test, "/usr/lib/python3/dist-packages/argon2", "python3-argon2"),
    file(Task::Test, "/usr/lib/python3/dist-packages/cryptography", "python3-cryptography"),
    program(Task::Measure, "valgrind", "valgrind"),
    program(Task::Debug, "gdb", "gdb"),
    program(Task::Fuzz, "g++", "g++"),
    program(Task::Fuzz, "setpriv", "util-linux"),
];

impl Thing {
    /// Whether it is there.
    #[must_use]
    pub fn is_there(self) -> bool {
        match self {
            Thing::Program(name) => find_program(name).is_some(),
            Thing::File(path) => Path::new(path).exists(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Thing::Program(name) | Thing::File(name) => name,
        }
    }
}

/// Where a program is. `/usr/sbin` is looked at too: not every user's path has it.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The packages whose things are missing for these tasks, each once.
#[must_use]
pub fn missing(tasks: &[Task]) -> Vec<&'static str> {
    let needed = NEEDS.iter().filter(|need| tasks.contains(&need.task) && !need.thing.is_there());
    let mut packages: Vec<&'static str> = needed.map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}
