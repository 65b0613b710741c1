//! From a manifest to a kernel and an image, built once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use build_manifest::{Catalogue, System, load, load_text};
use build_skep::builder::{build_packages, pack, supervisor};
use build_skep::workspace::Workspace;
use build_skep::{Failure, Outcome};

/// The package of the supervisor.
const SUPERVISOR: &str = "supervisor-metal";

/// A system ready to boot. Its image is a file of its own and goes with it.
#[derive(Debug)]
pub struct Packed {
    /// What its manifest says.
    pub system: System,
    /// The supervisor.
    pub kernel: PathBuf,
    /// The image.
    pub image: PathBuf,
}

impl Packed {
    /// The system of a manifest file, by its path from the project's root.
    ///
    /// # Errors
    /// A wrong manifest, a failed build, or a qube that does not fit.
    pub fn file(path: impl AsRef<Path>) -> Outcome<Packed> {
        let workspace = workspace()?;
        let system = load(&workspace.root.join(path), &Catalogue::builtin());
        Packed::of(workspace, system.map_err(|problems| Failure::wrong(problems.to_string()))?)
    }

    /// The system of a manifest text. Paths in it count from `build/systems`, where the others are.
    ///
    /// # Errors
    /// As [`Packed::file`].
    pub fn text(text: &str) -> Outcome<Packed> {
        let workspace = workspace()?;
        let place = workspace.root.join("build/systems/of-a-test.toml");
        let system = load_text(&place, text, &Catalogue::builtin());
        Packed::of(workspace, system.map_err(|problems| Failure::wrong(problems.to_string()))?)
    }

    fn of(workspace: &Workspace, system: System) -> Outcome<Packed> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        build_once(workspace, &system)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}.img", system.name, std::process::id());
        let image = scratch(workspace)?.join(name);
        pack(workspace, &system, &image)?;
        Ok(Packed { system, kernel: supervisor(workspace), image })
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        // A file left behind is no reason to fail.
        let _ = std::fs::remove_file(&self.image);
    }
}

/// The project this test belongs to, found once.
pub(crate) fn workspace() -> Outcome<&'static Workspace> {
    static WORKSPACE: OnceLock<Outcome<Workspace>> = OnceLock::new();
    WORKSPACE.get_or_init(Workspace::find).as_ref().map_err(Clone::clone)
}

/// Folder for images, logs and sockets of tests.
pub(crate) fn scratch(workspace: &Workspace) -> Outcome<PathBuf> {
    let folder = workspace.output().join("tests");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
    Ok(folder)
}

/// Builds the supervisor and the qubes of a system, unless this process has done so.
fn build_once(workspace: &Workspace, system: &System) -> Outcome<()> {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // A test that panicked in here left the set as it was: names are added after their build.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = [&[SUPERVISOR], system.packages().as_slice()].concat();
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !built.contains(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    build_packages(workspace, &missing)?;
    built.extend(missing.into_iter().map(str::to_owned));
    Ok(())
}
