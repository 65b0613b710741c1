//! Every seeded defect is found by its target, in its time, from the committed corpus; without one nothing is found.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use build_skep::fuzz::{Campaign, Ended, Engine, Wanted, lay_out, processors};
use build_skep::workspace::Workspace;
use build_skep::{Report, Style};
use tests_bites::{DEFECTS, Defect, Edit, SWITCH, Tree, apply};

/// How long each target is given to find nothing.
const CLEAN_SECONDS: u64 = 3;

fn workspace() -> Workspace {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the project's folder");
    Workspace::at(&root).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
#[ignore = "builds a tree of its own: cargo skep test --long"]
fn every_defect_is_found_by_its_target_and_nothing_is_found_without_one() {
    let workspace = workspace();
    let home = workspace.output().join("bites");
    let tree = Tree::seed(&workspace.root, &home.join("tree")).unwrap_or_else(|error| panic!("{error}"));
    let targets: BTreeSet<&str> = DEFECTS.iter().map(|defect| defect.target).collect();
    let targets: Vec<String> = targets.into_iter().map(str::to_owned).collect();
    let report = Report::new(Style::Plain);
    // Every defect is one of logic: a sanitizer finds none of them, and only makes the hunt slower.
    let engine = Engine::find(Wanted::Stable).unwrap_or_else(|failure| panic!("{failure}"));
    let built =
        engine.build_package(&tree.root.join("tests/fuzz"), &engine.folder(&workspace), &targets, report);
    let built = built.unwrap_or_else(|failure| panic!("{failure}"));
    let binaries = home.join("binaries");
    std::fs::create_dir_all(&binaries).expect("a folder for the binaries");
    for target in &targets {
        std::fs::copy(built.join(target), binaries.join(target)).expect("the target was built");
    }
    let base = Campaign {
        binaries,
        output: home.clone(),
        duration: Duration::from_secs(CLEAN_SECONDS),
        jobs: processors(),
        input_seconds: 5,
        memory_mib: 2048,
        report,
    };
    lay_out(&workspace, &base, &targets, report).unwrap_or_else(|failure| panic!("{failure}"));
    let _ = std::fs::remove_dir_all(home.join("found"));
    let clean = base.run(&targets).unwrap_or_else(|failure| panic!("{failure}"));
    for run in clean {
        assert_eq!(run.ended, Ended::Clean, "{} finds something without a defect", run.target);
    }
    let missed = hunt(&base, &home);
    let _ = std::fs::remove_dir_all(&home);
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// Looks for every defect; gives the names of those that were not found.
fn hunt(base: &Campaign, home: &Path) -> Vec<&'static str> {
    let waiting: Mutex<Vec<(usize, Defect)>> = Mutex::new(DEFECTS.into_iter().enumerate().collect());
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panics").pop();
                    let Some((place, defect)) = next else { return };
                    if !find(base, home, place, &defect) {
                        missed.lock().expect("no thread panics").push(defect.name);
                    }
                }
            });
        }
    });
    missed.into_inner().expect("no thread panics")
}

/// Whether its target finds a defect.
fn find(base: &Campaign, home: &Path, place: usize, defect: &Defect) -> bool {
    let output = home.join(format!("hunt-{place}"));
    let campaign = Campaign { output, duration: Duration::from_secs(defect.seconds), ..base.clone() };
    std::fs::create_dir_all(campaign.output.join("committed")).expect("a folder for the corpus");
    let (from, to) = (base.committed(defect.target), campaign.committed(defect.target));
    std::fs::create_dir_all(&to).expect("a folder for the corpus");
    for entry in std::fs::read_dir(from).expect("the corpus was laid out") {
        let entry = entry.expect("a file of the corpus");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a file of the corpus");
    }
    std::fs::copy(base.dictionary(defect.target), campaign.dictionary(defect.target)).expect("a dictionary");
    let start = Instant::now();
    let run = campaign.one_with(defect.target, &[(SWITCH, defect.name)]);
    let run = run.unwrap_or_else(|failure| panic!("{}: {failure}", defect.name));
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}: {} after {} runs, {seconds:.1} s: {}",
        defect.target, defect.name, run.figures.runs, run.ended
    );
    matches!(run.ended, Ended::Found { .. })
}

#[test]
fn a_defect_whose_place_is_gone_or_there_twice_is_refused() {
    let edit = Edit { file: "a.rs", old: "if a {", new: "if ON || a {" };
    let changed = apply("x\nif a {\n", "loose", &edit);
    assert_eq!(changed.as_deref(), Ok("x\nif ipc_proto_types::seeded::is(\"loose\") || a {\n"));
    for text in ["x\n", "if a { if a {"] {
        let told = apply(text, "loose", &edit).expect_err("there is no one place");
        assert!(told.contains("a.rs") && told.contains("fix: "), "{told}");
    }
}

#[test]
fn the_place_of_every_defect_is_there_exactly_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut wrong = Vec::new();
    for defect in DEFECTS {
        for edit in defect.edits {
            let text = std::fs::read_to_string(root.join(edit.file)).expect("a source file");
            wrong.extend(apply(&text, defect.name, edit).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_at_least_ten_defects_of_six_targets_with_names_of_their_own() {
    let names: BTreeSet<&str> = DEFECTS.iter().map(|defect| defect.name).collect();
    let targets: BTreeSet<&str> = DEFECTS.iter().map(|defect| defect.target).collect();
    assert_eq!(names.len(), DEFECTS.len());
    assert!(names.len() >= 10 && targets.len() >= 6, "{names:?} {targets:?}");
}
