//! The default verifier: paths, names and extended key usage by `rustls-webpki`; the key usage and the TLS features, which
//! that leaves out, are read in place.

mod crl;
mod explain;
mod glance;
mod ocsp;
mod path;

use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;
use core::{fmt, slice};

use ::webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};
use pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor};

pub use self::crl::CrlPolicy;
use self::crl::{Crls, Revocation};
use self::explain::explain;
use self::glance::{Glance, sequence};
use self::ocsp::Ocsp;
pub use self::ocsp::OcspPolicy;
use self::path::{check_features, check_key_size, has_few_ways_up, issuers_may_sign_certificates};
use crate::crypto::{Backend, PublicKey, digest};
use crate::decision::Decision;
use crate::error::{CertificateError, ConfigError};
use crate::identity::pins::Pins;
use crate::identity::view::bad_encoding;
use crate::identity::{Peer, Verified, VerifyPeer};

/// Accepts a server whose certificate leads to one of our roots, covers the name that was asked for and may sign; or, made by
/// [`Self::for_clients`], a client whose certificate leads to one of our roots and may sign.
///
/// What it checks, in this order:
/// 1. every RSA key that the peer sent has 2048 to 8192 bits, before any signature is looked at;
/// 2. a path leads to a root: signatures, validity, basic constraints, name constraints, key usage and extended key
///    usage (RFC 5280 §6.1). At most 1000 steps from a certificate to a possible issuer and 100 signatures are tried. A path
///    with a revoked certificate ([`Self::with_crls`]) or without a pinned key ([`Self::with_pins`]) is none, nor, for servers,
///    one in which the certificate lacks a TLS feature that an issuer demands (RFC 7633 §4.2.2);
/// 3. the certificate of a server covers the name or address that was asked for (RFC 6125 §6.4; the subject's CN never
///    counts);
/// 4. its key usage, if it has one, holds digitalSignature (RFC 5280 §4.2.1.3);
/// 5. for servers: an OCSP response that is stapled to it (RFC 6066 §8) is about it, signed by its issuer or whom that
///    named, neither from the future nor too old, and good; and there is one if the certificate promises the TLS feature
///    status_request (RFC 7633), the one feature that is enforced. See [`Self::with_ocsp`].
///
/// A verdict holds until the first certificate of the path expires, or the OCSP response that was accepted: no session
/// outlives either. When a session is resumed it is given again only if the configuration has `verify_on_resumption`: without
/// that nobody looks whether the certificate was revoked since, or is still pinned.
pub struct WebPkiVerifier {
    backend: Backend,
    purpose: Purpose,
    roots: Vec<TrustAnchor<'static>>,
    ocsp: Ocsp,
    crls: Option<Crls>,
    crl_policy: CrlPolicy,
    pins: Option<Pins>,
}

/// Whose certificates are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Servers,
    Clients,
}

