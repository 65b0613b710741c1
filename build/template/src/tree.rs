//! The files of a new qube: the template's, rendered for the place where they go.
//!
//! One template serves two places. Outside, a qube is a project of its own: workspace, profiles, toolchain, CI. Inside
//! Skep's own tree it is three more packages of the tree. A file that renders to nothing is not made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ipc_proto_types::SchemaId;
use ipc_proto_wire::schema_id;

use crate::answers::Answers;
use crate::liquid::{Variables, render, upper_camel_case};
use crate::wrong::Wrong;

/// What only `cargo generate` reads.
const GENERATOR: &str = "cargo-generate.toml";

/// A file of the template, or of a qube.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the folder of the template, or of the qube.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
    /// Whether it is a program.
    pub is_program: bool,
}

/// Where a qube goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A project of its own.
    Outside {
        /// The checkout of Skep it is built with.
        home: PathBuf,
        /// The version of Skep's packages to take from a registry; `None` takes them from `home`.
        skep_version: Option<String>,
    },
    /// `unikernels/NAME` in Skep's own tree.
    Inside,
}

/// Reads a template, sorted by path.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn read(template: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![template.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(template).unwrap_or(&path).to_owned();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if name != Path::new(GENERATOR) && name != Path::new("Cargo.lock") {
                let is_program = is_program(&path)?;
                files.push(File { path: name, text: fs::read_to_string(&path)?, is_program });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(unix)]
fn is_program(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_program(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Renders a template. Paths are from the folder of the qube; inside, the system file's begins at `build/systems`.
///
/// # Errors
/// A template that is wrong, or a home that cannot be written in TOML.
pub fn files(template: &[File], answers: &Answers, place: &Place) -> Result<Vec<File>, Wrong> {
    let mut rendered = Vec::new();
    for file in template {
        let name = file.path.to_string_lossy();
        let text =
            render(&format!("unikernels/template/{name}"), &file.text, &variables(file, answers, place)?)?;
        if !text.trim().is_empty() {
            rendered.push(File { path: file.path.clone(), text, is_program: file.is_program });
        }
    }
    Ok(rendered)
}

fn variables(file: &File, answers: &Answers, place: &Place) -> Result<Variables, Wrong> {
    let mut variables = Variables::from([
        ("project-name", answers.name.clone()),
        ("crate_name", answers.name.replace('-', "_")),
        ("label", answers.label.word().to_owned()),
        ("serves", answers.serves.clone()),
        ("calls", answers.calls.join(",")),
        ("memory", answers.memory.clone()),
        ("schema_id", first_schema(&answers.serves).to_string()),
    ]);
    let (home, skep_version) = match place {
        Place::Outside { home, skep_version } => {
            let text = home.to_str().filter(|text| !text.contains(['"', '\\', '\n', '\'']));
            let expected = "a folder whose name can stand in a Cargo.toml";
            let text = text.ok_or_else(|| {
                Wrong::new("home", format!("{}", home.display()), expected).fix("move the checkout")
            })?;
            (text.to_owned(), skep_version.clone().unwrap_or_default())
        }
        Place::Inside => {
            variables.insert("inside", "true".into());
            // The system file moves to build/systems, which is as deep as the qube's folder.
            let depth = 1 + file.path.components().count();
            (vec![".."; depth].join("/"), String::new())
        }
    };
    variables.insert("home", home);
    variables.insert("skep_version", skep_version);
    Ok(variables)
}

/// The schema id of the template's service under this name.
#[must_use]
pub fn first_schema(serves: &str) -> SchemaId {
    schema_id(&format!("service {serves}\ncall sign(name: text<64>) -> u32\n"))
}

/// A tree of paths for people, in the order given.
#[must_use]
pub fn drawing(root: &str, files: &[File]) -> String {
    let mut lines = format!("{root}\n");
    let mut last: Vec<String> = Vec::new();
    for file in files {
        let parts: Vec<String> =
            file.path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let same = parts.iter().zip(&last).take_while(|(a, b)| a == b).count();
        for (depth, part) in parts.iter().enumerate().skip(same.min(parts.len().saturating_sub(1))) {
            let slash = if depth + 1 < parts.len() { "/" } else { "" };
            lines += &format!("{}{part}{slash}\n", "  ".repeat(depth + 1));
        }
        last = parts;
    }
    lines
}

/// The trait a service is declared as.
#[must_use]
pub fn trait_name(serves: &str) -> String {
    upper_camel_case(serves)
}
