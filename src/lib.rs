//! TLS 1.2, client and server, as a pure state machine: byte buffers in, byte buffers out.
//!
//! ```text
//!                        ┌──────────────────────────────┐
//!   from the socket ───> │ read(&mut input)             │ ───> Event: Data, Established, Ask, Closed, …
//!                        │        ClientConnection      │
//!                        │        ServerConnection      │
//!   to the socket <───── │ write(plaintext, &mut output)│ <─── your plaintext
//!                        └──────────────────────────────┘
//! ```
//!
//! The library opens no socket, reads no clock and keeps no buffer for your data. Records are decrypted in place in your input and
//! sealed straight into your output. What the outside has to decide (is this certificate trusted, which identity does
//! this client get, a signature by a key that lives elsewhere) is answered at once by a trait, or later: the
//! connection pauses, hands out an owned question ([`Ask`]), and goes on when the [`Answer`] comes.
//!
//! New systems should use TLS 1.3. This is for those who still have to speak 1.2, which is frozen (RFC 9851): only
//! ECDHE, only AEAD, extended master secret, no renegotiation, nothing that was broken in 1.2's twenty years.
//!
//! # A whole program
//!
//! A client and a server, in one thread and without a socket:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tls12::pki_types::{PrivateKeyDer, ServerName};
//! use tls12::{Backend, ClientConfig, ClientConnection, Event, Identity, ServerConfig, ServerConnection};
//!
//! // A certificate made on the spot, which is its own root.
//! let made = rcgen::generate_simple_self_signed(["server.example".to_string()])?;
//! let root = made.cert.der().clone();
//! let key = Backend::default().load_key(&PrivateKeyDer::try_from(made.signing_key.serialize_der())?)?;
//!
//! let server_config = ServerConfig::builder().identity(Identity::new(vec![root.clone()], key)?).build()?;
//! let client_config = ClientConfig::builder().roots([root]).build()?;
//! let mut server = ServerConnection::new(server_config);
//! let mut client = ClientConnection::new(client_config, ServerName::try_from("server.example")?)?;
//!
//! // The network: what one writes, the other reads.
//! let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//! let mut greeting: &[u8] = b"hello, server";
//! let received = 'network: loop {
//!     let sent = client.write_vec(greeting, &mut to_server)?;
//!     greeting = &greeting[sent.taken..]; // 0 until the connection is established
//!     loop {
//!         let received = server.read(&mut to_server)?;
//!         match received.event {
//!             Event::NeedInput { .. } => break,
//!             Event::Data(range) => break 'network to_server[range].to_vec(),
//!             _ => {}
//!         }
//!         to_server.drain(..received.consumed);
//!     }
//!     server.write_vec(&[], &mut to_client)?;
//!     loop {
//!         let received = client.read(&mut to_client)?;
//!         if let Event::NeedInput { .. } = received.event {
//!             break;
//!         }
//!         to_client.drain(..received.consumed);
//!     }
//! };
//! assert_eq!(received, b"hello, server");
//! assert_eq!(client.cipher_suite(), server.cipher_suite());
//! # Ok(())
//! # }
//! ```
//!
//! # Over a socket
//!
//! `stream::TlsStream` makes one `Read + Write` of a connection and its transport, blocking or not. The loop beneath it is
//! short, and yours to write where a stream doesn't fit; [`RecordBuffer`] holds what was received:
//!
//! ```no_run
//! # use std::error::Error;
//! # use std::io::{Read, Write};
//! # use tls12::{Answer, Ask, ClientConnection, RecordBuffer, Sent, Step};
//! # fn wait() {}
//! # fn talk(
//! #     mut conn: ClientConnection,
//! #     mut socket: std::net::TcpStream,
//! #     mut request: &[u8],
//! #     stdout: &mut impl Write,
//! #     decide: impl Fn(Ask) -> Answer,
//! # ) -> Result<(), Box<dyn Error>> {
//! # let mut out = vec![0; 16 << 10];
//! # let mut buffer = RecordBuffer::new();
//! loop {
//!     loop {
//!         let Sent { taken, produced } = conn.write(request, &mut out)?;
//!         request = &request[taken..];
//!         if produced == 0 { break }
//!         socket.write_all(&out[..produced])?;
//!     }
//!     match buffer.step(&mut conn)? {
//!         Step::Data(plaintext) => stdout.write_all(plaintext)?,
//!         Step::NeedInput => if buffer.fill_from(&mut socket)? == 0 { return Ok(conn.end_of_input()?) },
//!         Step::Closed => { conn.close(); request = &[]; break }
//!         Step::Ask(ask) => conn.answer(decide(ask))?,
//!         Step::Waiting => wait(),
//!         Step::Established | Step::Progress | Step::Failing => {}
//!     }
//! }
//! # let Sent { produced, .. } = conn.write(request, &mut out)?;
//! # socket.write_all(&out[..produced])?;
//! # Ok(())
//! # }
//! ```
//!
//! # Resumption
//!
//! A session saves its second handshake the key exchange, the certificates and the signature. Nothing is kept unless the
//! configuration says where:
//!
//! ```
//! # #[cfg(feature = "webpki")]
//! # fn configs(identity: tls12::Identity, root: tls12::pki_types::CertificateDer<'static>) -> Result<(), tls12::ConfigError> {
//! use std::sync::Arc;
//! use tls12::{ClientCache, ClientConfig, MemoryStore, ServerConfig, Tickets};
//!
//! let server = ServerConfig::builder()
//!     .identity(identity)
//!     .tickets(Arc::new(Tickets::new()?)) // kept by the clients, under keys that change
//!     .session_store(Arc::new(MemoryStore::new(10_000))); // for clients that take no tickets
//! let client = ClientConfig::builder().roots([root]).sessions(Arc::new(ClientCache::new()));
//! # let _ = (server, client);
//! # Ok(())
//! # }
//! ```
//!
//! Stores outside the process implement [`SessionStore`], [`TicketSealer`] or [`ClientSessions`], and answer when they can. A session
//! is resumed only where it belongs: under the same configuration (`session_context`), server name, cipher suite, application
//! protocol, extended master secret and policy for client certificates, within its lifetime and that of the certificates.
//! Anything else is a full handshake, and [`Observer::not_resumed`] is told why.
//!
//! # What to know
//!
//! - **Trust.** A client needs `roots` or a [`VerifyPeer`] of its own. The default, `WebPkiVerifier`, checks path, name,
//!   validity, key usage, key sizes and what the server staples. What accepts everything is called [`dangerous::AcceptAnything`].
//!   Raw public keys (RFC 7250), in the place of certificates or beside them, are for [`RawPublicKeys`].
//! - **Clients with certificates.** A server asks for them with `client_authentication`; whether there was one is for
//!   [`PeerProof`] to say. A client shows an `identity` that fits what the server accepts.
//! - **Choice.** A server that chooses its configuration by the client's hello, or leaves clients of TLS 1.3 to another stack, starts
//!   with an [`Acceptor`].
//! - **Ends.** [`Event::Closed`] is the peer's close_notify: what came is complete. When the transport ends, call
//!   `end_of_input`: without a close_notify it is [`Reason::Truncated`].
//! - **Errors.** Every error that the peer causes ends the connection and queues the alert that the RFC names: write it out. An
//!   [`Error`] says what each side offered, and in which state of the [`flow`] it happened.
//! - **Full duplex.** [`ClientConnection::split`] gives two halves that share nothing, for two threads.
//! - **Rest.** [`ClientConnection::export`] makes a [`Dormant`] connection of an idle one, small and without expanded keys, which is
//!   woken here or in another process; or its keys go to the kernel ([`KtlsSecrets`]).
//! - **Limits.** What a peer can make us hold before it is known is capped: see [`MessageLimits`].
//! - **Sizes.** Records carry as much as they may. Those of [`RecordSize::Growing`] are small at first, so that the first bytes can be
//!   read early; `record_size_limit` asks the peer for short ones, where memory is scarce.
//! - **Tests.** Given [`Random`], [`Clock`], [`KeyExchangeGroup`] and [`SigningKey`] of your own, the same input gives the same
//!   bytes, and any handshake can be replayed.
//!
//! # Features
//!
//! - `ring` (default), `aws-lc-rs`: the cryptography, by the crate of that name. At least one is needed; where both are built, each
//!   configuration chooses its [`Backend`], and `ring` is the default. The crate `aws-lc-rs` needs `std` for itself.
//! - `std` (default): `stream`, `RecordBuffer::fill_from`, the system's clock, `MemoryStore`, `Tickets`, `ClientCache`,
//!   `CertificatePool`. Without it the library is `no_std` and needs `alloc`.
//! - `webpki` (default): `WebPkiVerifier` and `CertificateView`.
//! - `tokio`: streams for that runtime, in the module of that name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!(
    "tls12 needs a crate for its cryptography: enable the feature `ring` (part of the default features), `aws-lc-rs` or both"
);

