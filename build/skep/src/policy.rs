//! `skep policy diff`: two systems, read from where they are said to be, and what the second allows that the first does not.
//! `skep policy import-qvm`: a list of somebody else's firewall as lines for ours.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use build_explain::Diff;
use build_manifest::System;
use ipc_proto_types::QubeName;
use netvm_firewall::{ImportError, ImportProblem, Who};

use crate::builder::{read_system, read_system_at};
use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;

/// What changes from `old` to `new`; each a name, a path, or `REVISION:NAME`.
///
/// # Errors
/// A system that cannot be found or is wrong.
pub fn diff(workspace: &Workspace, old: &str, new: &str) -> Outcome<Diff> {
    Ok(build_explain::diff(&read(workspace, old)?, &read(workspace, new)?))
}

/// Fails when a line opens a way to a qube with the label vault.
///
/// # Errors
/// Names the vaults.
pub fn deny_new_ways(diff: &Diff) -> Outcome<()> {
    if !diff.opens_a_way() {
        return Ok(());
    }
    let mut vaults: Vec<&str> = diff.0.iter().flat_map(|change| &change.opens).map(String::as_str).collect();
    vaults.sort_unstable();
    vaults.dedup();
    Err(Failure::failed(format!(
        "a new way to {} is open\n  expected: no line marked `!`\n  fix: narrow the rules, or have the change reviewed and leave \
         --deny-new-paths-to-vault out",
        vaults.join(", ")
    )))
}

/// Longest list that is read, in bytes: many times what a list of the most rules takes.
const LIST_MAX: u64 = 1 << 20;

/// A list of `qvm-firewall --raw` as lines of a policy about `qube`; `-` is standard input.
///
/// # Errors
/// A name that no qube can have, a file that cannot be read or is too long, the first line that cannot be said.
pub fn import_qvm(file: &Path, qube: &str) -> Outcome<String> {
    let who = QubeName::new(qube).map_err(|_| {
        Failure::wrong(format!(
            "`{qube}` is no name of a qube\n  expected: 1 to 16 of a-z, 0-9 and -, beginning with a letter"
        ))
    })?;
    let from: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(|error| Failure::of(file.display(), &error))?)
    };
    let mut list = String::new();
    let read = from.take(LIST_MAX + 1).read_to_string(&mut list);
    if read.map_err(|error| Failure::of(file.display(), &error))? as u64 > LIST_MAX {
        return Err(Failure::wrong(format!("{} is longer than {LIST_MAX} bytes", file.display())));
    }
    let imported = netvm_firewall::import(&list, Who::Name(who));
    imported.map(|rules| rules.to_string()).map_err(|error| not_imported(file, &list, error))
}

fn not_imported(file: &Path, list: &str, error: ImportError) -> Failure {
    let expected = match error.problem {
        ImportProblem::LineTooLong => format!("a line of at most {} bytes", netvm_firewall::LINE_MAX),
        ImportProblem::TooManyRules => format!("at most {} rules", netvm_firewall::RULES_MAX),
        ImportProblem::Word => "words such as `proto=tcp`".into(),
        ImportProblem::Key => {
            "action, proto, dst4, dst6, dsthost, dstports, icmptype, specialtarget, expire, comment".into()
        }
        ImportProblem::Twice => "each key once, and one of dst4, dst6 and dsthost".into(),
        ImportProblem::Action => "action=accept or action=drop".into(),
        ImportProblem::Protocol => "proto=tcp, udp or icmp".into(),
        ImportProblem::Host => "an address or network in dst4 and dst6, a name in dsthost".into(),
        ImportProblem::DropsName => "action=accept beside a name, or the addresses to drop, in dst4 and dst6. Qubes OS drops the \
             addresses of the name; a rule here knows an address only by names that the qube itself asked for, so \
             under another name it would let the same address through"
            .into(),
        ImportProblem::Ports => "dstports=A-B beside proto=tcp or proto=udp".into(),
        ImportProblem::IcmpType => "icmptype=0 to 255 beside proto=icmp".into(),
        ImportProblem::Special => "specialtarget=dns, without a host".into(),
        ImportProblem::Expire => "expire=SECONDS, since 1970".into(),
    };
    let line = list.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
    // A list of a stranger: what it says is shown short and without what moves a cursor.
    let shown: String = line.chars().filter(|letter| !letter.is_control()).take(80).collect();
    let place = format!("{}:{}", file.display(), error.line);
    Failure::wrong(format!("{place}: `{shown}`\n  expected: {expected}\n  nothing was imported"))
}

