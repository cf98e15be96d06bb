//! Keying material and channel bindings for what runs above TLS.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::{Backend, HashAlgorithm, Prf, server_end_point, sha256};
use crate::error::{Error, Reason};
use crate::handshake::{Bound, Facts};
use crate::message::CertificateType;

/// What an application's authentication can be bound to (RFC 5929, RFC 9266).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// `tls-unique`: the first Finished of the handshake, 12 bytes (RFC 5929 §3).
    TlsUnique,
    /// `tls-server-end-point`: the hash of the server's certificate (RFC 5929 §4). Not defined for a certificate whose
    /// signature has no hash of its own, such as Ed25519, and not for a raw public key (RFC 7250).
    TlsServerEndPoint,
    /// `tls-exporter`: 32 bytes of keying material (RFC 9266 §4.1); only with extended_master_secret.
    TlsExporter,
}

/// Labels that TLS itself uses with the master secret (RFC 5246, RFC 7627): their output must not be exported (RFC 5705 §4).
const RESERVED: [&[u8]; 5] =
    [b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion"];

/// What is exported from: a connection, or its receiving half.
pub(super) struct Source<'a> {
    pub(super) facts: &'a Facts,
    pub(super) is_established: bool,
    /// The name of the state, for errors.
    pub(super) state: &'static str,
}

impl Source<'_> {
    /// RFC 5705 §4.
    pub(super) fn exporter(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let bound = self.bound()?;
        if RESERVED.contains(&label) {
            return Err(self.refuse(Reason::NotExported("TLS uses this label itself")));
        }
        if !self.facts.extended_master_secret && !bound.exports_without_ems {
            return Err(self.refuse(Reason::NotExported("the peer does not support extended_master_secret")));
        }
        let hash = self.facts.suite.map_or(HashAlgorithm::Sha256, |suite| suite.hash);
        let prf = Prf::new(bound.backend, hash, bound.master_secret.as_bytes());
        let (client_random, server_random) = (&self.facts.client_random, &bound.server_random);
        match context {
            None => prf.fill(label, &[client_random, server_random], out),
            Some(context) => {
                let too_long = |_| self.refuse(Reason::NotExported("the context has more than 65535 bytes"));
                let length = u16::try_from(context.len()).map_err(too_long)?.to_be_bytes();
                prf.fill(label, &[client_random, server_random, &length, context], out);
            }
        }
        Ok(())
    }

    pub(super) fn channel_binding(&self, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
        match kind {
            ChannelBinding::TlsUnique => {
                let bound = self.bound()?;
                // RFC 7627 §5.4.
                if self.facts.resumed && !self.facts.extended_master_secret {
                    let why = "the session was resumed without extended_master_secret (RFC 7627 §5.4)";
                    return Err(self.refuse(Reason::NotExported(why)));
                }
                Ok(bound.tls_unique.to_vec())
            }
            ChannelBinding::TlsServerEndPoint => self.server_end_point(),
            ChannelBinding::TlsExporter => {
                if !self.facts.extended_master_secret {
                    let why = "the peer does not support extended_master_secret (RFC 9266 §3)";
                    return Err(self.refuse(Reason::NotExported(why)));
                }
                let mut binding = vec![0; 32];
                // RFC 9266 §4.2: with a context, which is empty.
                self.exporter(b"EXPORTER-Channel-Binding", Some(&[]), &mut binding)?;
                Ok(binding)
            }
        }
    }

    /// RFC 5929 §4.1.
    fn server_end_point(&self) -> Result<Vec<u8>, Error> {
        let facts = self.facts;
        if facts.woken.is_some() && self.is_established {
            let why = "no hash of a certificate was kept: its signature has none, or it was a raw public key";
            let kept = facts.names.end_point().map(<[u8]>::to_vec);
            return kept.ok_or_else(|| self.refuse(Reason::NotExported(why)));
        }
        let bound = self.bound()?;
        let undefined = || self.refuse(Reason::NotExported("the certificate's signature has no hash of its own"));
        let raw = || self.refuse(Reason::NotExported("the server showed a raw public key and no certificate"));
        if !bound.is_client {
            let own = match facts.own.identity() {
                Some(identity) if identity.certificate_type() == CertificateType::RAW_PUBLIC_KEY => return Err(raw()),
                Some(identity) => identity.server_end_point().ok_or_else(undefined),
                None => facts.names.end_point().ok_or_else(|| {
                    let why =
                        "the session has no hash of a certificate: its signature has none, or it was a raw public key";
                    self.refuse(Reason::NotExported(why))
                }),
            };
            return own.map(<[u8]>::to_vec);
        }
        if let Some(digest) = facts.names.end_point().filter(|_| facts.peer_certificates.is_none()) {
            return Ok(digest.to_vec());
        }
        let certificates = facts.peer_certificates.as_ref();
        if certificates.is_some_and(|shown| shown.raw_public_key().is_some()) {
            return Err(raw());
        }
        let certificate = certificates.and_then(|certificates| certificates.end_entity());
        let certificate = certificate.ok_or_else(|| {
            let why = "the certificate was dropped: its signature has no hash of its own, or it was a raw public key";
            self.refuse(Reason::NotExported(why))
        })?;
        let digest = server_end_point(bound.backend, &certificate)
            .map_err(|error| self.refuse(Reason::Local { what: "tls-server-end-point", why: error.to_string() }))?;
        Ok(digest.ok_or_else(undefined)?.as_ref().to_vec())
    }

    fn bound(&self) -> Result<&Bound, Error> {
        match self.facts.bound.as_deref() {
            Some(bound) if self.is_established => Ok(bound),
            None if self.is_established => {
                Err(self.refuse(Reason::NotExported("the connection was dormant, without exporters")))
            }
            _ => Err(self.refuse(Reason::NotExported("the handshake is not done"))),
        }
    }

    /// SHA-256 of the certificate or raw public key that the peer showed.
    pub(super) fn peer_digest(&self) -> Option<[u8; 32]> {
        let kept = || self.facts.woken.as_ref().and_then(|woken| woken.peer_digest);
        let shown = self.facts.peer_certificates.as_ref().and_then(|shown| {
            let sha256 = |bytes: &[u8]| sha256(Backend::default(), bytes);
            shown.end_entity().map(|certificate| sha256(&certificate)).or_else(|| shown.raw_public_key().map(sha256))
        });
        shown.or_else(kept)
    }

    fn refuse(&self, reason: Reason) -> Error {
        Error::new(reason, self.state)
    }
}
