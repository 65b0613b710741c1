//! What an attack should lead to.

use crate::facts::Facts;

/// End of a qube that its attack did not end.
const SURVIVED: &str = "exit:77";
/// From here on a reason of the audit says how a qube ended.
const ENDED: u8 = 0x80;

/// What an attack should lead to: an end, refusals, and what the attacker saw.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Any of these; a colon at the end stands for any number behind it.
    ends: Vec<&'static str>,
    refusals: Vec<u8>,
    more_refusals: bool,
    saw: Vec<&'static str>,
    canary_got: Vec<&'static str>,
    generation: Option<u32>,
    killed: bool,
}

/// The attack is the qube's end, in one of these ways: `memory:0x1000`, or `memory:` for any address.
#[must_use]
pub fn ends(ends: &[&'static str]) -> Expected {
    Expected { ends: ends.to_vec(), ..Expected::default() }
}

/// The qube goes on after the attack.
#[must_use]
pub fn survives() -> Expected {
    ends(&[SURVIVED])
}

impl Expected {
    /// Refused for exactly these reasons, as the audit numbers them (`ipc-proto/ctl-api`, `why.rs`).
    #[must_use]
    pub fn refused(mut self, reasons: &[u8]) -> Self {
        self.refusals.extend(reasons);
        self
    }

    /// Other reasons may come on top: for noise.
    #[must_use]
    pub fn and_more(mut self) -> Self {
        self.more_refusals = true;
        self
    }

    /// The attacker saw this.
    #[must_use]
    pub fn saw(mut self, what: &'static str) -> Self {
        self.saw.push(what);
        self
    }

    /// The canary called it and got this.
    #[must_use]
    pub fn canary_got(mut self, what: &'static str) -> Self {
        self.canary_got.push(what);
        self
    }

    /// It was killed at the end, which took effect.
    #[must_use]
    pub fn killed(mut self) -> Self {
        self.killed = true;
        self
    }

    /// The attacker may begin new lives and is in this one at least when the canary looks last.
    #[must_use]
    pub fn in_life(mut self, generation: u32) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Whether the attack came to this.
    ///
    /// # Errors
    /// Says what did not.
    pub fn judge(&self, attack: &str, facts: &Facts) -> Result<(), String> {
        let logged = |text: String| facts.lines_of(attack).any(|line| line == text);
        if !logged(format!("attack {attack} begins")) {
            return Err("the attack never began".into());
        }
        let Some(qube) = facts.qube(attack) else {
            return Err("the canary does not know the attacker".into());
        };
        let is =
            |end: &&&str| if end.ends_with(':') { qube.end.starts_with(**end) } else { qube.end == **end };
        let Some(end) = self.ends.iter().find(is) else {
            return Err(format!("it ended with {:?}, expected {:?}", qube.end, self.ends));
        };
        if (*end == SURVIVED) != logged(format!("attack {attack} done")) {
            return Err(format!("it ended with {end}, and the attack's last words do not fit"));
        }
        let right = match self.generation {
            None => qube.generation == 1,
            Some(least) => qube.generation >= least,
        };
        if !right {
            return Err(format!("it is in life {}", qube.generation));
        }
        let killed = format!("{attack} generation {} ended: killed", qube.generation);
        if self.killed && !facts.lines_of("skep").any(|line| line == killed) {
            return Err("it was not killed".into());
        }
        self.judge_audit(attack, end, qube.refused, facts)?;
        for what in &self.saw {
            if !facts.lines_of(attack).any(|line| line.starts_with("saw ") && line.contains(what)) {
                return Err(format!("it did not see {what:?}"));
            }
        }
        for what in &self.canary_got {
            let said = format!("canary: asked {attack} got ");
            if !facts.lines_of("canary").any(|line| line.strip_prefix(&said) == Some(what)) {
                return Err(format!("the canary did not get {what:?}"));
            }
        }
        Ok(())
    }

    fn judge_audit(&self, attack: &str, end: &str, refused: u64, facts: &Facts) -> Result<(), String> {
        let reasons: Vec<u8> = facts.audit(attack).iter().map(|line| line.why).collect();
        let code = end_code(end);
        if code.is_some_and(|code| !reasons.contains(&code)) {
            return Err(format!("its end ({end}) is not in the audit: {reasons:x?}"));
        }
        let refusals: Vec<u8> = reasons.into_iter().filter(|why| *why < ENDED).collect();
        if let Some(missing) = self.refusals.iter().find(|why| !refusals.contains(why)) {
            return Err(format!("no refusal {missing:#x} in the audit: {refusals:x?}"));
        }
        if let Some(surplus) = refusals.iter().find(|why| !self.more_refusals && !self.refusals.contains(why))
        {
            return Err(format!("refused for {surplus:#x} as well"));
        }
        if !self.refusals.is_empty() && refused == 0 {
            return Err("refusals were not counted".into());
        }
        Ok(())
    }
}

/// How the audit numbers an end. Killed at the very last, the audit is read no more.
fn end_code(end: &str) -> Option<u8> {
    let word = end.split(':').next().unwrap_or(end);
    Some(match word {
        "exit" => 0x80,
        "panicked" => 0x82,
        "memory" => 0x83,
        "exception" => 0x84,
        "port" => 0x85,
        "msr" => 0x86,
        "triple-fault" => 0x87,
        "instruction" => 0x88,
        _ => return None,
    })
}
