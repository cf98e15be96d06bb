use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::{Common, CommonBuilder, Trust, common_settings, schemes};
#[cfg(feature = "webpki")]
use crate::crypto::Backend;
use crate::error::ConfigError;
use crate::identity::{CertificateTypes, ClientIdentities, Identity, ResolveClientIdentity, VerifyPeer};
use crate::message::{MaxFragmentLength, SignatureScheme};
use crate::record::MessageLimits;
use crate::session::ClientSessions;

/// The settings of a client: checked when built, immutable, shared by any number of connections.
#[derive(Debug)]
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) verifier: Arc<dyn VerifyPeer>,
    /// The verifier's.
    pub(crate) server_types: CertificateTypes,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) send_server_name: bool,
    pub(crate) sessions: Option<Arc<dyn ClientSessions>>,
    /// Who we are, for servers that ask.
    pub(crate) resolver: Option<Arc<dyn ResolveClientIdentity>>,
    /// The resolver's.
    pub(crate) client_types: CertificateTypes,
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
            sessions: None,
            identities: Vec::new(),
            resolver: None,
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
    sessions: Option<Arc<dyn ClientSessions>>,
    identities: Vec<Identity>,
    resolver: Option<Arc<dyn ResolveClientIdentity>>,
    max_fragment_length: Option<MaxFragmentLength>,
}

impl ClientConfigBuilder {
    common_settings!();

    /// Who says whether a server's certificate, or raw public key, is trusted.
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

    /// Where sessions are kept, so that a later connection to the same server is made without a full handshake (RFC 5246
    /// §7.3, RFC 5077). Default: none are kept.
    pub fn sessions(mut self, sessions: Arc<dyn ClientSessions>) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// A certificate with its key, or a raw public key, for servers that ask for one. Can be called again: each server is shown the
    /// first one that it accepts, by its type, its signature and its issuer, or none.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Who chooses the identity for each server that asks for one.
    pub fn identity_resolver(mut self, resolver: Arc<dyn ResolveClientIdentity>) -> Self {
        self.resolver = Some(resolver);
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
        #[cfg(feature = "webpki")]
        let verifier = match (self.verifier, self.roots) {
            (Some(_), Some(_)) => return Err(ConfigError::new("verifier", "give either `roots` or a `verifier`")),
            (Some(verifier), None) => Some(verifier),
            (None, Some(roots)) => Some(default_verifier(roots, self.common.backend)?),
            (None, None) => None,
        };
        #[cfg(not(feature = "webpki"))]
        let verifier = self.verifier;
        let verifier =
            verifier.ok_or_else(|| ConfigError::new("verifier", "say whom to trust: `roots` or a `verifier`"))?;
        let resolver: Option<Arc<dyn ResolveClientIdentity>> = match (self.resolver, self.identities.is_empty()) {
            (Some(_), false) => {
                return Err(ConfigError::new("identity_resolver", "give either identities or an `identity_resolver`"));
            }
            (None, false) => Some(Arc::new(ClientIdentities::new(self.identities))),
            (resolver, true) => resolver,
        };
        let trust = Trust {
            role: "client",
            peer: verifier.session_binding(),
            own: resolver.as_ref().map_or(Some([0; 32]), |resolver| resolver.session_binding()),
        };
        let common = self.common.build(self.sessions.is_some().then_some(trust))?;
        let schemes = schemes("signature_schemes", self.schemes, common.backend.verify_schemes())?;
        let fits = |scheme: &SignatureScheme| common.suites.iter().any(|suite| suite.auth.signs_with(*scheme));
        if !schemes.iter().any(fits) {
            return Err(ConfigError::new("signature_schemes", "none of them fits one of the cipher suites"));
        }
        let server_types = CertificateTypes::new("verifier", verifier.certificate_types())?;
        let client_types = match &resolver {
            Some(resolver) => CertificateTypes::new("identity_resolver", resolver.certificate_types())?,
            None => CertificateTypes::x509(),
        };
        Ok(Arc::new(ClientConfig {
            common,
            verifier,
            server_types,
            schemes,
            send_server_name: self.send_server_name,
            sessions: self.sessions,
            resolver,
            client_types,
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
