//! What the host tool asks of the targets, as words and files: it may not depend on tests, so it runs this as a program.

use std::path::Path;
use std::{fs, io};

use ipc_proto_rpc::ByBytes;

use crate::{TARGETS, Target, corpus, dictionary, find, seeds, target_of};

/// Does what the words say; gives what to print.
///
/// # Errors
/// An unknown word or target, or a file that cannot be read or written.
pub fn act(words: &[String]) -> io::Result<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["list"] => Ok(TARGETS.iter().map(|it| format!("{} {}\n", it.name, it.about)).collect()),
        ["prepare", target, folder, dictionary] => {
            prepare(&known(target)?, folder.as_ref(), dictionary.as_ref())
        }
        ["show", target, file] => Ok((known(target)?.show)(&fs::read(file)?)),
        ["keep", target, folder] => keep(&known(target)?, folder.as_ref()),
        _ => Err(io::Error::other(
            "expected: list | prepare TARGET FOLDER DICTIONARY | show TARGET FILE | keep TARGET FOLDER",
        )),
    }
}

fn known(name: &str) -> io::Result<Target> {
    find(name).ok_or_else(|| io::Error::other(format!("no fuzz target `{name}`")))
}

/// Writes the committed corpus to a folder and the dictionary to a file.
fn prepare(target: &Target, folder: &Path, to: &Path) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    let inputs = corpus::read(target.name)?;
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("committed-{number:04}")), input)?;
    }
    fs::write(to, dictionary::dictionary(target))?;
    Ok(format!("{} inputs\n", inputs.len()))
}

/// For a service outside this project, whose target alone knows it: when the variable names a folder, writes inputs made
/// from the schema and the dictionary to it, and ends the process.
pub fn prepare_outside<S: ByBytes>(variable: &str) {
    let Some(folder) = std::env::var_os(variable) else { return };
    let target = target_of::<S>("message");
    let folder = Path::new(&folder);
    let written = seeds::seeds(&target)
        .iter()
        .enumerate()
        .try_for_each(|(number, input)| fs::write(folder.join(format!("seed-{number:04}")), input))
        .and_then(|()| fs::write(folder.join("dictionary"), dictionary::dictionary(&target)));
    if let Err(error) = &written {
        eprintln!("{}: {error}", folder.display());
    }
    std::process::exit(i32::from(written.is_err()));
}

/// Makes the inputs in a folder the committed corpus, beside the seeds when these are needed to have enough.
fn keep(target: &Target, folder: &Path) -> io::Result<String> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder)? {
        inputs.push(fs::read(entry?.path())?);
    }
    // The shortest come first: what they reach, longer ones need not.
    inputs.sort_by_key(Vec::len);
    inputs.truncate(KEPT_MAX);
    let mut seeds = seeds::seeds(target);
    seeds.sort();
    seeds.dedup();
    let step = seeds.len().div_ceil(SEEDS_KEPT).max(1);
    inputs.extend(seeds.into_iter().step_by(step));
    let kept = corpus::write(target.name, inputs)?;
    Ok(format!("{kept} inputs in the corpus of {}\n", target.name))
}

/// Most inputs of a run that are kept: a corpus is read in review and replayed by every test run.
const KEPT_MAX: usize = 200;
/// Seeds kept beside them, so that a small service has enough.
const SEEDS_KEPT: usize = 64;
