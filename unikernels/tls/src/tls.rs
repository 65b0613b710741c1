//! A connection: bytes of the network on one side, bytes of the caller on the other.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use rustls::client::{ClientConfig, Resumption, UnbufferedClientConnection};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic};
use rustls::{ProtocolVersion, version};
use unikernels_sdk::{Csprng, SEED_BYTES};
use zeroize::Zeroize;

use crate::buffer::Buffer;
use crate::provider::{self, random};
use crate::{Roots, TlsError};

/// Most bytes that arrived and wait: the largest message of a handshake (64 KiB, which rustls puts together here)
/// in records that are not needlessly small, and one record more.
const INCOMING_LEN_MAX: usize = 96 * 1024;
/// Most bytes of one record, its header included (RFC 5246 section 6.2.3).
const RECORD_LEN_MAX: usize = 5 + (1 << 14) + 2048;
/// Most bytes of plaintext that are given to one record.
const CHUNK_LEN_MAX: usize = 1 << 14;
/// Most bytes of plaintext that wait to be read: no record is opened without room for it.
const PLAINTEXT_LEN_MAX: usize = 2 * RECORD_LEN_MAX;
/// Most bytes that wait to be sent: a record of data and, before it, whatever the handshake says.
const OUTGOING_LEN_MAX: usize = 3 * RECORD_LEN_MAX;
/// Most alerts that a failed connection still sends.
const ALERTS_MAX: usize = 2;

/// What [`Tls::read`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Data(usize),
    /// Nothing yet.
    Pending,
    /// The server said that this was all.
    Closed,
}

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// What a step is to write once it can.
enum Payload<'a> {
    Nothing,
    Data(&'a [u8]),
    CloseNotify,
}

/// How a step ended.
enum Progress {
    /// There may be more to do.
    More,
    /// Nothing can be done before something arrives.
    Wait,
    /// The payload was written: so many of its bytes.
    Wrote(usize),
}

/// One connection of a client.
pub struct Tls {
    connection: UnbufferedClientConnection,
    random: Csprng,
    incoming: Buffer,
    outgoing: Buffer,
    plaintext: Buffer,
    /// The server has proven its name, and data may be written.
    is_open: bool,
    /// The server said that it sends no more.
    peer_closed: bool,
    /// We said so.
    we_closed: bool,
    /// No more will arrive.
    ended: bool,
    failed: Option<TlsError>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_open, peer_closed, we_closed, failed, .. } = self;
        let mut shown = f.debug_struct("Tls");
        shown.field("is_open", is_open).field("peer_closed", peer_closed);
        shown.field("we_closed", we_closed).field("failed", failed).finish_non_exhaustive()
    }
}

/// The time that certificates are judged by: when the connection was begun.
#[derive(Debug)]
struct Now(UnixTime);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

impl Tls {
    /// A connection to `host`, a DNS name or an IP address, whose certificate must lead to one of `roots` and be
    /// valid at `now_s`, in seconds since 1970. The first message is ready to be sent.
    ///
    /// The caller's generator is asked for a seed, once: the connection has its own.
    ///
    /// # Errors
    /// [`TlsError::Host`].
    pub fn new(host: &str, roots: &Roots, now_s: u64, random: &mut Csprng) -> Result<Self, TlsError> {
        let name = ServerName::try_from(host).map_err(|_| TlsError::Host)?.to_owned();
        let now = Now(UnixTime::since_unix_epoch(Duration::from_secs(now_s)));
        let mut config = ClientConfig::builder_with_details(Arc::new(provider::provider()), Arc::new(now))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_root_certificates(roots.store())
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let mut seed = [0; SEED_BYTES];
        random.fill(&mut seed);
        let mut random = Csprng::new(seed);
        seed.zeroize();
        let connection =
            random::lend(&mut random, || UnbufferedClientConnection::new(Arc::new(config), name))?;
        let mut tls = Self {
            connection,
            random,
            incoming: Buffer::new(INCOMING_LEN_MAX),
            outgoing: Buffer::new(OUTGOING_LEN_MAX),
            plaintext: Buffer::new(PLAINTEXT_LEN_MAX),
            is_open: false,
            peer_closed: false,
            we_closed: false,
            ended: false,
            failed: None,
        };
        tls.drive()?;
        Ok(tls)
    }

