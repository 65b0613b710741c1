//! The part of the Liquid template language that the template of a qube uses, so that `cargo generate` can render it too.
//!
//! `{{ name }}` and `{{ name | upper_camel_case }}`; `{% if %}`, `{% else %}`, `{% endif %}` with `name`, `name == "text"`,
//! `name != "text"` or `name contains "text"`; `{% comment %}`, `{% endcomment %}`; a `-` inside a tag's brackets takes the
//! white space on that side away. Invariant: anything else is an error with its line, never text in the output.
//! Not here: loops, assignments and other filters. Source: the Liquid documentation, "basics" and "tags/template".

use std::collections::BTreeMap;

use crate::wrong::Wrong;

/// What the names in a template stand for.
pub type Variables = BTreeMap<&'static str, String>;

/// What a template may contain, for messages.
const KNOWN: &str = "{{ name }}, {% if %}, {% else %}, {% endif %}, {% comment %} or {% endcomment %}";

/// An `{% if %}` or `{% comment %}` that is open.
struct Open {
    line: usize,
    closes: &'static str,
    /// Whether what surrounds it is shown.
    around: bool,
    condition: bool,
    has_else: bool,
}

/// Renders the text of `file`.
///
/// # Errors
/// Names file and line of the first thing that is no part of the language, or of a name that stands for nothing.
pub fn render(file: &str, template: &str, variables: &Variables) -> Result<String, Wrong> {
    let mut out = String::with_capacity(template.len());
    let mut open: Vec<Open> = Vec::new();
    let (mut shown, mut at) = (true, 0);
    while let Some(rest) = template.get(at..) {
        let line = 1 + template.get(..at).unwrap_or("").matches('\n').count();
        let start = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min();
        let text = rest.get(..start.unwrap_or(rest.len())).unwrap_or("");
        let Some(start) = start else {
            push(&mut out, shown, text);
            break;
        };
        let line = line + text.matches('\n').count();
        let wrong = |found: String, expected: &str| Wrong::at(file, line, found, expected);
        let is_tag = rest.get(start..).is_some_and(|rest| rest.starts_with("{%"));
        let close = if is_tag { "%}" } else { "}}" };
        let inner = rest.get(start + 2..).unwrap_or("");
        let end = inner.find(close).ok_or_else(|| wrong("a tag without its end".into(), close))?;
        let tag = inner.get(..end).unwrap_or("");
        at += start + 2 + end + 2;
        let left = tag.strip_prefix('-');
        push(&mut out, shown, if left.is_some() { text.trim_end() } else { text });
        let tag = left.unwrap_or(tag);
        let right = tag.strip_suffix('-');
        if right.is_some() {
            let after = template.get(at..).unwrap_or("");
            at += after.len() - after.trim_start().len();
        }
        let tag = right.unwrap_or(tag).trim();
        let result = if is_tag {
            block(tag, line, &mut open, &mut shown, variables).map(|()| String::new())
        } else if shown {
            value(tag, variables)
        } else {
            Ok(String::new())
        };
        push(&mut out, shown, &result.map_err(|found| wrong(found, KNOWN))?);
    }
    match open.last() {
        Some(last) => {
            let found = format!("a tag without its `{{% {} %}}`", last.closes);
            Err(Wrong::at(file, last.line, found, KNOWN))
        }
        None => Ok(out),
    }
}

fn push(out: &mut String, shown: bool, text: &str) {
    if shown {
        out.push_str(text);
    }
}

/// Obeys `{% tag %}`; what is wrong with it otherwise.
fn block(
    tag: &str,
    line: usize,
    open: &mut Vec<Open>,
    shown: &mut bool,
    variables: &Variables,
) -> Result<(), String> {
    let commented = open.last().is_some_and(|last| last.closes == "endcomment");
    match (tag.split_once(' ').unwrap_or((tag, "")), open.last_mut()) {
        (("endcomment", ""), Some(last)) if commented => {
            *shown = last.around;
            open.pop();
        }
        _ if commented => {}
        (("comment", ""), _) => {
            open.push(Open { line, closes: "endcomment", around: *shown, condition: false, has_else: true });
            *shown = false;
        }
        (("if", condition), _) => {
            let condition = holds(condition.trim(), variables, *shown)?;
            open.push(Open { line, closes: "endif", around: *shown, condition, has_else: false });
            *shown = *shown && condition;
        }
        (("else", ""), Some(last)) if !last.has_else => {
            last.has_else = true;
            *shown = last.around && !last.condition;
        }
        (("endif", ""), Some(last)) => {
            *shown = last.around;
            open.pop();
        }
        _ => return Err(format!("`{{% {tag} %}}`")),
    }
    Ok(())
}

