//! `skep bench` in a project: what one call of each method of its services costs.
//!
//! The measuring qube is added to the project's own system and calls each method so often and then twice as often, with an
//! example of its arguments; the difference of the two runs is the price of the calls. Each run is made twice and must give the same
//! numbers. The policy that the project has for its own qubes stays as it is; the measuring qube gets rules of its own.

use std::fmt::Write as _;
use std::path::PathBuf;

use build_manifest::{Addition, System};
use ipc_proto_types::QubeName;
use ipc_proto_wire::{Fields, Method, MethodKind, Service, Shape};
use serde_json::json;

use super::{Figures, QUBE, build_plugin, figures, run};
use crate::builder::{build_parts, read_system_with};
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::{Project, Workspace};
use crate::{doctor, table};

/// Calls of the shorter and of the longer run.
const COUNTS: [u32; 2] = [500, 1000];
/// Longest body in hexadecimal digits: the arguments of a qube are 256 bytes.
const DIGITS_MAX: usize = 160;

/// A method to be measured.
struct Target {
    qube: QubeName,
    service: &'static Service,
    number: usize,
    method: &'static Method,
    body: String,
}

/// Measures the project's services; prints a table and writes `target/skep/bench.json`.
pub(super) fn bench(workspace: &Workspace, project: &Project, report: Report) -> Outcome<PathBuf> {
    doctor::ensure(&[Task::Build, Task::Run], report)?;
    let path = workspace.system("")?;
    let plain = report.step("check the system", || read_system_with(workspace, &path, None))?;
    let targets = targets(&plain, project);
    if targets.is_empty() {
        return Err(Failure::wrong("no qube of this project serves a method that answers"));
    }
    let addition = addition(workspace, &targets);
    let system = read_system_with(workspace, &path, Some(&addition))?;
    build_parts(workspace, &system, report)?;
    report.step("build the counter", || build_plugin(workspace))?;
    let mut rows = vec![["one call of", "exits", "supervisor", "qubes"].map(str::to_owned).to_vec()];
    let mut figures = Vec::new();
    for target in &targets {
        let name = format!("{}.{}", target.service.name, target.method.name);
        let cost = report.step(&format!("measure {name}"), || measure(workspace, &system, target))?;
        rows.push([name.clone(), figure(cost[0]), figure(cost[1]), figure(cost[2])].to_vec());
        figures.push(json!({ "method": name, "exits": cost[0], "supervisor_instructions": cost[1],
            "qube_instructions": cost[2], "body": target.body }));
    }
    for line in table::lines(&rows, &[1, 2, 3]) {
        println!("{line}");
    }
    println!(
        "instructions; the body of a call is an example made from the schema; each run twice, identical"
    );
    let path = workspace.output().join("bench.json");
    let text = format!("{:#}\n", json!(figures));
    std::fs::write(&path, text).map_err(|error| Failure::of(path.display(), &error))?;
    Ok(path)
}

/// Every method that answers, of every service that a qube built by the project serves.
fn targets(system: &System, project: &Project) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for channel in &system.channels {
        let server = channel.server.and_then(|server| system.qube(server));
        let (Some(server), Some(service)) = (server, system.service(channel)) else { continue };
        let is_ours = project.packages.iter().any(|package| package.name == server.package);
        let is_known = targets.iter().any(|known| known.service.id == service.id);
        if !is_ours || is_known {
            continue;
        }
        for (number, method) in service.methods.iter().enumerate() {
            let mut body = Vec::new();
            example(method.request, &mut body);
            let body: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
            if method.kind == MethodKind::Call && body.len() <= DIGITS_MAX {
                targets.push(Target { qube: server.name, service, number, method, body });
            }
        }
    }
    targets
}

/// The measuring qube, with a channel to each service and rules that come before the system's own.
fn addition(workspace: &Workspace, targets: &[Target]) -> Addition {
    let mut calls = vec![("@supervisor".to_owned(), "ctl".to_owned())];
    let mut policy = format!("ctl.* {QUBE} @supervisor allow\n");
    for Target { qube, service, .. } in targets {
        let call = (qube.to_string(), service.name.to_owned());
        if !calls.contains(&call) {
            let _ = writeln!(policy, "{}.* {QUBE} {qube} allow", service.name);
            calls.push(call);
        }
    }
    Addition { folder: workspace.root.join("tests/perf-qube"), calls, policy }
}

