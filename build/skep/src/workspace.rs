//! Where Skep is, where the user's own project is, and what packages they have.
//!
//! Skep's own tree, the *home*, has the supervisor, the terminal and everything that qubes are built on. A *project* is a tree of
//! somebody else: a `Cargo.toml` and a `system.toml` in one folder. A command given in a project is about its system.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// Skep's folders and packages, and those of the project around the current folder.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder of the top `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// Every package.
    pub packages: Vec<Package>,
    /// The project, when the user stands in one.
    pub project: Option<Project>,
    /// How qubes are built.
    pub profile: Profile,
}

/// How qubes are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For the machine.
    Metal,
    /// For a debugger: every function and variable is there.
    Debugger,
}

impl Profile {
    /// Cargo's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Metal => "metal",
            Profile::Debugger => "gdb",
        }
    }
}

/// A project outside of Skep's own tree.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of its `system.toml`.
    pub root: PathBuf,
    /// Where cargo builds it.
    pub target: PathBuf,
    /// Its packages.
    pub packages: Vec<Package>,
}

/// Names the folder of Skep's own tree, for a tool whose tree has moved.
const HOME_VARIABLE: &str = "SKEP_HOME";
/// The system of a project.
const PROJECT_SYSTEM: &str = "system.toml";
/// The system that is meant when none is named, outside of projects.
const DEFAULT_SYSTEM: &str = "desktop";

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: PathBuf,
    /// How it is built.
    pub kind: Kind,
}

/// How a package is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs on the machine that builds it.
    Host,
    /// Tests that boot QEMU: run on the host, after everything else is built.
    Qemu,
    /// Runs without an operating system: the supervisor and every qube.
    Metal,
}

/// Packages that are freestanding themselves; every package that links the second is so too.
pub(crate) const SUPERVISOR: &str = "supervisor-metal";
const RUNTIME: &str = "unikernels-rt";
/// The package whose tests type at `cargo skep run`, and those that boot systems; who uses the latter boots QEMU too.
const TYPIST: &str = "tests-e2e";
const BOOTERS: [&str; 2] = ["build-skep", "tests-harness"];

impl Workspace {
    /// Finds Skep's tree and the project around the current folder.
    ///
    /// # Errors
    /// When Skep's tree is not where it was, or cargo does not work.
    pub fn find() -> Outcome<Workspace> {
        let here = std::env::current_dir().map_err(|error| Failure::of("the current folder", &error))?;
        let mut workspace = Workspace::at(&find_home(&here)?)?;
        let is_project =
            |folder: &&Path| folder.join(PROJECT_SYSTEM).is_file() && folder.join("Cargo.toml").is_file();
        if !here.starts_with(&workspace.root)
            && let Some(root) = here.ancestors().find(is_project)
        {
            workspace.project = Some(Project::at(root)?);
        }
        Ok(workspace)
    }

    /// Skep's tree in this folder, and no project.
    ///
    /// # Errors
    /// When cargo does not work or says nonsense.
    pub fn at(root: &Path) -> Outcome<Workspace> {
        let Project { root, target, packages } = Project::at(root)?;
        Ok(Workspace { root, target, packages, profile: Profile::Metal, project: None })
    }

    /// Where the tree is that has this package, and where it is built.
    #[must_use]
    pub fn owner(&self, package: &str) -> Option<(&Path, &Path)> {
        let has = |packages: &[Package]| packages.iter().any(|known| known.name == package);
        let project = self.project.as_ref().filter(|project| has(&project.packages));
        let home = has(&self.packages).then_some((self.root.as_path(), self.target.as_path()));
        project.map(|project| (project.root.as_path(), project.target.as_path())).or(home)
    }

