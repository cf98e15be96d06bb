//! Who we are: certificates, the key that they speak of, and the names that they are used for.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};

use der::asn1::AnyRef;
use der::{Decode, Reader as _, SliceReader, Tag, Tagged};
use pki_types::pem::{self, PemObject};
use pki_types::{CertificateDer, DnsName, PrivateKeyDer};
use zeroize::Zeroize;

use crate::codec::{Malformed, Prefix, Reader};
use crate::crypto::{Backend, KeyAlgorithm, PublicKey, SigningKey, certificate_issuer, server_end_point};
use crate::error::ConfigError;
use crate::identity::able::Able;
use crate::message::{
    CertificateRequest, CertificateType, CipherSuite, ClientCertificateType, ClientHello, List, OpaqueList,
    SignatureScheme,
};

/// A chain of certificates with the key of the first, or a raw public key (RFC 7250), and the names that a server uses it for.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate_type: CertificateType,
    /// Empty if it is a raw public key.
    chain: Vec<CertificateDer<'static>>,
    /// The chain, or the key, as it stands in a Certificate message.
    encoded: Vec<u8>,
    public_key: PublicKey,
    key: Arc<dyn SigningKey>,
    names: Vec<String>,
    /// RFC 5929 §4.1
    server_end_point: Option<Box<[u8]>>,
    ocsp_response: Option<Vec<u8>>,
    scts: Option<Vec<u8>>,
}

