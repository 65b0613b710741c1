//! A small system of made-up services, written to a folder of its own for each test.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test file uses a part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use build_manifest::{Catalogue, Problems, System, load};
use ipc_proto_types::SchemaId;
use ipc_proto_wire::{Field, Fields, Method, MethodKind, Service, Shape};

static TEXT: Shape = Shape::Text(32);
static SHOW: Shape = Shape::Struct(
    "show",
    Fields::Named(&[
        Field { name: "name", shape: &TEXT },
        Field { name: "reveal", shape: &Shape::Bool },
        Field { name: "times", shape: &Shape::U8 },
    ]),
);
static OPEN: Shape =
    Shape::Struct("open", Fields::Named(&[Field { name: "passphrase", shape: &Shape::Secret(&TEXT) }]));
static NONE: Shape = Shape::Struct("none", Fields::Named(&[]));

const fn call(name: &'static str, request: &'static Shape) -> Method {
    Method { name, kind: MethodKind::Call, request, reply: &Shape::Unit }
}

const fn service(name: &'static str, methods: &'static [Method]) -> Service {
    let id = SchemaId([7; 16]);
    Service { name, version: 1, methods, id, table: &[], request_max: 99, reply_max: 1, message_max: 99 }
}

static VAULT: Service = service("vault", &[call("status", &NONE), call("open", &OPEN), call("show", &SHOW)]);
static ECHO: Service = service("echo", &[call("say", &SHOW)]);
static CTL: Service = service("ctl", &[call("kill", &NONE)]);

/// `vault`, `echo` and `ctl`.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::of(vec![&VAULT, &ECHO, &CTL])
}

const CONSOLE: &str = r#"name = "console"
label = "work"
memory = "2MiB"
package = "qube-console"
calls = ["vault", "echo", "ctl"]
devices = ["terminal"]
tags = ["front"]
"#;

const KEEPER: &str = r#"name = "keeper"
label = "vault"
memory = "64MiB"
package = "qube-keeper"
serves = ["vault"]
calls = ["echo"]
"#;

const PARROT: &str = r#"name = "parrot"
label = "untrusted"
memory = "1MiB"
package = "qube-parrot"
binary = "parrot"
serves = ["echo"]
args = "loud=yes colour=green"
restart = "never"
"#;

/// A system that is right in everything.
pub(crate) const SYSTEM: &str = r#"name = "small"
memory = "96MiB"
qubes = [
    "console",
    "keeper",
    "parrot",
    { path = "parrot", name = "parrot2", label = "grey", memory = "2MiB", args = "loud=no" },
]

[[channel]]
client = "console"
server = "keeper"
service = "vault"

[[channel]]
client = "keeper"
server = "parrot"
service = "echo"
depth = 16

[[channel]]
client = "console"
server = "@supervisor"
service = "ctl"
"#;

/// Files of one system on disk.
pub(crate) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// A fresh folder with the three qubes.
    pub(crate) fn new(test: &str) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}-{count}", std::process::id()));
        let folder = Folder(root);
        for (name, text) in [("console", CONSOLE), ("keeper", KEEPER), ("parrot", PARROT)] {
            folder.write(&format!("{name}/qube.toml"), text);
        }
        folder
    }

    /// A path in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Changes a file: `from` must be in it.
    pub(crate) fn change(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.0.join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// Loads `system.toml` made of `text`.
    pub(crate) fn load(&self, text: &str) -> Result<System, Problems> {
        self.write("system.toml", text);
        load(&self.0.join("system.toml"), &catalogue())
    }

    /// The problems of `text`, with the folder's own path cut off.
    pub(crate) fn problems(&self, text: &str) -> String {
        let problems = self.load(text).expect_err("the manifest is wrong").to_string();
        problems.replace(&format!("{}/", self.0.display()), "")
    }
}

/// A right system with this policy.
pub(crate) fn with_policy(policy: &str) -> String {
    SYSTEM.replacen("qubes = [", &format!("policy = '''\n{policy}'''\nqubes = ["), 1)
}
