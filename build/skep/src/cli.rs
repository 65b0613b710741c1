//! The arguments of `skep`.

use std::ffi::OsString;
use std::path::PathBuf;

use build_skep::{disk, nic};
use clap::{Args, Parser, Subcommand};

/// Builds, boots, tests and measures Skep systems.
#[derive(Debug, Parser)]
#[command(name = "skep", bin_name = "cargo skep", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  cargo skep run                       boot the desktop
  cargo skep test                      everything, as the continuous integration does
  cargo skep who-can-reach vault       from the manifest alone

Exit codes: 0 it worked, 1 it did not, 2 the arguments or a manifest are wrong, 3 a program is missing.
Colours: never with --no-color, NO_COLOR, TERM=dumb, or when the output is no terminal.")]
pub(crate) struct Arguments {
    /// No colours.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build a system, boot it in QEMU and use its terminal here
    #[command(after_help = "\
Examples:
  cargo skep run                            the desktop
  cargo skep run minimal --memory 64        another system, in a smaller machine
  cargo skep run --disk other.img           with another disk than skep-disk.img
  cargo skep run --disk-kind nvme --iommu intel
  cargo skep run --nic e1000e --forward 8080:80     port 8080 of this machine leads to port 80 of its network qube
  cargo skep run --inspect                  with the inspector, for `cargo skep inspect`
  cargo skep run --gdb                      for `cargo skep gdb QUBE` in another terminal
  cargo skep run -- -s -S                   wait for a debugger of the whole machine on port 1234

Every key goes to the system, Ctrl-C too. To leave: `poweroff`, or Ctrl-A and then X.
Installs the Debian packages it needs (qemu-system-x86, gcc) and says so first.")]
    Run {
        /// A system of build/systems, or a path to a manifest [default: the project's, else desktop]
        #[arg(default_value = "", hide_default_value = true)]
        system: String,
        /// Memory of the machine in MiB [default: what its qubes need, at least 512]
        #[arg(long, value_name = "MiB", value_parser = clap::value_parser!(u64).range(16..=65536))]
        memory: Option<u64>,
        /// Where the supervisor's log goes [default: target/skep/supervisor.log]
        #[arg(long, value_name = "FILE", alias = "release-log")]
        log: Option<PathBuf>,
        /// Add the inspector qube, so that `cargo skep inspect` can look into it
        #[arg(long)]
        inspect: bool,
        /// Build the qubes for a debugger, and let `cargo skep gdb` in
        #[arg(long)]
        gdb: bool,
        /// The disk, if a qube drives one: a file, made when it is not there [default: skep-disk.img beside the sources]
        #[arg(long, value_name = "FILE")]
        disk: Option<PathBuf>,
        /// Size of a new disk in MiB [default: asked at a terminal, else 256]
        #[arg(long, value_name = "MiB", value_parser = clap::value_parser!(u64).range(16..=1_048_576))]
        disk_size: Option<u64>,
        /// The device that the disk is
        #[arg(long, value_enum, default_value = "virtio")]
        disk_kind: DiskKind,
        /// The network card, if a qube drives one; behind it is QEMU's own network, where this machine is 10.0.2.2
        #[arg(long, value_enum, default_value = "virtio")]
        nic: NicKind,
        /// Let a TCP port of this machine's loopback lead to one of the network qube
        #[arg(long, value_name = "HOST:GUEST")]
        forward: Vec<nic::Forward>,
        /// What keeps devices inside their qube's memory
        #[arg(long, value_enum, default_value = "amd")]
        iommu: IommuKind,
        /// More arguments for QEMU
        #[arg(last = true, value_name = "QEMU ARGS")]
        extra: Vec<OsString>,
    },
    /// Attach gdb to a qube of the system that `cargo skep run --gdb` runs
    #[command(after_help = "\
Examples:
  cargo skep gdb vault                      then: qube-break lock, continue, backtrace, info locals
  cargo skep gdb echo -- -ex 'qube-break say' -ex continue

gdb sees this one qube: its registers, its memory, its functions by name (`qube-break NAME` or `break FILE:LINE`).
A breakpoint stops no other qube. While gdb
holds the qube the whole machine stands still, and goes on when gdb leaves. `step` over a message to another qube
takes as long as the answer. Variables can be changed while the qube is on the processor, at a breakpoint; registers
of a waiting qube cannot. Qubes are built without optimisation for this, so they are slow and sizes differ.
With --stdio it speaks gdb's protocol, for editors: target remote | cargo skep gdb vault --stdio")]
    Gdb {
        /// The qube
        qube: String,
        /// Speak gdb's protocol on standard input and output; start no gdb
        #[arg(long)]
        stdio: bool,
        /// More arguments for gdb
        #[arg(last = true, value_name = "GDB ARGS")]
        extra: Vec<OsString>,
    },
    /// Make a qube of your own: its service, server, wiring, system and tests
    #[command(after_help = "\
Examples:
  cargo skep new guestbook                                  asks for the rest, when run by a person
  cargo skep new guestbook --label work --calls clock       a qube that asks another for the time
  cargo skep new guestbook --path ../guestbook --yes        in that folder, without questions

Inside Skep's own tree it becomes unikernels/NAME and build/systems/NAME.toml; anywhere else, a project of its own.")]
    New(New),
    /// Run all tests: rules of the house, formatting, lints, host tests, systems in QEMU
    #[command(after_help = "\
Examples:
  cargo skep test             everything that a change has to pass
  cargo skep test --quick     what needs no QEMU
  cargo skep test --long      also what takes many minutes: the guide against the clock, seeded defects, 200 power cuts")]
    Test {
        /// Only what needs no QEMU
        #[arg(long)]
        quick: bool,
        /// Also the tests that take many minutes
        #[arg(long, conflicts_with = "quick")]
        long: bool,
    },
    /// Build a system and write its image
    #[command(after_help = "\
Examples:
  cargo skep image                         target/skep/desktop.img
  cargo skep image minimal -o small.img")]
    Image {
        /// A system of build/systems, or a path to a manifest [default: the project's, else desktop]
        #[arg(default_value = "", hide_default_value = true)]
        system: String,
        /// The file to write [default: target/skep/SYSTEM.img]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Build a system and write a CD image that boots under BIOS and UEFI
    #[command(after_help = "\
Examples:
  cargo skep iso                           target/skep/desktop.iso
  cargo skep iso minimal -o minimal.iso

Write it to a USB stick as it is (docs/hardware.md). Installs the Debian packages it needs and says so first.")]
    Iso {
        /// A system of build/systems, or a path to a manifest [default: the project's, else desktop]
        #[arg(default_value = "", hide_default_value = true)]
        system: String,
        /// The file to write [default: target/skep/SYSTEM.iso]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Measure the promises, counted in instructions; twice, and both runs must agree
    #[command(after_help = "\
Examples:
  cargo skep bench            prints the table, writes target/skep/bench.json
  cargo skep bench --network  what a byte of a stream costs, alone
  cargo skep bench --long     a vault of 10,000 entries too, which takes some minutes")]
    Bench {
        /// Measure a vault of 10,000 entries too
        #[arg(long)]
        long: bool,
        /// Measure the network alone
        #[arg(long, conflicts_with = "long")]
        network: bool,
    },
    /// Check the rules of the house: layers, unsafe rooms, headers, lengths
    #[command(after_help = "\
Examples:
  cargo skep tidy")]
    Tidy,
    /// Say what is missing on this machine, and install it
    #[command(after_help = "\
Examples:
  cargo skep doctor             say what is there and what is not
  cargo skep doctor --install   install all of it (Debian packages, with apt-get)")]
    Doctor {
        /// Install what is missing
        #[arg(long)]
        install: bool,
    },
    /// Look into a running system: qubes, channels, messages; or draw who may talk to whom
    #[command(after_help = "\
Examples:
  cargo skep inspect                            the system started with `cargo skep run --inspect`
  cargo skep inspect --json --for 10            ten seconds of it, a line of JSON for each thing
  cargo skep inspect --no-messages              counters and audit alone; no message is copied
  cargo skep inspect --svg -o desktop.svg       a picture of the desktop
  cargo skep inspect --dot minimal | dot -Tpng -o minimal.png

Exit codes: 0 you left, 1 the system ended or does not answer, 2 no such system runs.")]
    Inspect(Inspect),
    /// Fuzz what reads an outsider's bytes, guided by coverage
    #[command(after_help = "\
Examples:
  cargo skep fuzz                          every target for a minute each
  cargo skep fuzz vault --seconds 600      the messages of the vault
  cargo skep fuzz queue --replay FILE      run one input, and show it
  cargo skep fuzz queue --keep             make what was found part of the committed corpus
  cargo skep fuzz guestbook                in your own project: its service
  cargo skep fuzz --service ../guestbook/api     the service of any crate

What a run finds stays in target/skep/fuzz. Exit codes: 0 nothing was found, 1 something was.")]
    Fuzz(Fuzz),
    /// Ask about policies
    Policy {
        #[command(subcommand)]
        question: Question,
    },
    /// Say who can send messages to a qube, from the manifest alone
    #[command(after_help = "\
Examples:
  cargo skep who-can-reach vault
  cargo skep who-can-reach echo minimal")]
    WhoCanReach {
        /// The qube
        qube: String,
        /// A system of build/systems, or a path to a manifest [default: the project's, else desktop]
        #[arg(default_value = "", hide_default_value = true)]
        system: String,
    },
}

/// What the new qube is to be.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name: 1 to 16 of a-z, 0-9 and -, beginning with a letter
    pub(crate) name: String,
    /// How far it is trusted [default: work]
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Name of the service it serves [default: NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) serves: Option<String>,
    /// Services it calls, separated by commas: clock, console, echo, log, vault
    #[arg(long, value_name = "NAMES")]
    pub(crate) calls: Option<String>,
    /// Its memory [default: 2MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Where it goes [default: ./NAME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) path: Option<PathBuf>,
    /// Take Skep's packages in this version from a registry instead of the checkout
    #[arg(long, value_name = "VERSION")]
    pub(crate) skep_version: Option<String>,
    /// Ask nothing
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// What `inspect` is to show, and how.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The running system, where there is more than one; for a picture a system of build/systems or a path
    /// [default: the project's, else desktop]
    pub(crate) system: Option<String>,
    /// Draw the manifest in the DOT language of Graphviz
    #[arg(long, group = "form")]
    pub(crate) dot: bool,
    /// Draw the manifest as SVG
    #[arg(long, group = "form")]
    pub(crate) svg: bool,
    /// Write lines of JSON: the system, its qubes, channels, services, then messages as they come
    #[arg(long, group = "form")]
    pub(crate) json: bool,
    /// The file to write a picture to [default: standard output]
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) output: Option<PathBuf>,
    /// Stop after so many seconds
    #[arg(long = "for", value_name = "SECONDS", requires = "json")]
    pub(crate) seconds: Option<u64>,
    /// Stop after so many messages
    #[arg(long, value_name = "N", requires = "json")]
    pub(crate) count: Option<u64>,
    /// Have no message copied: show who sent what to whom from the audit, and nothing of what it said
    #[arg(long)]
    pub(crate) no_messages: bool,
}

