//! The tree's text files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One file of the tree.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
}

/// What is not ours to check: build output and version control, which is a file in a worktree.
const SKIPPED: [&str; 2] = ["target", ".git"];
/// A file longer than this is data.
const SIZE_MAX: u64 = 1 << 20;

impl File {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// Its path as a text.
    pub(crate) fn name(&self) -> &str {
        self.path.to_str().unwrap_or("")
    }
}

/// Every text file below `root`, sorted by path.
pub(crate) fn read(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && entry.metadata()?.len() <= SIZE_MAX {
                // What is not UTF-8 is no text.
                if let Ok(text) = fs::read_to_string(&path) {
                    let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
                    files.push(File { path, text });
                }
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_git_file_of_a_worktree_is_not_ours() {
        let root = std::env::temp_dir().join(format!("skep-tidy-{}", std::process::id()));
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join(".git"), "gitdir: elsewhere\n").expect("a file");
        fs::write(root.join("a.md"), "# A\n").expect("a file");
        let files = read(&root).expect("a tree");
        fs::remove_dir_all(&root).expect("a folder to remove");
        let names: Vec<&str> = files.iter().map(File::name).collect();
        assert_eq!(names, ["a.md"]);
    }
}
