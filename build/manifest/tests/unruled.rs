//! A channel that no rule mentions is told, with the rule to add; one that is denied on purpose is not.

mod common;

use build_manifest::unruled_channels;
use common::{Folder, with_policy};

fn told(test: &str, policy: &str) -> String {
    let folder = Folder::new(test);
    let system = folder.load(&with_policy(policy)).expect("a right manifest");
    unruled_channels(&system)
        .to_string()
        .replace(&format!("{}/", folder.path("").display()).replace("//", "/"), "")
}

#[test]
fn a_forgotten_channel_is_told_with_its_line_and_the_rule_to_add() {
    let policy = "vault.* console keeper allow\nctl.kill console @supervisor allow\n";
    assert_eq!(
        told("forgotten", policy),
        "system.toml:19:1: a channel on which nothing is allowed: no rule mentions `echo` from `keeper` to `parrot`\n  \
         expected: a rule for it in `policy`; what no rule matches is denied\n  \
         fix: add `echo.say  keeper  parrot  allow`; or take the channel out"
    );
}

#[test]
fn the_supervisor_and_the_other_methods_are_named() {
    let told = told("many", "echo.say keeper parrot allow\n");
    assert!(
        told.contains("fix: add `vault.status  console  keeper  allow`; likewise for open, show, as far"),
        "{told}"
    );
    assert!(told.contains("fix: add `ctl.kill  console  @supervisor  allow`; or take"), "{told}");
}

#[test]
fn the_rule_to_add_is_a_rule_that_cures() {
    let policy = "vault.status  console  keeper  allow\nctl.kill  console  @supervisor  allow\necho.say  keeper  parrot  allow\n";
    assert_eq!(told("cured", policy), "");
}

#[test]
fn what_is_denied_on_purpose_or_allowed_in_part_is_not_told() {
    let policy = "vault.show console keeper allow { reveal: false }\nctl.* console @supervisor deny\n*.* @anyvm parrot deny\n";
    assert_eq!(told("on-purpose", policy), "");
}