mod alert;
mod ask;
mod client;
mod clock;
mod codec;
mod config;
mod connection;
mod crypto;
mod date;
mod decision;
mod dormant;
mod error;
pub mod flow;
mod handshake;
mod identity;
mod key_log;
mod machine;
pub mod message;
mod observer;
mod proof;
mod record;
mod record_buffer;
mod server;
mod session;
#[cfg(feature = "std")]
pub mod stream;
#[cfg(test)]
#[cfg(feature = "std")]
mod testing;
#[cfg(feature = "tokio")]
pub mod tokio;
mod transcript;

pub use alert::{AlertDescription, AlertLevel};
pub use ask::{
    Answer, Ask, ClientIdentityRequest, FindSessionRequest, IdentityRequest, OpenTicketRequest, RefusedAnswer,
    SealTicketRequest, SignRequest, VerifyRequest,
};
pub use client::config::{ClientConfig, ClientConfigBuilder};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use codec::Malformed;
pub use config::ExtendedMasterSecret;
pub use connection::{
    Acceptance, Accepted, Accepting, Acceptor, Agreed, AlertToken, ChannelBinding, ClientConnection, Connection, Event,
    MAX_HEADROOM, MIN_OUTPUT, Receive, Received, Receiver, RefusedExport, RefusedSplit, Sender, ServerConnection,
    TAG_LEN, Transmit,
};
pub use crypto::{
    Backend, GroupError, KeyAlgorithm, KeyError, KeyExchange, KeyExchangeGroup, PublicKey, Random, RandomError,
    SharedSecret, SignError, SigningKey,
};
pub use decision::Decision;
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub use dormant::fuzz_dormant;
pub use dormant::{Dormant, DormantError, KtlsSecret, KtlsSecrets, RefusedWake, WakeError};
pub use error::{CertificateError, ConfigError, Error, NotTls, OcspError, Reason};
#[cfg(feature = "std")]
pub use identity::CertificatePool;
#[cfg(feature = "webpki")]
pub use identity::{CertificateView, CrlPolicy, OcspPolicy, WebPkiVerifier};
pub use identity::{
    ClientIdentities, Identities, Identity, Peer, PeerCertificates, PeerCertificatesPolicy, RawPublicKeys,
    ResolveClientIdentity, ResolveIdentity, Verified, VerifyPeer, dangerous,
};
pub use key_log::KeyLog;
#[cfg(feature = "std")]
pub use key_log::KeyLogFile;
pub use observer::{Direction, NotResumed, Observer, Seen};
pub use pki_types;
pub use proof::{Minted, PeerProof};
pub use record::{MessageLimits, RecordSize, Sent};
pub use record_buffer::{HalfStep, RecordBuffer, Step};
pub use server::config::{Preference, ServerConfig, ServerConfigBuilder};
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub use session::fuzz_sessions;
pub use session::{
    ClientAuthPolicy, ClientSessions, NewTicket, OpenedTicket, Session, SessionError, SessionStore, TicketSealer,
};
#[cfg(feature = "std")]
pub use session::{ClientCache, MemoryStore, TicketKey, Tickets};

/// The programs of the README are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
