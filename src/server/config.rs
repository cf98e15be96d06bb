use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::{Common, CommonBuilder, common_settings};
use crate::error::ConfigError;
use crate::identity::{Identities, Identity, ResolveIdentity};
use crate::record::MessageLimits;

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
    pub(crate) sibling_speaks_tls13: bool,
}

impl AsRef<Common> for ServerConfig {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl ServerConfig {
    /// Starts with the defaults. What has none is who we are: give an `identity`, `identities` or a `resolver`.
    pub fn builder() -> ServerConfigBuilder {
        ServerConfigBuilder {
            common: CommonBuilder::new(false, MessageLimits::server()),
            identities: Vec::new(),
            resolver: None,
            strict_server_name: false,
            preference: Preference::default(),
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
    sibling_speaks_tls13: bool,
}

impl ServerConfigBuilder {
    common_settings!();

    /// A certificate with its key. Can be called again: each client is then shown the one that it can verify and that has the
    /// name it asks for (see [`Identity::with_names`]), the first ones first.
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
        let common = self.common.build()?;
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
            sibling_speaks_tls13: self.sibling_speaks_tls13,
        }))
    }
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
        let key = identity.public_key().algorithm();
        let same = |other: &&Identity| other.public_key().algorithm() == key && other.names() == identity.names();
        if others.iter().any(|other| same(&other)) {
            let problem = "two identities have the same type of key and the same names, or both none: the second would \
                           never be shown";
            return Err(ConfigError::new(FIELD, problem));
        }
        left = others;
    }
    Ok(())
}
