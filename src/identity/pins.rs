//! Keys that are known beforehand.

use alloc::vec::Vec;

use crate::error::{CertificateError, ConfigError};

/// SHA-256 digests of SubjectPublicKeyInfos (RFC 7469 §2.4): see [`crate::PublicKey::sha256`].
#[derive(Clone, Debug)]
pub(super) struct Pins(Vec<[u8; 32]>);

impl Pins {
    pub(super) fn new(pins: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, ConfigError> {
        let pins: Vec<_> = pins.into_iter().collect();
        if pins.is_empty() {
            return Err(ConfigError::new("pins", "there is no pin, so that nobody would be accepted"));
        }
        Ok(Pins(pins))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter()
    }

    /// One of `keys` is pinned.
    pub(super) fn check(&self, keys: Vec<[u8; 32]>) -> Result<(), CertificateError> {
        if keys.iter().any(|key| self.0.contains(key)) { Ok(()) } else { Err(CertificateError::NotPinned { keys }) }
    }
}