    /// What is to be sent now, also after an error: then it is the alert that tells the server. Empty: nothing.
    #[must_use]
    pub fn to_send(&self) -> &[u8] {
        self.outgoing.as_slice()
    }

    /// So many bytes of [`Tls::to_send`] were sent.
    ///
    /// # Errors
    /// [`TlsError::OutOfTurn`] when there were not as many; then nothing has changed. Or what is wrong with bytes
    /// that arrived before and were waiting.
    pub fn sent(&mut self, len: usize) -> Result<(), TlsError> {
        if !self.outgoing.discard(len) {
            return Err(TlsError::OutOfTurn);
        }
        if self.failed.is_some() { Ok(()) } else { self.drive() }
    }

    /// These bytes arrived, in pieces of any size. Returns how many were taken: less than all when there are
    /// bytes to be sent or read first.
    ///
    /// # Errors
    /// What is wrong; the connection is over then. Plaintext from before can still be read.
    pub fn received(&mut self, bytes: &[u8]) -> Result<usize, TlsError> {
        self.check()?;
        let mut taken = 0;
        loop {
            if self.peer_closed {
                // What follows the server's last word is of no interest.
                return Ok(bytes.len());
            }
            let rest = bytes.get(taken..).unwrap_or(&[]);
            let pushed = self.incoming.push(rest);
            taken += pushed;
            self.drive()?;
            if pushed == rest.len() || self.is_held() {
                return Ok(taken);
            }
            // Full, and nothing of it could be understood.
            if self.incoming.room() == 0 {
                return Err(self.fail(TlsError::TooLarge));
            }
        }
    }

    /// No more bytes will arrive. Whether that was all, the next [`Tls::read`] says.
    pub fn closed(&mut self) {
        self.ended = true;
    }

    /// Reads plaintext into `out`.
    ///
    /// # Errors
    /// Once all that arrived in order was read: why the connection is over. [`TlsError::Truncated`] when it ended
    /// without the server's word.
    pub fn read(&mut self, out: &mut [u8]) -> Result<Read, TlsError> {
        if self.plaintext.len() == 0 {
            self.check()?;
            self.drive()?;
        }
        let len = out.len().min(self.plaintext.len());
        if let (Some(out), Some(plain)) = (out.get_mut(..len), self.plaintext.as_slice().get(..len)) {
            out.copy_from_slice(plain);
        }
        self.plaintext.discard(len);
        if len > 0 {
            Ok(Read::Data(len))
        } else if self.plaintext.len() > 0 {
            Ok(Read::Pending)
        } else if self.peer_closed {
            Ok(Read::Closed)
        } else if self.ended && !self.is_held() {
            Err(self.fail(TlsError::Truncated))
        } else {
            Ok(Read::Pending)
        }
    }

