//! Raw public keys that are known beforehand (RFC 7250).

use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;

use crate::crypto::{PublicKey, digest};
use crate::decision::Decision;
use crate::error::{CertificateError, ConfigError};
use crate::identity::{Peer, Verified, VerifyPeer};
use crate::message::CertificateType;

/// Accepts a peer that shows, in the place of certificates, one of the public keys that are known beforehand (RFC 7250): the same
/// SubjectPublicKeyInfo, byte by byte. With [`Self::or_certificates`], certificates are taken as well.
///
/// Who the key belongs to is for whoever gives it to this verifier to know (RFC 7250 §6). A key has no end and is not
/// revoked: to trust it no longer, make another verifier.
#[derive(Clone, Debug)]
pub struct RawPublicKeys {
    keys: Vec<Trusted>,
    certificates: Option<Arc<dyn VerifyPeer>>,
    types: Vec<CertificateType>,
}

#[derive(Clone, Debug)]
struct Trusted {
    /// Whose key it is; `None` if it is that of any peer.
    server_name: Option<ServerName<'static>>,
    key: PublicKey,
}

impl RawPublicKeys {
    /// Accepts the holder of any of these keys, whatever it is asked for: for a server that knows the keys of its clients, or a
    /// client that has one server. A client of several servers names them: see [`Self::by_server`].
    ///
    /// # Errors
    /// There is no key.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, ConfigError> {
        Self::of(keys.into_iter().map(|key| Trusted { server_name: None, key }).collect())
    }

    /// Accepts a server if it holds a key that is given here with its name. A name may have several keys.
    ///
    /// # Errors
    /// There is no key.
    pub fn by_server(keys: impl IntoIterator<Item = (ServerName<'static>, PublicKey)>) -> Result<Self, ConfigError> {
        Self::of(keys.into_iter().map(|(name, key)| Trusted { server_name: Some(name), key }).collect())
    }

    fn of(keys: Vec<Trusted>) -> Result<Self, ConfigError> {
        if keys.is_empty() {
            return Err(ConfigError::new("raw_public_keys", "there is no key, so that nobody would be accepted"));
        }
        Ok(RawPublicKeys { keys, certificates: None, types: [CertificateType::RAW_PUBLIC_KEY].into() })
    }

    /// Takes certificates, too: these are for `verifier` to judge, and what it asks for is asked for. Raw public keys are
    /// preferred.
    #[must_use]
    pub fn or_certificates(self, verifier: Arc<dyn VerifyPeer>) -> Self {
        let types = [CertificateType::RAW_PUBLIC_KEY, CertificateType::X509].into();
        RawPublicKeys { certificates: Some(verifier), types, ..self }
    }

    fn check(&self, spki: &[u8], server_name: Option<&ServerName<'static>>) -> Result<Verified, CertificateError> {
        let is_its = |trusted: &&Trusted| {
            trusted.key.spki() == spki && trusted.server_name.as_ref().is_none_or(|name| Some(name) == server_name)
        };
        match self.keys.iter().find(is_its) {
            Some(trusted) => Ok(Verified::new(trusted.key.clone())),
            None => Err(CertificateError::UnknownKey { sha256: PublicKey::from_spki(spki)?.sha256() }),
        }
    }
}

impl VerifyPeer for RawPublicKeys {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        match (peer.certificates.raw_public_key(), &self.certificates) {
            (Some(spki), _) => Decision::Now(self.check(spki, peer.server_name)),
            (None, Some(verifier)) => verifier.verify(peer),
            (None, None) => Decision::Now(Err(CertificateError::Refused("it is no raw public key".into()))),
        }
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &self.types
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        let inner = match &self.certificates {
            Some(verifier) => verifier.session_binding()?,
            None => [0; 32],
        };
        let names: Vec<_> = self.keys.iter().map(|trusted| alloc::format!("{:?}", trusted.server_name)).collect();
        let keys = self.keys.iter().zip(&names).flat_map(|(trusted, name)| [name.as_bytes(), trusted.key.spki()]);
        Some(digest("RawPublicKeys", [inner.as_slice()].into_iter().chain(keys)))
    }

    fn wants_status(&self) -> bool {
        self.certificates.as_ref().is_some_and(|verifier| verifier.wants_status())
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        self.certificates.as_ref().map(|verifier| verifier.authorities()).unwrap_or_default()
    }

    fn wants_scts(&self) -> bool {
        self.certificates.as_ref().is_some_and(|verifier| verifier.wants_scts())
    }
}
