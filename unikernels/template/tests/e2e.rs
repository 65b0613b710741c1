//! The system in QEMU, as the person at its terminal sees it. `cargo skep test` runs it; a plain `cargo test` does not.

#![forbid(unsafe_code)]

use tests_e2e::{Terminal, plain};

#[test]
#[ignore = "boots QEMU: cargo skep test asks for it"]
fn a_person_signs_at_the_terminal() {
{%- if inside %}
    let mut terminal = Terminal::run("{{project-name}}");
{%- else %}
    let mut terminal = Terminal::run_in(env!("CARGO_MANIFEST_DIR"), "system.toml");
{%- endif %}
    let said = plain(&terminal.command("call {{serves}}.sign Ada"));
    assert!(said.contains('1'), "{said}");
    let said = plain(&terminal.command("call {{serves}}.sign Grace"));
    assert!(said.contains('2'), "{said}");
    assert_eq!(terminal.power_off().0, 0);
}