impl Identity {
    /// The identity of `chain`: our own certificate first, then each the issuer of the one before; the root is left
    /// out (RFC 5246 §7.4.2). It has no names yet: see [`Self::with_names`].
    ///
    /// # Errors
    /// The chain is empty, a certificate cannot be read, or `key` is not the key of the first one.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: Arc<dyn SigningKey>) -> Result<Self, ConfigError> {
        let mut keys = Vec::new();
        for (index, certificate) in chain.iter().enumerate() {
            let key = PublicKey::from_certificate(certificate)
                .map_err(|error| ConfigError::new("identity.chain", format!("certificate {index}: {error}")))?;
            keys.push(key);
        }
        let Some(public_key) = keys.into_iter().next() else {
            return Err(ConfigError::new("identity.chain", "there is no certificate"));
        };
        if key.public_key() != public_key {
            return Err(ConfigError::new(
                "identity.key",
                format!(
                    "the key ({}) is not that of the first certificate ({})",
                    key.public_key().algorithm(),
                    public_key.algorithm()
                ),
            ));
        }
        check_signs(&*key, &public_key)?;
        let encoded = OpaqueList::encode(Prefix::U24, "certificate", chain.iter().map(AsRef::as_ref))
            .map_err(|problem| ConfigError::new("identity.chain", problem.to_string()))?;
        let end_point = chain.first().map(|leaf| server_end_point(Backend::default(), leaf)).transpose();
        let end_point = end_point.map_err(|error| ConfigError::new("identity.chain", error.to_string()))?.flatten();
        Ok(Identity {
            certificate_type: CertificateType::X509,
            chain,
            encoded,
            public_key,
            key,
            names: vec![],
            server_end_point: end_point.map(|digest| digest.as_ref().into()),
            ocsp_response: None,
            scts: None,
        })
    }

    /// The identity of a key without certificates (RFC 7250), for peers that say that they take one: they have to know the key
    /// beforehand (see [`RawPublicKeys`](crate::RawPublicKeys)). It can stand beside identities with certificates.
    ///
    /// # Errors
    /// The key has no signature scheme that fits it.
    pub fn raw_public_key(key: Arc<dyn SigningKey>) -> Result<Self, ConfigError> {
        let public_key = key.public_key();
        check_signs(&*key, &public_key)?;
        Ok(Identity {
            certificate_type: CertificateType::RAW_PUBLIC_KEY,
            chain: vec![],
            encoded: public_key.spki().to_vec(),
            public_key,
            key,
            names: vec![],
            server_end_point: None,
            ocsp_response: None,
            scts: None,
        })
    }

    /// The identity of a chain and a private key as PEM text: `CERTIFICATE` sections, our own certificate first, and
    /// a section `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (SEC 1).
    ///
    /// # Errors
    /// The text holds no such sections, the key cannot be used with `backend`, or as with [`Self::new`].
    pub fn from_pem(backend: Backend, cert_pem: &[u8], key_pem: &[u8]) -> Result<Self, ConfigError> {
        let chain = CertificateDer::pem_slice_iter(cert_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ConfigError::new("identity.cert_pem", pem_problem(error)))?;
        if chain.is_empty() {
            return Err(ConfigError::new("identity.cert_pem", "there is no section CERTIFICATE"));
        }
        let mut key_der = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| {
            let problem = match error {
                pem::Error::NoItemsFound => "there is no section PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY; an \
                                             encrypted key has to be decrypted first"
                    .to_string(),
                error => pem_problem(error),
            };
            ConfigError::new("identity.key_pem", problem)
        })?;
        let key = backend.load_key(&key_der);
        key_der.zeroize();
        let key = key.map_err(|error| ConfigError::new("identity.key_pem", error.to_string()))?;
        Identity::new(chain, key)
    }

    fn has_issuer(&self, field: &'static str) -> Result<(), ConfigError> {
        if self.chain.is_empty() {
            return Err(ConfigError::new(field, "a raw public key has no issuer who could say anything about it"));
        }
        Ok(())
    }

    /// Sets the names that a server uses this identity for: DNS names, or `*.` and a DNS name, where the `*` stands for
    /// exactly one label (RFC 6125 §6.4.3). Without names it is the one for clients that no name fits.
    ///
    /// # Errors
    /// A name is none of these.
    pub fn with_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Result<Self, ConfigError> {
        self.names = names.into_iter().map(Into::into).collect();
        for name in &self.names {
            if !is_server_name(name) {
                return Err(ConfigError::new(
                    "identity.names",
                    format!("\"{}\" is not a DNS name", name.escape_default()),
                ));
            }
        }
        Ok(self)
    }

    /// Sets the names to the DNS names of the certificate's subjectAltName (RFC 5280 §4.2.1.6), but for those that no client
    /// can ask for.
    ///
    /// # Errors
    /// The certificate cannot be read, there is none, or as with [`Self::with_names`].
    #[cfg(feature = "webpki")]
    pub fn names_from_certificate(self) -> Result<Self, ConfigError> {
        let view = self.chain.first().map(crate::identity::CertificateView::new).transpose();
        let view = view.map_err(|error| ConfigError::new("identity.chain", error.to_string()))?;
        let none = || ConfigError::new("identity.chain", "there is no certificate");
        let names = view.ok_or_else(none)?.dns_names;
        self.with_names(names.into_iter().filter(|name| is_server_name(name)))
    }

    /// Sets what the issuer says about our certificate: the DER of an OCSP response. A server staples it for the clients that
    /// ask (RFC 6066 §8). It goes stale: a resolver shows each client the identity with the newest one.
    ///
    /// # Errors
    /// It is not one OCSPResponse, or one in which the responder gives no answer (RFC 6960 §4.2.1), or longer than its message
    /// can be (2^24 - 1 bytes), or this is a raw public key, which has no issuer.
    pub fn with_ocsp_response(mut self, response: Vec<u8>) -> Result<Self, ConfigError> {
        self.has_issuer("identity.ocsp_response")?;
        let config_error = |problem| ConfigError::new("identity.ocsp_response", problem);
        if response.len() >= 1 << 24 {
            return Err(config_error(format!("{} bytes are no OCSP response", response.len())));
        }
        check_ocsp_response(&response).map_err(config_error)?;
        self.ocsp_response = Some(response);
        Ok(self)
    }

    /// Sets the signed certificate timestamps of our certificate, as a whole SignedCertificateTimestampList (RFC 6962 §3.3): a
    /// length of two bytes, and each timestamp behind a length of two bytes. A server sends them to the clients that ask
    /// (§3.3.1).
    ///
    /// # Errors
    /// They are not such a list, or there is none in it, or this is a raw public key, which has no issuer.
    pub fn with_scts(mut self, scts: Vec<u8>) -> Result<Self, ConfigError> {
        self.has_issuer("identity.scts")?;
        read_scts(&scts).map_err(|problem| ConfigError::new("identity.scts", problem.to_string()))?;
        self.scts = Some(scts);
        Ok(self)
    }

    /// Whether it is certificates or a raw public key.
    #[must_use]
    pub fn certificate_type(&self) -> CertificateType {
        self.certificate_type
    }

    /// The certificates, our own first; none if it is a raw public key.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The chain, or the key, as it stands in a Certificate message.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        &self.key
    }

    /// The public key: that of the first certificate, or the raw one.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The names that a server uses it for.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The OCSP response that a server staples to it: DER.
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }

    /// The SignedCertificateTimestampList (RFC 6962 §3.3).
    #[must_use]
    pub fn scts(&self) -> Option<&[u8]> {
        self.scts.as_deref()
    }

    pub(crate) fn sct_list(&self) -> Option<OpaqueList<'_>> {
        self.scts.as_ref().and_then(|scts| read_scts(scts).ok())
    }

    /// What a server with this identity is for the channel binding `tls-server-end-point`: a digest of the first
    /// certificate. `None` if its signature has no hash of its own, such as Ed25519 (RFC 5929 §4.1), or for a raw public key.
    #[must_use]
    pub fn server_end_point(&self) -> Option<&[u8]> {
        self.server_end_point.as_deref()
    }

    /// Whether a server that sent `request` takes this identity from a client: by its type (RFC 7250 §4.2), the type of the key,
    /// a signature scheme of it, and the issuers of the certificates (RFC 5246 §7.4.4, §7.4.6).
    #[must_use]
    pub fn usable_for(&self, request: &CertificateRequest<'_>) -> bool {
        let wanted = match self.public_key.algorithm() {
            KeyAlgorithm::Rsa { .. } => ClientCertificateType::RSA_SIGN,
            // RFC 8422 §3: ecdsa_sign stands for EdDSA, too.
            KeyAlgorithm::Ecdsa(_) | KeyAlgorithm::Ed25519 => ClientCertificateType::ECDSA_SIGN,
            KeyAlgorithm::Unknown => return false,
        };
        let is_raw = self.certificate_type == CertificateType::RAW_PUBLIC_KEY;
        request.certificate_type == self.certificate_type
            && request.types().any(|accepted| accepted == wanted)
            && self.scheme_among(request.schemes).is_some()
            && (is_raw || request.authorities.is_empty() || self.is_issued_by(request.authorities.iter()))
    }

    /// Whether one of the certificates is issued by one of `authorities`, each the DER of a `Name`, such as those that
    /// [a client trusts](crate::message::ClientExtensions::authorities).
    #[must_use]
    pub fn is_issued_by<'a>(&self, authorities: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let issuers: Vec<_> = self.issuers().collect();
        authorities.into_iter().any(|authority| issuers.contains(&authority))
    }

    /// The names of the issuers of the certificates: DER.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.chain.iter().filter_map(|certificate| certificate_issuer(certificate).ok())
    }

    /// The first scheme of the key that is one of `accepted`.
    pub(crate) fn scheme_among(&self, accepted: List<'_, SignatureScheme>) -> Option<SignatureScheme> {
        let allowed = |scheme: &&SignatureScheme| self.public_key.allows(**scheme) && accepted.contains(**scheme);
        self.key.schemes().iter().find(allowed).copied()
    }

    /// Whether a client that sent `hello` can verify this identity in a handshake with one of `suites`.
    #[must_use]
    pub fn usable_by(&self, hello: &ClientHello<'_>, suites: &[CipherSuite]) -> bool {
        Able::of(hello, suites).can_verify(self)
    }
}

