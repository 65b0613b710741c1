//! The server: what the qube does, without the machine. It forgets everything when the qube ends.

#![no_std]
#![forbid(unsafe_code)]
{%- if calls != "" %}

mod peers;
{%- endif %}
{%- if calls contains "clock" %}

use ipc_proto_clock_api::Time;
{%- endif %}

use ipc_proto_rpc::{% if calls == "" %}Caller{% else %}{Caller, Port}{% endif %};
use ipc_proto_types::Text;
{%- if calls != "" %}

pub use peers::Peers;
{%- endif %}

use {% if inside %}unikernels_{% endif %}{{crate_name}}_api::{{serves | upper_camel_case}};

/// Who signed, in this life.
{%- if calls == "" %}
#[derive(Default)]
pub struct Server {
{%- else %}
pub struct Server<P: Port + 'static> {
    /// The qubes it may call.
    pub peers: Peers<P>,
{%- endif %}
{%- if calls contains "clock" %}
    /// When the last of them signed, if the clock said.
    pub last: Option<Time>,
{%- endif %}
    /// How many have signed.
    pub signed: u32,
}

impl{% if calls != "" %}<P: Port + 'static>{% endif %} {{serves | upper_camel_case}} for Server{% if calls != "" %}<P>{% endif %} {
    fn sign(&mut self, _: &Caller, {% if calls contains "console" %}name{% else %}_{% endif %}: Text<64>) -> u32 {
        self.signed = self.signed.saturating_add(1);
{%- if calls contains "clock" %}
        self.last = self.peers.clock.now().ok();
{%- endif %}
{%- if calls contains "console" %}
        // A line that is lost is no reason to refuse a signature.
        let _ = self.peers.console.print(Text::truncated(name.as_str()));
{%- endif %}
        self.signed
    }
}