    /// Writes plaintext, to be sent. Returns how many bytes were taken: 0 before [`Tls::is_open`], and when there
    /// are bytes to be sent or read first.
    ///
    /// # Errors
    /// [`TlsError::OutOfTurn`] after [`Tls::close`], or what is wrong with the connection.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, TlsError> {
        self.check()?;
        if self.we_closed {
            return Err(TlsError::OutOfTurn);
        }
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = bytes.get(taken..).unwrap_or(&[]);
            let chunk = rest.get(..rest.len().min(CHUNK_LEN_MAX)).unwrap_or(&[]);
            match self.flush(&Payload::Data(chunk))? {
                0 => break,
                wrote => taken += wrote,
            }
        }
        Ok(taken)
    }

    /// Says that no more will be written (`close_notify`). What arrives can still be read. A connection that is
    /// not open yet has nothing to say, and only ends.
    ///
    /// # Errors
    /// [`TlsError::OutOfTurn`] when it was said, or when there are bytes to be sent or read first; or what is wrong
    /// with the connection.
    pub fn close(&mut self) -> Result<(), TlsError> {
        self.check()?;
        if self.we_closed || (self.is_open && self.flush(&Payload::CloseNotify)? == 0) {
            return Err(TlsError::OutOfTurn);
        }
        self.we_closed = true;
        Ok(())
    }

    /// Whether the server has proven its name, so that data can be written.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// What was agreed on; `None` before the connection is open.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self.connection.protocol_version().filter(|_| self.is_open)? {
            ProtocolVersion::TLSv1_2 => Some(Version::Tls12),
            ProtocolVersion::TLSv1_3 => Some(Version::Tls13),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), TlsError> {
        self.failed.map_or(Ok(()), Err)
    }

    /// Whether what arrived has to wait until something was read or sent.
    fn is_held(&self) -> bool {
        self.plaintext.room() < RECORD_LEN_MAX || self.outgoing.room() < RECORD_LEN_MAX
    }

    /// Does what can be done with what arrived.
    fn drive(&mut self) -> Result<(), TlsError> {
        self.flush(&Payload::Nothing).map(|_| ())
    }

    /// Does what can be done, then writes the payload. Every round takes a record or a message from what arrived,
    /// so there are as many rounds as there are of these at most, and one more.
    fn flush(&mut self, payload: &Payload<'_>) -> Result<usize, TlsError> {
        while !self.is_held() {
            match self.step(payload) {
                Ok(Progress::More) => {}
                Ok(Progress::Wait) => break,
                Ok(Progress::Wrote(len)) => return Ok(len),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(0)
    }

    fn step(&mut self, payload: &Payload<'_>) -> Result<Progress, TlsError> {
        let Self { connection, random, incoming, outgoing, plaintext, .. } = self;
        let arrived = incoming.as_mut_slice();
        let UnbufferedStatus { discard, state } =
            random::lend(random, || connection.process_tls_records(arrived));
        let progress = match state {
            Err(error) => Err(error.into()),
            Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                match traffic.next_record() {
                    None => break Ok(Progress::More),
                    Some(Err(error)) => break Err(error.into()),
                    Some(Ok(record)) if plaintext.push(record.payload) == record.payload.len() => {}
                    Some(Ok(_)) => break Err(TlsError::Internal),
                }
            },
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                let encoded = outgoing.write(RECORD_LEN_MAX, |room| data.encode(room));
                encoded.map(|_| Progress::More).map_err(|error| match error {
                    EncodeError::InsufficientSize(_) => TlsError::TooLarge,
                    EncodeError::AlreadyEncoded => TlsError::Internal,
                })
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                // It is in `outgoing`, and leaves in order.
                data.done();
                Ok(Progress::More)
            }
            Ok(ConnectionState::PeerClosed) => {
                self.peer_closed = true;
                Ok(Progress::More)
            }
            Ok(ConnectionState::WriteTraffic(traffic)) => encrypt(traffic, payload, outgoing),
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Ok(Progress::Wait),
            Ok(_) => Err(TlsError::Internal),
        };
        self.is_open = self.is_open || (progress.is_ok() && !self.connection.is_handshaking());
        if self.incoming.discard(discard) { progress } else { Err(TlsError::Internal) }
    }

    /// Keeps the error, and what the server shall be told about it.
    fn fail(&mut self, error: TlsError) -> TlsError {
        self.failed = Some(error);
        for _ in 0..ALERTS_MAX {
            // What arrived is not looked at again: rustls would only find the same fault once more.
            if !self.connection.wants_write() {
                break;
            }
            let Self { connection, random, incoming, outgoing, .. } = self;
            let arrived = incoming.as_mut_slice();
            let status = random::lend(random, || connection.process_tls_records(arrived));
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else { break };
            // Without room the server is not told: it sees the end of the connection.
            let _ = outgoing.write(RECORD_LEN_MAX, |room| data.encode(room));
        }
        error
    }
}

fn encrypt<D>(
    mut traffic: WriteTraffic<'_, D>,
    payload: &Payload<'_>,
    outgoing: &mut Buffer,
) -> Result<Progress, TlsError> {
    let written = match payload {
        Payload::Nothing => return Ok(Progress::Wait),
        Payload::Data(bytes) => {
            outgoing.write(RECORD_LEN_MAX, |room| traffic.encrypt(bytes, room)).map(|_| bytes.len())
        }
        Payload::CloseNotify => outgoing.write(RECORD_LEN_MAX, |room| traffic.queue_close_notify(room)),
    };
    written.map(Progress::Wrote).map_err(|error| match error {
        EncryptError::InsufficientSize(_) => TlsError::Internal,
        EncryptError::EncryptExhausted => TlsError::Exhausted,
    })
}
