//! Who may talk to whom, for Graphviz.

use std::fmt::Write as _;

use build_manifest::System;

use crate::link::{Group, Link, Openness, SUPERVISOR, links};
use crate::svg::tint;

/// The picture in the DOT language. Solid: allowed; dashed: asks; dotted: depends on the message; a line that ends in a bar:
/// everything denied. Every line also says it in words.
#[must_use]
pub fn dot(system: &System) -> String {
    let mut out =
        format!("// Who may talk to whom in {}.\ndigraph {} {{\n", system.name, quoted(system.name.as_str()));
    out += "    rankdir=LR;\n    node [shape=box, style=filled, fontname=\"sans-serif\"];\n";
    out += "    edge [fontname=\"sans-serif\", fontsize=10];\n";
    for qube in &system.qubes {
        let text = format!("{} {}\n{}", qube.label.shape(), qube.name, qube.label);
        let (fill, ink) = tint(qube.label);
        let _ = writeln!(
            out,
            "    {} [label={}, color=\"{ink}\", fillcolor=\"{fill}\", penwidth=2];",
            quoted(qube.name.as_str()),
            quoted(&text)
        );
    }
    let links = links(system);
    if links.iter().any(|link| link.server == SUPERVISOR) {
        let _ = writeln!(
            out,
            "    {} [label=\"supervisor\", shape=doubleoctagon, fillcolor=white];",
            quoted(SUPERVISOR)
        );
    }
    for link in &links {
        for group in shown(link) {
            let text = format!("{}\n{}", caption(link, group), group.openness.word());
            let _ = writeln!(
                out,
                "    {} -> {} [label={}, {}];",
                quoted(&link.client),
                quoted(&link.server),
                quoted(&text),
                style(&group.openness)
            );
        }
    }
    out + "}\n"
}

/// The groups that get a line of their own: what is open, or, where nothing is, what is denied.
pub(crate) fn shown(link: &Link) -> impl Iterator<Item = &Group> {
    let open = link.is_open();
    link.groups.iter().filter(move |group| group.openness.is_open() == open)
}

/// `service: methods`, and what depends on what.
pub(crate) fn caption(link: &Link, group: &Group) -> String {
    let text = format!("{}: {}", link.service, link.methods(group));
    match &group.openness {
        Openness::Conditional(rules) => format!("{text} ({rules})"),
        _ => text,
    }
}

fn style(openness: &Openness) -> &'static str {
    match openness {
        Openness::Allowed => "style=solid",
        Openness::Asked => "style=dashed, arrowhead=empty",
        Openness::Conditional(_) => "style=dotted, penwidth=2, arrowhead=vee",
        Openness::Denied => "style=solid, color=\"#777777\", arrowhead=tee",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
