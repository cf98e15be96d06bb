//! A connection that rests: what it needs to go on, and nothing that is expanded.

mod encoding;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod ktls;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::connection::{Agreed, Connection};
use crate::crypto::{Backend, KeySource, Keys, Suite};
use crate::handshake::{Own, SessionId};
use crate::message::{CipherSuite, NamedGroup, SignatureScheme};
use crate::proof::{Established, PeerProof};
use crate::record::Reached;
use crate::session::Names;

pub use encoding::DormantError;
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz_dormant;
pub use ktls::{KtlsSecret, KtlsSecrets};

/// An established connection that rests, of a client or of a server: at most 256 bytes, beside the names in it and where its session
/// is stored.
///
/// `export` of a connection makes it, once all output is written; [`Self::wake`] gives the connection back. It is for those who hold
/// many idle connections, and for those who hand a live one to another process: [`Self::to_bytes`] and [`Self::from_bytes`]. The
/// transport goes its own way; what was received and not yet read goes with it
/// ([`RecordBuffer::into_unread`](crate::RecordBuffer::into_unread)).
///
/// It keeps the keys unexpanded, the sequence numbers, what was agreed on, how the peer is known, and what exporters and channel
/// bindings are made of. Of the peer's certificates it keeps a digest, unless the connection had dropped them
/// ([`PeerCertificatesPolicy::Dropped`](crate::PeerCertificatesPolicy::Dropped)): ask [`ClientConnection::peer_certificates`] before
/// if they are needed. The names are those that were agreed on and the digests; where its session is stored takes 64 bytes, and on a
/// client the server's name once more, until it goes to another process. What the configuration says (the backend, the observer, sizes
/// of records, the limits of messages, whether there are exporters without extended_master_secret) comes with the configuration that
/// wakes it.
///
/// It is consumed by what it becomes, and cannot be cloned: the same keys and sequence numbers do not live twice. For its bytes that
/// is for their holder to see to.
///
/// ```
/// # use std::sync::Arc;
/// # use tls12::{ClientConfig, ClientConnection, Dormant, RecordBuffer};
/// # fn hand_over(conn: ClientConnection, buffer: RecordBuffer, config: &Arc<ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
/// // One process, when nothing is left to be written:
/// let bytes = conn.export()?.to_bytes();
/// let unread = buffer.into_unread();
///
/// // Another one, which has got the socket, the bytes and what was received:
/// let mut conn: ClientConnection = Dormant::from_bytes(&bytes)?.wake(config)?;
/// let mut buffer = RecordBuffer::with_unread(unread);
/// # Ok(())
/// # }
/// ```
///
/// [`ClientConnection::peer_certificates`]: crate::ClientConnection::peer_certificates
pub struct Dormant(Box<AtRest>);

/// In one box, so that moving it leaves no copy of a secret; the secrets in it wipe themselves.
pub(crate) struct AtRest {
    pub(crate) is_client: bool,
    pub(crate) suite: &'static Suite,
    pub(crate) established: Established,
    pub(crate) source: KeySource,
    pub(crate) client_random: [u8; 32],
    /// Of the next record that we send.
    pub(crate) sequence: u64,
    /// The most plaintext, in bytes, that the peer takes in a record.
    pub(crate) max_fragment: u16,
    pub(crate) reached: Reached,
    /// So many requests for a new handshake came since data came.
    pub(crate) hello_requests: u8,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) scheme: Option<SignatureScheme>,
    pub(crate) extended_master_secret: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) resumed: bool,
    pub(crate) close_sent: bool,
    pub(crate) close_received: bool,
    pub(crate) names: Names,
    /// SHA-256 of the peer's certificate or raw public key.
    pub(crate) peer_digest: Option<Box<[u8; 32]>>,
    /// Where its session is kept, and on a client for which server, as long as it stays in this process.
    pub(crate) own: Option<Box<Own>>,
    /// Of a server's session, when it has left the process.
    pub(crate) session_id: Option<Box<SessionId>>,
}

impl AtRest {
    /// Lends the keys of what we send and of what we receive.
    pub(crate) fn with_keys<T>(&self, backend: Backend, work: impl FnOnce(&Keys) -> T) -> T {
        self.source.with_keys(backend, self.suite, &self.client_random, work)
    }
}

/// Why a configuration cannot wake a connection, or the kernel not take it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WakeError {
    /// It is a client's connection, and the configuration a server's, or the other way round.
    OtherRole,
    /// The configuration does not have its cipher suite.
    CipherSuite(CipherSuite),
    /// The configuration demands extended_master_secret (RFC 7627), which it does not have.
    NoExtendedMasterSecret,
    /// The configuration demands a certificate of clients, and this one showed none.
    NoClientCertificate,
    /// A close_notify was sent or received, and the kernel would not know of it.
    Closed,
    /// The peer takes records of at most so many bytes of plaintext, and the kernel sends longer ones.
    RecordSize(u16),
    /// A key has protected as many records as it may (RFC 9325 §4.4), and the kernel would go on.
    KeyLimit,
}

