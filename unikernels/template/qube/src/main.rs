//! The qube: gives the server its channels. What it does is in the package above.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use unikernels_rt::{Qube, main};

use {% if inside %}unikernels_{% endif %}{{crate_name}}::{% if calls == "" %}Server{% else %}{Peers, Server}{% endif %};

use {% if inside %}unikernels_{% endif %}{{crate_name}}_api as api;

main!(start);

fn start(qube: Qube) -> i32 {
{%- if calls == "" %}
    let mut server = Server::default();
{%- else %}
    let Some(peers) = Peers::new(|service| Some(qube.place(qube.client(service)?))) else {
        return 1; // The system has not given it all its channels.
    };
    let mut server = Server { peers{% if calls contains "clock" %}, last: None{% endif %}, signed: 0 };
{%- endif %}
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut server, port, buffers))
}