/// What `fuzz` is to run, and how.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// A target, or a service [default: every target]
    pub(crate) target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How many targets run at once [default: one a processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Say which targets there are
    #[arg(long)]
    pub(crate) list: bool,
    /// Run one input instead
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(crate) replay: Option<PathBuf>,
    /// Make what was found part of the committed corpus
    #[arg(long)]
    pub(crate) keep: bool,
    /// Fuzz the service that the crate in this folder declares
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["target", "keep"])]
    pub(crate) service: Option<PathBuf>,
    /// Toolchain to build with [default: nightly if there is one]
    #[arg(long, value_enum)]
    pub(crate) engine: Option<Toolchain>,
}

/// The device that a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DiskKind {
    /// virtio-blk
    Virtio,
    /// An NVMe controller
    Nvme,
}

/// The device that a network card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NicKind {
    /// virtio-net
    Virtio,
    /// Intel's 82574L
    E1000e,
    /// None: the network qube does not start
    None,
}

/// An IOMMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum IommuKind {
    /// AMD-Vi
    Amd,
    /// Intel VT-d
    Intel,
    /// None: device qubes start only if their manifest says dma = "unprotected"
    None,
}

impl From<DiskKind> for disk::Kind {
    fn from(kind: DiskKind) -> Self {
        match kind {
            DiskKind::Virtio => Self::Virtio,
            DiskKind::Nvme => Self::Nvme,
        }
    }
}