impl fmt::Display for WakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the dormant connection does not go on here: ")?;
        match self {
            WakeError::OtherRole => f.write_str("the configuration is that of the other role"),
            WakeError::CipherSuite(suite) => write!(f, "the configuration does not have its cipher suite, {suite}"),
            WakeError::NoExtendedMasterSecret => {
                f.write_str("the configuration demands extended_master_secret, which it does not have")
            }
            WakeError::NoClientCertificate => {
                f.write_str("the configuration demands a certificate of clients, and this one showed none")
            }
            WakeError::Closed => f.write_str("a close_notify was sent or received"),
            WakeError::RecordSize(most) => {
                write!(f, "the peer takes at most {most} bytes in a record, and the kernel sends longer ones")
            }
            WakeError::KeyLimit => f.write_str("a key has protected as many records as it may"),
        }
    }
}

impl core::error::Error for WakeError {}

/// A connection that was not woken. It is as good as before.
pub struct RefusedWake {
    dormant: Dormant,
    error: WakeError,
}

impl RefusedWake {
    pub(crate) fn new(dormant: Dormant, error: WakeError) -> Self {
        RefusedWake { dormant, error }
    }

    /// The connection, as it was.
    #[must_use]
    pub fn into_inner(self) -> Dormant {
        self.dormant
    }

    /// Why.
    #[must_use]
    pub fn error(&self) -> WakeError {
        self.error
    }
}

impl fmt::Debug for RefusedWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedWake").field(&self.error).finish()
    }
}

impl fmt::Display for RefusedWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl core::error::Error for RefusedWake {}

impl Dormant {
    pub(crate) fn new(at_rest: Box<AtRest>) -> Self {
        Dormant(at_rest)
    }

    pub(crate) fn at_rest(&self) -> &AtRest {
        &self.0
    }

    pub(crate) fn into_at_rest(self) -> Box<AtRest> {
        self.0
    }

    /// The connection, as good as before it was exported: the next record is the one that the peer waits for. `C` is a
    /// [`ClientConnection`](crate::ClientConnection) or a [`ServerConnection`](crate::ServerConnection).
    ///
    /// It knows no certificates of the peer any more, but their [digest](Self::peer_certificate_digest) if there is one. Where records grow
    /// ([`RecordSize::Growing`](crate::RecordSize::Growing)) they are small ones again.
    ///
    /// # Errors
    /// The configuration is that of the other role, does not have the connection's cipher suite, or demands of connections what
    /// this one does not have. It comes back as it was.
    pub fn wake<C: Connection>(self, config: &Arc<C::Config>) -> Result<C, RefusedWake> {
        C::wake(self, config)
    }

    /// Forgets the master secret, and keeps the keys of the records alone: nobody who gets hold of them can decrypt other
    /// connections of the same session. The connection then has no exporters and no channel bindings any more but
    /// [`TlsServerEndPoint`](crate::ChannelBinding::TlsServerEndPoint).
    #[must_use]
    pub fn without_exporters(mut self) -> Self {
        let at_rest = &mut *self.0;
        if let KeySource::Master { .. } = at_rest.source {
            let derived = at_rest.with_keys(Backend::default(), Keys::boxed);
            at_rest.source = KeySource::empty_traffic(at_rest.suite.aead);
            at_rest.source.set_traffic(&derived);
        }
        self
    }

    /// Whether it still has exporters: see [`Self::without_exporters`].
    #[must_use]
    pub fn has_exporters(&self) -> bool {
        matches!(self.0.source, KeySource::Master { .. })
    }

    /// Whether it is a client's.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.0.is_client
    }

    /// What was agreed on.
    #[must_use]
    pub fn agreed(&self) -> Agreed<'_> {
        let at_rest = self.at_rest();
        Agreed {
            cipher_suite: at_rest.suite.id,
            resumed: at_rest.resumed,
            key_exchange_group: at_rest.group,
            signature_scheme: at_rest.scheme,
            alpn_protocol: at_rest.names.alpn(),
            server_name: at_rest.names.server_name(),
            extended_master_secret: at_rest.extended_master_secret,
        }
    }

    /// How the peer is known.
    #[must_use]
    pub fn peer_proof(&self) -> &PeerProof {
        self.0.established.peer()
    }

    /// SHA-256 of the DER of the certificate that the peer showed, or of its raw public key; `None` if it showed neither, or if the
    /// connection had dropped them ([`PeerCertificatesPolicy::Dropped`](crate::PeerCertificatesPolicy::Dropped)).
    #[must_use]
    pub fn peer_certificate_digest(&self) -> Option<[u8; 32]> {
        self.0.peer_digest.as_deref().copied()
    }
}

/// Nothing of its secrets.
impl fmt::Debug for Dormant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dormant")
            .field("is_client", &self.0.is_client)
            .field("cipher_suite", &self.0.suite.id)
            .field("server_name", &self.0.names.server_name())
            .finish_non_exhaustive()
    }
}
