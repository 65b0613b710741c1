//! Oracle `agent`: keys that sign with consent, asked by callers in the protocol of SSH agents.
//!
//! Input: a byte that says what the rest is. 0: steps in a world of two callers: time passes, the owner makes, removes, allows,
//! disallows, locks; callers send messages. Every answer is the one that a plain reading of the draft and a list of consents give,
//! to the byte; and it is the same from a second signer that does not have the key nobody has consent for. 1: a stream, cut into
//! messages. 2: a key's record, which is read only as it is written. 3: a key file of OpenSSH.

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Generation, PortIndex};
use vault_app_signing::agent::{AgentError, MESSAGE_MAX, Split, split};
use vault_app_signing::{
    DATA_MAX, GRANTS_MAX, Grant, Key, KeyId, ONCE_S, PublicKey, SECONDS_MAX, Seed, Signer,
};

use crate::input::Input;

/// Most steps of one input.
const STEPS_MAX: usize = 40;
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];
/// Keys that are there in the beginning, one more that is made later, and one that is only in the first world.
const SEEDS: [u8; 4] = [1, 2, 3, 9];
const HIDDEN: usize = 3;

/// The oracle.
///
/// # Panics
/// An answer is not what consent and the draft say, or tells of a key.
pub fn agent(input: &[u8]) {
    let mut input = Input::new(input);
    match input.byte() & 3 {
        0 => World::new().live(&mut input),
        1 => stream(input.take(usize::MAX)),
        2 => record(input.take(usize::MAX)),
        _ => file(input.take(usize::MAX)),
    }
}

/// What was consented to: caller, key, once, from and until.
struct Given(usize, usize, bool, u64, u64);

struct World {
    keys: [Key; 4],
    callers: [Caller; 2],
    signer: Signer,
    /// The same without the hidden key.
    without: Signer,
    /// Which keys there are, in the order in which they came; nothing while locked.
    there: Option<Vec<usize>>,
    given: Vec<Given>,
    now_ms: u64,
}

fn key(seed: u8) -> Key {
    Key::new(&Seed::new([seed; 32]), "somebody@somewhere").expect("a good comment")
}

impl World {
    fn new() -> Self {
        let caller =
            |port| Caller { port: PortIndex::new(port).expect("a small number"), generation: Generation(1) };
        let mut world = Self {
            keys: SEEDS.map(key),
            callers: [0, 1].map(caller),
            signer: Signer::new(),
            without: Signer::new(),
            there: None,
            given: Vec::new(),
            now_ms: 0,
        };
        world.unlock();
        world
    }

    fn unlock(&mut self) {
        let records = [0, 1, HIDDEN].map(|at| (self.keys[at].public().id().0, self.keys[at].to_record()));
        let all = records.iter().map(|(id, record)| (*id, record.as_slice()));
        self.signer.unlock(all.clone()).expect("good records");
        self.without.unlock(all.take(2)).expect("good records");
        (self.there, self.given) = (Some(vec![0, 1, HIDDEN]), Vec::new());
    }

