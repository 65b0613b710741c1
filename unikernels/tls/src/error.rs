//! What can be wrong with a connection.

use core::fmt;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Why a connection failed. The server, or whoever is between, is to blame, except for [`TlsError::OutOfTurn`],
/// [`TlsError::Host`] and [`TlsError::Internal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsError {
    /// A call at the wrong time: more sent than there was, or something written after the close. The caller's
    /// defect; the connection goes on.
    OutOfTurn,
    /// The host to connect to is neither a DNS name nor an IP address.
    Host,
    /// The server's certificate does not pass.
    Certificate(CertificateFault),
    /// The server has neither TLS 1.3 nor TLS 1.2.
    Version,
    /// The server and we have no cipher suite, group or signature in common.
    NothingInCommon,
    /// The server broke the rules of the protocol.
    Misbehaved,
    /// What arrived is no TLS.
    Malformed,
    /// A record is not what the server sent: changed, replayed, left out or out of order.
    Forged,
    /// A record or a message of the handshake is larger than it may be.
    TooLarge,
    /// The server gave up, with the alert of this number (RFC 8446 section 6).
    Alert(u8),
    /// The connection ended without the server's `close_notify`: what was read may not be all.
    Truncated,
    /// More was sent under one key than is safe, and no other could be agreed on.
    Exhausted,
    /// A defect of ours, or of a library.
    Internal,
}

/// What is wrong with a certificate, or with the chain from it to a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// There is none.
    Missing,
    /// It is no certificate.
    Malformed,
    /// It is too old.
    Expired,
    /// It is too new, or our clock is behind.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// No chain leads to a root that we believe.
    UnknownIssuer,
    /// A signature in the chain, or the server's over this handshake, is wrong.
    BadSignature,
    /// It is signed in a way that we do not take.
    UnsupportedSignature,
    /// It is not for servers.
    WrongPurpose,
    /// It was revoked. We look at no revocation list, so for now nobody says this.
    Revoked,
    /// It breaks another rule: an authority's certificate used for a server (most that are signed by themselves),
    /// a chain that is too long, a constraint of names, a critical extension that nobody knows.
    NotAcceptable,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::OutOfTurn => "a call out of turn",
            Self::Host => "neither a name nor an address",
            Self::Certificate(fault) => return write!(f, "the server's certificate: {fault}"),
            Self::Version => "the server has neither TLS 1.3 nor TLS 1.2",
            Self::NothingInCommon => "the server has no cipher suite that we take",
            Self::Misbehaved => "the server broke the rules of TLS",
            Self::Malformed => "the answer is no TLS",
            Self::Forged => "data were changed on their way",
            Self::TooLarge => "a record or message that is too large",
            Self::Alert(number) => return write!(f, "the server gave up (alert {number})"),
            Self::Truncated => "the connection was cut",
            Self::Exhausted => "too much was sent under one key",
            Self::Internal => "a defect in our TLS",
        };
        f.write_str(text)
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is none",
            Self::Malformed => "it is damaged",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not yet valid",
            Self::WrongName => "it is for another name",
            Self::UnknownIssuer => "its issuer is unknown",
            Self::BadSignature => "a signature is wrong",
            Self::UnsupportedSignature => "it is signed in an unknown way",
            Self::WrongPurpose => "it is not for servers",
            Self::Revoked => "it was revoked",
            Self::NotAcceptable => "it breaks a rule for certificates",
        })
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(fault) => Self::Certificate(fault.into()),
            Error::NoCertificatesPresented => Self::Certificate(CertificateFault::Missing),
            Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            Error::AlertReceived(alert) => Self::Alert(alert.into()),
            Error::PeerIncompatible(fault) => match fault {
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls13RequiredForQuic => Self::Version,
                _ => Self::NothingInCommon,
            },
            Error::PeerMisbehaved(_) | Error::InappropriateHandshakeMessage { .. } => Self::Misbehaved,
            Error::InappropriateMessage { .. } => Self::Misbehaved,
            Error::InvalidMessage(fault) => match fault {
                rustls::InvalidMessage::MessageTooLarge
                | rustls::InvalidMessage::HandshakePayloadTooLarge
                | rustls::InvalidMessage::CertificatePayloadTooLarge => Self::TooLarge,
                _ => Self::Malformed,
            },
            Error::DecryptError => Self::Forged,
            Error::PeerSentOversizedRecord => Self::TooLarge,
            _ => Self::Internal,
        }
    }
}

impl From<CertificateError> for CertificateFault {
    fn from(error: CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::BadEncoding => Self::Malformed,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::WrongName,
            E::UnknownIssuer => Self::UnknownIssuer,
            E::BadSignature => Self::BadSignature,
            E::UnsupportedSignatureAlgorithmContext { .. }
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::UnsupportedSignature,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::WrongPurpose,
            E::Revoked => Self::Revoked,
            _ => Self::NotAcceptable,
        }
    }
}
