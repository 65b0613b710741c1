//! Disposables: qubes that live only while somebody has a use for them.
//!
//! An entry of `qubes` says `disposable = true`; `instances = N` makes several, `NAME-1` to `NAME-N`, and `NAME` then means
//! all of them in channels and rules; `for = "CALLER"` says on whose behalf they are opened.
//!
//! Not here: what the caller's rules take away from a disposable (`policy/narrow.rs`), lives (`supervisor/monitor`).

use std::ops::Range;

use ipc_proto_types::{MAX_QUBES, NAME_MAX, QubeIndex, QubeName};

use crate::nearest::nearest;
use crate::problem::{At, Source};
use crate::qube_file::QubeFile;
use crate::section::Section;
use crate::system::{Qube, Restart};
use crate::system_file::ChannelEntry;

/// What an entry of `qubes` says about its disposables.
pub(crate) struct Disposable {
    instances: Option<At<u64>>,
    opened_for: Option<At<String>>,
}

impl Disposable {
    /// Reads the keys; `None` when the entry is no disposable.
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let flag = section.flag("disposable");
        let instances = section.number("instances", 1, MAX_QUBES as u64);
        let opened_for = section.text("for");
        if flag.is_some_and(|flag| flag.value) {
            if let Some((_, span)) = section.value("restart") {
                let expected =
                    "none beside `disposable = true`: it starts when it is asked for, and never by itself";
                section.source.problem(
                    span.start,
                    "`restart` of a disposable",
                    expected,
                    Some("take it out".into()),
                );
            }
            return Some(Self { instances, opened_for });
        }
        let keys = [("instances", instances.map(|it| it.span)), ("for", opened_for.map(|it| it.span))];
        for (key, span) in keys.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            let found = format!("`{key}` of a qube that is no disposable");
            let fix = format!("add `disposable = true`, or take `{key}` out");
            section.source.problem(span.start, found, "`disposable = true` beside it", Some(fix));
        }
        None
    }

    /// The qubes that an entry makes of its `qube.toml`.
    pub(crate) fn qubes(
        self,
        mut qube: QubeFile,
        span: &Range<usize>,
        source: &mut Source,
    ) -> Vec<At<QubeFile>> {
        qube.restart = Restart::OnDemand;
        qube.opened_for = self.opened_for;
        if let Some(device) = qube.devices.first() {
            let found = format!("a disposable that owns the device \"{}\"", device.word());
            let expected = "no `devices`: a device remembers what its last user did";
            source.problem(span.start, found, expected, None);
        }
        let Some(At { value: count, span: at }) = self.instances else {
            return vec![At { value: qube, span: span.clone() }];
        };
        let family = qube.name.value;
        let mut qubes = Vec::new();
        for number in 1..=count {
            let Ok(name) = QubeName::new(&format!("{family}-{number}")) else {
                let found = format!("`{family}-{number}`, the name of an instance");
                let longest = NAME_MAX - 1 - count.to_string().len();
                let fix = format!("give the entry a `name` of at most {longest} letters");
                source.problem(at.start, found, format!("at most {NAME_MAX} letters"), Some(fix));
                break;
            };
            let mut qube = QubeFile { family: Some(family), ..qube.clone() };
            qube.name.value = name;
            qubes.push(At { value: qube, span: span.clone() });
        }
        qubes
    }
}

/// On whose behalf each qube is opened.
pub(crate) fn resolve(files: &[At<QubeFile>], source: &mut Source) -> Vec<Option<QubeIndex>> {
    files.iter().map(|file| opener(&file.value, files, source)).collect()
}

fn opener(qube: &QubeFile, files: &[At<QubeFile>], source: &mut Source) -> Option<QubeIndex> {
    let At { value: wanted, span } = qube.opened_for.as_ref()?;
    let place = files.iter().position(|file| file.value.name.value == *wanted.as_str());
    let others = || files.iter().map(|file| &file.value).filter(|file| file.restart != Restart::OnDemand);
    let names: Vec<String> = others().map(|file| file.name.value.to_string()).collect();
    let expected = format!("one of {}", names.join(", "));
    match place.map(|place| &files[place].value) {
        Some(opener) if opener.restart == Restart::OnDemand => {
            let found = format!("`{}` opened for `{wanted}`, a disposable", qube.name.value);
            source.problem(span.start, found, expected, None);
            None
        }
        Some(_) => QubeIndex::new(u8::try_from(place?).ok()?),
        None => {
            let fix = nearest(wanted, names.iter().map(String::as_str)).map(|near| format!("write `{near}`"));
            source.problem(span.start, format!("no qube `{wanted}` in this system"), expected, fix);
            None
        }
    }
}

/// The channels of a system file with one for each member of the families that they name.
pub(crate) fn spread(entries: Vec<ChannelEntry>, qubes: &[Qube]) -> Vec<ChannelEntry> {
    let members = |end: &At<String>| -> Vec<At<String>> {
        let members =
            qubes.iter().filter(|qube| qube.family.is_some_and(|family| family == *end.value.as_str()));
        let names: Vec<_> =
            members.map(|qube| At { value: qube.name.to_string(), span: end.span.clone() }).collect();
        if names.is_empty() { vec![end.clone()] } else { names }
    };
    let mut all = Vec::new();
    for entry in entries {
        for client in members(&entry.client) {
            let with = |server| ChannelEntry { client: client.clone(), server, ..entry.clone() };
            all.extend(members(&entry.server).into_iter().map(with));
        }
    }
    all
}
