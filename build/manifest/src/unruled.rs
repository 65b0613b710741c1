//! Channels that a policy has forgotten.
//!
//! What no rule matches is denied, so a channel that no rule mentions carries nothing: its client is built, boots, and is
//! denied every call. Whoever wants that writes a `deny` rule, and is believed; whoever wrote nothing forgot. So a system
//! that is to be built or booted is asked for it here, beside the checks of [`crate::load`], which leaves room for tests of
//! systems whose policy is still to be written.
//!
//! Not here: whether a rule is wise.

use ipc_proto_wire::Service;

use crate::check::SUPERVISOR;
use crate::problem::{Problem, Problems};
use crate::system::{Channel, System};

/// The channels of a system that no rule of its policy mentions, each with the rule to add. Empty when there are none.
#[must_use]
pub fn unruled_channels(system: &System) -> Problems {
    let unruled =
        system.channels.iter().filter(|channel| channel.decisions.iter().all(|one| one.rule.is_none()));
    Problems(unruled.filter_map(|channel| problem(system, channel)).collect())
}

/// `None` for a channel between qubes that the system does not have; a checked system has none such.
fn problem(system: &System, channel: &Channel) -> Option<Problem> {
    let service: &Service = system.services.get(channel.service)?;
    let name = |index: ipc_proto_types::QubeIndex| Some(system.qubes.get(index.as_usize())?.name.as_str());
    let client = name(channel.client)?;
    let server = channel.server.map_or(Some(SUPERVISOR), name)?;
    let opener = system.qube(channel.client).and_then(|client| client.opened_for);
    let opener = opener.and_then(|opener| system.qube(opener)).map(|opener| opener.name);
    let from = match opener {
        Some(opener) => format!("from `{client}` and from `{opener}`, for which it is opened,"),
        None => format!("from `{client}`"),
    };
    let method = service.methods.first().map_or("*", |method| method.name);
    let rule = format!("{}.{method}  {client}  {server}  allow", service.name);
    let more = match service.methods {
        [_, rest @ ..] if !rest.is_empty() => {
            let names: Vec<&str> = rest.iter().map(|method| method.name).collect();
            format!("; likewise for {}, as far as they are needed", names.join(", "))
        }
        _ => String::new(),
    };
    Some(Problem {
        file: system.path.clone(),
        at: Some(channel.at),
        found: format!(
            "a channel on which nothing is allowed: no rule mentions `{}` {from} to `{server}`",
            service.name
        ),
        expected: "a rule for it in `policy`; what no rule matches is denied".into(),
        fix: Some(format!("add `{rule}`{more}; or take the channel out")),
    })
}
