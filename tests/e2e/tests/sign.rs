//! Split signing as its owner sees it: a qube asks, the terminal asks the person, the same request gets its signature.

use std::thread::sleep;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use tests_e2e::{Terminal, plain};

const SYSTEM: &str = "tests/e2e/tests/sign/sign.toml";
const PASSPHRASE: &str = "correct horse battery staple";
/// End of the row with the choice.
const CHOICE: &str = "[n]o? ";
/// Longer than keys are not taken for an answer after a question was put.
const GUARD: Duration = Duration::from_millis(2_500);
/// Longer than a question takes to come up.
const SOON: Duration = Duration::from_secs(6);

/// A key of the vault: what a person types for it, and the public half as OpenSSH writes it.
fn key_of(line: &str) -> (String, VerifyingKey) {
    let words: Vec<&str> = line.split_whitespace().skip_while(|word| word.len() != 16).collect();
    let [id, "ssh-ed25519", base64, ..] = words[..] else { panic!("no key in {line}") };
    let blob = Base64::decode_vec(base64).expect("base64");
    let public = blob.last_chunk::<32>().expect("the blob ends with the key (RFC 8709)");
    (id.into(), VerifyingKey::from_bytes(public).expect("a key"))
}

/// Columns of what the qube prints in a row: those of a row without `[▲work] `.
const COLUMNS: usize = 79 - 8;

/// What the qube prints of a text: the rest of the line, which goes on in the next row when this one is full.
fn printed(t: &mut Terminal, text: &str) -> String {
    t.until(&format!("work] {text}: "));
    let mut all = String::new();
    let mut room = COLUMNS - text.len() - ": ".len();
    loop {
        let row = plain(&t.until("\n"));
        all += row.trim();
        if row.trim().len() < room {
            return all;
        }
        t.until("work] ");
        room = COLUMNS;
    }
}

fn assert_signed(key: &VerifyingKey, text: &str, hex: &str) {
    let digit = |at| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("??"), 16);
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| digit(at).expect(hex)).collect();
    let signature = Signature::from_slice(&bytes).expect(hex);
    key.verify(text.as_bytes(), &signature).expect("a signature of the text");
}

/// Waits for the question about `text`, and answers it.
fn answer(t: &mut Terminal, id: &str, text: &str, letter: &str) -> String {
    let asked = plain(&t.until(CHOICE));
    let hash = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    let hash = hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert!(asked.contains(id) && asked.contains(&hash), "{asked}");
    assert!(asked.contains("▲ work asks to sign with 'deploy': [o]nce, [m]inute, "), "{asked}");
    sleep(GUARD);
    t.keys(&format!("{letter}\r"));
    t.until("work may ");
    plain(&t.until("\n"))
}

/// How many questions were put so far.
fn questions(t: &Terminal) -> usize {
    plain(&t.seen).matches(" is asked for.").count()
}

#[test]
fn a_qube_asks_its_owner_answers_and_the_request_goes_through() {
    let mut t = Terminal::run(SYSTEM);
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    let (id, key) = key_of(&plain(&t.command("vault key make deploy")));

    // Once is one signature.
    assert!(t.command(&format!("say work '{id} 40 first'")).contains("asking"), "{}", t.seen);
    assert!(answer(&mut t, &id, "first", "o").contains("once"), "{}", t.seen);
    let signature = printed(&mut t, "first");
    assert_signed(&key, "first", &signature);

    // A second request asks again; no is no, to the end of its patience.
    let _ = t.command(&format!("say work '{id} 8 second'"));
    assert!(answer(&mut t, &id, "second", "n").contains("not sign"), "{}", t.seen);
    assert_eq!(printed(&mut t, "second"), "refused");

    // Whoever was told no does not ask again soon, and a key that is not there is refused in the same words.
    for (key, text) in [(id.as_str(), "third"), ("0123456789abcdef", "fourth")] {
        let _ = t.command(&format!("say work '{key} 3 {text}'"));
        assert_eq!(printed(&mut t, text), "refused");
    }

    // Consent for a time ends.
    let _ = t.command(&format!("vault allow work {id} 20"));
    for text in ["fifth", "sixth"] {
        let _ = t.command(&format!("say work '{id} 0 {text}'"));
        let signature = printed(&mut t, text);
        assert_signed(&key, text, &signature);
    }
    sleep(Duration::from_secs(21));
    let _ = t.command(&format!("say work '{id} 0 seventh'"));
    assert_eq!(printed(&mut t, "seventh"), "refused");
    sleep(SOON);
    assert!(t.command("vault status").contains("open"), "{}", t.seen);
    assert_eq!(questions(&t), 2, "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn a_locked_vault_asks_nobody_and_answers_the_same() {
    let mut t = Terminal::run(SYSTEM);
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    let (id, key) = key_of(&plain(&t.command("vault key make deploy")));
    let _ = t.command("lock");
    for key in [id.as_str(), "0123456789abcdef"] {
        let _ = t.command(&format!("say work '{key} 3 nothing'"));
        assert_eq!(printed(&mut t, "nothing"), "refused");
    }
    let _ = t.command("say work keys");
    assert_eq!(printed(&mut t, "keys"), "0");
    sleep(SOON);
    assert!(t.command("vault status").contains("locked"), "{}", t.seen);
    assert_eq!(questions(&t), 0, "{}", t.seen);

    // Another life of the vault asks as the first would have.
    let _ = t.command("kill vault");
    let _ = t.command("ls");
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    let (id_now, key_now) = key_of(&plain(&t.command("vault key make deploy")));
    assert_ne!((id_now.as_str(), key_now), (id.as_str(), key), "a vault in memory begins anew");
    let _ = t.command(&format!("say work '{id_now} 0 restarted'"));
    t.until("work] restarted: ");
    let _ = t.until("\n");
    let _ = t.command(&format!("say work '{id_now} 40 alive'"));
    assert!(answer(&mut t, &id_now, "alive", "m").contains("60 seconds"), "{}", t.seen);
    let signature = printed(&mut t, "alive");
    assert_signed(&key_now, "alive", &signature);
    assert_eq!(t.power_off().0, 0);
}