impl From<NicKind> for nic::Kind {
    fn from(kind: NicKind) -> Self {
        match kind {
            NicKind::Virtio => Self::Virtio,
            NicKind::E1000e => Self::E1000e,
            NicKind::None => Self::None,
        }
    }
}

impl From<IommuKind> for disk::Iommu {
    fn from(kind: IommuKind) -> Self {
        match kind {
            IommuKind::Amd => Self::Amd,
            IommuKind::Intel => Self::Intel,
            IommuKind::None => Self::None,
        }
    }
}

/// A toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Toolchain {
    /// The pinned one: no sanitizer
    Stable,
    /// With AddressSanitizer
    Nightly,
}

/// A question about policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// Say in words what one system allows that the other does not
    #[command(after_help = "\
Examples:
  cargo skep policy diff minimal desktop
  cargo skep policy diff HEAD:desktop desktop                what my change of the desktop means
  cargo skep policy diff main:desktop desktop --deny-new-paths-to-vault

A line marked `!` opens a way, direct or through other qubes, to a qube with the label vault.
Exit codes: 0 compared, 1 a way to a vault was opened and --deny-new-paths-to-vault was given, 2 a system is wrong.")]
    Diff {
        /// The old system: a name, a path, or REVISION:NAME out of git
        old: String,
        /// The new system: likewise
        new: String,
        /// Fail when a way to a qube with the label vault was opened
        #[arg(long)]
        deny_new_paths_to_vault: bool,
    },
    /// Turn a firewall of Qubes OS, as `qvm-firewall --raw VM list` prints it, into lines for a system's policy
    #[command(after_help = "\
Examples:
  qvm-firewall --raw personal-bills list | cargo skep policy import-qvm - personal-bills
  cargo skep policy import-qvm bills.txt personal-bills

Nothing is imported of a list with a line that cannot be said; the line is named. What a list says of is what goes out.")]
    ImportQvm {
        /// The list; - is standard input
        file: std::path::PathBuf,
        /// The qube whose rules they become
        qube: String,
    },
}
