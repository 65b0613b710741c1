//! A whole system in words: its qubes, who may call what of whom, where on the network, and who can reach the vaults.

use std::fmt::Write as _;

use build_manifest::System;

use crate::link::{Openness, links};
use crate::network::rules;
use crate::reach::{Places, reach};
use crate::table;
use crate::vault::vaults;

/// The text; it says nothing of lines, sizes or versions, so that it changes exactly when authority does.
#[must_use]
pub fn words(system: &System) -> String {
    let mut out = format!("qubes of {}\n", system.name);
    let mut rows = Vec::new();
    for qube in &system.qubes {
        let devices: Vec<String> = qube.devices.iter().map(|device| device.word()).collect();
        let unprotected = if qube.dma_unprotected { ", also without an IOMMU" } else { "" };
        let owns = if devices.is_empty() {
            String::new()
        } else {
            format!("owns {}{unprotected}", devices.join(", "))
        };
        rows.push(vec![
            format!("  {}", qube.label.shape()),
            qube.name.to_string(),
            qube.label.to_string(),
            owns,
        ]);
    }
    push(&mut out, &rows);
    let _ = writeln!(out, "\nwho may call what");
    let mut rows = Vec::new();
    for link in links(system) {
        for group in &link.groups {
            let verdict = match &group.openness {
                Openness::Conditional(rules) => rules.clone(),
                other => other.word().to_owned(),
            };
            rows.push(vec![
                format!("  {}", link.client),
                format!("-> {}", link.server),
                format!("{}: {}", link.service, link.methods(group)),
                verdict,
            ]);
        }
    }
    push(&mut out, &rows);
    for (name, lines) in rules(system) {
        let _ = writeln!(out, "\nwhat {name} lets its clients do, the first line that matches:");
        lines.iter().for_each(|line| out += &format!("  {line}\n"));
        if lines.is_empty() {
            out += "  nothing\n";
        }
    }
    for qube in vaults(system) {
        let _ = write!(out, "\n{}", reach(system, qube.name.as_str(), Places::Left).unwrap_or_default());
    }
    if vaults(system).next().is_none() {
        let _ = writeln!(out, "\nno qube has the label vault");
    }
    out
}

fn push(out: &mut String, rows: &[Vec<String>]) {
    for line in table::lines(rows, &[]) {
        let _ = writeln!(out, "{line}");
    }
}
