//! The public connections: what both roles have in common is written once, here, and done by [`driver`].

mod acceptor;
mod alerts;
mod driver;
mod export;
mod receiving;
mod requests;
mod rest;
mod sending;
mod shared;
mod split;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use pki_types::ServerName;

use crate::ask::{Answer, Ask, RefusedAnswer};
use crate::client::Client;
use crate::client::config::ClientConfig;
use crate::dormant::{Dormant, RefusedWake};
use crate::error::Error;
use crate::identity::PeerCertificates;
use crate::message::{CipherSuite, NamedGroup, SignatureScheme};
use crate::proof::PeerProof;
use crate::record::Sent;
use crate::server::Server;
use crate::server::config::ServerConfig;
use driver::Driver;

pub use crate::record::{MAX_HEADROOM, TAG_LEN};
pub use acceptor::{Acceptance, Accepted, Accepting, Acceptor};
pub use export::ChannelBinding;
pub(crate) use requests::LIMIT as HELLO_REQUEST_LIMIT;
pub use rest::RefusedExport;
pub use shared::{Agreed, Connection, MIN_OUTPUT, Receive, Transmit};
pub use split::{AlertToken, Receiver, RefusedSplit, Sender};

/// What [`ClientConnection::read`] did.
#[derive(Debug)]
pub struct Received {
    /// Bytes at the front of the input that are done with: a whole record, or none.
    pub consumed: usize,
    /// What came of it.
    pub event: Event,
}

/// What happened on the receiving side.
#[derive(Debug)]
pub enum Event {
    /// The input holds no whole record; nothing was consumed.
    NeedInput {
        /// At least so many bytes more are needed.
        missing: usize,
    },
    /// Something that is not for the application went by. There may be output now.
    Progress,
    /// The handshake waits for a decision: hand the answer to `answer`, then read on.
    Ask(Ask),
    /// The handshake still waits for that decision; nothing was consumed.
    Waiting,
    /// The handshake is done: what was agreed on is known, and data can be written.
    Established,
    /// Data of the peer, decrypted in place: it stands at this range of the input.
    Data(Range<usize>),
    /// The peer's close_notify: no data will come any more, and what came is complete. RFC 5246 §7.2.1 wants ours in return:
    /// call `close`, and write what it queues. Nothing behind it is consumed.
    Closed,
    /// The connection has failed, and an alert for the peer waits to be written; the next read returns the error.
    Failing,
    /// From a [`Receiver`] alone: hand it to [`Sender::alert`], and read on.
    SendAlert(AlertToken),
}

/// The client's end of a connection.
pub struct ClientConnection(Driver<Client>);

/// The server's end of a connection.
pub struct ServerConnection(Driver<Server>);

impl ClientConnection {
    /// A client that is about to speak to the server of this name; its ClientHello waits to be written.
    ///
    /// # Errors
    /// [`Reason::Random`](crate::Reason::Random) if there is no randomness.
    pub fn new(config: Arc<ClientConfig>, server_name: ServerName<'static>) -> Result<Self, Error> {
        Driver::client(config, server_name).map(ClientConnection)
    }
}

impl ServerConnection {
    /// A server that waits for a client's hello.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        ServerConnection(Driver::server(config))
    }
}

