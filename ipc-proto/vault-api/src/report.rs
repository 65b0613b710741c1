//! What is wrong with passwords.

use ipc_proto_derive::Schema;
use ipc_proto_types::{List, Text};
use serde::{Deserialize, Serialize};

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Fault {
    /// It is past its time.
    Expired,
    /// It soon will be.
    ExpiresSoon,
    /// It is easily guessed.
    Weak {
        /// An estimate of its entropy, in hundredths of a bit.
        centibits: u32,
    },
    /// Other entries have it too.
    Reused {
        /// The number of those that have it together: findings with one number are of one password.
        group: u32,
    },
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Finding {
    /// The entry's title.
    pub title: Text<256>,
    /// The path of its group.
    pub group: Text<256>,
    /// What is wrong.
    pub fault: Fault,
}

/// Some findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ReportPage {
    /// The findings.
    pub findings: List<Finding, 8>,
    /// How many there are in all.
    pub total: u32,
}
