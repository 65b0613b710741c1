//! Whom the viewer believes, and how a TLS session with them begins. TLS ends here and not in whoever owns the network card.

use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use ipc_proto_open_api::Failed;
use unikernels_sdk::Csprng;
use unikernels_tls::{Roots, Tls};

use crate::why;

/// Why an argument with a root certificate is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootFault {
    /// It is no base64 (RFC 4648 section 4, with padding).
    Base64,
    /// It is no certificate (X.509 in DER).
    Certificate,
}

impl fmt::Display for RootFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "not base64 (the lines of a PEM file, in one, without its first and last)",
            Self::Certificate => "base64, but not of a certificate (X.509 in DER)",
        })
    }
}

/// Authorities, random numbers, and the time that certificates are judged by.
pub struct Trust {
    roots: Roots,
    random: Csprng,
    unix_s: u64,
}

impl Trust {
    /// Believes the roots of the web.
    #[must_use]
    pub fn web(random: Csprng) -> Self {
        Self::new(Roots::web(), random)
    }

    /// Believes nobody.
    #[must_use]
    pub fn nobody(random: Csprng) -> Self {
        Self::new(Roots::none(), random)
    }

    /// Until it is told the time, every certificate is not yet valid.
    fn new(roots: Roots, random: Csprng) -> Self {
        Self { roots, random, unix_s: 0 }
    }

    /// Believes this certificate as well, which is DER in base64. There are as many as the caller has room for.
    ///
    /// # Errors
    /// What it is not.
    pub fn add(&mut self, base64: &str) -> Result<(), RootFault> {
        let der: Vec<u8> = Base64::decode_vec(base64).map_err(|_| RootFault::Base64)?;
        self.roots.add(&der).map_err(|_| RootFault::Certificate)
    }

    pub(crate) fn set_unix_s(&mut self, unix_s: u64) {
        self.unix_s = unix_s;
    }

    /// A session with this host, which has to prove that it is this one.
    pub(crate) fn begin(&mut self, host: &str) -> Result<Tls, Failed> {
        Tls::new(host, &self.roots, self.unix_s, &mut self.random).map_err(why::tls)
    }
}
