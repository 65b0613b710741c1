//! A person who does everything that the guide says, page after page, sees what it promises.

#![forbid(unsafe_code)]

use tests_guide::{Place, read_page};

#[test]
fn everything_the_guide_says_is_so() {
    let home = tests_e2e::root();
    let mut place = Place::new(&home);
    // Skep itself is built where it always is; the projects of all pages share one folder that lasts.
    place.share_target(&home.join("target/guide"));
    let entries = std::fs::read_dir(home.join("docs/guide")).expect("the guide");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut pages: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    pages.sort();
    assert_eq!(pages.first().map(String::as_str), Some("1-first-qube.md"), "the page that installs the tool");
    let wrong: Vec<String> = pages.iter().filter_map(|page| read_page(&mut place, page).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
