//! Sessions with entries: what they hold, their history, the bin, groups, the report.

use super::*;
use crate::fake_vault::{Kept, finding};
use ipc_proto_vault_api::{Algorithm, Fault};

/// An open vault with an entry of each kind.
pub(super) fn filled(world: &mut FakeWorld) {
    opened(world);
    let mut machine = world.machine.borrow_mut();
    let vault = machine.vault("vault");
    vault.groups = ["home", "work"].map(String::from).to_vec();
    let entry = |id, group: &str, title: &str| Kept {
        id,
        group: group.into(),
        title: title.into(),
        user: "me".into(),
        password: "first-pw".into(),
        ..Kept::default()
    };
    let tags = ["code", "daily"].map(String::from).to_vec();
    vault.entries = [
        Kept { tags, url: "https://github.com".into(), ..entry(1, "work", "github") },
        Kept { expires: Some(86_400), ..entry(2, "home", "bank") },
        entry(3, "work", "bank"),
    ]
    .into();
}

#[test]
fn a_search_narrows_the_list_and_equal_titles_are_told_apart() {
    check_in(
        filled,
        &["ls", "ls group:work", "find tag:code", "find nothing", "ls is:odd", "show bank", "show home/bank"],
        &[
            "skep> ls",
            "TITLE                    GROUP                USER                         CODES",
            "bank                     home                 me                                 #00000002 expired",
            "bank                     work                 me                                 #00000003",
            "github                   work                 me",
            "3 entries",
            "skep> ls group:work",
            "TITLE                    GROUP                USER                         CODES",
            "bank                     work                 me",
            "github                   work                 me",
            "2 entries",
            "skep> find tag:code",
            "TITLE                    GROUP                USER                         CODES",
            "github                   work                 me",
            "1 entry",
            "skep> find nothing",
            "no entries",
            "skep> ls is:odd",
            "That is no search: words, tag:WORD, group:WORD, is:expired or is:recycled.",
            "skep> show bank",
            "2 entries are called 'bank': say GROUP/TITLE, or the id that 'ls' shows.",
            "skep> show home/bank",
            "title     bank",
            "group     home",
            "user      me",
            "password  hidden; --reveal shows it, 'copy-once' copies it",
            "strength  unknown: it was not generated here",
            "codes     no",
            "expires   1970-01-02",
            "made      2026-01-01 00:00:00",
            "id        #00000002",
        ],
    );
}

#[test]
fn a_long_list_is_asked_for_in_pages() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    world.machine.borrow_mut().vault("vault").entries =
        (0..20).map(|id| Kept { id, title: format!("entry {id:02}"), ..Kept::default() }).collect();
    let shown = play(&mut world, &["ls"]);
    assert_eq!(shown.lines().count(), 1 + 1 + 20 + 1, "{shown}");
    assert_eq!(world.machine.borrow().calls.iter().filter(|call| *call == "vault.list").count(), 3);
}

