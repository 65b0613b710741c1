//! The newcomer's whole path with a clock: a fresh clone, empty target folders, a tool to install, a qube to make, its answer.
//!
//! What it takes from the machine: cargo's cache of downloaded packages, the compiler, QEMU. It measures wall time, so it says
//! how busy the machine was; what else runs on its processors is in the figures.

#![forbid(unsafe_code)]

use std::path::Path;
use std::time::{Duration, Instant};

use tests_e2e::{Terminal, plain};
use tests_guide::Place;

/// From the clone to the first answer.
const COLD_MAX: Duration = Duration::from_secs(5 * 60);
/// From an edit of the server to its answer.
const EDIT_MAX: Duration = Duration::from_secs(15);

fn part(name: &str, place: &mut Place, script: &str) {
    let start = Instant::now();
    let times = place.root.join(".times");
    // The second line is about what bash ran: user and system.
    let (worked, said) = place.run(&format!("{script}\ntimes > {}", times.display()));
    let processors = std::fs::read_to_string(&times).unwrap_or_default();
    let processors = processors.lines().nth(1).unwrap_or("unknown");
    println!("{:7.1} s  {name} (processor time {processors})", start.elapsed().as_secs_f64());
    assert!(worked, "{name}:\n{}", plain(&said));
}

/// Boots the project and has Ada sign; gives the answer and when it came.
fn answer(place: &Place) -> (String, Instant) {
    let start = Instant::now();
    let mut command = place.command("cargo");
    command.args(["skep", "run", "--no-color"]);
    let mut terminal = Terminal::open(command);
    let said = plain(&terminal.command("call guestbook.sign Ada"));
    let then = Instant::now();
    println!("{:7.1} s  cargo skep run, call guestbook.sign Ada", then.duration_since(start).as_secs_f64());
    let (code, screen) = terminal.power_off();
    assert_eq!(code, 0, "{screen}");
    (said, then)
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// What `cargo skep run` would do first, before it boots: a step of its own, as the terminal waits only so long for a prompt.
fn build(place: &mut Place) {
    part("build the system", place, "cargo skep image");
}

fn edit(file: &Path) {
    let before = std::fs::read_to_string(file).expect("the server");
    let after = before.replace("saturating_add(1)", "saturating_add(7)");
    assert_ne!(before, after);
    std::fs::write(file, after).expect("the server");
}

#[test]
#[ignore = "wants the computer for itself for minutes: cargo skep test --long"]
fn from_clone_to_answer_takes_five_minutes_and_from_edit_to_answer_fifteen_seconds() {
    let mut place = Place::new(&tests_e2e::root());
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cpus} processors, load {} before", load());
    let source = place.home.display().to_string();
    let start = Instant::now();
    part("git clone", &mut place, &format!("git clone --quiet '{source}' skep"));
    // In the checkout, as the guide says: the compiler that Skep is built with is named there.
    part(
        "cargo install the tool",
        &mut place,
        "cd skep\ncargo install --quiet --locked --profile tool --path build/skep\ncd ..",
    );
    part("cargo skep new", &mut place, "cargo skep new guestbook --yes\ncd guestbook");
    part("cargo test", &mut place, "cargo test --quiet");
    build(&mut place);
    let (said, then) = answer(&place);
    let cold = then.duration_since(start);
    assert_eq!(said.trim(), "1");
    println!("{:7.1} s  from clone to answer; at most {} s", cold.as_secs_f64(), COLD_MAX.as_secs());

    let start = Instant::now();
    edit(&place.here.join("src/lib.rs"));
    build(&mut place);
    let (said, then) = answer(&place);
    let edited = then.duration_since(start);
    assert_eq!(said.trim(), "7");
    println!("{:7.1} s  from edit to answer; at most {} s", edited.as_secs_f64(), EDIT_MAX.as_secs());
    println!("load {} after", load());
    assert!(cold <= COLD_MAX, "{cold:?}");
    assert!(edited <= EDIT_MAX, "{edited:?}");
}
