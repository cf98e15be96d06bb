use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::codec::Prefix;
use crate::config::{Common, CommonBuilder, Trust, common_settings, schemes};
use crate::error::ConfigError;
use crate::identity::{CertificateTypes, Identities, Identity, ResolveIdentity, VerifyPeer, binding};
use crate::message::{OpaqueList, SignatureScheme};
use crate::record::MessageLimits;
use crate::session::{ClientAuthPolicy, SessionStore, TicketSealer};

/// Whose order of cipher suites and groups decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The server's; but a client that puts ChaCha20-Poly1305 first, as those without AES in hardware do, gets it.
    #[default]
    Server,
    /// The client's.
    Client,
}

/// The settings of a server: checked when built, immutable, shared by any number of connections.
#[derive(Debug)]
pub struct ServerConfig {
    pub(crate) common: Common,
    pub(crate) resolver: Arc<dyn ResolveIdentity>,
    pub(crate) preference: Preference,
    pub(crate) session_store: Option<Arc<dyn SessionStore>>,
    pub(crate) tickets: Option<Arc<dyn TicketSealer>>,
    /// Whether clients are asked for a certificate, and who verifies it.
    pub(crate) client_auth: Option<(ClientAuthPolicy, Arc<dyn VerifyPeer>)>,
    /// What the verifier takes.
    pub(crate) client_types: CertificateTypes,
    pub(crate) client_schemes: Vec<SignatureScheme>,
    /// The names of the authorities, as they stand in CertificateRequest.
    pub(crate) client_authorities: Vec<u8>,
    pub(crate) sibling_speaks_tls13: bool,
}

impl AsRef<Common> for ServerConfig {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl ServerConfig {
    pub(crate) fn client_auth_policy(&self) -> ClientAuthPolicy {
        self.client_auth.as_ref().map_or(ClientAuthPolicy::NotRequested, |(policy, _)| *policy)
    }

    /// Starts with the defaults. What has none is who we are: give an `identity`, `identities` or a `resolver`.
    pub fn builder() -> ServerConfigBuilder {
        ServerConfigBuilder {
            common: CommonBuilder::new(false, MessageLimits::server()),
            identities: Vec::new(),
            resolver: None,
            strict_server_name: false,
            preference: Preference::default(),
            session_store: None,
            tickets: None,
            client_auth: None,
            client_schemes: None,
            sibling_speaks_tls13: false,
        }
    }
}

/// Collects the settings of a server.
#[derive(Debug)]
#[must_use]
pub struct ServerConfigBuilder {
    common: CommonBuilder,
    identities: Vec<Identity>,
    resolver: Option<Arc<dyn ResolveIdentity>>,
    strict_server_name: bool,
    preference: Preference,
    session_store: Option<Arc<dyn SessionStore>>,
    tickets: Option<Arc<dyn TicketSealer>>,
    client_auth: Option<(ClientAuthPolicy, Arc<dyn VerifyPeer>)>,
    client_schemes: Option<Vec<SignatureScheme>>,
    sibling_speaks_tls13: bool,
}

impl ServerConfigBuilder {
    common_settings!();

    /// A certificate with its key, or a raw public key. Can be called again: each client is then shown the one that it can
    /// verify, that has the name it asks for (see [`Identity::with_names`]) and whose issuer it trusts; [`Identities`] has the
    /// exact order.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Several certificates, as by several calls of [`Self::identity`].
    pub fn identities(mut self, identities: impl IntoIterator<Item = Identity>) -> Self {
        self.identities.extend(identities);
        self
    }

    /// Who chooses the identity for each client.
    pub fn resolver(mut self, resolver: Arc<dyn ResolveIdentity>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Whether a client that names no server, or one whose name no identity has, is refused (`unrecognized_name`, or
    /// `handshake_failure`), so that no client is led to another host than the one it asked for. Default: it is shown the
    /// identity that fits best. For the identities given here; a resolver decides for itself.
    pub fn strict_server_name(mut self, strict: bool) -> Self {
        self.strict_server_name = strict;
        self
    }

    /// Whose preference decides. Default: the server's.
    pub fn preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// Where sessions are kept that clients resume by session ID (RFC 5246 §7.3): for clients that take no tickets, or where
    /// there are none. Default: none are kept.
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.session_store = Some(store);
        self
    }

    /// Who turns sessions into tickets, for the clients to keep (RFC 5077). Default: nobody.
    pub fn tickets(mut self, tickets: Arc<dyn TicketSealer>) -> Self {
        self.tickets = Some(tickets);
        self
    }

    /// Whether clients are asked for a certificate, and who verifies it. With [`ClientAuthPolicy::Optional`], what a client
    /// without one may do is for the application to say: see [`PeerProof`](crate::PeerProof). With
    /// [`ClientAuthPolicy::NotRequested`] the verifier is not used. Default: they are not asked.
    pub fn client_authentication(mut self, policy: ClientAuthPolicy, verifier: Arc<dyn VerifyPeer>) -> Self {
        self.client_auth = Some((policy, verifier)).filter(|_| policy != ClientAuthPolicy::NotRequested);
        self
    }

    /// The schemes that a client may sign with, best first (supported_signature_algorithms, RFC 5246 §7.4.4). Default: all that
    /// the backend can verify. Which signatures certificates may have is for the verifier to say.
    pub fn client_signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.client_schemes = Some(schemes.to_vec());
        self
    }

