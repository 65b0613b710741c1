//! `Player`: the qube that the test itself plays.

use std::cell::RefCell;

use ipc_proto_ctl_api::CtlClient;
use ipc_proto_rpc::Port;
use ipc_proto_types::{Role, Text};
use ipc_proto_wire::Service;
use supervisor_sim::{Driven, DrivenPort, MS};

/// The qube. The rest of the system runs while it waits: in a call, or in [`Player::sleep_ms`].
pub struct Player<'d, 'w, 'a, 'p> {
    driven: &'d Driven<'w, 'a, 'p>,
    /// Ports that were given out.
    taken: RefCell<Vec<usize>>,
    /// Made when it is first needed. One for all that is asked: the calls of a channel are numbered.
    ctl: RefCell<Option<CtlClient<'d, DrivenPort<'d, 'w, 'a, 'p>>>>,
}

impl<'d, 'w, 'a, 'p> Player<'d, 'w, 'a, 'p> {
    pub(crate) fn new(driven: &'d Driven<'w, 'a, 'p>) -> Self {
        Self { driven, taken: RefCell::default(), ctl: RefCell::default() }
    }

    /// Our end of the next channel on which we call this service, for a typed client.
    ///
    /// # Panics
    /// When the manifest gives this qube no such channel, or none that is left.
    #[must_use]
    pub fn client(&self, service: &Service) -> DrivenPort<'d, 'w, 'a, 'p> {
        let port = self.find(service.name);
        self.taken.borrow_mut().push(port);
        self.driven.port(port)
    }

    /// Lets the rest of the system run for so long, in virtual time.
    pub fn sleep_ms(&self, ms: u64) {
        self.driven.sleep(ms * MS);
    }

    /// Milliseconds since the system started.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.driven.now() / MS
    }

    /// Ends a qube, as `kill` at the terminal does, and waits until its next life has begun; at most 11 seconds, which is longer
    /// than the longest delay before a life, for one that does not start again.
    ///
    /// # Panics
    /// When the manifest gives this qube no channel to `ctl`, or the policy or the supervisor says no.
    pub fn kill(&self, name: &str) {
        const RESTART_MS_MAX: u64 = 11_000;
        let before = self.lives(name);
        let killed = self.ask_ctl(|ctl| ctl.kill(Text::truncated(name)));
        assert!(matches!(killed, Ok(Ok(_))), "kill {name}: {killed:?}");
        self.sleep_while(RESTART_MS_MAX, || self.lives(name) == before);
    }

    /// Starts a disposable, as `start` at the terminal does, and waits until it has run; at most a second.
    ///
    /// # Panics
    /// When the manifest gives this qube no channel to `ctl`, or the policy or the supervisor says no.
    pub fn start(&self, name: &str) {
        const START_MS_MAX: u64 = 1_000;
        let before = self.lives(name);
        let started = self.ask_ctl(|ctl| ctl.start(Text::truncated(name)));
        assert!(matches!(started, Ok(Ok(_))), "start {name}: {started:?}");
        self.sleep_while(START_MS_MAX, || self.lives(name) == before);
    }

    fn lives(&self, name: &str) -> u32 {
        self.driven.world().tally(name).lives
    }

    fn ask_ctl<T>(&self, ask: impl FnOnce(&mut CtlClient<'d, DrivenPort<'d, 'w, 'a, 'p>>) -> T) -> T {
        let mut ctl = self.ctl.borrow_mut();
        ask(ctl.get_or_insert_with(|| {
            CtlClient::new(Box::leak(Box::new(self.client(&ipc_proto_ctl_api::SERVICE))))
        }))
    }

    fn sleep_while(&self, ms_max: u64, is_so: impl Fn() -> bool) {
        const STEP_MS: u64 = 5;
        let end = self.now_ms() + ms_max;
        while is_so() && self.now_ms() < end {
            self.sleep_ms(STEP_MS);
        }
    }

    /// The lines of the supervisor's log so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.driven.world().lines().collect()
    }

    fn find(&self, service: &str) -> usize {
        let count = self.driven.with(|driver, _| driver.ports.len());
        let is_ours = |port: &usize| {
            let facts = self.driven.port(*port).facts();
            facts.service.as_str() == service && facts.role == Role::Client
        };
        let free = (0..count).find(|port| is_ours(port) && !self.taken.borrow().contains(port));
        free.unwrap_or_else(|| panic!("this qube has no free channel to the service `{service}`"))
    }
}
