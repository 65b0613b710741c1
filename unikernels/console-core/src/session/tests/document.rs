//! Documents of the web at the terminal: what viewers say that mean well, and what others try.

mod failing;

use super::*;
use crate::fake_viewer::FakeViewer;
use ipc_proto_ctl_api::QubeState;
use ipc_proto_open_api::{BadCertificate, Phase, PictureInfo, Reason};

const URL: &str = "http://host.test/a";
const GONE: &str = "viewer-1 is gone, and its memory with it.";

/// A world with two viewers that say what `tell` has the first say.
fn with(tell: impl Fn(&mut FakeViewer) + 'static) -> impl FnOnce(&mut FakeWorld) {
    move |world| {
        world.add_viewer("viewer-1");
        world.add_viewer("viewer-2");
        let mut machine = world.machine.borrow_mut();
        tell(&mut machine.viewers[0].1);
    }
}

fn opened_urls(world: &FakeWorld, number: usize) -> Vec<String> {
    world.machine.borrow().viewers[number].1.opened.iter().map(|(url, _)| url.clone()).collect()
}

fn state(world: &FakeWorld, name: &str) -> QubeState {
    let machine = world.machine.borrow();
    machine.qubes.iter().find(|qube| qube.name == *name).unwrap().state
}

#[test]
fn a_document_is_shown_behind_the_mark_and_gone_when_it_is_closed() {
    let world = check_in(
        with(|viewer| {
            viewer.title = "Grüße";
            viewer.page = "one [1]\n\ntwo\n".into();
            viewer.links = std::vec!["http://other.test/x"];
        }),
        &["open http://host.test/a", "close", "close"],
        &[
            "skep> open http://host.test/a",
            "●│ Grüße",
            "●│",
            "●│ one [1]",
            "●│",
            "●│ two",
            "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.",
            "skep> close",
            GONE,
            "skep> close",
            "No document is open.",
        ],
    );
    assert_eq!(world.machine.borrow().viewers[0].1.opened, [(URL.into(), 76)]);
    assert_eq!(state(&world, "viewer-1"), QubeState::Prepared);
    assert_eq!(state(&world, "viewer-2"), QubeState::Prepared);
}

#[test]
fn links_are_listed_with_their_whole_address_behind_the_mark() {
    let long = format!("http://other.test/{}", "x".repeat(100));
    let links = std::vec!["http://other.test/a", &*Box::leak(long.into_boxed_str())];
    check_in(
        with(move |viewer| viewer.links = links.clone()),
        &["links", "open http://host.test/a", "links"],
        &[
            "skep> links",
            "No document is open.",
            "skep> open http://host.test/a",
            "1000 bytes, 2 links: 'open 1' follows the first in a new life. 'close' ends this one.",
            "skep> links",
            "●│ [1] http://other.test/a",
            &format!("●│ [2] http://other.test/{}", "x".repeat(76 - 22)),
            &format!("●│ {}", "x".repeat(100 - (76 - 22))),
        ],
    );
    check_in(
        with(|viewer| viewer.links.clear()),
        &["open http://host.test/a", "links"],
        &[
            "skep> open http://host.test/a",
            "1000 bytes, no links. 'close' ends this one.",
            "skep> links",
            "The document has no links.",
        ],
    );
}

#[test]
fn a_list_of_links_stops_when_the_screen_is_full_and_has_an_end() {
    let shown = |key: &str| {
        let mut world = FakeWorld::new();
        with(|viewer| viewer.links = std::vec!["http://a/"; 2000])(&mut world);
        for typed in ["open http://host.test/a\r", "links\r", key] {
            world.terminal.script.push_back(Step::Type(typed.as_bytes().to_vec()));
        }
        play(&mut world, &[])
    };
    assert_eq!(shown("a").matches("] http://a/\n").count(), 1000);
    let stopped = shown("q");
    assert_eq!(stopped.matches("] http://a/\n").count(), 23, "{stopped}");
    assert!(stopped.contains("●│ [23] http://a/\nStopped; the document stays open.\n"), "{stopped}");
}

