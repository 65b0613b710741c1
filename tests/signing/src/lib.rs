//! A bridge from a socket to a signer, as thin as one can be, and the programs of OpenSSH and OpenSSL that talk to it.
//!
//! What is not here: what the signer promises by itself (`vault-app/signing/tests`), time (it stands still), qubes.

#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ipc_proto_types::{Generation, PortIndex};
use vault_app_signing::agent::split;
use vault_app_signing::{Caller, Signer};

/// The time at which everything happens.
pub const NOW_MS: u64 = 1000;

/// The one who connects.
///
/// # Panics
/// Never: a qube has a port 0.
#[must_use]
pub fn caller() -> Caller {
    Caller { port: PortIndex::new(0).expect("a first port"), generation: Generation(1) }
}

/// A signer that connections and the test share.
pub type Shared = Arc<Mutex<Signer>>;

/// Answers whoever connects to a socket, until the process ends.
///
/// # Errors
/// The socket cannot be made.
pub fn bridge(socket: &Path, signer: &Shared) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let signer = Arc::clone(signer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is its own business.
            let _ended = stream.and_then(|stream| connection(stream, &signer));
        }
    });
    Ok(())
}

fn connection(mut stream: UnixStream, signer: &Shared) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(cut) = split(&bytes).map_err(|error| io::Error::other(format!("{error:?}")))? {
            let mut signer = signer.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = signer.answer(caller(), cut.message, NOW_MS);
            stream.write_all(&answer)?;
            bytes = cut.rest.to_vec();
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Sends a message to an agent and gives its answer, both with their lengths.
///
/// # Errors
/// The agent cannot be reached, or cuts the connection.
pub fn ask(socket: &Path, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(message)?;
    let mut answer = vec![0; 4];
    stream.read_exact(&mut answer)?;
    let length = answer.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    answer.resize(4 + length, 0);
    stream.read_exact(&mut answer[4..])?;
    Ok(answer)
}

/// An empty folder for one test. Its path is short, because that of a socket has to be.
///
/// # Errors
/// It cannot be made.
pub fn folder(test: &str) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("skep-sign-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Runs a program in a folder, with an agent at `agent` there, and nothing of the user's own.
///
/// # Errors
/// It cannot be started.
pub fn run(folder: &Path, program: &str, arguments: &[&str], input: Option<&str>) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("HOME", folder);
    command.env("SSH_AUTH_SOCK", folder.join("agent")).env_remove("SSH_ASKPASS").env_remove("DISPLAY");
    match input {
        Some(file) => command.stdin(fs::File::open(folder.join(file))?),
        None => command.stdin(std::process::Stdio::null()),
    };
    command.output()
}