    fn live(&mut self, input: &mut Input<'_>) {
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            match input.byte() & 15 {
                0 => self.now_ms = self.now_ms.wrapping_add(input.number()),
                1 => self.make(),
                2 => self.remove(usize::from(input.byte()) % 3),
                3 | 4 => self.allow(input),
                5 => {
                    let (caller, at) = (usize::from(input.byte() & 1), usize::from(input.byte()) % 3);
                    self.each(|signer, world| {
                        signer.disallow(world.callers[caller], world.keys[at].public().id())
                    });
                    self.given.retain(|given| (given.0, given.1) != (caller, at));
                }
                6 => {
                    self.each(|signer, _| signer.lock());
                    (self.there, self.given) = (None, Vec::new());
                }
                7 => self.unlock(),
                _ => {
                    let caller = usize::from(input.byte() & 1);
                    let message = self.message(input);
                    self.ask(caller, &message);
                }
            }
        }
    }

    /// Does the same to both; they tell the owner the same.
    fn each<T: PartialEq + std::fmt::Debug>(&mut self, act: impl Fn(&mut Signer, &Self) -> T) -> T {
        let (mut signer, mut without) = (std::mem::take(&mut self.signer), std::mem::take(&mut self.without));
        let (one, other) = (act(&mut signer, self), act(&mut without, self));
        assert_eq!(one, other, "the owner hears of another key");
        (self.signer, self.without) = (signer, without);
        one
    }

    fn make(&mut self) {
        let made = self.each(|signer, _| signer.make(&Seed::new([SEEDS[2]; 32]), "somebody@somewhere"));
        let is_new = self.there.as_ref().is_some_and(|there| !there.contains(&2));
        assert_eq!(made.is_ok(), is_new, "{made:?}");
        if let (Some(there), true) = (&mut self.there, is_new) {
            there.push(2);
        }
    }

    fn remove(&mut self, at: usize) {
        let removed = self.each(|signer, world| signer.remove(world.keys[at].public().id()));
        let was = self.there.as_ref().is_some_and(|there| there.contains(&at));
        assert_eq!(removed.is_ok(), was, "{removed:?}");
        if let (Some(there), true) = (&mut self.there, was) {
            there.retain(|other| *other != at);
            self.given.retain(|given| given.1 != at);
        }
    }

    fn allow(&mut self, input: &mut Input<'_>) {
        let (caller, at) = (usize::from(input.byte() & 1), usize::from(input.byte()) % 3);
        let seconds = u32::from(input.u16()) * 2;
        let (grant, length) =
            if seconds == 2 { (Grant::Once, ONCE_S) } else { (Grant::ForSeconds(seconds), seconds) };
        let now_ms = self.now_ms;
        let allowed = self.each(|signer, world| {
            signer.allow(world.callers[caller], world.keys[at].public().id(), grant, now_ms)
        });
        let is_there = self.there.as_ref().is_some_and(|there| there.contains(&at));
        let is_good = is_there && (1..=SECONDS_MAX).contains(&length);
        assert_eq!(allowed.is_ok(), is_good, "{allowed:?}");
        if is_good {
            self.given
                .retain(|given| given.3 <= now_ms && now_ms < given.4 && (given.0, given.1) != (caller, at));
            let until_ms = now_ms.saturating_add(u64::from(length) * 1000);
            self.given.push(Given(caller, at, grant == Grant::Once, now_ms, until_ms));
        }
        assert!(self.given.len() <= GRANTS_MAX);
    }

    /// A message: any bytes, or a request that is nearly right.
    fn message(&self, input: &mut Input<'_>) -> Vec<u8> {
        let kind = input.byte();
        match kind & 7 {
            0 => input.counted().to_vec(),
            1 => vec![11],
            2 => [&[11], input.counted()].concat(),
            _ => {
                let public = match usize::from(input.byte()) % 6 {
                    at @ 0..4 => self.keys[at].public().0,
                    4 => key(77).public().0,
                    _ => std::array::from_fn(|_| input.byte()),
                };
                let long = if kind & 0x30 == 0x30 { DATA_MAX - 16 } else { 0 };
                let data = [input.counted(), &vec![0x61; long]].concat();
                let mut message = vec![13];
                push(&mut message, &blob(&public));
                push(&mut message, &data);
                message.extend(if kind & 8 == 8 { [0, 0, 0, input.byte()] } else { [0; 4] });
                if kind & 0xc0 == 0xc0 {
                    let (at, value) = (usize::from(input.byte()), input.byte());
                    message.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= value);
                    message.extend(input.counted());
                }
                message
            }
        }
    }

    /// Asks both, and knows the answer.
    fn ask(&mut self, caller: usize, message: &[u8]) {
        let now_ms = self.now_ms;
        let answer = self.each(|signer, world| signer.answer(world.callers[caller], message, now_ms));
        let expected = match message {
            [11] => self.identities(caller),
            _ => sign_request(message).and_then(|(public, data)| self.signed(caller, public, data)),
        };
        assert_eq!(answer, expected.unwrap_or(FAILURE.to_vec()), "another answer");
    }

    fn identities(&self, caller: usize) -> Option<Vec<u8>> {
        let alive = |given: &&Given| given.0 == caller && given.3 <= self.now_ms && self.now_ms < given.4;
        let mine: Vec<usize> = self.given.iter().filter(alive).map(|given| given.1).collect();
        let mut contents = u32::try_from(mine.len()).ok()?.to_be_bytes().to_vec();
        for at in mine {
            push(&mut contents, &blob(&self.keys[at].public().0));
            push(&mut contents, b"somebody@somewhere");
        }
        Some(answer(12, &contents))
    }

    fn signed(&mut self, caller: usize, public: PublicKey, data: &[u8]) -> Option<Vec<u8>> {
        let good = |given: &Given| {
            given.0 == caller
                && self.keys[given.1].public() == public
                && given.3 <= self.now_ms
                && self.now_ms < given.4
        };
        let at = self.given.iter().position(good)?;
        let key = self.given[at].1;
        if self.given[at].2 {
            // Which of the others comes first does not matter to anybody but the list of keys.
            self.given.swap_remove(at);
        }
        let mut contents = Vec::new();
        push(&mut contents, &blob(&self.keys[key].sign(data)));
        Some(answer(14, &contents))
    }
}