impl WebPkiVerifier {
    /// For servers: trusts the certificates `roots`: their names, keys and name constraints. Their own validity does not count.
    ///
    /// # Errors
    /// There is no root, or one cannot be read.
    pub fn new<'r>(roots: impl IntoIterator<Item = CertificateDer<'r>>) -> Result<Self, ConfigError> {
        WebPkiVerifier::of(Purpose::Servers, roots)
    }

    /// For a server that asks its clients for certificates: as [`Self::new`], but there is no name to cover, and an extended
    /// key usage has to hold clientAuth. Who the client is, the application reads in its certificate.
    ///
    /// # Errors
    /// As with [`Self::new`].
    pub fn for_clients<'r>(roots: impl IntoIterator<Item = CertificateDer<'r>>) -> Result<Self, ConfigError> {
        WebPkiVerifier::of(Purpose::Clients, roots)
    }

    fn of<'r>(purpose: Purpose, roots: impl IntoIterator<Item = CertificateDer<'r>>) -> Result<Self, ConfigError> {
        let anchors = roots.into_iter().enumerate().map(|(index, root)| {
            let anchor = anchor_from_trusted_cert(&root).map_err(|error| {
                let problem = explain(error, slice::from_ref(&root));
                ConfigError::new("roots", format!("certificate {index}: {problem}; is it DER?"))
            })?;
            Ok(anchor.to_owned())
        });
        let roots = anchors.collect::<Result<Vec<_>, ConfigError>>()?;
        if roots.is_empty() {
            return Err(ConfigError::new("roots", "there is no certificate to trust"));
        }
        Ok(WebPkiVerifier {
            backend: Backend::default(),
            purpose,
            roots,
            ocsp: Ocsp::default(),
            crls: None,
            crl_policy: CrlPolicy::default(),
            pins: None,
        })
    }

    /// Checks signatures with `backend`.
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        WebPkiVerifier { backend, ..self }
    }

    /// What is made of OCSP responses that servers staple. Default: [`OcspPolicy::Check`]. For clients it means nothing: TLS 1.2
    /// lets them staple none.
    ///
    /// A session that rests on a response ends with it, whether one had to come or not. When it is resumed nothing is stapled, so
    /// that none has to come then (RFC 6066 §8).
    #[must_use]
    pub fn with_ocsp(self, policy: OcspPolicy) -> Self {
        WebPkiVerifier { ocsp: Ocsp { policy, ..self.ocsp }, ..self }
    }

    /// How many seconds the start of an OCSP response's validity (`thisUpdate`) may lie in the future, for clocks that differ.
    /// Default: 300.
    #[must_use]
    pub fn with_ocsp_skew(self, seconds: u32) -> Self {
        WebPkiVerifier { ocsp: Ocsp { skew: seconds.into(), ..self.ocsp }, ..self }
    }

    /// How many seconds old an OCSP response may be that says nothing about its end (`nextUpdate`). One that does is good until
    /// then, however long that is. Default: 86400, a day.
    #[must_use]
    pub fn with_ocsp_max_age(self, seconds: u32) -> Self {
        WebPkiVerifier { ocsp: Ocsp { max_age: seconds.into(), ..self.ocsp }, ..self }
    }

    /// Lists of revoked certificates (RFC 5280 §5), each by an authority of the path; how far they are relied on says
    /// [`Self::with_crl_policy`]. They go stale: build a new verifier with the new ones. Sessions are resumed without a look into
    /// them, unless the configuration has `verify_on_resumption`.
    ///
    /// Of lists with the same issuer and the same scope (issuingDistributionPoint) the newest counts, by its cRLNumber, or by
    /// `thisUpdate`. They also count for whoever signs OCSP responses in the issuer's place.
    ///
    /// # Errors
    /// There is no list; or one cannot be read or is of a kind that `rustls-webpki` does not know; or two are for the same, and
    /// which is newer cannot be told.
    pub fn with_crls<'r>(
        self,
        crls: impl IntoIterator<Item = CertificateRevocationListDer<'r>>,
    ) -> Result<Self, ConfigError> {
        Ok(WebPkiVerifier { crls: Some(Crls::new(crls)?), ..self })
    }

    /// How far the lists of [`Self::with_crls`] are relied on. Without lists it means nothing.
    #[must_use]
    pub fn with_crl_policy(self, policy: CrlPolicy) -> Self {
        WebPkiVerifier { crl_policy: policy, ..self }
    }

    /// Accepts only paths in which one key, from the peer's own to the root's, has one of these SHA-256 digests (RFC 7469 §2.6;
    /// see [`PublicKey::sha256`](crate::PublicKey::sha256)). This is checked beside all else and never instead of it. Pin two keys,
    /// so that one can be replaced. Sessions are resumed without a look at them, unless the configuration has
    /// `verify_on_resumption`.
    ///
    /// # Errors
    /// No pin was given.
    pub fn with_pins(self, pins: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, ConfigError> {
        Ok(WebPkiVerifier { pins: Some(Pins::new(pins)?), ..self })
    }

    fn check(&self, peer: &Peer<'_>) -> Result<Verified, CertificateError> {
        let certificates: Vec<_> = peer.certificates.iter().collect();
        let Some((leaf, others)) = certificates.split_first() else {
            return Err(CertificateError::Refused("there is none".into()));
        };
        let key = PublicKey::from_certificate(leaf)?;
        check_key_size(key.algorithm())?;
        others.iter().try_for_each(|other| check_key_size(PublicKey::algorithm_in(other)?))?;
        let explained = |error| explain(error, &certificates);
        let end_entity = EndEntityCert::try_from(leaf).map_err(explained)?;
        if !has_few_ways_up(&end_entity, others) {
            return Err(CertificateError::TooComplex);
        }
        let usage = match self.purpose {
            Purpose::Servers => KeyUsage::server_auth(),
            Purpose::Clients => KeyUsage::client_auth(),
        };
        let leaf = Glance::at(leaf).map_err(bad_encoding)?;
        let lists = self.crls.as_ref().map(Crls::lists);
        let revocation = lists.as_deref().map(|lists| Revocation { lists, policy: self.crl_policy });
        let refused = Cell::new(None);
        let accept = |path: &VerifiedPath<'_>| {
            issuers_may_sign_certificates(path)?;
            self.check_path(&leaf, &key, path, revocation).map_err(|error| {
                // Webpki goes on to other paths. If none fits, this is what was wrong with the first.
                refused.set(Some(refused.take().unwrap_or(error)));
                Error::UnknownIssuer
            })
        };
        let path = end_entity
            .verify_for_usage(
                self.backend.webpki_algorithms(),
                &self.roots,
                others,
                peer.now,
                usage,
                revocation.map(Revocation::options).transpose()?,
                Some(&accept),
            )
            .map_err(|error| refused.take().unwrap_or_else(|| explained(error)))?;
        self.check_name(peer, &end_entity, &certificates)?;

        // RFC 5280 §4.2.1.3: digitalSignature, for keys that verify signatures other than those on certificates and
        // CRLs. All key exchanges of this library sign (RFC 5246 §7.4.2), and so does a client (§7.4.8).
        if leaf.key_usage().map_err(bad_encoding)?.is_some_and(|usage| !usage.has_digital_signature()) {
            return Err(CertificateError::KeyUsage);
        }
        let mut until = not_after(&leaf, &path)?;
        if self.purpose == Purpose::Servers {
            let stapled = self.ocsp.check(self.backend, peer, &leaf, &path, revocation)?;
            until = stapled.map_or(until, |stapled| stapled.min(until));
        }
        Ok(Verified::new(key).until(until))
    }

    /// What is not webpki's to check in a path: if it fails, another path may do, such as that of a cross-signed issuer.
    fn check_path(
        &self,
        leaf: &Glance<'_>,
        key: &PublicKey,
        path: &VerifiedPath<'_>,
        revocation: Option<Revocation<'_>>,
    ) -> Result<(), CertificateError> {
        if let Some(revocation) = revocation {
            revocation.check(path)?;
        }
        if self.purpose == Purpose::Servers {
            check_features(leaf, path)?;
        }
        if let Some(pins) = &self.pins {
            pins.check(keys_of(key, path)?)?;
        }
        Ok(())
    }

    /// A server covers the name that it was asked for by. Clients are asked for by none: whoever uses the one verifier in
    /// the place of the other is told, since names would go unchecked.
    fn check_name(
        &self,
        peer: &Peer<'_>,
        end_entity: &EndEntityCert<'_>,
        certificates: &[CertificateDer<'_>],
    ) -> Result<(), CertificateError> {
        match (self.purpose, peer.server_name) {
            (Purpose::Servers, Some(server_name)) => {
                end_entity.verify_is_valid_for_subject_name(server_name).map_err(|error| explain(error, certificates))
            }
            (Purpose::Clients, None) => Ok(()),
            (Purpose::Servers, None) => {
                let why =
                    "no name was asked for that it could cover; is this verifier for servers asked about a client?";
                Err(CertificateError::Refused(why.into()))
            }
            (Purpose::Clients, Some(_)) => {
                let why = "this verifier is for clients, and does not check the names of servers";
                Err(CertificateError::Refused(why.into()))
            }
        }
    }
}