#[test]
fn an_entry_is_added_with_all_that_a_line_can_say() {
    let world = check_in(
        filled,
        &[
            "add server --group work --user root --url ssh://a --tags 'a, b' --words 6",
            "edit server --expires 2027-12-31 --steam",
            "jbsw y3dp",
            "add server --group work --generate 9",
            "add other --group none --generate 9",
        ],
        &[
            "skep> add server --group work --user root --url ssh://a --tags 'a, b' --words 6",
            "Added 'work/server' with a passphrase of 6 words, 77.52 bits.",
            "skep> edit server --expires 2027-12-31 --steam",
            "Secret of the one-time codes (base32):",
            "Changed 'server'.",
            "Its password is too old from 2027-12-31 on.",
            "skep> add server --group work --generate 9",
            "The vault has an entry 'server' already.",
            "skep> add other --group none --generate 9",
            "The vault has no such group; 'vault groups' lists them.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let kept = machine.vault("vault").entry("server");
    assert_eq!(
        (kept.url.as_str(), kept.tags.as_slice()),
        ("ssh://a", ["a", "b"].map(String::from).as_slice())
    );
    assert_eq!(kept.totp, Some(("JBSWY3DP".into(), Some(Algorithm::Steam))));
    assert_eq!(kept.expires, Some(1_830_211_200));
    assert_eq!(kept.password, "word-word-word-word-word-word");
}

#[test]
fn every_part_of_an_entry_is_changed_and_no_secret_of_it_is_shown() {
    check_in(
        filled,
        &[
            "edit github --notes --field PIN --protected --expires 2027-12-31",
            "line one",
            "",
            "line three",
            ".",
            "1234",
            "edit github --field site --tags '' --user you",
            "in the open",
            "edit github --password",
            "second-pw",
            "second-pw",
            "show github",
        ],
        &[
            "skep> edit github --notes --field PIN --protected --expires 2027-12-31",
            "Notes, line by line, not shown; a line with a single dot ends them.",
            "",
            "",
            "",
            "",
            "Value:",
            "Changed 'github'.",
            "Its password is too old from 2027-12-31 on.",
            "skep> edit github --field site --tags '' --user you",
            "Value:",
            "Changed 'github'.",
            "skep> edit github --password",
            "Password:",
            "Once more:",
            "'github' has another password.",
            "Changed 'github'.",
            "skep> show github",
            "title     github",
            "group     work",
            "user      you",
            "password  hidden; --reveal shows it, 'copy-once' copies it",
            "strength  unknown: it was not generated here",
            "codes     no",
            "url       https://github.com",
            "field     PIN: hidden; 'vault field' shows it",
            "field     site: in the open",
            "notes     20 bytes: 'vault notes' shows them",
            "expires   2027-12-31",
            "history   7 earlier versions",
            "made      2026-01-01 00:00:00",
            "changed   2026-01-01 00:07:00",
            "id        #00000001",
        ],
    );
}

#[test]
fn each_part_is_shown_to_who_asks_for_it() {
    let world = check_in(
        |world| {
            filled(world);
            let mut machine = world.machine.borrow_mut();
            let github = &mut machine.vault("vault").entries[0];
            github.notes = "line one\n\nline \x1b[2Jthree".into();
            github.fields = [("PIN".into(), "1234".into(), true)].into();
        },
        &[
            "show github --reveal",
            "vault notes github",
            "vault field github PIN",
            "vault field github other",
            "edit github --no-field PIN --group home --title GitHub",
            "vault notes home/bank",
        ],
        &[
            "skep> show github --reveal",
            "title     github",
            "group     work",
            "user      me",
            "password  first-pw",
            "strength  unknown: it was not generated here",
            "codes     no",
            "url       https://github.com",
            "tags      code, daily",
            "field     PIN: hidden; 'vault field' shows it",
            "notes     24 bytes: 'vault notes' shows them",
            "made      2026-01-01 00:00:00",
            "id        #00000001",
            "skep> vault notes github",
            "line one",
            "",
            "line ␛[2Jthree",
            "skep> vault field github PIN",
            "1234",
            "skep> vault field github other",
            "The entry 'github' has nothing of that name or number.",
            "skep> edit github --no-field PIN --group home --title GitHub",
            "Changed 'GitHub'.",
            "skep> vault notes home/bank",
            "'home/bank' has no notes.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let kept = machine.vault("vault").entry("GitHub");
    assert_eq!((kept.group.as_str(), kept.fields.len()), ("home", 0));
}

#[test]
fn one_time_codes_are_taken_away_and_given_again() {
    let world = check_in(
        filled,
        &["edit github --totp", "abcd", "totp github", "edit github --no-totp", "totp github"],
        &[
            "skep> edit github --totp",
            "Secret of the one-time codes (base32):",
            "Changed 'github'.",
            "skep> totp github",
            "287082   holds 12 s more",
            "skep> edit github --no-totp",
            "Changed 'github'.",
            "skep> totp github",
            "The entry 'github' has no one-time codes.",
        ],
    );
    assert_eq!(world.machine.borrow_mut().vault("vault").entry("github").totp, None);
}

#[test]
fn notes_too_long_or_given_up_change_nothing() {
    let mut world = FakeWorld::new();
    filled(&mut world);
    let line = "n".repeat(1_000);
    let long = "n".repeat(1_025);
    let lines = ["edit github --notes", &line, &line, &line, &line, &line, "edit github --notes", &long];
    let shown = play(&mut world, &lines);
    assert!(shown.contains("Notes have 4096 bytes at most; nothing was changed.\n"), "{shown}");
    assert!(shown.contains("A line of notes has 1024 bytes at most here; nothing was changed.\n"), "{shown}");
    assert!(!shown.contains("nnn"));
    assert!(world.machine.borrow_mut().vault("vault").entry("github").history.is_empty());
}

#[test]
fn earlier_versions_are_listed_reverted_to_and_forgotten() {
    check_in(
        filled,
        &[
            "vault history github",
            "edit github --user you",
            "edit github --words 3",
            "vault history github",
            "vault history github --reveal",
            "vault revert github 2",
            "vault revert github 9",
            "show github --reveal",
            "vault history github --forget",
            "",
            "vault history github --forget",
            "y",
            "vault history github",
        ],
        &[
            "skep> vault history github",
            "'github' has no earlier versions.",
            "skep> edit github --user you",
            "Changed 'github'.",
            "skep> edit github --words 3",
            "'github' has another password with a passphrase of 3 words, 38.76 bits.",
            "Changed 'github'.",
            "skep> vault history github",
            "NUMBER WRITTEN             TITLE                    USER                     PASSWORD",
            "     1 2026-01-01 00:00:00 github                   you                      another",
            "     2 2026-01-01 00:00:00 github                   me                       another",
            "skep> vault history github --reveal",
            "NUMBER WRITTEN             TITLE                    USER                     PASSWORD",
            "     1 2026-01-01 00:00:00 github                   you                      first-pw",
            "     2 2026-01-01 00:00:00 github                   me                       first-pw",
            "skep> vault revert github 2",
            "'github' is as it was in version 2.",
            "skep> vault revert github 9",
            "The entry 'github' has nothing of that name or number.",
            "skep> show github --reveal",
            "title     github",
            "group     work",
            "user      me",
            "password  first-pw",
            "strength  unknown: it was not generated here",
            "codes     no",
            "url       https://github.com",
            "tags      code, daily",
            "history   2 earlier versions",
            "made      2026-01-01 00:00:00",
            "changed   2026-01-01 00:02:00",
            "id        #00000001",
            "skep> vault history github --forget",
            "Forget all earlier versions of 'github'? [y/N]",
            "Nothing was changed.",
            "skep> vault history github --forget",
            "Forget all earlier versions of 'github'? [y/N] y",
            "The earlier versions of 'github' are forgotten.",
            "skep> vault history github",
            "'github' has no earlier versions.",
        ],
    );
}

#[test]
fn what_is_removed_waits_in_the_bin_until_somebody_means_it() {
    let world = check_in(
        filled,
        &[
            "rm github",
            "rm github",
            "ls group:work",
            "ls is:recycled",
            "restore github",
            "restore github",
            "vault purge github",
            "y",
            "rm github",
            "vault purge github",
            "no",
            "vault purge github",
            "y",
            "rm nothing",
            "rm home/bank",
            "vault empty-bin",
            "",
            "vault empty-bin",
            "yes",
            "vault empty-bin",
        ],
        &[
            "skep> rm github",
            "'github' is in the bin: 'restore' takes it out.",
            "skep> rm github",
            "'github' is in the bin: 'restore' takes it out, 'vault purge' removes it for good.",
            "skep> ls group:work",
            "TITLE                    GROUP                USER                         CODES",
            "bank                     work                 me",
            "1 entry",
            "skep> ls is:recycled",
            "TITLE                    GROUP                USER                         CODES",
            "github                   work                 me",
            "1 entry",
            "skep> restore github",
            "'github' is out of the bin.",
            "skep> restore github",
            "'github' is not in the bin: 'rm' puts it there.",
            "skep> vault purge github",
            "Remove 'github' for good? [y/N] y",
            "'github' is not in the bin: 'rm' puts it there.",
            "skep> rm github",
            "'github' is in the bin: 'restore' takes it out.",
            "skep> vault purge github",
            "Remove 'github' for good? [y/N] no",
            "Nothing was changed.",
            "skep> vault purge github",
            "Remove 'github' for good? [y/N] y",
            "Removed 'github'.",
            "skep> rm nothing",
            "The vault has no entry 'nothing'.",
            "skep> rm home/bank",
            "'home/bank' is in the bin: 'restore' takes it out.",
            "skep> vault empty-bin",
            "Remove 1 entry for good? [y/N]",
            "Nothing was changed.",
            "skep> vault empty-bin",
            "Remove 1 entry for good? [y/N] yes",
            "Removed 1 entry.",
            "skep> vault empty-bin",
            "The bin is empty.",
        ],
    );
    assert_eq!(world.machine.borrow_mut().vault("vault").entries.len(), 1);
}

#[test]
fn groups_are_made_moved_and_put_into_the_bin() {
    let world = check_in(
        filled,
        &[
            "vault mkgroup work/servers",
            "vault mkgroup work",
            "vault mkgroup a/b",
            "vault mvgroup work/servers servers",
            "vault mvgroup nothing x",
            "vault rmgroup work",
            "n",
            "vault rmgroup work",
            "y",
            "vault groups",
        ],
        &[
            "skep> vault mkgroup work/servers",
            "Made the group 'work/servers'.",
            "skep> vault mkgroup work",
            "The vault has a group 'work' already.",
            "skep> vault mkgroup a/b",
            "The vault has no such group; 'vault groups' lists them.",
            "skep> vault mvgroup work/servers servers",
            "'work/servers' is 'servers' now.",
            "skep> vault mvgroup nothing x",
            "The vault has no such group; 'vault groups' lists them.",
            "skep> vault rmgroup work",
            "Put 'work' and all in it into the bin? [y/N] n",
            "Nothing was changed.",
            "skep> vault rmgroup work",
            "Put 'work' and all in it into the bin? [y/N] y",
            "'work' and all in it are in the bin.",
            "skep> vault groups",
            "home",
            "servers",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    assert!(machine.vault("vault").entry("github").in_bin);
    drop(machine);
    check_in(opened, &["vault groups"], &["skep> vault groups", "no groups"]);
}

#[test]
fn the_report_names_what_is_wrong_with_passwords() {
    check_in(opened, &["vault report"], &["skep> vault report", "No password is weak, reused or expired."]);
    let mut world = FakeWorld::new();
    opened(&mut world);
    let mut findings = [
        finding("a", Fault::Expired),
        finding("b", Fault::ExpiresSoon),
        finding("c\x1b[2J", Fault::Weak { centibits: 2_301 }),
    ]
    .to_vec();
    findings.extend((0..10).map(|_| finding("d", Fault::Reused { group: 1 })));
    world.machine.borrow_mut().vault("vault").findings = findings;
    let shown = play(&mut world, &["vault report"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "skep> vault report",
            "expired       work/a",
            "expires soon  work/b",
            "weak          work/c␛[2J: 23.01 bits",
            "reused        work/d: password 1",
        ]
    );
    assert_eq!((lines.len(), lines.last()), (1 + 13 + 1, Some(&"13 findings")));
}
