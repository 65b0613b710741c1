//! Disposables at the terminal: what `qubes` says of them, `start` and `close`.

extern crate std;

use super::*;
use ipc_proto_ctl_api::{EndReason, Ending, QubeInfo, QubeState};

/// A machine with a disposable, `viewer`, that waits.
fn with_viewer(world: &mut FakeWorld) {
    let viewer = QubeInfo {
        state: QubeState::Prepared,
        disposable: true,
        opened_for: Some(0),
        generation: 0,
        exits: 0,
        messages_in: 0,
        messages_out: 0,
        ..qube("viewer", Label::Untrusted)
    };
    world.machine.borrow_mut().qubes.push(viewer);
}

#[test]
fn a_disposable_is_started_and_closed_and_qubes_says_how_it_is() {
    check_in(
        with_viewer,
        &[
            "close viewer",
            "qubes",
            "start viewer",
            "start viewer",
            "qubes",
            "close viewer",
            "start viewer",
            "qubes",
        ],
        &[
            "skep> close viewer",
            "viewer is not running: there is nothing to close.",
            "skep> qubes",
            "NAME    LABEL       STATE      GEN   MEMORY    EXITS      IN     OUT REFUSED",
            "console ★ green     waiting      1    1 MiB       10       3       4       0",
            "vault   ◆ vault     waiting      1   68 MiB       10       3       4       0",
            "echo    ● untrusted waiting      1    1 MiB       10       3       4       0",
            "viewer  ● untrusted prepared     0    1 MiB        0       0       0       0",
            "        a disposable opened for console that waits for 'start viewer'",
            "skep> start viewer",
            "viewer is started as generation 1; 'close viewer' ends it and wipes its memory.",
            "skep> start viewer",
            "viewer is running already.",
            "skep> qubes",
            "NAME    LABEL       STATE      GEN   MEMORY    EXITS      IN     OUT REFUSED",
            "console ★ green     waiting      1    1 MiB       10       3       4       0",
            "vault   ◆ vault     waiting      1   68 MiB       10       3       4       0",
            "echo    ● untrusted waiting      1    1 MiB       10       3       4       0",
            "viewer  ● untrusted running      1    1 MiB        0       0       0       0",
            "        a disposable opened for console; 'close viewer' ends it",
            "skep> close viewer",
            "viewer is gone. Its memory is wiped before anything else happens to it; 'start viewer' begins anew.",
            "skep> start viewer",
            "viewer is being wiped of its last life. Start it again in a moment.",
            "skep> qubes",
            "NAME    LABEL       STATE      GEN   MEMORY    EXITS      IN     OUT REFUSED",
            "console ★ green     waiting      1    1 MiB       10       3       4       0",
            "vault   ◆ vault     waiting      1   68 MiB       10       3       4       0",
            "echo    ● untrusted waiting      1    1 MiB       10       3       4       0",
            "viewer  ● untrusted wiping       1    1 MiB        0       0       0       0",
            "        a disposable opened for console whose last life is being wiped",
            "        its last life ended: it was killed",
        ],
    );
}

#[test]
fn what_can_not_be_started_or_closed_is_said() {
    check_in(
        with_viewer,
        &[
            "start viewr",
            "start echo",
            "close echo",
            "close viewr",
            "start something-with-a-long-name",
            "start",
            "close a b",
        ],
        &[
            "skep> start viewr",
            "There is no qube 'viewr'. Did you mean 'viewer'?",
            "skep> start echo",
            "echo is no disposable: it starts by itself, or not at all.",
            "skep> close echo",
            "echo is no disposable. 'kill echo' ends it.",
            "skep> close viewr",
            "There is no qube 'viewr'. Did you mean 'viewer'?",
            "skep> start something-with-a-long-name",
            "There is no qube 'something-with-a-long-name'. Type 'qubes'.",
            "skep> start",
            "'start' needs the DISPOSABLE to start.",
            "Usage: start DISPOSABLE",
            "skep> close a b",
            "'b' is one word too many.",
            "Usage: close [DISPOSABLE]",
        ],
    );
}

#[test]
fn a_killed_disposable_does_not_promise_to_start_again() {
    check_in(
        with_viewer,
        &["start viewer", "kill viewer", "kill viewer"],
        &[
            "skep> start viewer",
            "viewer is started as generation 1; 'close viewer' ends it and wipes its memory.",
            "skep> kill viewer",
            "viewer is gone. Its memory is wiped before anything else happens to it; 'start viewer' begins anew.",
            "skep> kill viewer",
            "viewer is not running.",
        ],
    );
}

#[test]
fn the_report_of_one_that_crashed_says_that_it_is_gone() {
    let mut world = FakeWorld::new();
    with_viewer(&mut world);
    let end = Ending { qube: 3, generation: 1, why: EndReason::Exception(14), log: 0, audit: 0 };
    world.terminal.script.push_back(Step::End(end));
    let shown = play(&mut world, &[]);
    assert!(shown.contains("viewer ended (generation 1): it raised CPU exception 14\n"), "{shown}");
    assert!(shown.ends_with("╰─ It is gone; 'start viewer' begins anew.\n"), "{shown}");
}
