//! OpenSSH takes the signer for an agent, and its answers are those of OpenSSH's own agent, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tests_signing::{NOW_MS, Shared, ask, bridge, caller, folder, run};
use vault_app_signing::{Grant, Key, KeyId, Seed, Signer, SigningError};

/// A signer with one key behind a bridge, and a file with something to sign.
struct Place {
    folder: PathBuf,
    signer: Shared,
    id: KeyId,
}

impl Place {
    fn new(test: &str) -> Self {
        let folder = folder(test).expect("a folder");
        let mut signer = Signer::new();
        signer.unlock([]).expect("no keys yet");
        let id = signer.make(&Seed::new([0x42; 32]), "me@vault").expect("a key");
        let line = signer.keyring().and_then(|keyring| keyring.public_line(id)).expect("a line");
        write(&folder, "key.pub", &format!("{line}\n"));
        let (kind, _) = line.rsplit_once(' ').expect("a comment");
        write(&folder, "allowed", &format!("me@vault {kind}\n"));
        write(&folder, "letter", "Dear keeper of bees,\n");
        let signer = Arc::new(Mutex::new(signer));
        bridge(&folder.join("agent"), &signer).expect("a bridge");
        Self { folder, signer, id }
    }

    fn allow(&self, grant: Grant) {
        let mut signer = self.signer.lock().expect("nobody panicked");
        signer.allow(caller(), self.id, grant, NOW_MS).expect("consent");
    }

    fn run(&self, program: &str, arguments: &[&str], input: Option<&str>) -> Output {
        run(&self.folder, program, arguments, input).expect("openssh-client is installed")
    }

    /// Signs the letter through the agent.
    fn sign(&self) -> Output {
        let _none = fs::remove_file(self.folder.join("letter.sig"));
        self.run("ssh-keygen", &["-Y", "sign", "-f", "key.pub", "-n", "file", "letter"], None)
    }

    /// Verifies the signature of a file.
    fn verify(&self, file: &str) -> Output {
        let arguments = ["-Y", "verify", "-f", "allowed", "-I", "me@vault", "-n", "file", "-s", "letter.sig"];
        self.run("ssh-keygen", &arguments, Some(file))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn ssh_add_lists_the_keys_that_may_be_used_and_no_others() {
    let place = Place::new("list");
    let none = place.run("ssh-add", &["-l"], None);
    assert!(said(&none).contains("no identities"), "{}", said(&none));
    place.allow(Grant::ForSeconds(10));
    let listed = place.run("ssh-add", &["-l"], None);
    assert!(listed.status.success(), "{}", said(&listed));
    let by_file = place.run("ssh-keygen", &["-l", "-f", "key.pub"], None);
    assert_eq!(said(&listed), said(&by_file));
    assert!(said(&listed).contains("me@vault (ED25519)"), "{}", said(&listed));
    let lines = place.run("ssh-add", &["-L"], None);
    assert_eq!(said(&lines), fs::read_to_string(place.folder.join("key.pub")).expect("a line"));
}

#[test]
fn ssh_keygen_signs_with_consent_and_the_signature_verifies() {
    let place = Place::new("sign");
    place.allow(Grant::ForSeconds(10));
    let signed = place.sign();
    assert!(signed.status.success(), "{}", said(&signed));
    let good = place.verify("letter");
    assert!(good.status.success() && said(&good).contains("Good \"file\" signature"), "{}", said(&good));
    write(&place.folder, "other", "Dear keeper of bears,\n");
    let bad = place.verify("other");
    assert!(!bad.status.success(), "{}", said(&bad));
}

#[test]
fn ssh_keygen_does_not_sign_without_consent_or_twice_with_consent_for_once() {
    let place = Place::new("once");
    assert!(!place.sign().status.success());
    assert!(!place.folder.join("letter.sig").exists());
    place.allow(Grant::Once);
    let once = place.sign();
    assert!(once.status.success(), "{}", said(&once));
    assert!(place.verify("letter").status.success());
    assert!(!place.sign().status.success());
}

#[test]
fn openssl_verifies_a_plain_signature() {
    let place = Place::new("openssl");
    let key = Key::new(&Seed::new([0x42; 32]), "").expect("a key");
    // RFC 8410 section 4: the fixed beginning of an Ed25519 public key, then the key.
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &key.public().0].concat();
    fs::write(place.folder.join("key.der"), der).expect("a file");
    let letter = fs::read(place.folder.join("letter")).expect("a letter");
    fs::write(place.folder.join("sig"), key.sign(&letter)).expect("a file");
    let verify = |file: &str| {
        let arguments = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin"];
        place.run("openssl", &[arguments.as_slice(), &["-sigfile", "sig", "-in", file]].concat(), None)
    };
    assert!(verify("letter").status.success(), "{}", said(&verify("letter")));
    assert!(!verify("allowed").status.success());
}

/// OpenSSH's own agent; it ends with the test.
struct TheirAgent(Child);

impl TheirAgent {
    fn start(socket: &Path) -> Self {
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = TheirAgent(agent.spawn().expect("openssh-client is installed"));
        let started = Instant::now();
        while !socket.exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "ssh-agent does not start");
            thread::sleep(Duration::from_millis(10));
        }
        agent
    }
}