fn check_signs(key: &dyn SigningKey, public_key: &PublicKey) -> Result<(), ConfigError> {
    if key.schemes().iter().any(|scheme| public_key.allows(*scheme)) {
        return Ok(());
    }
    let problem = format!("no signature scheme for a key of the type {}", public_key.algorithm());
    Err(ConfigError::new("identity.key", problem))
}

/// RFC 6962 §3.3: `SerializedSCT sct_list <1..2^16-1>`.
fn read_scts(scts: &[u8]) -> Result<OpaqueList<'_>, Malformed> {
    let what = "sct_list";
    Reader::all(scts, what, |r| OpaqueList::filled(r, Prefix::U16, Prefix::U16, what))
}

/// One OCSPResponse that holds an answer, which is not looked at.
fn check_ocsp_response(response: &[u8]) -> Result<(), String> {
    match read_ocsp_status(response) {
        Ok(0) => Ok(()),
        Ok(status) => Err(format!("the responder gave no answer, but the status {status}")),
        Err(_) if response.starts_with(b"-----BEGIN") => Err("it is PEM, and has to be DER".into()),
        Err(error) => Err(format!("it is no OCSP response: {error}")),
    }
}

/// The OCSPResponseStatus of an OCSPResponse (RFC 6960 §4.2.1); 0 is successful, and alone has an answer behind it.
fn read_ocsp_status(response: &[u8]) -> der::Result<u8> {
    let mut reader = SliceReader::new(response)?;
    let status = reader.sequence(|r| {
        let status = AnyRef::decode(r)?;
        status.tag().assert_eq(Tag::Enumerated)?;
        let [status] = *status.value() else { return Err(der::Error::from(Tag::Enumerated.length_error())) };
        if status == 0 {
            AnyRef::decode(r)?;
        }
        Ok(status)
    })?;
    reader.finish()?;
    Ok(status)
}

/// A DNS name, or `*.` and a DNS name.
fn is_server_name(name: &str) -> bool {
    let suffix = name.strip_prefix("*.").unwrap_or(name);
    !suffix.ends_with('.') && DnsName::try_from(suffix).is_ok()
}

fn pem_problem(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("the section {} does not end", end_marker.escape_ascii())
        }
        pem::Error::IllegalSectionStart { line } => format!("this line starts no section: {}", line.escape_ascii()),
        pem::Error::Base64Decode(detail) => format!("a section is not base64: {detail}"),
        error => error.to_string(),
    }
}
