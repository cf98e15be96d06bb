//! The verdict on a peer's certificates: the question, the answer, and who gives it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};

use crate::codec::{Malformed, Prefix};
use crate::crypto::PublicKey;
use crate::decision::Decision;
use crate::error::{CertificateError, Reason};
use crate::message::{Certificate, CertificateType, OpaqueList};

/// Decides whether a peer is who it should be.
///
/// Whatever stands behind this trait is all that authenticates the peer: an `Ok` lets whoever holds the key of
/// [`Verified`] speak for [`Peer::server_name`].
pub trait VerifyPeer: fmt::Debug + Send + Sync {
    /// The verdict on what the peer showed: its public key, or why it is refused. `Later` pauses the connection.
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>>;

    /// The types of certificates that are taken, best first (RFC 7250 §4.1): the peer is told, and what it shows is of one of
    /// them. A type that is not said here never comes to [`Self::verify`].
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }

    /// What it trusts, as a digest: the same in each verifier, of whichever process, that would accept the same peers. A session
    /// is resumed only where the verifier gives the same as where it was made, since nobody looks at the peer again. `None`:
    /// by no other configuration at all. What changes all the time, such as revocation lists, had better not count.
    fn session_binding(&self) -> Option<[u8; 32]> {
        None
    }

    /// Whether a client asks for an OCSP response (RFC 6066 §8), to find it in [`Peer::ocsp_response`]. A verifier that has
    /// another one inside passes this and the next question on to it: what is not asked for does not come.
    fn wants_status(&self) -> bool {
        false
    }

    /// The names of the authorities whose certificates are accepted, each the DER of a Name (RFC 5280 §4.1.2.4): a server that
    /// asks clients for certificates tells them these, so that they can choose (RFC 5246 §7.4.4). None: any.
    fn authorities(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Whether a client asks for signed certificate timestamps (RFC 6962 §3.3.1), to find them in [`Peer::scts`]. To check them
    /// takes a list of logs that are trusted, so it is for a verifier of one's own: `WebPkiVerifier` does not ask.
    fn wants_scts(&self) -> bool {
        false
    }
}

/// What a peer showed, and what it is to be measured by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Peer<'a> {
    /// The certificates, the peer's own first (RFC 5246 §7.4.2), or its raw public key (RFC 7250).
    pub certificates: &'a PeerCertificates,
    /// On a client: the server that was asked for.
    pub server_name: Option<&'a ServerName<'static>>,
    /// The stapled OCSP response, as DER (RFC 6066 §8), if one was sent.
    pub ocsp_response: Option<&'a [u8]>,
    /// The SignedCertificateTimestampList (RFC 6962 §3.3), if one was sent.
    pub scts: Option<&'a [u8]>,
    /// Whether the certificates come from a session that is resumed: nothing is stapled to them then (RFC 6066 §8).
    pub resumed: bool,
    /// The time of the check, by the configuration's clock.
    pub now: UnixTime,
}

impl<'a> Peer<'a> {
    /// A peer that showed nothing but certificates; the other fields are there to be set.
    #[must_use]
    pub fn new(certificates: &'a PeerCertificates, now: UnixTime) -> Self {
        Peer { certificates, server_name: None, ocsp_response: None, scts: None, resumed: false, now }
    }
}

/// The verdict on a peer that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    key: PublicKey,
    not_after: Option<u64>,
}

impl Verified {
    /// The peer is accepted, and this is its public key.
    #[must_use]
    pub fn new(key: PublicKey) -> Self {
        Verified { key, not_after: None }
    }

    /// The verdict holds until `not_after` (seconds since 1970-01-01 00:00 UTC): no session outlives it.
    #[must_use]
    pub fn until(self, not_after: u64) -> Self {
        Verified { not_after: Some(not_after), ..self }
    }

    /// The peer's public key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(crate) fn into_key(self) -> PublicKey {
        self.key
    }

    /// The last second at which the verdict holds (seconds since 1970-01-01 00:00 UTC), if it is known.
    #[must_use]
    pub fn not_after(&self) -> Option<u64> {
        self.not_after
    }
}

/// What a peer showed, as it sent it: certificates, its own first; or in their place a raw public key (RFC 7250), beside which
/// there is no certificate. Clones share the bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PeerCertificates(Shown);

#[derive(Clone, PartialEq, Eq)]
enum Shown {
    /// As they stand in a Certificate message: before each its length.
    Chain(Arc<[u8]>),
    /// A SubjectPublicKeyInfo.
    RawPublicKey(Arc<[u8]>),
}

impl Default for Shown {
    fn default() -> Self {
        Shown::Chain(Arc::default())
    }
}

