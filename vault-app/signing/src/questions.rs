//! What to ask the owner: requests that were refused for want of consent.
//!
//! A pure state machine; the time is an argument. A caller may be hostile and ask without end, so each port has one place:
//! there is one question of it at a time, and after a no, or no answer, none for a while. The place is the port's and not that
//! of the caller's life, so to be restarted does not help. What others ask has places of its own and is never displaced.

use ipc_proto_rpc::Caller;
use ipc_proto_types::MAX_PORTS;

use crate::key::{DataHash, KeyId};

/// How long a question waits for its answer, in milliseconds: a person who is there has read it by then, and consent must
/// not come long after what it was asked for.
pub const ANSWER_MS: u64 = 60_000;
/// How long a caller to whom the owner said no, or nothing, raises no further question, in milliseconds: without it a program
/// could ask until somebody gives in, or keep the terminal from being used. Longer than one that waits for consent waits.
pub const QUIET_MS: u64 = 120_000;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its number; none is given twice.
    pub number: u32,
    /// Who asks.
    pub caller: Caller,
    /// For which key.
    pub key: KeyId,
    /// What is to be signed.
    pub data: DataHash,
    /// Its length in bytes.
    pub length: usize,
    /// Until when an answer is taken.
    pub until_ms: u64,
}

/// What becomes of the requests of one port.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    /// The next one raises a question.
    #[default]
    Free,
    /// The owner has yet to be told.
    New(Question),
    /// The owner was told, and has not answered.
    Told(Question),
    /// None raises a question until then.
    Quiet(u64),
}

/// All questions: one place for each port.
#[derive(Debug, Default)]
pub struct Questions {
    places: [Place; MAX_PORTS],
    numbers: u32,
}

impl Questions {
    /// A request was refused that the owner could allow. Raises a question, unless the caller has one or is to be quiet.
    pub fn raise(&mut self, caller: Caller, key: KeyId, data: DataHash, length: usize, now_ms: u64) {
        self.pass(now_ms);
        let Some(place @ Place::Free) = self.places.get_mut(caller.port.as_usize()) else { return };
        self.numbers = self.numbers.wrapping_add(1);
        let (number, until_ms) = (self.numbers, now_ms.saturating_add(ANSWER_MS));
        *place = Place::New(Question { number, caller, key, data, length, until_ms });
    }

    /// The questions of which the owner has yet to be told.
    pub fn untold(&self) -> impl Iterator<Item = Question> {
        self.places
            .iter()
            .filter_map(|place| if let Place::New(question) = place { Some(*question) } else { None })
    }

    /// The owner was told.
    pub fn told(&mut self, number: u32) {
        for place in &mut self.places {
            if let Place::New(question) = *place
                && question.number == number
            {
                *place = Place::Told(question);
            }
        }
    }

    /// The owner says yes: gives what was asked, if it still is. The caller may ask again at once.
    pub fn accept(&mut self, number: u32, now_ms: u64) -> Option<Question> {
        self.close(number, now_ms, Place::Free)
    }

    /// The owner says no: gives what was asked, if it still is. The caller is to be quiet.
    pub fn decline(&mut self, number: u32, now_ms: u64) -> Option<Question> {
        self.close(number, now_ms, Place::Quiet(now_ms.saturating_add(QUIET_MS)))
    }

    /// The owner consented unasked: no question of this caller and key is left.
    pub fn settle(&mut self, caller: Caller, key: KeyId) {
        for place in &mut self.places {
            if let Place::New(question) | Place::Told(question) = *place
                && (question.caller, question.key) == (caller, key)
            {
                *place = Place::Free;
            }
        }
    }

    /// Ends what is over by now.
    pub fn pass(&mut self, now_ms: u64) {
        for place in &mut self.places {
            *place = match *place {
                Place::New(question) | Place::Told(question) if question.until_ms <= now_ms => {
                    // From when it was over: the quiet does not depend on when somebody looked.
                    let until_ms = question.until_ms.saturating_add(QUIET_MS);
                    if until_ms <= now_ms { Place::Free } else { Place::Quiet(until_ms) }
                }
                Place::Quiet(until_ms) if until_ms <= now_ms => Place::Free,
                other => other,
            };
        }
    }

    /// Forgets all questions, and who is to be quiet. Numbers go on.
    pub fn clear(&mut self) {
        self.places = [Place::Free; MAX_PORTS];
    }