    /// Names of all packages of this kind.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.packages.iter().filter(move |package| package.kind == kind).map(|package| package.name.as_str())
    }

    /// Where this tool keeps what it makes.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.project.as_ref().map_or(&self.target, |project| &project.target).join("skep")
    }

    /// The file of a system: `NAME` means `build/systems/NAME.toml`, anything with a dot or a slash is a path, nothing at all
    /// the project's own system, or the desktop.
    ///
    /// # Errors
    /// When there is no such file; says which systems there are.
    pub fn system(&self, name: &str) -> Outcome<PathBuf> {
        let name = match (&self.project, name) {
            (Some(project), "") => return Ok(project.root.join(PROJECT_SYSTEM)),
            (None, "") => DEFAULT_SYSTEM,
            _ => name,
        };
        let folder = self.root.join("build/systems");
        let path =
            if name.contains(['/', '.']) { PathBuf::from(name) } else { folder.join(format!("{name}.toml")) };
        if path.is_file() {
            return Ok(path);
        }
        let mut known: Vec<String> = std::fs::read_dir(&folder)
            .map_err(|error| Failure::of(folder.display(), &error))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        known.sort();
        let near = build_manifest::nearest(name, known.iter().map(String::as_str));
        let hint = near.map(|near| format!("\n  fix: write `{near}`")).unwrap_or_default();
        let shown = path.strip_prefix(&self.root).unwrap_or(&path);
        let found = format!("no system `{name}`: {} is no file", shown.display());
        Err(Failure::wrong(format!("{found}\n  expected: one of {}, or a path{hint}", known.join(", "))))
    }
}

impl Project {
    fn at(root: &Path) -> Outcome<Project> {
        let mut cargo = cargo(root);
        cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
        let output = cargo.output().map_err(|error| Failure::of("cargo", &error))?;
        if !output.status.success() {
            return Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let nonsense = || Failure::failed("`cargo metadata` said something unexpected");
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| nonsense())?;
        let root = PathBuf::from(metadata["workspace_root"].as_str().ok_or_else(nonsense)?);
        let target = PathBuf::from(metadata["target_directory"].as_str().ok_or_else(nonsense)?);
        let packages = metadata["packages"].as_array().ok_or_else(nonsense)?;
        let packages = packages.iter().filter_map(|package| read_package(package, &root)).collect();
        Ok(Project { root, target, packages })
    }

    /// Names of all packages of this kind.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.packages.iter().filter(move |package| package.kind == kind).map(|package| package.name.as_str())
    }
}

/// Skep's tree: where the variable says, else around the current folder, else where this tool was built.
fn find_home(here: &Path) -> Outcome<PathBuf> {
    let is_home =
        |folder: &&Path| folder.join("build/systems").is_dir() && folder.join("Cargo.toml").is_file();
    if let Some(home) = std::env::var_os(HOME_VARIABLE).map(PathBuf::from) {
        return match is_home(&home.as_path()) {
            true => Ok(home),
            false => Err(Failure::wrong(format!(
                "{HOME_VARIABLE}: {} is no folder of Skep\n  expected: a clone of Skep, with a folder build/systems",
                home.display()
            ))),
        };
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = here.ancestors().find(is_home).or_else(|| built.ancestors().find(is_home));
    home.map(Path::to_owned).ok_or_else(|| {
        Failure::wrong(format!(
            "Skep's own tree is gone: this tool was built in {}\n  fix: set {HOME_VARIABLE} to a clone of Skep, or install \
             the tool again from one: cargo install --profile tool --path CLONE/build/skep",
            built.display()
        ))
    })
}

/// Cargo in the project's folder, without settings that would leak into freestanding builds.
#[must_use]
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    cargo
}

fn read_package(package: &Value, root: &Path) -> Option<Package> {
    let name = package["name"].as_str()?;
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
    let dependencies = package["dependencies"].as_array()?;
    let depends_on = |names: &[&str]| {
        dependencies
            .iter()
            .any(|dependency| dependency["name"].as_str().is_some_and(|name| names.contains(&name)))
    };
    let kind = match name {
        SUPERVISOR | RUNTIME => Kind::Metal,
        _ if depends_on(&[RUNTIME]) => Kind::Metal,
        _ if name == TYPIST || depends_on(&BOOTERS) => Kind::Qemu,
        _ => Kind::Host,
    };
    Some(Package { name: name.to_owned(), folder: folder.strip_prefix(root).ok()?.to_owned(), kind })
}
