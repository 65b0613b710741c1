//! The qube on a simulated supervisor: the real system file and the real policy, in virtual time.

#![forbid(unsafe_code)]

use ipc_proto_ctl_api::{self as ctl, CtlClient};
use ipc_proto_rpc::CallError;
use ipc_proto_types::Text;
use tests_kit::{TestQube, TestSystem};

use {% if inside %}unikernels_{% endif %}{{crate_name}}::{% if calls == "" %}Server{% else %}{Peers, Server}{% endif %};

use {% if inside %}unikernels_{% endif %}{{crate_name}}_api::{self as api, {{serves | upper_camel_case}}Client};

fn program(qube: TestQube) -> i32 {
{%- if calls == "" %}
    let mut server = Server::default();
{%- else %}
    let peers = Peers::new(|service| Some(qube.place(qube.client(service)?))).expect("all channels");
    let mut server = Server { peers{% if calls contains "clock" %}, last: None{% endif %}, signed: 0 };
{%- endif %}
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut server, port, buffers))
}
{%- if calls contains "clock" %}

/// The clock of these tests stands still.
struct Stopped;

impl ipc_proto_clock_api::Clock for Stopped {
    fn now(&mut self, _: &ipc_proto_rpc::Caller) -> ipc_proto_clock_api::Time {
        ipc_proto_clock_api::Time { unix_seconds: 1, nanoseconds: 0 }
    }
}

fn clock(qube: TestQube) -> i32 {
    let ports = qube.servers(&ipc_proto_clock_api::SERVICE);
    ports.run(|port, buffers| ipc_proto_clock_api::serve(&mut Stopped, port, buffers))
}
{%- endif %}

fn system() -> TestSystem {
    let file = "{% if inside %}../../build/systems/{{project-name}}{% else %}system{% endif %}.toml";
{%- if calls contains "clock" %}
    let system = TestSystem::load(file, &[&api::SERVICE]).qube("clock", clock);
{%- else %}
    let system = TestSystem::load(file, &[&api::SERVICE]);
{%- endif %}
    system.qube("{{project-name}}", program)
}

#[test]
fn each_signature_is_counted() {
    system().play("console", |console| {
        let mut port = console.client(&api::SERVICE);
        let mut client = {{serves | upper_camel_case}}Client::new(&mut port);
        assert_eq!(client.sign(Text::truncated("Ada")), Ok(1));
        assert_eq!(client.sign(Text::truncated("Grace")), Ok(2));
    });
}

#[test]
fn a_killed_qube_starts_afresh() {
    system().play("console", |console| {
        let mut port = console.client(&api::SERVICE);
        let mut client = {{serves | upper_camel_case}}Client::new(&mut port);
        assert_eq!(client.sign(Text::truncated("Ada")), Ok(1));
        console.kill("{{project-name}}");
        assert!(matches!(client.sign(Text::truncated("Ada")), Err(CallError::PeerRestarted(_))));
        assert_eq!(client.sign(Text::truncated("Ada")), Ok(1));
    });
}

#[test]
fn what_the_policy_does_not_allow_is_denied() {
    system().play("console", |console| {
        let mut port = console.client(&ctl::SERVICE);
        assert_eq!(CtlClient::new(&mut port).tap(true), Err(CallError::Denied));
    });
}
