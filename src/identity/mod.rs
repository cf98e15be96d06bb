//! Certificates and raw public keys: who a peer is ([`VerifyPeer`], [`WebPkiVerifier`], [`RawPublicKeys`]), who we are
//! ([`Identity`]), and which of our identities fits a client ([`ResolveIdentity`], [`Identities`]) or a server ([`ResolveClientIdentity`],
//! [`ClientIdentities`]).
//!
//! Paths and names are checked by `rustls-webpki`, never by code of our own; `x509-parser` makes the view of a
//! certificate for people (`CertificateView`), and names issuers in errors.

mod able;
mod client_resolver;
pub mod dangerous;
mod keeping;
mod own;
mod pins;
#[cfg(feature = "std")]
mod pool;
mod raw_keys;
mod resolver;
mod types;
mod verifier;
#[cfg(feature = "webpki")]
mod view;
#[cfg(feature = "webpki")]
mod webpki;

#[cfg(test)]
mod tests;

pub use client_resolver::{ClientIdentities, ResolveClientIdentity};
pub use keeping::PeerCertificatesPolicy;
pub use own::Identity;
#[cfg(feature = "std")]
pub use pool::CertificatePool;
pub use raw_keys::RawPublicKeys;
pub(crate) use resolver::binding;
pub use resolver::{Identities, ResolveIdentity};
pub(crate) use types::CertificateTypes;
pub use verifier::{Peer, PeerCertificates, Verified, VerifyPeer};
#[cfg(feature = "webpki")]
pub use view::CertificateView;
#[cfg(feature = "webpki")]
pub use webpki::{CrlPolicy, OcspPolicy, WebPkiVerifier};
