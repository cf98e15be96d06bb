use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::{Common, CommonBuilder, common_settings, has_twice};
#[cfg(feature = "webpki")]
use crate::crypto::Backend;
use crate::error::ConfigError;
use crate::identity::VerifyPeer;
use crate::message::SignatureScheme;
use crate::record::MessageLimits;

/// The settings of a client: checked when built, immutable, shared by any number of connections.
#[derive(Debug)]
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) verifier: Arc<dyn VerifyPeer>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) send_server_name: bool,
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

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that is wrong, by the name of its field.
    pub fn build(self) -> Result<Arc<ClientConfig>, ConfigError> {
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
        Ok(Arc::new(ClientConfig { common, verifier, schemes, send_server_name: self.send_server_name }))
    }
}

#[cfg(feature = "webpki")]
fn default_verifier(
    roots: Vec<pki_types::CertificateDer<'static>>,
    backend: Backend,
) -> Result<Arc<dyn VerifyPeer>, ConfigError> {
    Ok(Arc::new(crate::WebPkiVerifier::new(roots)?.with_backend(backend)))
}
