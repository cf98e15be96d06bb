//! A pure, sans-I/O TLS 1.2 client and server.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(not(feature = "ring"))]
compile_error!("tls12 needs a crate for its cryptography: enable the feature `ring` (part of the default features)");

mod alert;
mod ask;
mod client;
mod clock;
mod codec;
mod config;
mod connection;
pub mod crypto;
mod decision;
mod error;
pub mod flow;
mod handshake;
pub mod identity;
mod machine;
pub mod message;
mod observer;
mod proof;
mod record;
mod record_buffer;
mod server;
#[cfg(feature = "std")]
pub mod stream;
#[cfg(test)]
#[cfg(feature = "std")]
mod testing;
mod transcript;

pub use alert::{AlertDescription, AlertLevel};
pub use ask::{Answer, Ask, IdentityRequest, SignRequest, VerifyRequest};
pub use client::config::{ClientConfig, ClientConfigBuilder};
pub use clock::Clock;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use codec::Malformed;
pub use config::ExtendedMasterSecret;
pub use connection::{ClientConnection, Connection, Event, MIN_OUTPUT, Received, ServerConnection};
pub use crypto::{
    Backend, GroupError, KeyAlgorithm, KeyError, KeyExchange, KeyExchangeGroup, PublicKey, Random, RandomError,
    SharedSecret, SignError, SigningKey,
};
pub use decision::Decision;
pub use error::{CertificateError, ConfigError, Error, NotTls, Reason};
#[cfg(feature = "webpki")]
pub use identity::{CertificateView, WebPkiVerifier};
pub use identity::{Identities, Identity, Peer, PeerCertificates, ResolveIdentity, Verified, VerifyPeer, dangerous};
pub use observer::{Direction, Observer, Seen};
pub use pki_types;
pub use proof::{Minted, PeerProof};
pub use record::{MessageLimits, Sent};
pub use record_buffer::{RecordBuffer, Step};
pub use server::config::{Preference, ServerConfig, ServerConfigBuilder};
