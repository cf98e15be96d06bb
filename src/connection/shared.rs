use alloc::vec::Vec;

use super::Received;
use crate::ask::{Answer, RefusedAnswer};
use crate::error::Error;
use crate::identity::PeerCertificates;
use crate::message::{CipherSuite, NamedGroup, SignatureScheme};
use crate::record::Sent;

/// The smallest output that `write` can always do something with, in bytes: a record of one byte under the longest
/// overhead (header 5, explicit nonce 8, tag 16).
pub const MIN_OUTPUT: usize = 5 + 8 + 1 + 16;

pub trait Sealed {}

/// What drivers need of a connection, whichever its role. The methods are those of
/// [`ClientConnection`](crate::ClientConnection) and [`ServerConnection`](crate::ServerConnection) of the same names.
pub trait Connection: Sealed {
    /// Takes at most one record from the front of `input`.
    ///
    /// # Errors
    /// Why the connection failed.
    fn read(&mut self, input: &mut [u8]) -> Result<Received, Error>;

    /// Puts what is queued, and records of as much of `plaintext` as fits, to the front of `output`.
    ///
    /// # Errors
    /// Why nothing could be done.
    fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error>;

    /// As [`Self::write`], to the end of a vector.
    ///
    /// # Errors
    /// As [`Self::write`], except that no output is too small.
    fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error>;

    /// Whether something is queued.
    fn wants_write(&self) -> bool;

    /// The most bytes that `write` produces now for so much plaintext.
    fn output_len(&self, plaintext_len: usize) -> usize;

    /// Queues a close_notify.
    fn close(&mut self);

    /// To be called when the transport ends.
    ///
    /// # Errors
    /// [`Reason::Truncated`](crate::Reason::Truncated) if there was no close_notify, or why the connection had failed.
    fn end_of_input(&mut self) -> Result<(), Error>;

    /// Answers the question that the connection waits for.
    ///
    /// # Errors
    /// This connection doesn't wait for it.
    fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer>;

    /// Whether the handshake is done and the connection has not failed.
    fn is_established(&self) -> bool;

    /// Why the connection failed, if it did.
    fn error(&self) -> Option<&Error>;

    /// The certificates that the peer sent.
    fn peer_certificates(&self) -> Option<&PeerCertificates>;

    /// The application protocol agreed on.
    fn alpn_protocol(&self) -> Option<&[u8]>;

    /// The cipher suite agreed on.
    fn cipher_suite(&self) -> Option<CipherSuite>;

    /// The group of the key exchange.
    fn key_exchange_group(&self) -> Option<NamedGroup>;

    /// The scheme of the server's signature.
    fn signature_scheme(&self) -> Option<SignatureScheme>;

    /// The name that the client asked for.
    fn server_name(&self) -> Option<&str>;

    /// Whether extended_master_secret was agreed on.
    fn extended_master_secret(&self) -> bool;
}
