//! Key exchange (RFC 8422 §5.10, §5.11).

use alloc::boxed::Box;
use core::fmt::{self, Debug};

use crate::message::NamedGroup;

use super::SharedSecret;

/// A group in which keys can be exchanged. [`Backend::key_exchange_groups`](super::Backend::key_exchange_groups) has the
/// usual ones.
pub trait KeyExchangeGroup: Debug + Send + Sync {
    /// The group's number on the wire.
    fn name(&self) -> NamedGroup;

    /// Draws a fresh key pair for one handshake.
    ///
    /// # Errors
    /// The source of randomness failed.
    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError>;
}

/// Our key pair in one handshake.
pub trait KeyExchange: Send + Sync {
    /// Our public key as it goes over the wire: an uncompressed point (RFC 8422 §5.4.1), or the 32 bytes of X25519.
    fn public_key(&self) -> &[u8];

    /// The secret that we share with the owner of the public key `peer`.
    ///
    /// # Errors
    /// `peer` is not a good public key for this group: its length is wrong, the point is not on the curve, or the
    /// shared secret would be zero.
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError>;
}

/// A key pair could not be drawn, or the peer's public key is not a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupError;

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key exchange failed")
    }
}

impl core::error::Error for GroupError {}