impl PeerCertificates {
    /// The certificates in this order.
    ///
    /// # Errors
    /// A certificate is empty, or longer than a Certificate message can say (2^24 - 1 bytes).
    pub fn new<'c>(certificates: impl IntoIterator<Item = &'c CertificateDer<'c>>) -> Result<Self, Malformed> {
        let certificates = certificates.into_iter().map(AsRef::as_ref);
        Ok(PeerCertificates(Shown::Chain(OpaqueList::encode(Prefix::U24, "certificate", certificates)?.into())))
    }

    /// A raw public key.
    #[must_use]
    pub fn of_raw_public_key(key: &PublicKey) -> Self {
        PeerCertificates(Shown::RawPublicKey(key.spki().into()))
    }

    /// What came in a message, where the hellos agreed on this type; `None` if nothing did.
    pub(crate) fn read(message: Certificate<'_>, certificate_type: CertificateType) -> Result<Option<Self>, Reason> {
        let malformed = |problem| Reason::Malformed { message: "Certificate", problem };
        if message.is_empty() {
            return Ok(None);
        }
        if certificate_type == CertificateType::RAW_PUBLIC_KEY {
            // RFC 7250 §3: the DER of a SubjectPublicKeyInfo, before anybody is asked about it.
            let key = PublicKey::from_spki(message.raw_public_key().map_err(malformed)?)?;
            return Ok(Some(PeerCertificates::of_raw_public_key(&key)));
        }
        let chain = message.chain().map_err(malformed)?;
        Ok(Some(PeerCertificates(Shown::Chain(chain.raw().into()))))
    }

    /// What [`Self::encoded`] of this type is; `None` if it is empty.
    pub(crate) fn from_encoded(certificate_type: CertificateType, content: &[u8]) -> Result<Option<Self>, Malformed> {
        let shown = match certificate_type {
            CertificateType::X509 if content.is_empty() => return Ok(None),
            CertificateType::X509 => {
                OpaqueList::of_content(content, Prefix::U24, "peer_certificates")?;
                Shown::Chain(content.into())
            }
            CertificateType::RAW_PUBLIC_KEY if !content.is_empty() => Shown::RawPublicKey(content.into()),
            CertificateType::RAW_PUBLIC_KEY => return Err(Malformed::Empty("peer_certificates")),
            _ => return Err(Malformed::Value("certificate_type")),
        };
        Ok(Some(PeerCertificates(shown)))
    }

    /// The raw public key: the DER of a SubjectPublicKeyInfo (RFC 5280 §4.1). `None` if the peer showed certificates.
    #[must_use]
    pub fn raw_public_key(&self) -> Option<&[u8]> {
        match &self.0 {
            Shown::RawPublicKey(key) => Some(key),
            Shown::Chain(_) => None,
        }
    }

    /// Whether it is certificates or a raw public key.
    #[must_use]
    pub fn certificate_type(&self) -> CertificateType {
        match &self.0 {
            Shown::Chain(_) => CertificateType::X509,
            Shown::RawPublicKey(_) => CertificateType::RAW_PUBLIC_KEY,
        }
    }

    /// The certificates, the peer's own first.
    pub fn iter(&self) -> impl Iterator<Item = CertificateDer<'_>> {
        let chain: &[u8] = match &self.0 {
            Shown::Chain(chain) => chain,
            Shown::RawPublicKey(_) => &[],
        };
        OpaqueList::from_encoded(Prefix::U24, chain).iter().map(CertificateDer::from)
    }

    /// The peer's own certificate; none if it sent an empty list, or a raw public key.
    #[must_use]
    pub fn end_entity(&self) -> Option<CertificateDer<'_>> {
        self.iter().next()
    }

    /// The certificates as people read them, the peer's own first. Nothing in them was checked by this.
    #[cfg(feature = "webpki")]
    pub fn views(&self) -> impl Iterator<Item = Result<crate::identity::CertificateView, CertificateError>> {
        self.iter().map(|certificate| crate::identity::CertificateView::new(&certificate))
    }

    /// How many certificates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// As it stands in a Certificate message, but for the length of the whole.
    pub(crate) fn encoded(&self) -> &[u8] {
        match &self.0 {
            Shown::Chain(content) | Shown::RawPublicKey(content) => content,
        }
    }

    /// Puts other memory with the same bytes in the place of this.
    #[cfg(feature = "std")]
    pub(super) fn share(&mut self, other: impl FnOnce(&Arc<[u8]>) -> Arc<[u8]>) {
        match &mut self.0 {
            Shown::Chain(content) | Shown::RawPublicKey(content) => *content = other(content),
        }
    }

    /// Whether there is no certificate: the list is empty, or it is a raw public key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end_entity().is_none()
    }
}

impl fmt::Debug for PeerCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.encoded().len();
        match &self.0 {
            Shown::Chain(_) => write!(f, "PeerCertificates({} certificates, {bytes} bytes)", self.len()),
            Shown::RawPublicKey(_) => write!(f, "PeerCertificates(a raw public key, {bytes} bytes)"),
        }
    }
}