fn read(workspace: &Workspace, name: &str) -> Outcome<System> {
    match name.split_once(':') {
        Some((revision, name)) => read_revision(workspace, revision, name),
        None => read_system(workspace, name),
    }
}

/// A folder that goes when this goes.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The manifests of a revision, unpacked for as long as it takes to read one. Services are those of today: a manifest
/// that speaks of one that is gone is wrong.
fn read_revision(workspace: &Workspace, revision: &str, name: &str) -> Outcome<System> {
    if revision.starts_with('-') {
        return Err(Failure::wrong(format!(
            "`{revision}` is no revision\n  expected: REVISION:NAME, as HEAD:desktop"
        )));
    }
    let folder = Scratch(workspace.output().join(format!("revision-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).map_err(|error| Failure::of(folder.0.display(), &error))?;
    unpack(&workspace.root, revision, &folder.0)?;
    let path = if name.contains(['/', '.']) {
        PathBuf::from(name)
    } else {
        format!("build/systems/{name}.toml").into()
    };
    let path = folder.0.join(path);
    if !path.is_file() {
        return Err(Failure::wrong(format!("no system `{name}` in revision `{revision}`")));
    }
    read_system_at(workspace, &path)
}

fn unpack(root: &Path, revision: &str, folder: &Path) -> Outcome<()> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["archive", "--format=tar", revision, "--", ":(glob)**/*.toml"]);
    let archive = git.stderr(Stdio::piped()).output().map_err(|error| Failure::of("git", &error))?;
    if !archive.status.success() {
        let said = String::from_utf8_lossy(&archive.stderr).trim().to_owned();
        return Err(Failure::wrong(format!("no revision `{revision}`: {said}")));
    }
    let file = folder.join("manifests.tar");
    std::fs::write(&file, &archive.stdout).map_err(|error| Failure::of(file.display(), &error))?;
    let status = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(folder).status();
    let status = status.map_err(|error| Failure::of("tar", &error))?;
    if status.success() { Ok(()) } else { Err(Failure::failed("tar could not unpack the manifests")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(list: &str, qube: &str) -> Outcome<String> {
        let file = std::env::temp_dir().join(format!("skep-qvm-{}-{qube}.txt", std::process::id()));
        std::fs::write(&file, list).expect("a file");
        let imported = import_qvm(&file, qube);
        std::fs::remove_file(&file).expect("the file");
        imported
    }

    #[test]
    fn a_list_of_qubes_os_becomes_lines_of_a_policy() {
        let lines =
            import("action=accept proto=tcp dsthost=bank.example dstports=443-443\naction=drop\n", "bills");
        let lines = lines.unwrap_or_else(|failure| panic!("{failure}"));
        let first = "net.connect bills @anyvm allow { host: \"bank.example\", port: 443 }\n";
        assert!(lines.starts_with(first) && lines.contains("net.connect bills @anyvm deny\n"), "{lines}");
    }

    #[test]
    fn a_line_that_cannot_be_said_is_named_and_shown_harmless() {
        let failure = import("action=accept\naction=\u{1b}[2Jallow\n", "work").expect_err("no such action");
        let said = failure.to_string();
        assert!(said.contains(".txt:2: `action=[2Jallow`") && said.contains("action=accept or"), "{said}");
        let failure = import("action=drop dsthost=evil.example\naction=accept\n", "work");
        let said = failure.expect_err("the addresses of a name cannot be dropped").to_string();
        assert!(said.contains(".txt:1: `action=drop dsthost=evil.example`"), "{said}");
        assert!(said.contains("the addresses to drop, in dst4 and dst6"), "{said}");
        assert!(said.contains("nothing was imported"), "{said}");
        let failure = import("", "No Name").expect_err("no such name");
        assert!(failure.to_string().contains("is no name of a qube"), "{failure}");
    }
}
