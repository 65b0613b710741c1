//! What libFuzzer says while it runs, as figures.

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Inputs run.
    pub runs: u64,
    /// Inputs a second, over the whole run.
    pub a_second: u64,
    /// Edges of the code that any input has reached.
    pub edges: u64,
    /// Inputs found that reached something new.
    pub new: u64,
}

/// Takes the figures from a line such as `#524288 NEW cov: 810 ft: 1203 corp: 90/2Kb exec/s: 43690 rss: 40Mb`.
///
/// `None` for any other line.
#[must_use]
pub fn read_line(line: &str, before: Figures) -> Option<Figures> {
    let rest = line.strip_prefix('#')?;
    let mut words = rest.split_whitespace();
    let runs: u64 = words.next()?.parse().ok()?;
    let event = words.next()?;
    let words: Vec<&str> = words.collect();
    let after = |name: &str| {
        let place = words.iter().position(|word| *word == name)?;
        words.get(place + 1)?.parse::<u64>().ok()
    };
    Some(Figures {
        runs,
        a_second: after("exec/s:").filter(|number| *number > 0).unwrap_or(before.a_second),
        edges: after("cov:").unwrap_or(before.edges),
        new: before.new + u64::from(event == "NEW"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_lines_of_the_engine_and_from_no_others() {
        let line = "#524288\tNEW    cov: 810 ft: 1203 corp: 90/2Kb lim: 4096 exec/s: 43690 rss: 40Mb L: 4/4 MS: 1 X-";
        let one = read_line(line, Figures::default());
        assert_eq!(one, Some(Figures { runs: 524_288, a_second: 43690, edges: 810, new: 1 }));
        let pulse = read_line(
            "#600000\tpulse  cov: 811 ft: 1 corp: 1/1b exec/s: 0 rss: 1Mb",
            one.unwrap_or_default(),
        );
        assert_eq!(pulse, Some(Figures { runs: 600_000, a_second: 43690, edges: 811, new: 1 }));
        for other in ["INFO: seed corpus: files: 60", "#x NEW", "", "==1== ERROR: libFuzzer: deadly signal"] {
            assert_eq!(read_line(other, Figures::default()), None, "{other}");
        }
    }
}