    fn close(&mut self, number: u32, now_ms: u64, then: Place) -> Option<Question> {
        self.pass(now_ms);
        let found = self.places.iter_mut().find_map(|place| match *place {
            Place::New(question) | Place::Told(question) if question.number == number => {
                Some((place, question))
            }
            _ => None,
        });
        let (place, question) = found?;
        *place = then;
        Some(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_proto_types::{Generation, PortIndex};
    use proptest::prelude::*;

    fn caller(port: u8, life: u32) -> Caller {
        Caller { port: PortIndex::new(port).unwrap(), generation: Generation(life) }
    }

    fn raise(questions: &mut Questions, caller: Caller, data: &[u8], now_ms: u64) {
        questions.raise(caller, KeyId(7), DataHash::of(data), data.len(), now_ms);
    }

    fn numbers(questions: &Questions) -> Vec<u32> {
        questions.untold().map(|question| question.number).collect()
    }

    #[test]
    fn a_caller_has_one_question_and_hides_nobody_elses() {
        let mut questions = Questions::default();
        for life in 1..1000 {
            raise(&mut questions, caller(0, life), &life.to_le_bytes(), u64::from(life));
        }
        raise(&mut questions, caller(1, 1), b"other", 1000);
        assert_eq!(numbers(&questions), [1, 2]);
        questions.told(1);
        assert_eq!(numbers(&questions), [2], "each is told once");
        raise(&mut questions, caller(0, 1), b"more", 1001);
        assert_eq!(numbers(&questions), [2]);
        let first = questions.accept(1, 1002).unwrap();
        assert_eq!(
            (first.caller, first.data, first.length),
            (caller(0, 1), DataHash::of(&1_u32.to_le_bytes()), 4)
        );
        assert_eq!(questions.accept(1, 1002), None, "an answer is for one question");
    }

    #[test]
    fn after_a_no_or_nothing_a_caller_is_quiet_whatever_life_it_has() {
        for declined in [true, false] {
            let mut questions = Questions::default();
            raise(&mut questions, caller(0, 1), b"a", 0);
            let over = if declined {
                assert!(questions.decline(1, 5).is_some());
                5 + QUIET_MS
            } else {
                ANSWER_MS + QUIET_MS
            };
            for at in [over / 2 + ANSWER_MS / 2, over - 1] {
                raise(&mut questions, caller(0, 2), b"b", at);
                assert!(numbers(&questions).is_empty(), "{declined} {at}");
            }
            raise(&mut questions, caller(0, 2), b"b", over);
            assert_eq!(numbers(&questions), [2], "{declined}");
        }
    }

    #[test]
    fn an_answer_that_comes_too_late_is_none() {
        let mut questions = Questions::default();
        raise(&mut questions, caller(0, 1), b"a", 10);
        assert_eq!(questions.accept(1, 10 + ANSWER_MS), None);
        assert_eq!(questions.decline(1, 10 + ANSWER_MS), None);
        assert!(numbers(&questions).is_empty());
    }

    #[test]
    fn consent_given_unasked_settles_the_question_and_after_yes_the_next_may_come() {
        let mut questions = Questions::default();
        raise(&mut questions, caller(0, 1), b"a", 0);
        questions.settle(caller(0, 1), KeyId(8));
        assert_eq!(numbers(&questions), [1], "that was about another key");
        questions.settle(caller(0, 1), KeyId(7));
        raise(&mut questions, caller(0, 1), b"a", 1);
        assert!(questions.accept(2, 2).is_some());
        raise(&mut questions, caller(0, 1), b"a", 3);
        assert_eq!(numbers(&questions), [3]);
    }

    proptest! {
        /// However often one asks, and whatever is answered: in any stretch of time a caller to whom nobody says yes raises no
        /// more questions than one, and one for each time of quiet in it.
        #[test]
        fn who_gets_no_yes_asks_seldom(steps in prop::collection::vec((0_u64..50_000, any::<bool>()), 1..200)) {
            let mut questions = Questions::default();
            let (mut now_ms, mut asked) = (0, 0_u64);
            for (pause, is_answered) in steps {
                now_ms += pause;
                raise(&mut questions, caller(0, 1), b"x", now_ms);
                for number in numbers(&questions) {
                    asked += 1;
                    questions.told(number);
                }
                if is_answered {
                    let _ = questions.decline(u32::try_from(asked).unwrap(), now_ms);
                }
            }
            prop_assert!(asked <= 1 + now_ms / QUIET_MS, "{asked} in {now_ms} ms");
        }
    }
}
