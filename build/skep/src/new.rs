//! `skep new`: a qube of one's own, from the template, in this project or in a folder of its own.
//!
//! Asks only when a person is there to answer. Not here: names, questions and rendering (`build/template`).

use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use build_manifest::Catalogue;
use build_template::{Answers, Asked, Given, NoAnswers, Place, Taken};

use crate::failure::{Failure, Outcome};

/// Where the template is, from the home of Skep.
const TEMPLATE: &str = "unikernels/template";

/// What `skep new` was told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the qube.
    pub name: String,
    /// Answers that need no asking.
    pub given: Given,
    /// Where it goes, instead of a folder of its name here.
    pub path: Option<PathBuf>,
    /// Take Skep's packages in this version from a registry, not from the checkout.
    pub skep_version: Option<String>,
    /// Ask nothing.
    pub yes: bool,
}

/// Makes a qube. `home` is the checkout of Skep whose template it is.
///
/// # Errors
/// A wrong answer, a folder that is not free, or one that cannot be written: then nothing was made.
pub fn new(home: &Path, options: &Options) -> Outcome<()> {
    let home = home.canonicalize().map_err(|error| Failure::of(home.display(), &error))?;
    let here = std::env::current_dir().map_err(|error| Failure::of("the current folder", &error))?;
    let template = home.join(TEMPLATE);
    let template =
        build_template::read(&template).map_err(|error| Failure::of(template.display(), &error))?;
    let target = here.join(options.path.as_deref().unwrap_or_else(|| Path::new(&options.name)));
    let is_inside = is_below(&home, &target);
    let answers = ask(options, &taken(&home, is_inside))?;
    let place = if is_inside {
        Place::Inside
    } else {
        Place::Outside { home: home.clone(), skep_version: options.skep_version.clone() }
    };
    let files = build_template::files(&template, &answers, &place).map_err(wrong)?;
    if is_inside {
        if options.path.is_some() || options.skep_version.is_some() {
            let told = "inside Skep's own tree a qube goes to unikernels/NAME and takes its packages from the tree\n  \
                        fix: leave --path and --skep-version out, or give a folder outside";
            return Err(Failure::wrong(told));
        }
        return make_inside(&home, &answers, files);
    }
    build_template::is_free(&target).map_err(wrong)?;
    build_template::put(&target, &files).map_err(|error| Failure::of(target.display(), &error))?;
    start_history(&target);
    let shown = target.strip_prefix(&here).unwrap_or(&target).display().to_string();
    print!("{}", build_template::drawing(&format!("{shown}/"), &files));
    println!("\nNext:\n  cd {shown}\n  cargo test                 on a simulated supervisor");
    println!("  cargo skep run             in QEMU; then type: call {}.sign Ada", answers.serves);
    Ok(())
}

fn make_inside(home: &Path, answers: &Answers, files: Vec<build_template::File>) -> Outcome<()> {
    let name = &answers.name;
    let system = home.join("build/systems").join(format!("{name}.toml"));
    if system.exists() {
        return Err(Failure::wrong(format!(
            "{}: a system of this name\n  expected: no such file yet\n  fix: choose another name",
            system.display()
        )));
    }
    build_template::is_free(&home.join("unikernels").join(name)).map_err(wrong)?;
    let made = build_template::put_inside(home, name, files)
        .map_err(|error| Failure::of(format!("unikernels/{name}"), &error))?;
    for path in made {
        println!("{}", path.display());
    }
    println!("Cargo.toml (three members more)\n");
    println!("Next:\n  cargo test --package unikernels-{name}     on a simulated supervisor");
    println!("  cargo skep run {name}     in QEMU; then type: call {}.sign Ada", answers.serves);
    println!("  cargo skep test");
    Ok(())
}

fn wrong(wrong: build_template::Wrong) -> Failure {
    Failure::wrong(wrong.to_string())
}

fn ask(options: &Options, taken: &Taken) -> Outcome<Answers> {
    let (mut input, mut output) = (stdin().lock(), stdout());
    let is_person = !options.yes && stdin().is_terminal() && output.is_terminal();
    let asked: Asked<'_> = if is_person { Some((&mut input, &mut output)) } else { None };
    build_template::answers(&options.name, &options.given, taken, asked).map_err(|none| match none {
        NoAnswers::Wrong(told) => wrong(told),
        NoAnswers::Gone(error) => Failure::of("the terminal", &error),
    })
}

/// Whether `target`, which need not be there yet, is in the tree of `home`.
fn is_below(home: &Path, target: &Path) -> bool {
    let parent = target.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    parent.is_some_and(|parent| parent.starts_with(home))
}

/// Names in use: services, qubes, and in the tree itself the folders beside.
fn taken(home: &Path, is_inside: bool) -> Taken {
    let services = Catalogue::builtin().names().map(str::to_owned).collect();
    let mut taken = Taken { services, ..Taken::default() };
    let folders = std::fs::read_dir(home.join("unikernels")).into_iter().flatten().flatten();
    for folder in folders.map(|entry| entry.path()).chain([home.join("vault-app/qube")]) {
        if is_inside && let Some(name) = folder.file_name() {
            taken.qubes.insert(name.to_string_lossy().into_owned());
        }
        let text = std::fs::read_to_string(folder.join("qube.toml")).unwrap_or_default();
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        taken.qubes.extend(name.map(str::to_owned));
    }
    taken
}

/// `git init`, where git is there and no repository is around. A qube without a history is a qube all the same.
fn start_history(folder: &Path) {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        git.status().is_ok_and(|status| status.success())
    };
    if !git(&["rev-parse", "--is-inside-work-tree"]) {
        git(&["init", "--quiet"]);
    }
}
