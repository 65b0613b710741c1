//! Changes a vault without end, and says in its log what it tries, what was acknowledged and, first of all, what it found.
//!
//! A word of an argument is a number: `passphrase`, which one opens the vault; `other`, which one may open it instead, because
//! a change to it was not acknowledged; `next`, the number of the first change.
//!
//! Lines of the log: `cut: empty` or `cut: opened PASSPHRASE`; `cut: have TITLE PASSWORD NOTES live|bin` for every entry;
//! `cut: all COUNT`; then `cut: try NUMBER KIND WHAT...` before each change and `cut: did NUMBER` after it was acknowledged.
//! `cut: failed ...` is the end of it. Judging is for who reads it (`tests/e2e`).

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod changes;
mod found;

use core::fmt;

use ipc_proto_rpc::CallError;
use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api::{self as vault, Keys, State, VaultClient, VaultError};
use unikernels_rt::{Channel, Qube, log, main};

use crate::changes::Changes;

main!(cut);

/// How often a vault is asked that does not answer yet, and how long to wait in between.
const TRIES: u32 = 200;
const WAIT_MS: u64 = 50;

pub(crate) type Vault = VaultClient<'static, Channel>;

/// Why it ended.
#[derive(Debug)]
pub(crate) enum Failed {
    Call(CallError),
    Vault(VaultError),
    /// It says that it is there, but never opens or answers.
    NotThere(State),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => write!(f, "no answer: {error}"),
            Self::Vault(error) => write!(f, "the vault says {error:?}"),
            Self::NotThere(state) => write!(f, "the vault stays {state:?}"),
        }
    }
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<VaultError> for Failed {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

fn cut(qube: Qube) -> i32 {
    let Some(channel) = qube.client(&vault::SERVICE) else {
        log!("cut: failed: no channel to the vault");
        return 1;
    };
    let vault = qube.place(VaultClient::new(qube.place(channel)));
    match run(qube, vault) {
        Ok(never) => match never {},
        Err(error) => log!("cut: failed: {error}"),
    }
    1
}

fn run(qube: Qube, vault: &mut Vault) -> Result<core::convert::Infallible, Failed> {
    let args = qube.args();
    let passphrase: u32 = args.number("passphrase").unwrap_or(0);
    let opened = open(qube, vault, passphrase, args.number("other"))?;
    let mut changes = Changes::new(args.number("next").unwrap_or(0), opened);
    found::tell(vault, &mut changes)?;
    loop {
        changes.one(vault)?;
    }
}

/// Opens the vault, or makes it; says which passphrase it has.
fn open(qube: Qube, vault: &mut Vault, passphrase: u32, other: Option<u32>) -> Result<u32, Failed> {
    match state(qube, vault)? {
        State::Empty => {
            log!("cut: empty");
            log!("cut: try 0 init");
            vault.init(keys(passphrase))??;
            log!("cut: did 0");
            return Ok(passphrase);
        }
        State::Locked => {}
        state => return Err(Failed::NotThere(state)),
    }
    let mut opened = passphrase;
    let mut answer = vault.unlock(keys(passphrase))?;
    if let (Err(VaultError::WrongPassphrase { retry_after_ms }), Some(other)) = (answer, other) {
        pause(qube, u64::from(retry_after_ms) + 1);
        answer = vault.unlock(keys(other))?;
        opened = other;
    }
    answer?;
    log!("cut: opened {opened}");
    Ok(opened)
}

/// What the vault says of itself, once it and its storage are there.
fn state(qube: Qube, vault: &mut Vault) -> Result<State, Failed> {
    let mut last = Failed::NotThere(State::Unavailable);
    for _ in 0..TRIES {
        match vault.status() {
            Ok(status) if status.state != State::Unavailable => return Ok(status.state),
            Ok(status) => last = Failed::NotThere(status.state),
            Err(error) => last = Failed::Call(error),
        }
        pause(qube, WAIT_MS);
    }
    Err(last)
}

fn pause(qube: Qube, ms: u64) {
    let until = qube.in_ms(ms);
    while qube.now() < until {
        qube.wait(Some(until));
    }
}

pub(crate) fn keys(passphrase: u32) -> Keys {
    Keys { passphrase: Secret::new(text(format_args!("passphrase {passphrase}"))), key_file: None }
}

/// Words as a text; all of ours are far shorter than theirs.
pub(crate) fn text<const N: usize>(words: fmt::Arguments<'_>) -> Text<N> {
    let mut text = Text::new();
    let written = fmt::Write::write_fmt(&mut text, words);
    debug_assert!(written.is_ok(), "titles, passwords and names are short");
    text
}