/// Whether a condition holds. A name alone asks whether it stands for anything.
fn holds(condition: &str, variables: &Variables, shown: bool) -> Result<bool, String> {
    let words: Vec<&str> = condition.splitn(3, ' ').collect();
    let text = |word: &str| Some(word.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    match words.as_slice() {
        [name] if is_name(name) => Ok(variables.contains_key(name)),
        [name, operator, word] => {
            let text = text(word).ok_or_else(|| format!("`{word}` in a condition"))?;
            let value = match variables.get(name) {
                Some(value) => value,
                None if !shown => return Ok(false),
                None => return Err(format!("`{name}`, which stands for nothing")),
            };
            match *operator {
                "==" => Ok(*value == text),
                "!=" => Ok(*value != text),
                "contains" => Ok(value.contains(&text)),
                other => Err(format!("`{other}` in a condition")),
            }
        }
        _ => Err(format!("the condition `{condition}`")),
    }
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
}

/// What `{{ tag }}` stands for.
fn value(tag: &str, variables: &Variables) -> Result<String, String> {
    let (name, filter) =
        tag.split_once('|').map_or((tag, None), |(name, filter)| (name, Some(filter.trim())));
    let value = variables.get(name.trim()).ok_or_else(|| format!("`{tag}`, which stands for nothing"))?;
    match filter {
        None => Ok(value.clone()),
        Some("upper_camel_case") => Ok(upper_camel_case(value)),
        Some(other) => Err(format!("the filter `{other}`")),
    }
}

/// `my-book` as a trait is named: `MyBook`.
#[must_use]
pub(crate) fn upper_camel_case(name: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: Result<&str, &str>) {
        let variables: Variables = [("name", "my-book"), ("calls", "clock,log"), ("empty", "")]
            .map(|(n, v)| (n, v.to_owned()))
            .into();
        let rendered = render("a.rs", template, &variables).map_err(|wrong| wrong.to_string());
        match expected {
            Ok(expected) => assert_eq!(rendered.as_deref(), Ok(expected), "{template}"),
            Err(part) => {
                let told = rendered.expect_err(template);
                assert!(told.contains(part), "{template}: {told}");
            }
        }
    }

    #[test]
    fn names_conditions_and_comments_are_rendered() {
        for (template, expected) in [
            ("a {{name}} b", "a my-book b"),
            ("{{ name | upper_camel_case }}", "MyBook"),
            ("{% if name %}1{% else %}2{% endif %}", "1"),
            ("{% if nobody %}1{% else %}2{% endif %}", "2"),
            ("{% if name == \"x\" %}1{% endif %}.", "."),
            ("{% if empty == \"\" %}1{% endif %}", "1"),
            ("{% if calls != \"\" %}1{% endif %}", "1"),
            ("{% if calls contains \"log\" %}1{% endif %}{% if calls contains \"echo\" %}2{% endif %}", "1"),
            ("{% if nobody %}{{nobody}}{% if nobody == \"1\" %}1{% else %}2{% endif %}{% endif %}3", "3"),
            ("a\n{%- if name %}\nb\n{%- endif %}\nc\n", "a\nb\nc\n"),
            ("a\n{%- if nobody %}\nb\n{%- endif %}\nc\n", "a\nc\n"),
            ("{% if name -%}\n  x{% endif -%}\n", "x"),
            ("a{% comment %} {% if %} {{ x }} {% endcomment %}b", "ab"),
            ("fn a() { [1, {2}] }", "fn a() { [1, {2}] }"),
        ] {
            check(template, Ok(expected));
        }
    }

    #[test]
    fn what_is_no_part_of_the_language_is_an_error_with_its_line() {
        for (template, part) in [
            ("\n\n{% for a in b %}", "a.rs:3: `{% for a in b %}`"),
            ("{{ nobody }}", "a.rs:1: `nobody`, which stands for nothing"),
            ("\n{{ name", "a.rs:2: a tag without its end"),
            ("\n{% if name %}", "a.rs:2: a tag without its `{% endif %}`"),
            ("{% endif %}", "`{% endif %}`"),
            ("{% if name %}{% else %}{% else %}{% endif %}", "`{% else %}`"),
            ("{% if name > \"1\" %}{% endif %}", "`>` in a condition"),
            ("{% if name == 1 %}{% endif %}", "`1` in a condition"),
            ("{{ name | upcase }}", "the filter `upcase`"),
            ("{% comment %}", "a tag without its `{% endcomment %}`"),
        ] {
            check(template, Err(part));
        }
    }

    #[test]
    fn a_template_cut_anywhere_gives_a_text_or_an_error() {
        let template =
            "a {{name}} {%- if name -%} b {% else %} c {% endif %} {% comment %} d {% endcomment %}";
        for end in 0..=template.len() {
            let cut = template.get(..end).expect("ASCII");
            let rendered = render("a", cut, &[("name", String::from("x"))].into());
            assert!(rendered.map_or(true, |text| text.len() <= cut.len()));
        }
    }
}