#[test]
fn a_link_is_followed_in_a_new_life_and_the_old_one_ends() {
    let world = check_in(
        with(|viewer| {
            viewer.page = "one [1]\n".into();
            viewer.links = std::vec!["http://other.test/x"];
        }),
        &["open http://host.test/a", "open 1", "open 7"],
        &[
            "skep> open http://host.test/a",
            "●│ one [1]",
            "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.",
            "skep> open 1",
            "Link 1 leads to:",
            "●│ http://other.test/x",
            GONE,
            "●│ one [1]",
            "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.",
            "skep> open 7",
            "The document has no link 7.",
        ],
    );
    assert_eq!(opened_urls(&world, 0), [URL, "http://other.test/x"]);
    let machine = world.machine.borrow();
    let viewer = machine.qubes.iter().find(|qube| qube.name == *"viewer-1").unwrap();
    assert_eq!((viewer.generation, viewer.state), (2, QubeState::Running));
}

#[test]
fn where_redirects_lead_is_shown() {
    check_in(
        |world| {
            world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
            world.terminal.script.push_back(Step::Pass(1_000));
            with(|viewer| {
                viewer.before = std::vec![Phase::Resolving, Phase::Connecting, Phase::Receiving(70_000)];
                viewer.elsewhere = std::vec!["https://elsewhere.test"];
                viewer.page = "end\n".into();
                viewer.status = 404;
            })(world);
        },
        &[],
        &[
            "skep> open http://host.test/a",
            "●│ sent on to https://elsewhere.test",
            "●│ end",
            "The host answered with error 404.",
            "1000 bytes, no links. 'close' ends this one.",
        ],
    );
}

#[test]
fn the_document_cannot_leave_its_frame() {
    let forged = "a\x1b[2J\x1b[Hb\r\u{202e}c\u{7}\nskep> poweroff\u{85}x\u{2028}y\n";
    let world = check_in(
        with(move |viewer| {
            viewer.title = "t\nskep> kill vault\x1b]0;x\x07";
            viewer.page = forged.into();
        }),
        &["open http://host.test/a"],
        &[
            "skep> open http://host.test/a",
            "●│ t",
            "●│ skep> kill vault\u{fffd}]0;x\u{fffd}",
            "●│",
            "●│ a\u{fffd}[2J\u{fffd}[Hb \u{fffd}c\u{fffd}",
            "●│ skep> poweroff x y",
            "1000 bytes, no links. 'close' ends this one.",
        ],
    );
    assert_eq!(world.terminal.bells, 0);
    assert!(!world.machine.borrow().off);
}

#[test]
fn long_rows_are_broken_where_the_frame_ends_whatever_they_are_written_in() {
    let world = check_in(
        with(|viewer| viewer.page = format!("{}\n{}\n", "x".repeat(100), "日".repeat(50))),
        &["open http://host.test/a"],
        &[
            "skep> open http://host.test/a",
            &format!("●│ {}", "x".repeat(76)),
            &format!("●│ {}", "x".repeat(24)),
            // The terminal of the tests draws a wide character over two columns.
            &format!("●│ {}", "日\u{200b}".repeat(38)),
            &format!("●│ {}", "日\u{200b}".repeat(12)),
            "1000 bytes, no links. 'close' ends this one.",
        ],
    );
    assert!(world.terminal.rows.iter().all(|row| row.len() < 80));
}

#[test]
fn characters_without_width_do_not_pile_up() {
    let mut world = FakeWorld::new();
    with(|viewer| viewer.page = format!("\u{301}a{}b\n", "\u{301}".repeat(5000)))(&mut world);
    world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
    run(&mut world, Colour::Never);
    assert!(world.terminal.text().contains("●│ ab"), "{}", world.terminal.text());
}

#[test]
fn a_page_without_end_has_one() {
    let mut world = FakeWorld::new();
    with(|viewer| {
        viewer.page = "x\n".repeat(1000);
        viewer.endless = true;
    })(&mut world);
    world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
    world.terminal.script.push_back(Step::Type(b"a".to_vec()));
    let shown = play(&mut world, &[]);
    assert!(shown.lines().count() < 25_000, "{}", shown.lines().count());
    assert!(shown.contains("It goes on; this is as much as is shown."));
}

