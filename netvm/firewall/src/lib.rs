//! The firewall of the network qube: rules on fields, and what they decide about one attempt or one flow.
//!
//! The first rule that matches wins, and what no rule matches is denied. Before there are rules, everything is. A rule with
//! a host looks at what *this* client's own questions were answered with, for as long as the answer's TTL said; so a name
//! that does not resolve breaks its own rule and no other, and what one client asks changes nothing for another.
//!
//! A rule that allows a host is narrow: when a client asked for a name, only that name counts. A rule that denies a host is
//! wide: every name known for the address counts. It cannot deny an address whose name the client never asked for; to keep a
//! client from a network, deny its addresses.
//!
//! Not here: packets, sockets, resolving. Whoever has flows asks [`Firewall::still_allowed`] about each when
//! [`Firewall::version`] changed or the time [`Firewall::next_expiry`] has come.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

extern crate alloc;

mod answers;
mod attempt;
mod cidr;
mod firewall;
mod lex;
mod name;
mod pattern;
mod qvm;
mod rule;
mod text;

pub use answers::{ANSWERS_MAX, TTL_MAX_S, TTL_MIN_S};
pub use attempt::{Attempt, Flow, Now, Operation, Protocol};
pub use cidr::{Cidr, CidrError};
pub use firewall::{Denial, Firewall, Grant};
pub use name::{HOST_MAX, HostName, NameError};
pub use pattern::{HostPattern, PatternError};
pub use qvm::{ImportError, ImportProblem, Imported, import};
pub use rule::{CLOCK_MIN_UNIX_S, PortRange, RULES_MAX, Rule, Rules, Source, VALUES_MAX, Verdict, Who};
pub use text::{LINE_MAX, OPENER, RuleError, RuleProblem};