macro_rules! api {
    ($connection:ident, $config:ident) => {
        impl $connection {
            /// Takes at most one record from the front of `input`, or goes on with messages that are already inside (also
            /// with an empty input: several messages in one record, or after an answer). Data is decrypted in place.
            ///
            /// # Errors
            /// Why the connection failed; every further call returns the same. If the peer is to be told by an alert,
            /// [`Event::Failing`] comes first.
            #[inline]
            pub fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
                self.0.read(input)
            }

            /// Fills `output` from its front: first what is queued (handshake, alerts), then records of as much of
            /// `plaintext` as fits. Before the connection is established, no plaintext is taken.
            ///
            /// # Errors
            /// - [`Reason::OutputTooSmall`](crate::Reason::OutputTooSmall): there is plaintext and some output, but not a
            ///   byte of it fits; [`MIN_OUTPUT`] bytes always help. Nothing was changed.
            /// - [`Reason::WriteAfterClose`](crate::Reason::WriteAfterClose): plaintext after [`Self::close`]. Nothing was changed.
            /// - [`Reason::KeyLimit`](crate::Reason::KeyLimit): plaintext after [`Self::records_left`] came to 0.
            /// - Why the connection failed, if there is plaintext, once all that was queued is written.
            #[inline]
            pub fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
                self.0.write(plaintext, output)
            }

            /// As [`Self::write`], to the end of a vector, which grows by what is needed: at most
            /// [`Self::output_len`]`(plaintext.len())`. If that much capacity is there, nothing is allocated.
            ///
            /// # Errors
            /// As [`Self::write`], except that no output is too small.
            pub fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error> {
                self.0.write_vec(plaintext, output)
            }

            /// Makes one record of the plaintext that stands at `plaintext` in `buffer`, in place, without a copy, and says
            /// where in `buffer` the record stands: that is what is to be sent. [`MAX_HEADROOM`](crate::MAX_HEADROOM) bytes of
            /// the buffer (13) are needed before the plaintext, and [`TAG_LEN`](crate::TAG_LEN) (16) behind it, whichever the
            /// cipher suite. An empty plaintext makes no record.
            ///
            /// How long the record is, is the caller's choice: a [`RecordSize`](crate::RecordSize) is for `write`, though what is
            /// sent here counts where records grow. The records of both may be mixed, and are sent in the order of the calls.
            ///
            /// ```
            /// # use tls12::{ClientConnection, Error, MAX_HEADROOM, TAG_LEN};
            /// # fn send(conn: &mut ClientConnection) -> Result<Vec<u8>, Error> {
            /// let mut buffer = vec![0; MAX_HEADROOM + 16384 + TAG_LEN];
            /// let message = b"written here by the application";
            /// let plaintext = MAX_HEADROOM..MAX_HEADROOM + message.len();
            /// buffer[plaintext.clone()].copy_from_slice(message);
            /// let record = conn.seal_in_place(&mut buffer, plaintext)?;
            /// # let mut socket = Vec::new();
            /// socket.extend_from_slice(&buffer[record]);
            /// # Ok(socket)
            /// # }
            /// ```
            ///
            /// # Errors
            /// In each case nothing was changed:
            /// - [`Reason::NotSealed`](crate::Reason::NotSealed): before the connection is established; while
            ///   [`Self::wants_write`], because what is queued goes first; without room around the plaintext; for more
            ///   plaintext than [`Self::max_plaintext_sent`].
            /// - [`Reason::WriteAfterClose`](crate::Reason::WriteAfterClose): after [`Self::close`].
            /// - [`Reason::KeyLimit`](crate::Reason::KeyLimit): after [`Self::records_left`] came to 0.
            /// - Why the connection failed.
            #[inline]
            pub fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Error> {
                self.0.seal_in_place(buffer, plaintext)
            }

            /// Whether something is queued that `write` would put out, even without plaintext.
            #[must_use]
            pub fn wants_write(&self) -> bool {
                self.0.wants_write()
            }

            /// The most bytes that `write` produces now for so much plaintext.
            #[must_use]
            pub fn output_len(&self, plaintext_len: usize) -> usize {
                self.0.output_len(plaintext_len)
            }

            /// Queues a close_notify (RFC 5246 §7.2.1): no more plaintext is taken, but the peer may go on sending. Before
            /// the handshake is done it ends the connection. A second call does nothing.
            pub fn close(&mut self) {
                self.0.close();
            }

            /// To be called when the transport ends.
            ///
            /// # Errors
            /// [`Reason::Truncated`](crate::Reason::Truncated) if there was no close_notify: what was received may not be
            /// all that the peer sent. A connection that had failed before returns that error again.
            pub fn end_of_input(&mut self) -> Result<(), Error> {
                self.0.end_of_input()
            }

            /// How many records of plaintext may still be sent under the keys of this connection (RFC 9325 §4.4);
            /// 0 before it is established.
            #[must_use]
            pub fn records_left(&self) -> u64 {
                self.0.records_left()
            }

            /// Says that nothing was sent for a while, so that [`RecordSize::Growing`](crate::RecordSize::Growing) starts with small
            /// records again. Where records do not grow it does nothing.
            pub fn start_small_again(&mut self) {
                self.0.start_small_again();
            }

            /// The most plaintext, in bytes, that the peer takes in a record now: 16,384 unless less was agreed on
            /// (record_size_limit, RFC 8449; max_fragment_length, RFC 6066 §4).
            #[must_use]
            pub fn max_plaintext_sent(&self) -> usize {
                self.0.max_plaintext_sent()
            }

            /// The most plaintext, in bytes, that a record of the peer may have now: 16,384 unless less was agreed on. A longer
            /// one is answered with `record_overflow`.
            #[must_use]
            pub fn max_plaintext_received(&self) -> usize {
                self.0.max_plaintext_received()
            }

            /// Answers the question that the connection waits for; then read on, before more is read from the socket.
            ///
            /// # Errors
            /// This connection waits for no answer, or for another one. Nothing was changed, and the answer comes back.
            pub fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
                self.0.answer(answer)
            }

            /// Goes on without the answer that the connection waits for, if it is about a session: with a full handshake, or
            /// without a new ticket. For callers whose patience with a session store has ended; read on afterwards. Says
            /// whether it does; if not, nothing was changed.
            pub fn skip_answer(&mut self) -> bool {
                self.0.skip_answer()
            }

            /// Whether the handshake is done and the connection has not failed.
            #[must_use]
            pub fn is_established(&self) -> bool {
                self.0.is_established()
            }

            #[cfg(test)]
            #[cfg(feature = "std")]
            pub(crate) fn plant(&mut self, state: &'static str, letter: &'static str) {
                self.0.planted = Some((state, letter));
            }

            /// Why the connection failed, if it did.
            #[must_use]
            pub fn error(&self) -> Option<&Error> {
                self.0.error()
            }

            /// The state of our side: a name of the flow table, `Established`, or `Failed`.
            #[must_use]
            pub fn state(&self) -> &'static str {
                self.0.state()
            }
        }

        impl Connection for $connection {
            type Config = $config;

            fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
                self.0.answer(answer)
            }

            fn split(self) -> Result<(Receiver, Sender), RefusedSplit<Self>> {
                $connection::split(self)
            }

            fn export(self) -> Result<Dormant, RefusedExport<Self>> {
                $connection::export(self)
            }

            fn wake(dormant: Dormant, config: &Arc<$config>) -> Result<Self, RefusedWake> {
                Driver::wake(dormant, &**config).map($connection)
            }

            fn is_established(&self) -> bool {
                self.0.is_established()
            }

            fn error(&self) -> Option<&Error> {
                self.0.error()
            }

            fn peer_certificates(&self) -> Option<&PeerCertificates> {
                $connection::peer_certificates(self)
            }

            fn agreed(&self) -> Option<Agreed<'_>> {
                $connection::agreed(self)
            }
        }
    };
}

