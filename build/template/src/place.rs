//! Puts files where they belong, all of them or none.
//!
//! They are written to a hidden folder beside the target, which then takes the target's name in one step. Whoever ends the
//! tool in the milliseconds between leaves at most that folder, and the next run takes it away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::tree::File;
use crate::wrong::Wrong;

/// Whether a qube may be made in `folder`: it is not there, or it is empty.
///
/// # Errors
/// A folder with something in it, or a file.
pub fn is_free(folder: &Path) -> Result<(), Wrong> {
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => format!("cannot be read: {error}"),
        Ok(entries) => match entries.count() {
            0 => return Ok(()),
            things => format!("a folder with {things} things in it"),
        },
    };
    let wrong = Wrong::new(&folder.display().to_string(), found, "no such folder yet, or an empty one");
    Err(wrong.fix("choose another name, or give a folder with --path"))
}

/// Makes `folder` with these files in it.
///
/// # Errors
/// What cannot be written; then nothing is left of it.
pub fn put(folder: &Path, files: &[File]) -> io::Result<()> {
    let name = folder.file_name().map_or_else(|| "qube".into(), |name| name.to_string_lossy().into_owned());
    let beside = folder.parent().map(Path::to_owned).unwrap_or_default().join(format!(".{name}.new"));
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    let result = write(&beside, files).and_then(|()| fs::rename(&beside, folder));
    if result.is_err() {
        let _ = fs::remove_dir_all(&beside);
    }
    result
}

fn write(folder: &Path, files: &[File]) -> io::Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, &file.text)?;
        if file.is_program {
            make_program(&path)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn make_program(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_program(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Puts a qube into Skep's own tree: its folder, its system file, its three packages in the workspace.
/// Gives the paths made, from `home`.
///
/// # Errors
/// What cannot be written; then nothing is left of it.
pub fn put_inside(home: &Path, name: &str, files: Vec<File>) -> io::Result<Vec<PathBuf>> {
    let (system, files): (Vec<File>, Vec<File>) =
        files.into_iter().partition(|file| file.path == Path::new("system.toml"));
    let folder = PathBuf::from("unikernels").join(name);
    let system_path = PathBuf::from("build/systems").join(format!("{name}.toml"));
    let manifest = home.join("Cargo.toml");
    let members =
        [format!("unikernels/{name}"), format!("unikernels/{name}/api"), format!("unikernels/{name}/qube")];
    let with_members = with_members(&fs::read_to_string(&manifest)?, &members).ok_or_else(|| {
        io::Error::other("the workspace's Cargo.toml has no list `members` with one a line")
    })?;
    put(&home.join(&folder), &files)?;
    let rest = || {
        for system in &system {
            fs::write(home.join(&system_path), &system.text)?;
        }
        let beside = home.join(".Cargo.toml.new");
        fs::write(&beside, &with_members)?;
        fs::rename(&beside, &manifest)
    };
    if let Err(error) = rest() {
        let _ = fs::remove_dir_all(home.join(&folder));
        let _ = fs::remove_file(home.join(&system_path));
        return Err(error);
    }
    let mut made: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    made.push(system_path);
    made.sort();
    Ok(made)
}

/// The workspace manifest with more members, each after the last one that sorts before it.
#[must_use]
pub fn with_members(manifest: &str, members: &[String]) -> Option<String> {
    let mut lines: Vec<String> = manifest.lines().map(str::to_owned).collect();
    let start = lines.iter().position(|line| line.trim() == "members = [")?;
    for member in members {
        let end = start + lines.iter().skip(start).position(|line| line.trim() == "]")?;
        let entry = |line: &str| Some(line.trim().strip_prefix('"')?.strip_suffix("\",")?.to_owned());
        let listed = lines.get(start + 1..end)?;
        let before = listed.iter().rposition(|line| entry(line).is_some_and(|listed| listed < *member));
        lines.insert(before.map_or(start + 1, |before| start + before + 2), format!("    \"{member}\","));
    }
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_where_they_sort() {
        let manifest =
            "[workspace]\nmembers = [\n    \"a\",\n    \"unikernels/echo\",\n    \"vault\",\n]\nx = 1\n";
        let members = ["unikernels/g".to_owned(), "unikernels/g/api".to_owned()];
        assert_eq!(
            with_members(manifest, &members).as_deref(),
            Some(
                "[workspace]\nmembers = [\n    \"a\",\n    \"unikernels/echo\",\n    \"unikernels/g\",\n    \"unikernels/g/api\",\n    \"vault\",\n]\nx = 1\n"
            )
        );
        assert_eq!(with_members("[package]\n", &members), None);
    }
}
