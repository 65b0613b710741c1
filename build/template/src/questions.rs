//! Asks for what the arguments did not say: one line a question, the default in brackets, wrong answers asked again.

use std::io::{self, BufRead, Write};

use ipc_proto_types::Label;

use crate::answers::{self, Answers, Taken};
use crate::wrong::Wrong;

/// What the arguments said.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--label`.
    pub label: Option<String>,
    /// `--serves`.
    pub serves: Option<String>,
    /// `--calls`.
    pub calls: Option<String>,
    /// `--memory`.
    pub memory: Option<String>,
}

/// Why there are no answers.
#[derive(Debug)]
pub enum NoAnswers {
    /// An argument is wrong.
    Wrong(Wrong),
    /// The terminal is gone.
    Gone(io::Error),
}

impl From<Wrong> for NoAnswers {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

/// Someone to ask; `None` takes the defaults.
pub type Asked<'a> = Option<(&'a mut dyn BufRead, &'a mut dyn Write)>;

/// Checks what was given and asks for the rest.
///
/// # Errors
/// A wrong argument, or a terminal that ended.
pub fn answers(name: &str, given: &Given, taken: &Taken, mut asked: Asked<'_>) -> Result<Answers, NoAnswers> {
    let name = answers::name(name, taken)?;
    let label_default = Label::Work;
    let labels = Label::ALL.map(look).join("\n");
    let label = one(
        &given.label,
        &mut asked,
        &format!("How far is it trusted? A colour is for people and never decides.\n{labels}\nlabel"),
        label_default.word(),
        answers::label,
    )?;
    let serves = one(&given.serves, &mut asked, "Name of the service it serves", &name, |text| {
        answers::serves(text, taken)
    })?;
    let callable = format!("Services it calls, separated by commas ({})", answers::CALLABLE.join(", "));
    let calls = one(&given.calls, &mut asked, &callable, "", answers::calls)?;
    let memory = one(&given.memory, &mut asked, "Its memory", "2MiB", answers::memory)?;
    Ok(Answers { name, label, serves, calls, memory })
}

/// A label as the console shows it: the shape says what the colour says.
fn look(label: Label) -> String {
    let (shape, means) = match label {
        Label::Untrusted => ("red circle", "anything may come in here"),
        Label::Personal => ("yellow square", "yours, but nothing a stranger would pay for"),
        Label::Work => ("blue triangle", "work"),
        Label::Vault => ("black diamond", "secrets; the tools warn of every way in"),
        Label::Green => ("green star", "free for you"),
        Label::Orange => ("orange cross", "free for you"),
        Label::Purple => ("purple half circle", "free for you"),
        Label::Grey => ("grey ring", "free for you"),
    };
    format!("  {:<10} {shape:<19} {means}", label.word())
}

fn one<T>(
    given: &Option<String>,
    asked: &mut Asked<'_>,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<T, Wrong>,
) -> Result<T, NoAnswers> {
    if let Some(given) = given {
        return Ok(check(given)?);
    }
    let Some((input, output)) = asked else { return Ok(check(default)?) };
    let mut question = question;
    loop {
        let mut line = String::new();
        write!(output, "{question} [{}]: ", if default.is_empty() { "none" } else { default })
            .and_then(|()| output.flush())
            .and_then(|()| input.read_line(&mut line))
            .and_then(|read| if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
            .map_err(NoAnswers::Gone)?;
        let line = line.trim();
        match check(if line.is_empty() { default } else { line }) {
            Ok(value) => return Ok(value),
            Err(wrong) => writeln!(output, "{wrong}").map_err(NoAnswers::Gone)?,
        }
        // What was explained once is not explained again.
        question = question.rsplit('\n').next().unwrap_or(question);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(typed: &str, given: &Given) -> (Result<Answers, NoAnswers>, String) {
        let (mut input, mut output) = (typed.as_bytes(), Vec::new());
        let result = answers("book", given, &Taken::default(), Some((&mut input, &mut output)));
        (result, String::from_utf8(output).expect("text"))
    }

    #[test]
    fn empty_lines_take_the_defaults() {
        let (result, shown) = asked("\n\n\n\n", &Given::default());
        let by_default = answers("book", &Given::default(), &Taken::default(), None).expect("defaults");
        assert_eq!(result.expect("answers"), by_default);
        assert_eq!((by_default.serves.as_str(), by_default.memory.as_str()), ("book", "2MiB"));
        assert!(shown.contains("blue triangle") && shown.contains("[work]: "), "{shown}");
    }

    #[test]
    fn a_wrong_line_is_explained_and_asked_again() {
        let (result, shown) = asked("blau\ngreen\n\nclock\n2\n4MiB\n", &Given::default());
        let answers = result.expect("answers");
        assert_eq!(
            (answers.label, answers.calls, answers.memory.as_str()),
            (Label::Green, vec!["clock"], "4MiB")
        );
        assert!(shown.contains("--label: `blau`") && shown.contains("--memory: `2`"), "{shown}");
    }

    #[test]
    fn what_was_given_is_not_asked_and_the_end_of_the_input_ends_it() {
        let given = Given { label: Some("grey".into()), serves: Some("x".into()), ..Given::default() };
        let (result, shown) = asked("\n", &given);
        assert!(matches!(result, Err(NoAnswers::Gone(_))));
        assert!(!shown.contains("trusted") && shown.contains("memory"), "{shown}");
    }
}
