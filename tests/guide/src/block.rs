//! The fenced blocks of a page, with what is to be done with each.

use std::path::PathBuf;

/// A block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its opening fence.
    pub line: usize,
    /// What is done with it.
    pub kind: Kind,
    /// The name of its picture, when it is drawn.
    pub picture: Option<String>,
    /// Its lines, without the fences.
    pub text: String,
}

/// What is done with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Run in the page's folder.
    Run,
    /// Run in Skep's own tree.
    RunAtHome,
    /// Run in the page's folder; it fails.
    Fail,
    /// Looked for in what the block before it said.
    Output,
    /// Looked for in this file.
    File(PathBuf),
    /// Typed at the terminal of a running system.
    Session,
}

/// All blocks of a page, in their order.
///
/// # Errors
/// The line of a block that nothing would be done with, or that does not end.
pub fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(tags) = line.trim_start().strip_prefix("```") else { continue };
        let (kind, picture) = kind(tags).ok_or_else(|| {
            format!(
                "{}: a block that nobody executes: ```{tags}\n  expected: a tag of tests/guide/src/lib.rs",
                at + 1
            )
        })?;
        let mut text = String::new();
        loop {
            let (_, line) = lines.next().ok_or_else(|| format!("{}: a block without an end", at + 1))?;
            if line.trim_start().starts_with("```") {
                break;
            }
            text += line;
            text.push('\n');
        }
        blocks.push(Block { line: at + 1, kind, picture, text });
    }
    Ok(blocks)
}

fn kind(tags: &str) -> Option<(Kind, Option<String>)> {
    let mut words = tags.split_whitespace();
    let language = words.next()?;
    let (mut kind, mut picture) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("picture", name)) if picture.is_none() => picture = Some(name.to_owned()),
            Some(("file", path)) if kind.is_none() => kind = Some(Kind::File(path.into())),
            None if kind.is_none() => {
                kind = Some(match (language, word) {
                    ("sh", "home") => Kind::RunAtHome,
                    ("sh", "fails") => Kind::Fail,
                    ("text", "output") => Kind::Output,
                    ("text", "session") => Kind::Session,
                    _ => return None,
                });
            }
            _ => return None,
        }
    }
    let kind = kind.or_else(|| (language == "sh").then_some(Kind::Run))?;
    let is_drawn = matches!(kind, Kind::Run | Kind::Fail | Kind::Session);
    (picture.is_none() || is_drawn).then_some((kind, picture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_line_kind_and_text() {
        let page = "# A\n```sh fails picture=a\nfalse\n```\n```rust file=src/lib.rs\nfn a() {}\n```\n";
        let found = blocks(page).expect("two blocks");
        assert_eq!(
            found[0],
            Block { line: 2, kind: Kind::Fail, picture: Some("a".into()), text: "false\n".into() }
        );
        assert_eq!((found[1].line, &found[1].kind), (5, &Kind::File("src/lib.rs".into())));
    }

    #[test]
    fn a_block_that_nobody_executes_is_a_fault() {
        for tags in ["", "text", "rust", "rust ignore", "sh later", "text output picture=a", "sh fails home"]
        {
            let told = blocks(&format!("\n```{tags}\nx\n```\n")).expect_err("nobody executes it");
            assert!(told.starts_with("2: a block that nobody executes"), "{told}");
        }
        assert_eq!(blocks("```sh\nx"), Err("1: a block without an end".into()));
    }
}