/// Exits, supervisor instructions and qube instructions of one call.
fn measure(workspace: &Workspace, system: &System, target: &Target) -> Outcome<[f64; 3]> {
    let mut runs = Vec::new();
    for count in COUNTS {
        let name = format!("{}-{}-{count}", target.service.name, target.method.name);
        let Target { service, number, body, .. } = target;
        let body = if body.is_empty() { String::new() } else { format!(" body={body}") };
        let args = format!("task=raw count={count} service={} method={number}{body}", service.name);
        let first = run(workspace, system.clone(), &name, &args, (Clock::Counted, &[]))?;
        let second = run(workspace, system.clone(), &name, &args, (Clock::Counted, &[]))?;
        figures::same(&name, &first, &second)?;
        runs.push(first);
    }
    let slope = |name: &str| {
        let of = |run: &Figures| run.get(name).copied();
        let (Some(short), Some(long)) = (runs.first().and_then(of), runs.get(1).and_then(of)) else {
            return Err(Failure::failed(format!("a run did not say `{name}`")));
        };
        Ok((long - short) / f64::from(COUNTS[1] - COUNTS[0]))
    };
    let (exits, supervisor, all) = (slope("call_exits")?, slope("host")?, slope("call_ticks")?);
    Ok([exits, supervisor, all - supervisor])
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}

/// A body that fits: short texts and lists, first variants.
fn example(shape: &Shape, body: &mut Vec<u8>) {
    const TEXT: &[u8] = b"skep";
    match *shape {
        Shape::Unit => {}
        Shape::Bool | Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 => body.push(1),
        Shape::I8 => body.push(1),
        // Zigzag: 2 is 1.
        Shape::I16 | Shape::I32 | Shape::I64 => body.push(2),
        Shape::Text(max) | Shape::Bytes(max) => {
            let text = TEXT.get(..TEXT.len().min(max as usize)).unwrap_or_default();
            body.push(u8::try_from(text.len()).unwrap_or(0));
            body.extend(text);
        }
        Shape::List(item, max) => {
            body.push(u8::from(max > 0));
            if max > 0 {
                example(item, body);
            }
        }
        Shape::Array(item, length) => (0..length).for_each(|_| example(item, body)),
        Shape::Option(value) => {
            body.push(1);
            example(value, body);
        }
        Shape::Result(value, _) => {
            body.push(0);
            example(value, body);
        }
        Shape::Tuple(items) => items.iter().for_each(|item| example(item, body)),
        Shape::Struct(_, ref fields) => example_fields(fields, body),
        Shape::Enum(_, variants) => {
            body.push(0);
            variants.iter().take(1).for_each(|variant| example_fields(&variant.fields, body));
        }
        Shape::Secret(value) => example(value, body),
    }
}

fn example_fields(fields: &Fields, body: &mut Vec<u8>) {
    match *fields {
        Fields::Unit => {}
        Fields::Unnamed(items) => items.iter().for_each(|item| example(item, body)),
        Fields::Named(fields) => fields.iter().for_each(|field| example(field.shape, body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_proto_types::{Kind, Role};
    use ipc_proto_wire::Table;

    #[test]
    fn the_example_of_every_method_fits_its_schema() {
        for service in build_manifest::Catalogue::builtin().services() {
            let table = Table::parse(service.table).unwrap();
            for (number, method) in (0..).zip(service.methods) {
                let (mut body, kind) = (Vec::new(), method.kind);
                example(method.request, &mut body);
                let (sender, kind) = match kind {
                    MethodKind::Call => (Role::Client, Kind::Call),
                    MethodKind::Oneway => (Role::Client, Kind::Event),
                    MethodKind::Event => (Role::Server, Kind::Event),
                };
                let checked = table.check_body(sender, kind, number, &body, &mut ());
                assert_eq!(checked, Ok(()), "{}.{}", service.name, method.name);
            }
        }
    }
}