/// A plain reading of a request to sign.
fn sign_request(message: &[u8]) -> Option<(PublicKey, &[u8])> {
    let (13, rest) = message.split_first().map(|(kind, rest)| (*kind, rest))? else { return None };
    let (blob, rest) = pull(rest)?;
    let (data, flags) = pull(rest)?;
    let (algorithm, rest) = pull(blob)?;
    let (public, end) = pull(rest)?;
    let is_good = flags == [0; 4] && algorithm == b"ssh-ed25519" && end.is_empty() && data.len() <= DATA_MAX;
    is_good.then_some((PublicKey(public.try_into().ok()?), data))
}

fn pull(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    bytes.get(4..)?.split_at_checked(length)
}

fn push(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
    to.extend(bytes);
}

fn blob(bytes: &[u8]) -> Vec<u8> {
    let mut blob = b"\0\0\0\x0bssh-ed25519".to_vec();
    push(&mut blob, bytes);
    blob
}

fn answer(kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    push(&mut answer, &[&[kind], contents].concat());
    answer
}

/// A stream is cut where its lengths say.
fn stream(mut bytes: &[u8]) {
    loop {
        let length = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize);
        let cut = split(bytes);
        match length {
            Some(length) if length == 0 || length > MESSAGE_MAX => {
                assert_eq!(cut, Err(AgentError::BadLength));
                return;
            }
            Some(length) if bytes.len() - 4 >= length => {
                let (message, rest) = bytes[4..].split_at(length);
                assert_eq!(cut, Ok(Some(Split { message, rest })));
                let mut locked = Signer::new();
                let caller = Caller { port: PortIndex::new(0).expect("small"), generation: Generation(0) };
                let said = locked.answer(caller, message, 0);
                let expected = if message == [11] { answer(12, &[0; 4]) } else { FAILURE.to_vec() };
                assert_eq!(said, expected, "a locked signer says more");
                bytes = rest;
            }
            _ => {
                assert_eq!(cut, Ok(None));
                return;
            }
        }
    }
}

/// A record is one key's, and its only form.
fn record(bytes: &[u8]) {
    let comment = match bytes {
        [1, length, rest @ ..] if rest.len() == usize::from(*length) + 32 => {
            std::str::from_utf8(&rest[..usize::from(*length)]).ok()
        }
        _ => None,
    };
    let is_good =
        comment.is_some_and(|comment| comment.len() <= 128 && !comment.chars().any(char::is_control));
    match Key::from_record(bytes) {
        Ok(key) => {
            assert!(is_good && key.to_record().as_slice() == bytes, "a record that would not be written so");
            let mut signer = Signer::new();
            let id = key.public().id();
            assert!(signer.unlock([(id.0 ^ 1, bytes)]).is_err(), "a record under another number");
            assert_eq!(signer.unlock([(id.0, bytes)]).err(), None);
            assert!(signer.unlock([(id.0, bytes), (id.0, bytes)]).is_err(), "the same key twice");
            assert!(signer.keyring().is_err(), "half unlocked");
        }
        Err(error) => assert!(!is_good, "a good record is refused: {error:?}"),
    }
}

/// A key file that is read gives a key that can be kept and read again.
fn file(bytes: &[u8]) {
    let mut signer = Signer::new();
    signer.unlock([]).expect("no keys");
    let Ok(id) = signer.import(bytes, None) else {
        assert_eq!(signer.keyring().map(|keyring| keyring.keys().count()), Ok(0), "half imported");
        return;
    };
    let (number, record) = signer.record(id).expect("it was imported");
    let again = Key::from_record(&record).expect("what is written is read");
    assert_eq!((KeyId(number), again.public().id()), (id, id));
    assert!(signer.import(bytes, None).is_err(), "the same key twice");
}

/// Inputs to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let files = [
        include_str!("../../../vault-app/signing/tests/keys/plain"),
        include_str!("../../../vault-app/signing/tests/keys/encrypted"),
        include_str!("../../../vault-app/signing/tests/keys/ecdsa"),
    ];
    let mut inputs: Vec<Vec<u8>> = files.iter().map(|file| [&[3], file.as_bytes()].concat()).collect();
    for length in 0..24_u8 {
        let text = vec![b'a' + length; usize::from(length)];
        inputs.push([&[2, 1, length], text.as_slice(), &[length; 32]].concat());
        inputs.push([&[1, 0, 0, 0, length], text.as_slice(), &[0, 0, 0, 1, 11]].concat());
        // Allowed for some time or once; then asked who is there, to sign, and later again.
        let (at, kind) = (length % 3, 3 + (length & 4) * 2);
        let seconds = if length & 1 == 0 { 1 } else { length };
        let asked = [8, 0, 1, 8, 0, kind, length % 6, 2, b'h', b'i', 8, 1, kind, at, 0, 8, 0, kind, at, 0];
        let later = [0, length * 8, 8, 0, 1, length % 8, at, 8, 0, kind, at, 0, 8, 0, 1];
        inputs.push([&[0, 3, 0, at, seconds, 0, 3, 1, 1, 9, 0], asked.as_slice(), &later].concat());
    }
    inputs
}
