//! Consent by asking: what was refused becomes a question to the owner, whose answer is consent or not.
//!
//! The asker hears nothing of this: it is refused until it is not. Only what can be allowed is asked, so a person is not
//! bothered with keys that are not there; and the owner is told after the refusal has gone out.

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::keys as api;
use vault_app_signing::{DataHash, Grant, KeyId, Question};

use super::{Clock, Server, signing_error};
use crate::medium::Medium;

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> Server<'_, M, F, C> {
    /// Whether there is something to ask the owner: whoever turns this server should call [`Server::ask`] soon.
    pub fn has_questions(&self) -> bool {
        self.questions.untold().next().is_some()
    }

    /// Asks the owner what there is to ask; `tell` says whether anybody heard it. What nobody hears is told again the next
    /// time, until its own time is over.
    pub fn ask(&mut self, tell: &mut impl FnMut(&api::Question) -> bool) {
        let now_ms = self.clock.now_ms();
        self.questions.pass(now_ms);
        // One for each port at most.
        let untold: alloc::vec::Vec<Question> = self.questions.untold().collect();
        for question in untold {
            let Some(told) = self.question(&question, now_ms) else { continue };
            if tell(&told) {
                self.questions.told(question.number);
            }
        }
    }

    /// Somebody was refused.
    pub(super) fn refused(&mut self, caller: Caller, key: KeyId, data: DataHash, length: usize, now_ms: u64) {
        let is_there = self.session.signer().keyring().is_ok_and(|keys| keys.get(key).is_some());
        if is_there {
            self.questions.raise(caller, key, data, length, now_ms);
        }
    }

    /// Does what the owner says; whether it was still asked.
    pub(super) fn answered(&mut self, number: u32, answer: api::Answer) -> Result<bool, VaultError> {
        let now_ms = self.clock.now_ms();
        if answer == api::Answer::No {
            return Ok(self.questions.decline(number, now_ms).is_some());
        }
        let Some(question) = self.questions.accept(number, now_ms) else { return Ok(false) };
        let is_alive = self.callers.iter().any(|(_, caller)| *caller == question.caller);
        let grant = match answer {
            api::Answer::Seconds(seconds) => Grant::ForSeconds(seconds),
            _ => Grant::OnceOf(question.data),
        };
        if !is_alive {
            return Ok(false);
        }
        match self.session.signer().allow(question.caller, question.key, grant, now_ms) {
            Ok(()) => {}
            Err(vault_app_signing::SigningError::NoSuchKey) => return Ok(false),
            Err(error) => return Err(signing_error(error)),
        }
        self.requests.forget(question.caller, question.key);
        Ok(true)
    }

    /// A question as the wire has it; none if who asked or the key is gone.
    fn question(&mut self, question: &Question, now_ms: u64) -> Option<api::Question> {
        let (name, _) = self.callers.iter().find(|(_, caller)| *caller == question.caller)?;
        let qube = Text::truncated(name.as_str());
        let comment = Text::truncated(self.session.signer().keyring().ok()?.get(question.key)?.comment());
        Some(api::Question {
            number: question.number,
            qube,
            id: question.key.0,
            comment,
            digest: Bytes::from(question.data.0),
            length: u16::try_from(question.length).unwrap_or(u16::MAX),
            seconds: u16::try_from(question.until_ms.saturating_sub(now_ms) / 1_000).unwrap_or(u16::MAX),
        })
    }
}