impl VerifyPeer for WebPkiVerifier {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Now(self.check(peer))
    }

    /// The roots, the pins and the policies, and whether there are lists.
    fn session_binding(&self) -> Option<[u8; 32]> {
        let has_lists = self.crls.is_some();
        let policies = format!("{:?} {:?} {:?} {has_lists}", self.purpose, self.ocsp, self.crl_policy);
        let roots = self.roots.iter().flat_map(|root| {
            let constraints = root.name_constraints.as_ref().map(AsRef::as_ref).unwrap_or_default();
            [root.subject.as_ref(), root.subject_public_key_info.as_ref(), constraints]
        });
        let pins = self.pins.iter().flat_map(Pins::iter).map(<[u8; 32]>::as_slice);
        Some(digest("WebPkiVerifier", [policies.as_bytes()].into_iter().chain(roots).chain(pins)))
    }

    fn wants_status(&self) -> bool {
        self.purpose == Purpose::Servers && self.ocsp.policy != OcspPolicy::Ignore
    }

    /// The names of the roots.
    fn authorities(&self) -> Vec<Vec<u8>> {
        // The anchor has the content of the Name; what was read can be written.
        self.roots.iter().filter_map(|root| sequence(&root.subject).ok()).collect()
    }
}

impl fmt::Debug for WebPkiVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebPkiVerifier({:?}, {} roots, {:?})", self.purpose, self.roots.len(), self.backend)
    }
}

/// SHA-256 of each key in the path, the peer's own first.
fn keys_of(key: &PublicKey, path: &VerifiedPath<'_>) -> Result<Vec<[u8; 32]>, CertificateError> {
    let root = sequence(&path.anchor().subject_public_key_info).map_err(bad_encoding)?;
    let issuers = path.intermediate_certificates().map(|issuer| PublicKey::from_certificate(&issuer.der()));
    let keys = [Ok(key.clone())].into_iter().chain(issuers).chain([PublicKey::from_spki(&root)]);
    keys.map(|key| key.map(|key| key.sha256())).collect()
}

/// When the first certificate of the path expires.
fn not_after(leaf: &Glance<'_>, path: &VerifiedPath<'_>) -> Result<u64, CertificateError> {
    let mut not_after = leaf.not_after;
    for issuer in path.intermediate_certificates() {
        not_after = not_after.min(Glance::at(&issuer.der()).map_err(bad_encoding)?.not_after);
    }
    Ok(not_after)
}
