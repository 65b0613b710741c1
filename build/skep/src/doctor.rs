//! `skep doctor`: is everything there? And the step before every other command that installs what is not.

use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::needs::{NEEDS, NGINX, Task, find_program, missing};
use crate::report::Report;

pub use crate::needs::FIRMWARE;

/// Prints what is there and what is not.
///
/// # Errors
/// When something is missing; says how to get it.
pub fn examine(report: Report) -> Outcome<()> {
    for need in NEEDS {
        let (colour, word) = if need.thing.is_there() { (32, "ok") } else { (31, "missing") };
        let mark = report.style.paint(colour, &format!("{word:>8}"));
        println!("{mark}  {}  (Debian package {})", need.thing.name(), need.package);
    }
    for (program, argument) in
        [("rustc", "--version"), ("cargo", "--version"), ("qemu-system-x86_64", "--version")]
    {
        let version = Command::new(program).arg(argument).stderr(Stdio::null()).output();
        let version =
            version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        println!("{program}: {}", version.lines().next().unwrap_or("not found"));
    }
    let packages = missing(&Task::ALL);
    if packages.is_empty() {
        println!("everything is there");
        return Ok(());
    }
    let hint = "`cargo skep doctor --install` installs them";
    Err(Failure::missing(format!("missing Debian packages: {}\n  fix: {hint}", packages.join(" "))))
}

/// Installs what the tasks need and is not there. Says so before it does.
///
/// # Errors
/// When there is no `apt-get`, no right to use it, or it fails.
pub fn ensure(tasks: &[Task], report: Report) -> Outcome<()> {
    let packages = missing(tasks);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find_program("apt-get").is_none() {
        let fix = "install the programs with your system's own package manager";
        return Err(Failure::missing(format!("missing: {list} (names of Debian packages)\n  fix: {fix}")));
    }
    report.say(&format!("missing Debian packages: {list}"));
    let prefix: &[&str] = if is_root() { &[] } else { &["sudo"] };
    if !is_root() && find_program("sudo").is_none() {
        let fix = format!("as root: apt-get install --no-install-recommends {list}");
        return Err(Failure::missing(format!(
            "missing: {list}, and no `sudo` to install them\n  fix: {fix}"
        )));
    }
    apt(prefix, &["update", "--quiet"], report)?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    apt(prefix, &[&install[..], &packages].concat(), report)?;
    if packages.contains(&NGINX) {
        report.say(&format!(
            "{NGINX} may have started a server, which no test uses: `systemctl disable --now nginx` ends it"
        ));
    }
    match missing(tasks).as_slice() {
        [] => Ok(()),
        still => Err(Failure::missing(format!("still missing after installing: {}", still.join(" ")))),
    }
}

fn apt(prefix: &[&str], arguments: &[&str], report: Report) -> Outcome<()> {
    // `env`, because `sudo` passes no variables on.
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    report.say(&format!("running: {}", words.join(" ")));
    let (program, rest) = words.split_first().expect("at least apt-get");
    // Its progress belongs to the error output, like ours: the standard output is for results.
    let mut child = Command::new(program);
    child.args(rest).stdout(std::io::stderr());
    let status = child.status().map_err(|error| Failure::of(program, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::missing(format!("`{}` failed ({status})", words.join(" "))))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