#[test]
fn a_viewer_that_never_comes_to_an_end_is_given_up() {
    let mut world = FakeWorld::new();
    with(|viewer| {
        viewer.before = std::vec![Phase::Receiving(5)];
        viewer.never_done = true;
    })(&mut world);
    world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
    world.terminal.script.push_back(Step::Pass(200_000));
    run(&mut world, Colour::Never);
    let shown = world.terminal.text();
    assert!(shown.contains(&format!("viewer-1 has not come to an end in 150 s.\n{GONE}")), "{shown}");
}

#[test]
fn ctrl_c_while_it_loads_ends_the_viewer_and_what_was_typed_before_waits() {
    let mut world = FakeWorld::new();
    with(|viewer| {
        viewer.before = std::vec![Phase::Connecting];
        viewer.never_done = true;
    })(&mut world);
    for typed in ["open http://host.test/a\r", "nonsense\r", "\x03", "clock\r"] {
        world.terminal.script.push_back(Step::Type(typed.as_bytes().to_vec()));
    }
    run(&mut world, Colour::Never);
    let shown = world.terminal.text();
    assert!(shown.contains(&format!("Stopped.\n{GONE}\nskep> clock\n")), "{shown}");
    assert_eq!(state(&world, "viewer-1"), QubeState::Prepared);
}

#[test]
fn what_is_typed_while_it_loads_is_the_next_command() {
    let mut world = FakeWorld::new();
    with(|viewer| {
        viewer.before = std::vec![Phase::Connecting, Phase::Connecting];
        viewer.page = "x\n".into();
    })(&mut world);
    for typed in ["open http://host.test/a\r", "close\r"] {
        world.terminal.script.push_back(Step::Type(typed.as_bytes().to_vec()));
    }
    world.terminal.script.push_back(Step::Pass(1_000));
    run(&mut world, Colour::Never);
    let shown = world.terminal.text();
    assert!(shown.ends_with(&format!("skep> close\n{GONE}\nskep>\n")), "{shown}");
}

#[test]
fn a_viewer_that_is_killed_takes_its_document_along() {
    check_in(
        with(|viewer| {
            viewer.page = "x\n".into();
            viewer.links = std::vec!["http://other.test/"];
        }),
        &["open http://host.test/a", "kill viewer-1", "close"],
        &[
            "skep> open http://host.test/a",
            "●│ x",
            "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.",
            "skep> kill viewer-1",
            "viewer-1 is gone. Its memory is wiped before anything else happens to it; 'start viewer-1' begins anew.",
            "skep> close",
            "viewer-1 is gone already.",
        ],
    );
}

#[test]
fn without_a_free_viewer_nothing_is_opened() {
    check(
        &["open http://host.test/a"],
        &["skep> open http://host.test/a", "This console has no channel to the service 'open'."],
    );
    check_in(
        |world| {
            world.add_viewer("viewer-1");
            world.machine.borrow_mut().qubes.last_mut().unwrap().state = QubeState::Waiting;
        },
        &["open http://host.test/a", "open 1"],
        &[
            "skep> open http://host.test/a",
            "No viewer is free: 'close NAME' ends one that 'qubes' shows.",
            "skep> open 1",
            "No document is open whose link 1 could be followed.",
        ],
    );
}

#[test]
fn a_viewer_that_is_still_being_wiped_is_waited_for_and_not_for_ever() {
    let mut world = FakeWorld::new();
    world.add_viewer("viewer-1");
    world.machine.borrow_mut().qubes.last_mut().unwrap().state = QubeState::Restarting;
    world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
    world.terminal.script.push_back(Step::Pass(20_000));
    run(&mut world, Colour::Never);
    let shown = world.terminal.text();
    assert!(shown.contains("The viewers are still being wiped; try again."), "{shown}");
}

#[test]
fn a_picture_is_shown_as_cells_and_one_that_lies_is_not() {
    let info = PictureInfo { width: 4, height: 2, columns: 2, rows: 1 };
    check_in(
        with(move |viewer| {
            viewer.picture = Some(info);
            viewer.cells = std::vec![255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0];
        }),
        &["open http://host.test/a"],
        &["skep> open http://host.test/a", "●│ @", "A picture of 4 by 2 pixels. 'close' ends this one."],
    );
    for (info, cells) in [
        (PictureInfo { columns: 3, ..info }, 12),
        (PictureInfo { columns: 0, ..info }, 0),
        (PictureInfo { columns: 200, ..info }, 1200),
        (PictureInfo { rows: 60_000, ..info }, 12),
    ] {
        check_in(
            with(move |viewer| {
                viewer.picture = Some(info);
                viewer.cells = std::vec![0; cells];
            }),
            &["open http://host.test/a"],
            &[
                "skep> open http://host.test/a",
                "viewer-1 contradicts itself; nothing more of it is shown.",
                GONE,
            ],
        );
    }
}