/// What is known of a connection, and of its receiving half.
macro_rules! facts {
    ($connection:ident) => {
        impl $connection {
            /// The certificates that the peer sent, or its raw public key (see [`PeerCertificates::raw_public_key`]), once they
            /// came; trusted only once the connection is established. None from then on, if the configuration says so
            /// ([`PeerCertificatesPolicy`](crate::PeerCertificatesPolicy)).
            #[must_use]
            pub fn peer_certificates(&self) -> Option<&PeerCertificates> {
                self.0.facts().peer_certificates.as_ref()
            }

            /// SHA-256 of the DER of the certificate that the peer showed, or of its raw public key; `None` if it showed neither, or
            /// if the configuration drops them. Of a connection that was dormant, this is what is left of them.
            #[must_use]
            pub fn peer_certificate_digest(&self) -> Option<[u8; 32]> {
                self.0.source().peer_digest()
            }

            /// Fills `out` with keying material for what runs above TLS (RFC 5705 §4). No context and an empty one are two
            /// different things.
            ///
            /// # Errors
            /// [`Reason::NotExported`](crate::Reason::NotExported): before the connection is established or after it has failed, for
            /// a label that TLS uses itself, for a context of more than 65535 bytes, and without extended_master_secret
            /// unless the configuration allows that.
            pub fn exporter(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
                self.0.source().exporter(label, context, out)
            }

            /// What an application's authentication can be bound to, so that nobody can relay it over another connection.
            ///
            /// # Errors
            /// [`Reason::NotExported`](crate::Reason::NotExported): before the connection is established or after it has failed,
            /// or where the binding is not defined.
            pub fn channel_binding(&self, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
                self.0.source().channel_binding(kind)
            }

            /// How the peer is known, once the connection is established.
            #[must_use]
            pub fn peer_proof(&self) -> Option<&PeerProof> {
                self.0.peer_proof()
            }

            /// What was agreed on, once the connection is established. The methods below say each of these things as soon as
            /// it is known, when it is not to be trusted yet.
            #[must_use]
            pub fn agreed(&self) -> Option<Agreed<'_>> {
                let facts = self.0.facts();
                self.0.is_established().then_some(Agreed {
                    cipher_suite: facts.suite?.id,
                    resumed: facts.resumed,
                    key_exchange_group: facts.group,
                    signature_scheme: facts.scheme,
                    alpn_protocol: facts.names.alpn(),
                    server_name: facts.server_name(),
                    extended_master_secret: facts.extended_master_secret,
                })
            }

            /// The application protocol agreed on (RFC 7301).
            #[must_use]
            pub fn alpn_protocol(&self) -> Option<&[u8]> {
                self.0.facts().names.alpn()
            }

            /// The cipher suite agreed on.
            #[must_use]
            pub fn cipher_suite(&self) -> Option<CipherSuite> {
                self.0.facts().suite.map(|suite| suite.id)
            }

            /// Whether a session is resumed: the handshake is short, without key exchange, certificates and signatures.
            #[must_use]
            pub fn resumed(&self) -> bool {
                self.0.facts().resumed
            }

            /// The group of the key exchange; none in a resumption.
            #[must_use]
            pub fn key_exchange_group(&self) -> Option<NamedGroup> {
                self.0.facts().group
            }

            /// The scheme of the server's signature over the key exchange; none in a resumption.
            #[must_use]
            pub fn signature_scheme(&self) -> Option<SignatureScheme> {
                self.0.facts().scheme
            }

            /// The name that the client asked for by server_name (RFC 6066 §3), if it is a DNS name.
            #[must_use]
            pub fn server_name(&self) -> Option<&str> {
                self.0.facts().server_name()
            }

            /// Whether extended_master_secret (RFC 7627) was agreed on.
            #[must_use]
            pub fn extended_master_secret(&self) -> bool {
                self.0.facts().extended_master_secret
            }

            /// Whether the peer knows secure renegotiation (RFC 5746).
            #[must_use]
            pub fn secure_renegotiation(&self) -> bool {
                self.0.facts().secure_renegotiation
            }
        }

        impl fmt::Debug for $connection {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($connection))
                    .field("state", &self.0.state())
                    .field("cipher_suite", &self.cipher_suite())
                    .field("server_name", &self.server_name())
                    .finish_non_exhaustive()
            }
        }
    };
}

api!(ClientConnection, ClientConfig);
api!(ServerConnection, ServerConfig);
facts!(ClientConnection);
facts!(ServerConnection);
facts!(Receiver);
