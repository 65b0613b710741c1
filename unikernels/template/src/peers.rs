{%- if calls != "" -%}
//! The qubes this one calls. `qube/qube.toml` asks for a channel to each; what it may say there is the system's policy.
{%- if calls contains "clock" %}

use ipc_proto_clock_api::ClockClient;
{%- endif %}
{%- if calls contains "console" %}

use ipc_proto_console_api::ConsoleClient;
{%- endif %}
{%- if calls contains "echo" %}

use ipc_proto_echo_api::EchoClient;
{%- endif %}
{%- if calls contains "log" %}

use ipc_proto_log_api::LogClient;
{%- endif %}
{%- if calls contains "vault" %}

use ipc_proto_vault_api::VaultClient;
{%- endif %}

use ipc_proto_rpc::Port;
use ipc_proto_wire::Service;

/// A typed client for each.
pub struct Peers<P: Port + 'static> {
{%- if calls contains "clock" %}
    /// The time of day.
    pub clock: ClockClient<'static, P>,
{%- endif %}
{%- if calls contains "console" %}
    /// Lines for the person at the terminal.
    pub console: ConsoleClient<'static, P>,
{%- endif %}
{%- if calls contains "echo" %}
    /// What was said comes back.
    pub echo: EchoClient<'static, P>,
{%- endif %}
{%- if calls contains "log" %}
    /// The log of the whole system.
    pub log: LogClient<'static, P>,
{%- endif %}
{%- if calls contains "vault" %}
    /// The password store.
    pub vault: VaultClient<'static, P>,
{%- endif %}
}

impl<P: Port + 'static> Peers<P> {
    /// Takes from `port` the channel to each service; `None` when the system has not given one.
    pub fn new(mut port: impl FnMut(&Service) -> Option<&'static mut P>) -> Option<Self> {
        Some(Self {
            // Each is asked for by its service: the qube's manifest names it under `calls`.
{%- if calls contains "clock" %}
            clock: ClockClient::new(port(&ipc_proto_clock_api::SERVICE)?),
{%- endif %}
{%- if calls contains "console" %}
            console: ConsoleClient::new(port(&ipc_proto_console_api::SERVICE)?),
{%- endif %}
{%- if calls contains "echo" %}
            echo: EchoClient::new(port(&ipc_proto_echo_api::SERVICE)?),
{%- endif %}
{%- if calls contains "log" %}
            log: LogClient::new(port(&ipc_proto_log_api::SERVICE)?),
{%- endif %}
{%- if calls contains "vault" %}
            vault: VaultClient::new(port(&ipc_proto_vault_api::SERVICE)?),
{%- endif %}
        })
    }
}
{% endif -%}
