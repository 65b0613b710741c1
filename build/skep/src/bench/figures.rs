//! Figures: found in logs, turned into what was promised, compared, shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};

/// Figures by name.
pub type Figures = BTreeMap<String, f64>;

/// How a promise comes out of the raw figures; `None` when one it needs is missing.
type Formula = fn(&Raw<'_>) -> Option<f64>;

/// One promise.
struct Promise {
    name: &'static str,
    what: &'static str,
    most: f64,
    formula: Formula,
}

/// Instructions of a byte, to those of something else, when an instruction moves 0.9 of the bytes.
const TENTH_LESS: f64 = 1.0 / 0.9;

/// The promises, in the order they are shown.
const PROMISES: [Promise; 21] = [
    Promise {
        name: "call.exits",
        what: "exits of a 64-byte call and its answer",
        most: 2.0,
        formula: |raw| raw.slope("call_exits", "calls"),
    },
    Promise {
        name: "call.supervisor",
        what: "supervisor instructions of that call",
        most: 400.0,
        formula: |raw| raw.slope("host", "calls"),
    },
    Promise {
        name: "stream.exits",
        what: "exits a message, 1,000 streamed one way",
        most: 0.1,
        formula: |raw| Some(raw.get("stream.stream_exits")? / raw.get("stream.stream_messages")?),
    },
    Promise {
        name: "idle.exits",
        what: "exits in 60 idle seconds",
        most: 0.0,
        formula: |raw| raw.get("idle.idle_exits"),
    },
    Promise {
        name: "exit.dearest",
        what: "instructions of the dearest exit, beside its copies",
        most: 3_000.0,
        formula: |raw| raw.largest(".dearest"),
    },
    Promise {
        name: "start.call",
        what: "instructions of a disposable's start, to an idle call of ctl",
        most: 5_000.0,
        formula: |raw| {
            Some((raw.get("start.start_ticks")? - raw.get("start.nothing_ticks")?) / raw.get("start.lives")?)
        },
    },
    Promise {
        name: "start.answer",
        what: "instructions from a disposable's start to its first answer",
        most: 100_000.0,
        formula: |raw| Some(raw.get("start.answer_ticks")? / raw.get("start.lives")?),
    },
    Promise {
        name: "boot.instructions",
        what: "instructions from entry to the first prompt",
        most: 20_000_000.0,
        formula: |raw| raw.get("boot.instructions"),
    },
    Promise {
        name: "supervisor.bytes",
        what: "bytes of memory of the supervisor",
        most: 1_048_576.0,
        formula: |raw| raw.get("supervisor.bytes"),
    },
    Promise {
        name: "supervisor.lines",
        what: "lines of Rust in the supervisor",
        most: 8_000.0,
        formula: |raw| raw.get("supervisor.lines"),
    },
    Promise {
        name: "speed.bytes-64",
        what: "validate and decode 64 bytes: bytes, to postcard's decode",
        most: 1.5,
        formula: |raw| raw.beside_postcard("bytes-64"),
    },
    Promise {
        name: "speed.text-64",
        what: "validate and decode 64 bytes: text, to postcard's decode",
        most: 1.5,
        formula: |raw| raw.beside_postcard("text-64"),
    },
    Promise {
        name: "speed.fields-64",
        what: "validate and decode 64 bytes: 9 fields, to postcard's decode",
        most: 1.5,
        formula: |raw| raw.beside_postcard("fields-64"),
    },
    Promise {
        name: "speed.bytes-65536",
        what: "instructions a byte to validate 64 KiB of bytes",
        most: 1.0,
        formula: |raw| Some(raw.get("speed.bytes-65536.validate")? / 65_536.0),
    },
    Promise {
        name: "speed.text-65536",
        what: "instructions a byte to validate 64 KiB of ASCII text",
        most: 1.0,
        formula: |raw| Some(raw.get("speed.text-65536.validate")? / 65_536.0),
    },
    Promise {
        name: "vault.unlock",
        what: "unlock of a vault of one entry, to Argon2id alone on Linux",
        most: 1.02,
        formula: |raw| Some(raw.get("vault0.unlock")? / raw.get("linux.derive")?),
    },
    Promise {
        name: "net.exits",
        what: "exits of the whole machine for 64 KiB of a stream of TCP",
        most: 4.0,
        formula: |raw| Some(raw.get("net.exits")? * 65_536.0),
    },
    Promise {
        name: "net.bytes",
        what: "a byte of that stream, to both ends of one over smoltcp's loopback",
        most: TENTH_LESS,
        formula: |raw| Some(raw.get("net.retired")? / raw.get("loopback.retired")?),
    },
    Promise {
        name: "open.page",
        what: "instructions of `open` of a page of 20 KiB, to its last line",
        most: 30_000_000.0,
        formula: |raw| raw.get("open.instructions"),
    },
    Promise {
        name: "volume.write",
        what: "a byte written to a volume in 60 KiB, to the driver by itself",
        most: TENTH_LESS,
        formula: |raw| Some(raw.get("volume.write_ticks")? / raw.get("raw.write_ticks")?),
    },
    Promise {
        name: "volume.read",
        what: "a byte read from a volume in 60 KiB, to the driver by itself",
        most: TENTH_LESS,
        formula: |raw| Some(raw.get("volume.read_ticks")? / raw.get("raw.read_ticks")?),
    },
];

/// Raw figures, `run.name`.
struct Raw<'a>(&'a Figures);

