//! `TestSystem`: a real manifest, and what its qubes run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use build_manifest::{Catalogue, Qube, Restart, System, load, unruled_channels};
use ipc_proto_types::QubeIndex;
use ipc_proto_wire::Service;
use supervisor_sim::{Driven, Plan, World};

use crate::guest::{Program, ProgramGuest};
use crate::player::Player;
use crate::qube::{Facts, TestQube};

/// Pages the simulated driver needs at least, for its rings.
const PAGES_MIN: u64 = 512;
const PAGE: u64 = 4096;

/// A system before it starts. Qubes that are given no program sleep.
pub struct TestSystem {
    system: System,
    programs: BTreeMap<String, Program>,
}

impl TestSystem {
    /// Reads and checks the system in `path`; `services` are those of its services that are not Skep's own.
    ///
    /// # Panics
    /// With everything that is wrong with it.
    #[must_use]
    pub fn load(path: impl AsRef<Path>, services: &[&'static Service]) -> Self {
        let catalogue =
            Catalogue::of(Catalogue::builtin().services().chain(services.iter().copied()).collect());
        let system = load(path.as_ref(), &catalogue).unwrap_or_else(|problems| panic!("{problems}"));
        let unruled = unruled_channels(&system);
        assert!(unruled.0.is_empty(), "{unruled}");
        Self { system, programs: BTreeMap::new() }
    }

    /// Has a qube run this program in each of its lives. It may block; what it returns is its exit code.
    ///
    /// # Panics
    /// When the system has no such qube.
    #[must_use]
    pub fn qube(mut self, name: &str, program: impl Fn(TestQube) -> i32 + Send + Sync + 'static) -> Self {
        self.index(name);
        self.programs.insert(name.to_owned(), Arc::new(program));
        self
    }

    /// Starts the system and plays the qube `name` in it. When `play` returns, the system is gone.
    ///
    /// # Panics
    /// When the system has no such qube, or an invariant of the supervisor is broken.
    pub fn play(self, name: &str, play: impl FnOnce(&Player<'_, '_, '_, '_>)) {
        let played = self.index(name);
        let plan = self.plan();
        let image = plan.image();
        let mut world = World::new(&image, 0);
        for qube in &self.system.qubes {
            if let Some(program) = self.programs.get(qube.name.as_str()).filter(|_| qube.name != *name) {
                let facts = Arc::new(facts(qube));
                world.program(qube.name.as_str(), move |_| ProgramGuest::new(program.clone(), facts.clone()));
            }
        }
        let driven = world.drive(name);
        debug_assert_eq!(driven, played, "the plan has the qubes in the order of the system");
        world.boot();
        play(&Player::new(&Driven::start(&mut world, driven)));
    }

    fn index(&self, name: &str) -> QubeIndex {
        let found = self.system.find(name).map(|(index, _)| index);
        found.unwrap_or_else(|| panic!("the system `{}` has no qube `{name}`", self.system.name))
    }

    /// The system as the simulated machine takes it: the same qubes, channels, services and compiled policy.
    fn plan(&self) -> Plan {
        let names: Vec<&'static str> =
            self.system.qubes.iter().map(|qube| &*String::leak(qube.name.as_str().to_owned())).collect();
        let mut plan = Plan::new(&names);
        for (plan, qube) in plan.qubes.iter_mut().zip(&self.system.qubes) {
            plan.label = qube.label;
            plan.pages = u32::try_from((qube.memory / PAGE).max(PAGES_MIN)).unwrap_or(u32::MAX);
            plan.opened_for = qube.opened_for;
            plan.restart = match qube.restart {
                Restart::Always => supervisor_image::Restart::Always,
                Restart::Never => supervisor_image::Restart::Never,
                Restart::OnDemand => supervisor_image::Restart::OnDemand,
            };
        }
        for channel in &self.system.channels {
            let name = |index: QubeIndex| names.get(index.as_usize()).copied();
            let server = channel.server.map_or(Some("@supervisor"), name);
            let (Some(client), Some(server), Some(service)) =
                (name(channel.client), server, self.system.service(channel))
            else {
                unreachable!("a checked system names its own qubes and services");
            };
            let planned = plan.channel(client, server, service);
            planned.depth = channel.depth;
            planned.decisions = channel.decisions.iter().map(|decision| decision.word).collect();
        }
        plan.chains.clone_from(&self.system.chains);
        plan
    }
}

fn facts(qube: &Qube) -> Facts {
    Facts { name: qube.name.as_str().to_owned(), label: qube.label, args: qube.args.clone() }
}
