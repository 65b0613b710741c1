//! Whom we believe who a server is.

use alloc::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Root certificates. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

/// A certificate that is no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootError;

impl core::fmt::Display for RootError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a certificate in DER")
    }
}

impl Roots {
    /// Nobody: every server is refused until a root is added.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// The roots that Mozilla's programme trusts for the web.
    #[must_use]
    pub fn web() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Believes this certificate as well. Only its name, key and name constraints count: not its dates.
    ///
    /// # Errors
    /// The bytes are no certificate (X.509 in DER).
    pub fn add(&mut self, der: &[u8]) -> Result<(), RootError> {
        let certificate = CertificateDer::from_slice(der).into_owned();
        Arc::make_mut(&mut self.0).add(certificate).map_err(|_| RootError)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}