    /// Whether the same service also speaks TLS 1.3, by another stack that gets its clients from an
    /// [`Acceptor`](crate::Acceptor). Then our ServerHello says what that of a TLS 1.3 server has to say (RFC 8446 §4.1.3), so
    /// that a client that speaks both notices who keeps it from TLS 1.3; and a client that says that it fell back to TLS 1.2
    /// is refused (RFC 7507 §3). Default: it does not.
    pub fn sibling_speaks_tls13(mut self, speaks: bool) -> Self {
        self.sibling_speaks_tls13 = speaks;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that is wrong, by the name of its field.
    pub fn build(self) -> Result<Arc<ServerConfig>, ConfigError> {
        let keeps_sessions = self.session_store.is_some() || self.tickets.is_some();
        let verifier = self.client_auth.as_ref().map(|(_, verifier)| verifier);
        let peer = verifier.map_or(Some([0; 32]), |verifier| verifier.session_binding());
        let own = match &self.resolver {
            Some(resolver) => resolver.session_binding(),
            None => Some(binding(self.identities.iter(), self.strict_server_name)),
        };
        let trust = Trust { role: "server", peer, own };
        let common = self.common.build(keeps_sessions.then_some(trust))?;
        let client_schemes = schemes("client_signature_schemes", self.client_schemes, common.backend.verify_schemes())?;
        let (client_types, client_authorities) = match &self.client_auth {
            Some((_, verifier)) => (
                CertificateTypes::new("client_authentication", verifier.certificate_types())?,
                encode_authorities(&verifier.authorities())?,
            ),
            None => (CertificateTypes::x509(), Vec::new()),
        };
        let resolver = match (self.resolver, self.identities.is_empty()) {
            (Some(resolver), true) => resolver,
            (Some(_), false) => return Err(ConfigError::new("resolver", "give either identities or a `resolver`")),
            (None, false) => {
                check_usable(&self.identities, &common)?;
                check_names(&self.identities, self.strict_server_name)?;
                let identities = Identities::new(self.identities).with_suites(&common.suite_ids);
                Arc::new(if self.strict_server_name { identities.strict() } else { identities })
            }
            (None, true) => {
                return Err(ConfigError::new("identity", "say who this server is: an `identity` or a `resolver`"));
            }
        };
        Ok(Arc::new(ServerConfig {
            common,
            resolver,
            preference: self.preference,
            session_store: self.session_store,
            tickets: self.tickets,
            client_auth: self.client_auth,
            client_types,
            client_schemes,
            client_authorities,
            sibling_speaks_tls13: self.sibling_speaks_tls13,
        }))
    }
}

/// RFC 5246 §7.4.4: `DistinguishedName certificate_authorities<0..2^16-1>`. More than that stays unsaid: an empty list leaves
/// the choice to the client.
fn encode_authorities(names: &[Vec<u8>]) -> Result<Vec<u8>, ConfigError> {
    let names = OpaqueList::encode(Prefix::U16, "the name of an authority", names.iter().map(Vec::as_slice))
        .map_err(|problem| ConfigError::new("client_authentication", problem.to_string()))?;
    Ok(if names.len() > usize::from(u16::MAX) { Vec::new() } else { names })
}

/// An identity that no configured cipher suite can use would never be shown.
fn check_usable(identities: &[Identity], common: &Common) -> Result<(), ConfigError> {
    let unusable = |identity: &&Identity| {
        let key = identity.public_key();
        !common.suites.iter().any(|suite| key.fits(suite.auth))
    };
    match identities.iter().find(unusable) {
        Some(identity) => Err(ConfigError::new(
            "cipher_suites",
            alloc::format!("none of them fits the identity with a key of type {}", identity.public_key().algorithm()),
        )),
        None => Ok(()),
    }
}

/// Each identity has to have a client that it would be shown to.
fn check_names(identities: &[Identity], strict: bool) -> Result<(), ConfigError> {
    const FIELD: &str = "identity.names";
    if strict && identities.iter().any(|identity| identity.names().is_empty()) {
        return Err(ConfigError::new(FIELD, "with `strict_server_name`, an identity without names is never shown"));
    }
    let mut left = identities;
    while let [identity, others @ ..] = left {
        let key = |identity: &Identity| (identity.public_key().algorithm(), identity.certificate_type());
        let is_issuer = |name: &[u8]| identity.issuers().any(|issuer| issuer == name);
        let never_shown = |other: &Identity| {
            key(other) == key(identity) && other.names() == identity.names() && other.issuers().all(is_issuer)
        };
        if others.iter().any(never_shown) {
            let problem = "two identities have the same type of key and of certificate, the same names, or both none, and the \
                           same issuers: the second would never be shown";
            return Err(ConfigError::new(FIELD, problem));
        }
        left = others;
    }
    Ok(())
}
