//! Why a document cannot be had: the words of `open` for what the network, a server or a picture did.

use core::fmt::{self, Write as _};

use ipc_proto_net_api::NetError;
use ipc_proto_open_api::{BadCertificate, Failed, Reason};
use ipc_proto_rpc::CallError;
use ipc_proto_types::Text;
use unikernels_http::HttpError;
use unikernels_picture::PictureError;
use unikernels_tls::{CertificateFault, TlsError};

use crate::network::Fault;

/// A failure in a word and in words.
pub(crate) fn failed(reason: Reason, detail: fmt::Arguments<'_>) -> Failed {
    let mut text = Text::new();
    // What is too long is left out: no detail of ours is.
    let _ = text.write_fmt(detail);
    Failed { reason, detail: text }
}

/// What was not done in time, and how long that was.
pub(crate) fn timed_out(what: &str, ms: u64) -> Failed {
    failed(Reason::TimedOut, format_args!("{what} {} seconds", ms / 1000))
}

pub(crate) fn network(fault: Fault) -> Failed {
    let error = match fault {
        Fault::Said(error) => error,
        Fault::Call(CallError::Denied) => {
            return failed(Reason::Denied, format_args!("the policy denies it"));
        }
        Fault::Call(CallError::PeerRestarted(_)) => {
            return failed(Reason::NoNetwork, format_args!("the network restarted"));
        }
        Fault::Call(error) => return failed(Reason::NoNetwork, format_args!("{error}")),
    };
    let (reason, detail) = match error {
        NetError::Denied => (Reason::Denied, "no rule allows it"),
        NetError::Cut => (Reason::Denied, "the rules changed and no longer allow it"),
        NetError::Quota => (Reason::NoNetwork, "as many connections as may be are open"),
        NetError::NoNetwork => (Reason::NoNetwork, ""),
        NetError::NoSuchName | NetError::BadHost => (Reason::NoSuchName, ""),
        NetError::NoAnswer => (Reason::NoAnswer, ""),
        NetError::BadPort | NetError::PortInUse => (Reason::Refused, "nobody can be at this port"),
        NetError::Refused => (Reason::Refused, ""),
        NetError::Reset | NetError::Closed => (Reason::Broken, ""),
        NetError::TimedOut => (Reason::TimedOut, "the host did not answer"),
        NetError::WouldBlock | NetError::NoSuchHandle | NetError::TooLong => {
            (Reason::NoNetwork, "the network contradicts itself")
        }
    };
    failed(reason, format_args!("{detail}"))
}

pub(crate) fn http(error: HttpError) -> Failed {
    let reason = match error {
        HttpError::BodyTooLarge | HttpError::DecodedTooLarge => Reason::TooLarge,
        HttpError::HeadTooLarge | HttpError::TooManyHeaders => Reason::TooLarge,
        HttpError::Truncated => Reason::Broken,
        HttpError::TooManyRedirects | HttpError::Downgrade | HttpError::Location(_) => Reason::Redirect,
        _ => Reason::BadAnswer,
    };
    failed(reason, format_args!("{error}"))
}

pub(crate) fn picture(error: PictureError) -> Failed {
    let reason = if error == PictureError::Unsupported { Reason::Kind } else { Reason::Picture };
    failed(reason, format_args!("{error}"))
}

pub(crate) fn tls(error: TlsError) -> Failed {
    match error {
        // The reason says it all.
        TlsError::Certificate(fault) => failed(Reason::Certificate(certificate(fault)), format_args!("")),
        TlsError::Truncated => failed(Reason::Broken, format_args!("{error}")),
        _ => failed(Reason::NotSecure, format_args!("{error}")),
    }
}

fn certificate(fault: CertificateFault) -> BadCertificate {
    match fault {
        CertificateFault::Missing => BadCertificate::Missing,
        CertificateFault::Malformed => BadCertificate::Malformed,
        CertificateFault::Expired => BadCertificate::Expired,
        CertificateFault::NotYetValid => BadCertificate::NotYetValid,
        CertificateFault::WrongName => BadCertificate::WrongName,
        CertificateFault::UnknownIssuer => BadCertificate::UnknownIssuer,
        CertificateFault::BadSignature => BadCertificate::BadSignature,
        CertificateFault::UnsupportedSignature => BadCertificate::UnsupportedSignature,
        CertificateFault::WrongPurpose => BadCertificate::WrongPurpose,
        CertificateFault::Revoked => BadCertificate::Revoked,
        CertificateFault::NotAcceptable => BadCertificate::NotAcceptable,
    }
}
