use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::{Common, CommonBuilder, common_settings, has_twice};
#[cfg(feature = "webpki")]
use crate::crypto::Backend;
use crate::error::ConfigError;
use crate::identity::VerifyPeer;
use crate::message::{MaxFragmentLength, SignatureScheme};
use crate::record::MessageLimits;

/// The settings of a client: checked when built, immutable, shared by any number of connections.
#[derive(Debug)]
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) verifier: Arc<dyn VerifyPeer>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) send_server_name: bool,
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
}

impl AsRef<Common> for ClientConfig {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl ClientConfig {
    /// Starts with the defaults. What has none is the trust: give `roots` or a `verifier`.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            common: CommonBuilder::new(true, MessageLimits::client()),
            verifier: None,
            #[cfg(feature = "webpki")]
            roots: None,
            schemes: None,
            send_server_name: true,
            max_fragment_length: None,
        }
    }
}

/// Collects the settings of a client.
#[derive(Debug)]
#[must_use]
pub struct ClientConfigBuilder {
    common: CommonBuilder,
    verifier: Option<Arc<dyn VerifyPeer>>,
    #[cfg(feature = "webpki")]
    roots: Option<Vec<pki_types::CertificateDer<'static>>>,
    schemes: Option<Vec<SignatureScheme>>,
    send_server_name: bool,
    max_fragment_length: Option<MaxFragmentLength>,
}

impl ClientConfigBuilder {
    common_settings!();

    /// Who says whether a server's certificate is trusted.
    pub fn verifier(mut self, verifier: Arc<dyn VerifyPeer>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Trusts the certificates that lead to one of these roots and name the server: the default verifier,
    /// [`WebPkiVerifier`](crate::WebPkiVerifier).
    #[cfg(feature = "webpki")]
    pub fn roots(mut self, roots: impl IntoIterator<Item = pki_types::CertificateDer<'static>>) -> Self {
        self.roots = Some(roots.into_iter().collect());
        self
    }

    /// The schemes that a server may sign its handshake with, best first (signature_algorithms, RFC 5246 §7.4.1.4.1).
    /// Default: all that the backend can verify. Which signatures certificates may have is for the verifier to say.
    pub fn signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes = Some(schemes.to_vec());
        self
    }

    /// Whether the name of the server is sent to it (server_name, RFC 6066 §3). Default: it is, if it is a DNS name.
    pub fn send_server_name(mut self, send: bool) -> Self {
        self.send_server_name = send;
        self
    }

    /// Asks the server for short records, in both directions and in the handshake too (RFC 6066 §4). For servers that do not
    /// know record_size_limit, which takes its place with those that do. Default: not asked for.
    pub fn max_fragment_length(mut self, length: MaxFragmentLength) -> Self {
        self.max_fragment_length = Some(length);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that is wrong, by the name of its field.
    pub fn build(mut self) -> Result<Arc<ClientConfig>, ConfigError> {
        if let Some(length) = self.max_fragment_length {
            let unknown = || ConfigError::new("max_fragment_length", "it is none of the four that there are");
            let bytes = length.bytes().ok_or_else(unknown)?;
            // RFC 8449 §5: a server that knows both ignores this one.
            self.common.record_size_limit.get_or_insert(bytes);
        }
        let common = self.common.build()?;
        let schemes = schemes(self.schemes, common.backend.verify_schemes())?;
        let fits = |scheme: &SignatureScheme| common.suites.iter().any(|suite| suite.auth.signs_with(*scheme));
        if !schemes.iter().any(fits) {
            return Err(ConfigError::new("signature_schemes", "none of them fits one of the cipher suites"));
        }
        #[cfg(feature = "webpki")]
        let verifier = match (self.verifier, self.roots) {
            (Some(_), Some(_)) => return Err(ConfigError::new("verifier", "give either `roots` or a `verifier`")),
            (Some(verifier), None) => Some(verifier),
            (None, Some(roots)) => Some(default_verifier(roots, common.backend)?),
            (None, None) => None,
        };
        #[cfg(not(feature = "webpki"))]
        let verifier = self.verifier;
        let verifier =
            verifier.ok_or_else(|| ConfigError::new("verifier", "say whom to trust: `roots` or a `verifier`"))?;
        Ok(Arc::new(ClientConfig {
            common,
            verifier,
            schemes,
            send_server_name: self.send_server_name,
            max_fragment_length: self.max_fragment_length,
        }))
    }
}

#[cfg(feature = "webpki")]
fn default_verifier(
    roots: Vec<pki_types::CertificateDer<'static>>,
    backend: Backend,
) -> Result<Arc<dyn VerifyPeer>, ConfigError> {
    Ok(Arc::new(crate::WebPkiVerifier::new(roots)?.with_backend(backend)))
}

fn schemes(
    wanted: Option<Vec<SignatureScheme>>,
    can_verify: &[SignatureScheme],
) -> Result<Vec<SignatureScheme>, ConfigError> {
    const FIELD: &str = "signature_schemes";
    let Some(wanted) = wanted else { return Ok(can_verify.to_vec()) };
    if wanted.is_empty() {
        return Err(ConfigError::new(FIELD, "at least one signature scheme is needed"));
    }
    if has_twice(wanted.iter()) {
        return Err(ConfigError::new(FIELD, "a signature scheme stands there twice"));
    }
    match wanted.iter().find(|scheme| !can_verify.contains(scheme)) {
        Some(scheme) => Err(ConfigError::new(FIELD, alloc::format!("{scheme} is none that the backend can verify"))),
        None => Ok(wanted),
    }
}
