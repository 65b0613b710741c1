//! Consent by asking: a qube wants a signature, and the person at the terminal says whether it may.
//!
//! The question stands in the place of the line being typed, which comes back after it. No qube can write such a line: what
//! they print begins with their name in brackets. The row with the choice says who asks, for it is drawn again after
//! whatever others print.

use crate::editor::{first_columns, text_width};
use crate::plain::Plain;
use crate::question::{Listening, Pressed, Waiting};
use crate::screen::Input;
use crate::session::{Done, Session};
use crate::system::World;
use core::fmt;
use ipc_proto_rpc::{Port, PortState};
use ipc_proto_types::{Label, Text};
use ipc_proto_vault_api::keys::{Answer, Question};

/// Columns for what the key is called in the row with the choice, so that it fits whatever the qube's name is; the line above
/// it has the whole of it.
const COMMENT_COLUMNS: usize = 11;
/// For how long the answer "minute" is consent, in seconds.
const MINUTE_S: u32 = 60;
/// The letters of the answers: once, minute, no.
const LETTERS: &[char] = &['o', 'm', 'n'];

impl<W: World> Session<'_, W> {
    /// Puts the oldest question that waits, and does what the person says.
    #[inline(never)]
    pub(crate) fn ask_next(&mut self) {
        let Some(waiting) = self.screen.questions.pop() else {
            if let Some(link) = self.screen.world.next_link() {
                self.ask_link(&link);
            }
            return;
        };
        let vault = waiting.asked.vault;
        self.address(Some(vault.as_str()));
        self.screen.clear_row();
        let question = &waiting.asked.question;
        if waiting.until_ms <= self.screen.world.now_ms() {
            let (qube, key) = (Plain(&question.qube), super::keys::id_text(question.id));
            return self.say(format_args!("{qube} asked to sign with {key}, and nobody answered."));
        }
        self.say_question(question);
        let label = self.label_of(&question.qube);
        let answer = self.listen(&waiting, label);
        let _ = self.settle(question, answer);
    }

    /// The line above the choice: what is asked, in full.
    fn say_question(&mut self, question: &Question) {
        let vault = self.vault_peer();
        let key = super::keys::id_text(question.id);
        self.quote(format_args!(
            "A signature with the key {key} of {} ({}) is asked for.",
            Plain(&vault),
            Plain(&question.comment)
        ));
        self.say(format_args!(
            "Its data has {} bytes, SHA-256 {}.",
            question.length,
            Hex(question.digest.as_slice())
        ));
    }

    /// Waits for an answer; no answer in time is a no. `None`: the terminal is gone.
    fn listen(&mut self, waiting: &Waiting, label: Option<Label>) -> Option<Answer> {
        let mut listening = Listening::new(self.screen.world.now_ms(), LETTERS);
        let question = &waiting.asked.question;
        self.draw_choice(question, label, &listening);
        loop {
            match self.screen.input_until(Some(waiting.until_ms)) {
                Input::Key(key) => match listening.press(key, self.screen.world.now_ms()) {
                    Pressed::Answered(letter) => {
                        self.say(format_args!(""));
                        return Some(match letter {
                            'o' => Answer::Once,
                            'm' => Answer::Seconds(MINUTE_S),
                            _ => Answer::No,
                        });
                    }
                    Pressed::Stray => self.screen.raw(b"\x07"),
                    Pressed::Chosen(_) | Pressed::Unchosen => {}
                },
                Input::Ended(end) => self.ended(&end),
                Input::Disturbed | Input::Asked => {}
                Input::Deadline => {
                    self.say(format_args!(""));
                    self.say(format_args!("Nobody answered."));
                    return Some(Answer::No);
                }
                Input::Closed => return None,
            }
            self.draw_choice(question, label, &listening);
        }
    }

    fn draw_choice(&mut self, question: &Question, label: Option<Label>, listening: &Listening) {
        self.screen.clear_row();
        if let Some(label) = label {
            self.screen.shape(label);
            self.screen.put(format_args!(" "));
        }
        let whole = question.comment.as_str();
        let short = first_columns(whole, COMMENT_COLUMNS);
        let dots = if text_width(short) < text_width(whole) { "…" } else { "" };
        self.screen.unwrapped(|screen| {
            screen.put(format_args!("{} asks to sign with '{}{dots}", Plain(&question.qube), Plain(short)));
        });
        self.screen.put(format_args!("': [o]nce, [m]inute, [n]o? "));
        if let Some(letter) = listening.chosen() {
            self.screen.put(format_args!("{letter}"));
        }
    }

    /// Has the vault do what the person said, and says what came of it.
    fn settle(&mut self, question: &Question, answer: Option<Answer>) -> Done {
        let Some(answer) = answer else { return Ok(()) };
        let number = question.number;
        let qube: Text<32> = question.qube.clone();
        let is_asked = self.ask_keys("", |keys| keys.answer(number, answer))?;
        let qube = Plain(&qube);
        match (is_asked, answer) {
            (_, Answer::No) => self.say(format_args!("{qube} may not sign.")),
            (false, _) => self.say(format_args!("{qube} does not ask any more; nothing is allowed.")),
            (true, Answer::Once) => self.say(format_args!("{qube} may sign that once.")),
            (true, Answer::Seconds(_)) => {
                self.say(format_args!("{qube} may sign with this key for {MINUTE_S} seconds."));
            }
        }
        Ok(())
    }

    /// A vault that is open again may have another life: then its questions reach us only after a call has found that out.
    pub(super) fn hear_questions(&mut self) {
        let peer = self.vault_peer();
        if let Some(keys) = self.screen.world.keys(&peer)
            && keys.client().port().facts().state == PortState::Restarted
        {
            // The answer is that it restarted, which was said before.
            let _ = keys.pending();
        }
    }

    /// The label of the qube of this name, if the supervisor says it.
    fn label_of(&mut self, name: &str) -> Option<Label> {
        let ctl = self.screen.world.ctl()?;
        let qubes = (0..=u8::MAX).map_while(|index| ctl.qube(index).ok().flatten());
        let mut named = qubes.filter(|qube| qube.name.as_str() == name);
        named.next().map(|qube| qube.label)
    }
}

/// Bytes as hex digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
