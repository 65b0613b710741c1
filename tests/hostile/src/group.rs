//! A system of attackers and a canary: its manifest, its one boot.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use tests_harness::{Boot, Clock, Failure, Outcome, Packed};

use crate::expected::Expected;
use crate::facts::Facts;

/// Most attackers of a system: the canary and the honest server are there too.
pub const ATTACKERS_MAX: usize = ipc_proto_types::MAX_QUBES - 2;

/// How long a boot may take: a flood under instruction counting takes some ten seconds of a shared processor.
const LIMIT: Duration = Duration::from_secs(240);

/// Steps of the canary's work beside attackers that never end: several slices of it.
const LONG_WORK: u32 = 500_000;

/// Attackers that begin a new life after each end.
const RESTARTED: [&str; 2] = ["leave-behind", "crash-loop"];

/// Where attackers sit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Without any channel.
    Alone,
    /// Without any channel, until the canary kills them after so many virtual milliseconds.
    Endless(u32),
    /// A client and its server, both attackers, until the canary kills them after so many virtual milliseconds.
    Pair(u32),
    /// Clients of the honest `echo`, which the policy lets call all methods but `sunk`.
    Clients,
    /// Clients of the canary, which never answers as `vault`.
    VaultClients,
    /// Servers that the canary calls as if they were `echo`.
    Servers,
}

/// A system with one qube for each of some attacks.
#[derive(Debug)]
pub struct Group {
    name: &'static str,
    place: Place,
    attacks: &'static [&'static str],
    facts: OnceLock<Outcome<Facts>>,
}

impl Group {
    /// A group that has not been booted. Its name is in capitals, as that of a static.
    #[must_use]
    pub const fn new(name: &'static str, place: Place, attacks: &'static [&'static str]) -> Self {
        assert!(attacks.len() <= ATTACKERS_MAX, "too many attackers for one system");
        Self { name, place, attacks, facts: OnceLock::new() }
    }

    /// Boots the group, if nobody has, and judges one of its attacks.
    ///
    /// # Panics
    /// When anything is not as it should be.
    pub fn check(&self, attack: &str, expected: &Expected) {
        let facts = match self.facts.get_or_init(|| self.boot()) {
            Ok(facts) => facts,
            Err(failure) => panic!("{}: {failure}", self.name),
        };
        let judged = facts.is_quiet(self.attacks.len()).and_then(|()| expected.judge(attack, facts));
        if let Err(fault) = judged {
            panic!("{attack}: {fault}\n{}", facts.about(attack));
        }
    }

    fn boot(&self) -> Outcome<Facts> {
        let packed = Packed::text(&self.manifest())?;
        let ended = Boot::of(&packed).clock(Clock::Counted).limit(LIMIT).start()?.finish()?;
        let names = packed.system.qubes.iter().map(|qube| qube.name.to_string()).collect();
        if let Some(folder) = std::env::var_os("SKEP_KEEP_LOGS") {
            let path = std::path::Path::new(&folder).join(format!("{}.log", self.name));
            std::fs::write(&path, ended.log.join("\n"))
                .map_err(|error| Failure::of(path.display(), &error))?;
        }
        Ok(Facts::read(&ended, names))
    }

    fn manifest(&self) -> String {
        let mut qubes = String::new();
        let mut policy = "echo.* canary echo allow\nctl.* canary @supervisor allow\n".to_owned();
        let mut channels = channel("canary", "echo", "echo") + &channel("canary", "@supervisor", "ctl");
        for attack in self.attacks {
            let restart = if RESTARTED.contains(attack) { "always" } else { "never" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                qubes,
                "    {{ path = \"../../tests/hostile-qube\", name = \"{attack}\", args = \"attack={attack}\", \
                 restart = \"{restart}\" }},"
            );
            let (rules, ends) = self.place_one(attack);
            policy += &rules;
            channels += &ends;
        }
        let canary = match self.place {
            Place::Endless(for_ms) | Place::Pair(for_ms) => format!("for_ms={for_ms} steps={LONG_WORK}"),
            _ => String::new(),
        };
        format!(
            "name = \"{}\"\nmemory = \"64MiB\"\nqubes = [\n    {{ path = \"../../tests/canary-qube\", args = \"{canary}\" \
             }},\n    {{ path = \"../../unikernels/echo\", memory = \"4MiB\" }},\n{qubes}]\npolicy = '''\n{policy}'''\n\
             {channels}",
            self.name.to_lowercase().replace('_', "-")
        )
    }

    /// Rules and channels of one attacker.
    fn place_one(&self, attack: &str) -> (String, String) {
        match self.place {
            Place::Alone | Place::Endless(_) => (String::new(), String::new()),
            Place::Pair(_) => match self.attacks {
                [client, server] if *client == attack => {
                    (format!("echo.* {client} {server} allow\n"), channel(client, server, "echo"))
                }
                _ => (String::new(), String::new()),
            },
            Place::Clients => {
                let rules =
                    ["say", "bytes", "sink"].map(|method| format!("echo.{method} {attack} echo allow\n"));
                (rules.concat(), channel(attack, "echo", "echo"))
            }
            Place::VaultClients => {
                (format!("vault.* {attack} canary allow\n"), channel(attack, "canary", "vault"))
            }
            Place::Servers => (format!("echo.* canary {attack} allow\n"), channel("canary", attack, "echo")),
        }
    }
}

fn channel(client: &str, server: &str, service: &str) -> String {
    format!(
        "[[channel]]\nclient = \"{client}\"\nserver = \"{server}\"\nservice = \"{service}\"\ndepth = 16\n"
    )
}