/// Two pixels above two others.
const INFO: PictureInfo = PictureInfo { width: 2, height: 2, columns: 2, rows: 1 };

#[test]
fn a_picture_is_made_anew_from_its_pixels_and_its_viewer_is_gone() {
    let pixels: Vec<u8> = (0..16).collect();
    let expected = {
        let limits = unikernels_picture::Limits { side_max: 2, pixels_max: 4 };
        unikernels_picture::to_png(&unikernels_picture::Picture::new(2, 2, pixels.clone(), &limits).unwrap())
    };
    let mut world = FakeWorld::new();
    with(move |viewer| {
        viewer.picture = Some(INFO);
        viewer.pixels = pixels.clone();
    })(&mut world);
    let shown = play(&mut world, &["convert http://host.test/a.gif a.png"]);
    let mut lines = shown.lines().skip(1);
    assert_eq!(lines.next(), Some(GONE));
    assert_eq!(lines.next(), Some("-----BEGIN SKEP FILE a.png-----"));
    let body: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with('-')).collect();
    let mut file = Vec::new();
    let mut decoder = crate::base64::Decoder::default();
    for line in body {
        decoder.feed(line, &mut |bytes| file.extend_from_slice(bytes)).ok().unwrap();
    }
    assert_eq!(file, expected);
    assert_eq!(state(&world, "viewer-1"), QubeState::Prepared);
}

#[test]
fn pixels_that_are_too_many_too_few_or_no_picture_are_refused() {
    let check = |tell: fn(&mut FakeViewer), expected: &str| {
        check_in(
            with(tell),
            &["convert http://host.test/a.gif a.png"],
            &["skep> convert http://host.test/a.gif a.png", expected, GONE],
        );
    };
    let lies = "viewer-1 contradicts itself; nothing more of it is shown.";
    check(|viewer| viewer.page = "x\n".into(), "That is no picture.");
    check(
        |viewer| viewer.picture = Some(PictureInfo { width: 60_000, height: 60_000, ..INFO }),
        "The picture has 60000 by 60000 pixels; 524288 are the most.",
    );
    let zero: fn(&mut FakeViewer) = |viewer| viewer.picture = Some(PictureInfo { width: 0, ..INFO });
    check(zero, "It is not taken: the picture has no pixels.");
    let few: fn(&mut FakeViewer) = |viewer| {
        viewer.picture = Some(INFO);
        viewer.pixels = std::vec![1; 15];
    };
    check(few, lies);
    let many: fn(&mut FakeViewer) = |viewer| {
        viewer.picture = Some(INFO);
        viewer.pixels = std::vec![1; 17];
    };
    check(many, lies);
    let endless: fn(&mut FakeViewer) = |viewer| {
        viewer.picture = Some(INFO);
        viewer.pixels = std::vec![1; 9];
        viewer.endless = true;
    };
    check(endless, lies);
}

#[test]
fn the_history_does_not_know_where_somebody_went() {
    let mut world = FakeWorld::new();
    with(|viewer| viewer.page = "x\n".into())(&mut world);
    let shown = play(
        &mut world,
        &[
            "clock",
            "open http://host.test/a",
            "  open http://host.test/b",
            "convert http://host.test/c c",
            "\x1b[A",
        ],
    );
    assert!(shown.ends_with("skep> clock\n2026-01-01 00:00:00 UTC\n"), "{shown}");
}

#[test]
fn the_mark_has_the_colour_of_the_label_that_the_supervisor_tells() {
    let mut world = FakeWorld::new();
    with(|viewer| viewer.page = "x\ny\n".into())(&mut world);
    world.terminal.script.push_back(Step::Type(b"open http://host.test/a\r".to_vec()));
    let before = {
        let mut plain = FakeWorld::new();
        run(&mut plain, Colour::Always);
        plain.terminal.colours
    };
    run(&mut world, Colour::Always);
    assert_eq!(world.terminal.colours - before, 4, "on and off, for each of two rows");
}
