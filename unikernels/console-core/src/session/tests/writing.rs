//! Sessions in which texts are written.

use super::entries::filled;
use super::*;

#[test]
fn a_text_is_written_line_by_line_and_goes_on_where_it_ended() {
    let hint = "Line by line; a line with a single dot ends the text. Ctrl-C: nothing was done.";
    let world = check_in(
        filled,
        &[
            "vault write work/plan",
            "first",
            "",
            "third",
            ".",
            "vault write plan",
            "fourth",
            ".",
            "vault notes plan",
            "vault write plan",
            ".",
            "vault write none/plan",
            "lost",
            ".",
            "vault write #77",
        ],
        &[
            "skep> vault write work/plan",
            hint,
            "| first",
            "|",
            "| third",
            "| .",
            "'work/plan' has 12 bytes of 4096 that it can have.",
            "skep> vault write plan",
            hint,
            "| fourth",
            "| .",
            "'plan' has 19 bytes of 4096 that it can have.",
            "skep> vault notes plan",
            "first",
            "",
            "third",
            "fourth",
            "skep> vault write plan",
            hint,
            "| .",
            "Nothing was written.",
            "skep> vault write none/plan",
            hint,
            "| lost",
            "| .",
            "The vault has no such group; 'vault groups' lists them.",
            "So nothing was kept of what stands above.",
            "skep> vault write #77",
            "The vault has no entry '#77'.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let kept = machine.vault("vault").entry("plan");
    assert_eq!((kept.group.as_str(), kept.password.as_str(), kept.history.len()), ("work", "", 2));
}

#[test]
fn a_text_takes_no_more_than_there_is_room_for() {
    let mut world = FakeWorld::new();
    filled(&mut world);
    let (line, long) = ("n".repeat(1_000), "m".repeat(1_025));
    let lines = ["vault write plan", &long, &line, &line, &line, &line, &line, "vault write plan", "x"];
    let shown = play(&mut world, &lines);
    assert!(shown.contains("A line has 1024 bytes at most; this one was not taken.\n"), "{shown}");
    assert!(shown.contains("A text has 4096 bytes at most; this line was not taken.\n"), "{shown}");
    assert!(shown.contains("'plan' has 4003 bytes of 4096 that it can have.\n"), "{shown}");
    let kept = world.machine.borrow_mut().vault("vault").entry("plan").notes.clone();
    assert_eq!(kept, [line.as_str(); 4].join("\n"));
}
