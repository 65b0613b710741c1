//! Just enough of Rust's grammar: where code is and where comments and texts are; where test modules and functions end.

use std::ops::Range;

/// The source with everything in comments and literals replaced by spaces; lines stay lines.
pub(crate) fn code(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let end = literal_end(&letters, at).unwrap_or(at);
        if end > at {
            out.extend(letters[at..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(letters[at]);
            at += 1;
        }
    }
    out
}

/// If a comment or literal begins at `at`, where it ends.
fn literal_end(letters: &[char], at: usize) -> Option<usize> {
    let letter = |offset: usize| letters.get(at + offset).copied();
    let in_word =
        at > 0 && letters.get(at - 1).is_some_and(|before| before.is_alphanumeric() || *before == '_');
    match (letter(0)?, letter(1)) {
        ('/', Some('/')) => Some(find(letters, at, |letters, here| letters[here] == '\n')),
        ('/', Some('*')) => Some(block_comment_end(letters, at)),
        ('"', _) => Some(quoted_end(letters, at, '"')),
        ('r', Some('"' | '#')) if !in_word => raw_end(letters, at + 1),
        ('\'', Some('\\')) => Some(quoted_end(letters, at, '\'')),
        ('\'', Some(_)) if letter(2) == Some('\'') => Some(at + 3),
        _ => None,
    }
}

fn find(letters: &[char], from: usize, test: impl Fn(&[char], usize) -> bool) -> usize {
    (from..letters.len()).find(|at| test(letters, *at)).unwrap_or(letters.len())
}

fn block_comment_end(letters: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < letters.len() {
        match letters.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn quoted_end(letters: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < letters.len() {
        match letters[at] {
            '\\' => at += 2,
            letter if letter == quote => return at + 1,
            _ => at += 1,
        }
    }
    letters.len()
}

/// The end of a raw text whose hashes begin at `start`; `None` for a raw identifier.
fn raw_end(letters: &[char], start: usize) -> Option<usize> {
    let hashes = letters[start..].iter().take_while(|letter| **letter == '#').count();
    if letters.get(start + hashes) != Some(&'"') {
        return None;
    }
    let closes = |letters: &[char], at: usize| {
        letters[at] == '"'
            && letters[at + 1..].iter().take(hashes).filter(|letter| **letter == '#').count() == hashes
    };
    Some((find(letters, start + hashes + 1, closes) + 1 + hashes).min(letters.len()))
}

/// The bytes from a `{` at or after `from` to its `}`, or `None` when a `;` comes first.
pub(crate) fn block(code: &str, from: usize) -> Option<Range<usize>> {
    let rest = code.get(from..)?;
    let open = from + rest.find(['{', ';'])?;
    if code.as_bytes().get(open) == Some(&b';') {
        return None;
    }
    let mut depth = 0usize;
    for (at, letter) in code.get(open..)?.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(open..open + at + 1);
        }
    }
    None
}

/// The bytes of every `#[cfg(test)] mod NAME { … }`, and the names of every `#[cfg(test)] mod NAME;`.
pub(crate) fn test_modules(code: &str) -> (Vec<Range<usize>>, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut blocks, mut names) = (Vec::new(), Vec::new());
    for (start, _) in code.match_indices(MARK) {
        let rest = code.get(start + MARK.len()..).unwrap_or("");
        let Some((_, after)) = rest.split_once("mod ").filter(|(before, _)| before.trim().is_empty()) else {
            continue;
        };
        match block(code, start) {
            Some(block) => blocks.push(start..block.end),
            None => names.push(
                after.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect(),
            ),
        }
    }
    (blocks, names)
}

/// Places where `word` stands on its own in `code`.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code.get(..*at).and_then(|before| before.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|after| after.chars().next());
        !part(before) && !part(after)
    })
}

/// The line of a byte, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_stays() {
        let cases = [
            ("a // unsafe\nb", "a          \nb"),
            ("a /* x /* y */ z */ b", "a                   b"),
            (r#"f("un\"safe", 'x', '\'', b"q")"#, "f(          ,    ,     , b   )"),
            ("r#\"a \" b\"# c", "           c"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("r#type", "r#type"),
        ];
        for (source, expected) in cases {
            assert_eq!(code(source), expected, "{source}");
        }
    }

    #[test]
    fn test_modules_are_found_inside_and_outside() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n#[cfg(test)] mod helper;\nfn c() {}";
        let (blocks, names) = test_modules(source);
        assert_eq!(
            blocks.iter().map(|block| &source[block.clone()]).collect::<Vec<_>>(),
            ["#[cfg(test)]\nmod tests { fn b() {} }"]
        );
        assert_eq!(names, ["helper"]);
    }

    #[test]
    fn a_word_stands_on_its_own() {
        assert_eq!(words("unsafe unsafe_code (unsafe)", "unsafe").collect::<Vec<_>>(), [0, 20]);
    }
}