impl Drop for TheirAgent {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn answers_are_those_of_openssh_byte_for_byte() {
    let folder = folder("bytes").expect("a folder");
    let made = run(&folder, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "a b", "-f", "key"], None);
    assert!(made.expect("ssh-keygen").status.success());
    let theirs = folder.join("agent");
    let _agent = TheirAgent::start(&theirs);
    let added = run(&folder, "ssh-add", &["-q", "key"], None).expect("ssh-add");
    assert!(added.status.success(), "{}", said(&added));

    let mut signer = Signer::new();
    signer.unlock([]).expect("no keys yet");
    let id = signer.import(&fs::read(folder.join("key")).expect("a file"), None).expect("a key");
    let public = signer.keyring().expect("open").get(id).expect("the key").public().0;
    signer.allow(caller(), id, Grant::ForSeconds(10), NOW_MS).expect("consent");

    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat();
    let blob = |key: &[u8]| [string(b"ssh-ed25519"), string(key)].concat();
    let sign = |key: &[u8], data: &[u8], flags: u32| {
        [[13].as_slice(), &string(&blob(key)), &string(data), &flags.to_be_bytes()].concat()
    };
    for message in [
        vec![11],
        sign(&public, b"", 0),
        sign(&public, b"something", 0),
        sign(&public, &[0x55; 4096], 0),
        // A key that is not there; a message that there is not.
        sign(&[1; 32], b"something", 0),
        vec![200],
        vec![13],
    ] {
        let ours = signer.answer(caller(), &message, NOW_MS);
        let theirs = ask(&theirs, &string(&message)).expect("an answer");
        assert_eq!(ours, theirs, "to {message:02x?}");
    }
    fs::remove_dir_all(&folder).expect("a folder");
}

#[test]
fn keys_that_ssh_keygen_wrote_are_imported() {
    let folder = folder("import").expect("a folder");
    let ciphers =
        ["aes256-ctr", "aes256-cbc", "aes128-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"];
    for (number, cipher) in ciphers.iter().enumerate() {
        let name = format!("key{number}");
        let arguments = ["-q", "-t", "ed25519", "-a", "2", "-Z", cipher, "-N", "secret words", "-C", "me"];
        let arguments = [arguments.as_slice(), &["-f", &name]].concat();
        let made = run(&folder, "ssh-keygen", &arguments, None).expect("ssh-keygen");
        assert!(made.status.success(), "{cipher}: {}", said(&made));
        let file = fs::read(folder.join(&name)).expect("a file");
        let line = fs::read_to_string(folder.join(format!("{name}.pub"))).expect("a line");
        let mut signer = Signer::new();
        signer.unlock([]).expect("no keys yet");
        assert_eq!(signer.import(&file, None), Err(SigningError::Encrypted), "{cipher}");
        assert_eq!(
            signer.import(&file, Some(b"secret word")),
            Err(SigningError::WrongPassphrase),
            "{cipher}"
        );
        let id =
            signer.import(&file, Some(b"secret words")).unwrap_or_else(|error| panic!("{cipher}: {error:?}"));
        let ours = signer.keyring().and_then(|keyring| keyring.public_line(id)).expect("a line");
        assert_eq!(ours, line.trim_end(), "{cipher}");
    }
    fs::remove_dir_all(&folder).expect("a folder");
}
