//! The copy of the tree that has the defects.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::defects::{DEFECTS, Edit, SWITCH};

/// Folders and files of the root that the targets need.
const PARTS: [&str; 12] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "clippy.toml",
    "build",
    "ipc-proto",
    "supervisor",
    "tests",
    "unikernels",
    "netvm",
    "vault-app",
    "docs",
];
/// The crate that has the switch, and those of the defects' crates that do not depend on it yet.
const HOME: &str = "ipc-proto/types/src";
const STRANGERS: [&str; 2] = ["supervisor/virtio/Cargo.toml", "supervisor/policy/Cargo.toml"];

/// A copy, deleted when this goes out of scope.
#[derive(Debug)]
pub struct Tree {
    /// Its root.
    pub root: PathBuf,
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Tree {
    /// Copies the tree from `from` to `to` and seeds every defect.
    ///
    /// # Errors
    /// A file that cannot be copied, or a defect whose place is not there exactly once.
    pub fn seed(from: &Path, to: &Path) -> io::Result<Tree> {
        let _ = fs::remove_dir_all(to);
        let tree = Tree { root: to.to_owned() };
        for part in PARTS {
            copy(&from.join(part), &to.join(part))?;
        }
        tree.add_switch()?;
        for defect in DEFECTS {
            for edit in defect.edits {
                tree.edit(defect.name, edit)?;
            }
        }
        Ok(tree)
    }

    /// A module that knows which defect is on. The crates are `no_std`, but the copy only ever runs on the host.
    fn add_switch(&self) -> io::Result<()> {
        let code = format!(
            "//! Which seeded defect is on.\nextern crate std;\n\n/// Whether it is this one.\n\
             pub fn is(name: &str) -> bool {{\n    \
             static ON: std::sync::OnceLock<std::string::String> = std::sync::OnceLock::new();\n    \
             ON.get_or_init(|| std::env::var(\"{SWITCH}\").unwrap_or_default()) == name\n}}\n"
        );
        fs::write(self.root.join(HOME).join("seeded.rs"), code)?;
        let lib = self.root.join(HOME).join("lib.rs");
        fs::write(&lib, fs::read_to_string(&lib)? + "\npub mod seeded;\n")?;
        for manifest in STRANGERS {
            let path = self.root.join(manifest);
            let text = fs::read_to_string(&path)?;
            let more = "[dependencies]\nipc-proto-types = { path = \"../../ipc-proto/types\" }\n";
            fs::write(&path, text.replacen("[dependencies]\n", more, 1))?;
        }
        Ok(())
    }

    fn edit(&self, name: &str, edit: &Edit) -> io::Result<()> {
        let path = self.root.join(edit.file);
        let text = fs::read_to_string(&path)?;
        let changed = apply(&text, name, edit).map_err(io::Error::other)?;
        fs::write(&path, changed)
    }
}

/// The text of a file with this edit.
///
/// # Errors
/// The place is not there exactly once.
pub fn apply(text: &str, name: &str, edit: &Edit) -> Result<String, String> {
    match text.matches(edit.old).count() {
        1 => {
            let question = format!("ipc_proto_types::seeded::is({name:?})");
            Ok(text.replacen(edit.old, &edit.new.replace("ON", &question), 1))
        }
        count => Err(format!(
            "{}: the place of the defect `{name}` is there {count} times\n  expected: once\n  fix: its entry in \
             tests/bites/src/defects.rs",
            edit.file
        )),
    }
}

/// Copies a file or a folder; what was built is left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}
