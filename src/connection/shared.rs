use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::{ClientConnection, Received, Receiver, RefusedExport, RefusedSplit, Sender, ServerConnection};
use crate::ask::{Answer, RefusedAnswer};
use crate::dormant::{Dormant, RefusedWake};
use crate::error::Error;
use crate::identity::PeerCertificates;
use crate::message::{CipherSuite, NamedGroup, SignatureScheme};
use crate::record::{MAX_HEADROOM, Sent, TAG_LEN};

/// The smallest output that `write` can always do something with, in bytes: a record of one byte under the longest
/// overhead (header 5, explicit nonce 8, tag 16).
pub const MIN_OUTPUT: usize = MAX_HEADROOM + 1 + TAG_LEN;

pub trait Sealed {}

/// What receives: a connection, or a [`Receiver`]. The methods are those of the same names there.
pub trait Receive: Sealed {
    /// Takes at most one record from the front of `input`.
    ///
    /// # Errors
    /// Why the connection failed.
    fn read(&mut self, input: &mut [u8]) -> Result<Received, Error>;

    /// To be called when the transport ends.
    ///
    /// # Errors
    /// [`Reason::Truncated`](crate::Reason::Truncated) if there was no close_notify, or why the connection had failed.
    fn end_of_input(&mut self) -> Result<(), Error>;
}

/// What sends: a connection, or a [`Sender`]. The methods are those of the same names there.
pub trait Transmit: Sealed {
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

    /// Makes one record of the plaintext in `buffer`, in place, and says where it stands.
    ///
    /// # Errors
    /// Why nothing could be done. Nothing was changed.
    fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Error>;

    /// Whether something is queued.
    fn wants_write(&self) -> bool;

    /// The most bytes that `write` produces now for so much plaintext.
    fn output_len(&self, plaintext_len: usize) -> usize;

    /// Queues a close_notify.
    fn close(&mut self);
}

/// What drivers need of a whole connection, whichever its role. The methods are those of
/// [`ClientConnection`] and [`ServerConnection`] of the same names.
pub trait Connection: Receive + Transmit {
    /// The settings of its role: [`ClientConfig`](crate::ClientConfig) or [`ServerConfig`](crate::ServerConfig).
    type Config
    where
        Self: Sized;

    /// Answers the question that the connection waits for.
    ///
    /// # Errors
    /// This connection doesn't wait for it.
    fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer>;

    /// Makes two halves of an established connection.
    ///
    /// # Errors
    /// The handshake is not done, or the connection has failed. The connection comes back.
    fn split(self) -> Result<(Receiver, Sender), RefusedSplit<Self>>
    where
        Self: Sized;

    /// Lays an established connection to rest.
    ///
    /// # Errors
    /// It is not established, or something is still under way in it. The connection comes back.
    fn export(self) -> Result<Dormant, RefusedExport<Self>>
    where
        Self: Sized;

    /// As [`Dormant::wake`].
    ///
    /// # Errors
    /// It is no connection for this configuration. It comes back.
    fn wake(dormant: Dormant, config: &Arc<Self::Config>) -> Result<Self, RefusedWake>
    where
        Self: Sized;

    /// Whether the handshake is done and the connection has not failed.
    fn is_established(&self) -> bool;

    /// Why the connection failed, if it did.
    fn error(&self) -> Option<&Error>;

    /// The certificates that the peer sent, or its raw public key.
    fn peer_certificates(&self) -> Option<&PeerCertificates>;

    /// What was agreed on, once the connection is established.
    fn agreed(&self) -> Option<Agreed<'_>>;
}

macro_rules! receive {
    ($($name:ident),*) => { $(
        impl Sealed for $name {}

        impl Receive for $name {
            #[inline]
            fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
                $name::read(self, input)
            }

            fn end_of_input(&mut self) -> Result<(), Error> {
                $name::end_of_input(self)
            }
        }
    )* };
}

macro_rules! transmit {
    ($($name:ident),*) => { $(
        impl Transmit for $name {
            #[inline]
            fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
                $name::write(self, plaintext, output)
            }

            fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error> {
                $name::write_vec(self, plaintext, output)
            }

            #[inline]
            fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Error> {
                $name::seal_in_place(self, buffer, plaintext)
            }

            fn wants_write(&self) -> bool {
                $name::wants_write(self)
            }

            fn output_len(&self, plaintext_len: usize) -> usize {
                $name::output_len(self, plaintext_len)
            }

            fn close(&mut self) {
                $name::close(self);
            }
        }
    )* };
}

impl Sealed for Sender {}
receive!(ClientConnection, ServerConnection, Receiver);
transmit!(ClientConnection, ServerConnection, Sender);

/// What both sides agreed on. Its `Display` has a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed<'a> {
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// Whether a session was resumed: then there was no key exchange and no signature.
    pub resumed: bool,
    /// The group of the key exchange.
    pub key_exchange_group: Option<NamedGroup>,
    /// The scheme of the server's signature over the key exchange.
    pub signature_scheme: Option<SignatureScheme>,
    /// The application protocol (RFC 7301), if both sides have one.
    pub alpn_protocol: Option<&'a [u8]>,
    /// The name that the client asked for (RFC 6066 §3), if it did and it is a DNS name.
    pub server_name: Option<&'a str>,
    /// Whether the master secret is an extended one (RFC 7627).
    pub extended_master_secret: bool,
}

impl fmt::Display for Agreed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cipher suite            {}", self.cipher_suite)?;
        match (self.key_exchange_group, self.signature_scheme) {
            (Some(group), Some(scheme)) => {
                writeln!(f, "key exchange            {group}")?;
                writeln!(f, "signature               {scheme}")?;
            }
            _ => writeln!(f, "key exchange            none: a session was resumed")?,
        }
        match self.alpn_protocol {
            Some(name) => writeln!(f, "application protocol    {}", name.escape_ascii())?,
            None => writeln!(f, "application protocol    none")?,
        }
        writeln!(f, "server name             {}", self.server_name.unwrap_or("none"))?;
        write!(f, "extended master secret  {}", if self.extended_master_secret { "yes" } else { "no" })
    }
}