impl Raw<'_> {
    fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// What one more call costs: the difference of the two lengths of the run `call`.
    fn slope(&self, cost: &str, count: &str) -> Option<f64> {
        let of = |run: &str, name: &str| self.get(&format!("{run}.{name}"));
        Some((of("call2", cost)? - of("call1", cost)?) / (of("call2", count)? - of("call1", count)?))
    }

    /// What validating and decoding a message costs, to what postcard alone takes to decode it.
    fn beside_postcard(&self, message: &str) -> Option<f64> {
        let of = |operation: &str| self.get(&format!("speed.{message}.{operation}"));
        Some(of("validate+decode")? / of("postcard-decode")?)
    }

    fn largest(&self, ending: &str) -> Option<f64> {
        let values = self.0.iter().filter(|(name, _)| name.ends_with(ending)).map(|(_, value)| *value);
        values.reduce(f64::max)
    }
}

/// One promise and what was measured.
pub(super) struct Outcomes(Vec<(&'static Promise, Option<f64>)>);

/// The promises from the raw figures.
pub(super) fn results(raw: &Figures) -> Outcomes {
    let measured = |promise: &Promise| (promise.formula)(&Raw(raw)).filter(|value| value.is_finite());
    Outcomes(PROMISES.iter().map(|promise| (promise, measured(promise))).collect())
}

/// The figures in a log: `MARKname=value` anywhere in a line; the last one of a name wins.
#[must_use]
pub fn parse(log: &str, mark: &str) -> Figures {
    let figure = |line: &str| {
        let (_, rest) = line.split_once(mark)?;
        let (name, value) = rest.trim().split_once('=')?;
        let value: f64 = value.parse().ok()?;
        (value.is_finite() && !name.contains(' ')).then(|| (name.to_owned(), value))
    };
    log.lines().filter_map(figure).collect()
}

/// Two runs must not differ in anything.
pub(super) fn same(run: &str, first: &Figures, second: &Figures) -> Outcome<()> {
    if first == second {
        return Ok(());
    }
    let mut lines = vec![format!("two runs of `{run}` differ")];
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    for name in names.into_iter().filter(|name| first.get(*name) != second.get(*name)) {
        let show = |figures: &Figures| figures.get(name).map_or("nothing".to_owned(), |value| number(*value));
        lines.push(format!("  {name}: first {}, then {}", show(first), show(second)));
    }
    Err(Failure::failed(lines.join("\n")))
}

/// The table: what, target, measured, ratio, verdict.
pub(super) fn rows(results: &Outcomes) -> Vec<Vec<String>> {
    let mut rows = vec![["what", "target", "measured", "ratio", ""].map(str::to_owned).to_vec()];
    for (promise, measured) in &results.0 {
        let (measured, ratio, verdict) = match measured {
            Some(value) => (number(*value), ratio(*value, promise.most), verdict(*value, promise.most)),
            None => ("not measured".into(), String::new(), "MISSED"),
        };
        rows.push(vec![promise.what.to_owned(), number(promise.most), measured, ratio, verdict.to_owned()]);
    }
    rows
}

fn verdict(value: f64, most: f64) -> &'static str {
    if value <= most { "ok" } else { "MISSED" }
}

fn ratio(value: f64, most: f64) -> String {
    if most > 0.0 { format!("{:.3}", value / most) } else { String::new() }
}

/// Thousands apart; three digits after the point unless it is a whole number.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "000"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction == "000" { grouped } else { format!("{grouped}.{fraction}") }
}

/// Promises and raw figures, for programs.
pub(super) fn to_json(results: &Outcomes, raw: &Figures) -> Value {
    let promises = results.0.iter().map(|(promise, measured)| {
        json!({
            "name": promise.name,
            "what": promise.what,
            "target": promise.most,
            "measured": measured,
            "met": measured.is_some_and(|value| value <= promise.most),
        })
    });
    json!({ "promises": promises.collect::<Vec<_>>(), "raw": raw, "identical": true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn figures_are_found_in_a_log_of_other_things() {
        let log =
            "[0.1] start\n[0.2] perf: bench: calls=2\nbench: x=0.031\nbench: bad\nbench: a b=1\nplugin: y=1";
        let expected = [("calls".to_owned(), 2.0), ("x".to_owned(), 0.031)];
        assert_eq!(parse(log, "bench: "), Figures::from(expected));
    }

    #[test]
    fn two_runs_that_differ_are_an_error_that_names_the_figure() {
        let (first, second) =
            (parse("bench: a=1\nbench: b=2", "bench: "), parse("bench: a=1\nbench: b=3", "bench: "));
        assert!(same("call", &first, &first).is_ok());
        let message = same("call", &first, &second).unwrap_err().message;
        assert_eq!(message, "two runs of `call` differ\n  b: first 2, then 3");
    }

    #[test]
    fn a_missed_or_unmeasured_promise_is_said_plainly() {
        let raw = [
            ("call1.calls", 1000.0),
            ("call2.calls", 2000.0),
            ("call1.call_exits", 2100.0),
            ("call2.call_exits", 4100.0),
            ("call1.host", 1_000_000.0),
            ("call2.host", 1_612_000.0),
            ("call1.dearest", 2_000.0),
            ("idle.dearest", 2_500.0),
        ];
        let raw: Figures = raw.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let table = table::lines(&rows(&results(&raw)), &[1, 2, 3]).join("\n");
        let line = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(line("exits of a 64-byte call").ends_with("2             2  1.000  ok"), "{table}");
        assert!(line("supervisor instructions").ends_with("400           612  1.530  MISSED"), "{table}");
        assert!(line("exits in 60 idle").ends_with("0  not measured         MISSED"), "{table}");
        assert!(line("instructions of the dearest").ends_with("3,000         2,500  0.833  ok"), "{table}");
    }
}
