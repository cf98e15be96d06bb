//! Settings that both roles share.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::clock::Clock;
use crate::codec::Prefix;
use crate::crypto::{Backend, HashAlgorithm, KeyExchangeGroup, Random, SUITES, Suite, digest};
use crate::error::ConfigError;
use crate::identity::PeerCertificatesPolicy;
use crate::key_log::KeyLog;
use crate::message::{CipherSuite, NamedGroup, OpaqueList, SignatureScheme};
use crate::observer::Observer;
use crate::record::{MAX_FRAGMENT, MIN_LIMIT, MessageLimits, RecordSize};

/// Whether extended_master_secret (RFC 7627) must be negotiated. It is always offered and preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExtendedMasterSecret {
    /// A peer without it is accepted. Such a connection has no `tls-exporter` binding, and exports no keying material unless
    /// the configuration allows that.
    #[default]
    Preferred,
    /// A peer without it is refused with `handshake_failure`.
    Required,
}

/// The settings of both roles, checked.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) backend: Backend,
    pub(crate) suites: Vec<&'static Suite>,
    pub(crate) groups: Vec<Arc<dyn KeyExchangeGroup>>,
    /// The same as they stand in a hello.
    pub(crate) suite_ids: Vec<CipherSuite>,
    pub(crate) group_names: Vec<NamedGroup>,
    alpn: Vec<u8>,
    pub(crate) extended_master_secret: ExtendedMasterSecret,
    pub(crate) require_secure_renegotiation: bool,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) exports_without_ems: bool,
    pub(crate) message_limits: MessageLimits,
    /// Binds sessions to this configuration.
    pub(crate) session_context: [u8; 32],
    /// In seconds.
    pub(crate) session_lifetime: u32,
    pub(crate) verify_on_resumption: bool,
    pub(crate) resumes_without_ems: bool,
    pub(crate) peer_certificates: PeerCertificatesPolicy,
    pub(crate) record_size: RecordSize,
    pub(crate) record_size_limit: u16,
}

impl Common {
    pub(crate) fn group(&self, name: NamedGroup) -> Option<&Arc<dyn KeyExchangeGroup>> {
        self.groups.iter().find(|group| group.name() == name)
    }

    /// The hash of the PRF, if all cipher suites have the same.
    pub(crate) fn only_hash(&self) -> Option<HashAlgorithm> {
        let (first, others) = self.suites.split_first()?;
        others.iter().all(|suite| suite.hash == first.hash).then_some(first.hash)
    }

    /// The application protocols, unless there are none.
    pub(crate) fn alpn(&self) -> Option<OpaqueList<'_>> {
        let names = OpaqueList::from_encoded(Prefix::U8, &self.alpn);
        (!names.is_empty()).then_some(names)
    }
}

/// The settings of both roles, as given.
#[derive(Debug)]
pub(crate) struct CommonBuilder {
    pub(crate) backend: Backend,
    pub(crate) suites: Option<Vec<CipherSuite>>,
    pub(crate) groups: Option<Vec<Arc<dyn KeyExchangeGroup>>>,
    pub(crate) group_names: Option<Vec<NamedGroup>>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) extended_master_secret: ExtendedMasterSecret,
    pub(crate) require_secure_renegotiation: bool,
    pub(crate) random: Option<Arc<dyn Random>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) exports_without_ems: bool,
    pub(crate) message_limits: MessageLimits,
    pub(crate) session_context: Option<Vec<u8>>,
    pub(crate) session_lifetime: Duration,
    pub(crate) verify_on_resumption: bool,
    pub(crate) resumes_without_ems: bool,
    pub(crate) peer_certificates: PeerCertificatesPolicy,
    pub(crate) record_size: RecordSize,
    pub(crate) record_size_limit: Option<u16>,
}

impl CommonBuilder {
    pub(crate) fn new(require_secure_renegotiation: bool, message_limits: MessageLimits) -> Self {
        CommonBuilder {
            backend: Backend::default(),
            suites: None,
            groups: None,
            group_names: None,
            alpn: Vec::new(),
            extended_master_secret: ExtendedMasterSecret::default(),
            require_secure_renegotiation,
            random: None,
            clock: None,
            observer: None,
            key_log: None,
            exports_without_ems: false,
            message_limits,
            session_context: None,
            session_lifetime: SESSION_LIFETIME,
            verify_on_resumption: false,
            resumes_without_ems: false,
            peer_certificates: PeerCertificatesPolicy::default(),
            record_size: RecordSize::default(),
            record_size_limit: None,
        }
    }

    /// `trust` is what sessions depend on beside the name that they are given (see [`session_context`]); `None` if no
    /// sessions are kept.
    pub(crate) fn build(self, trust: Option<Trust>) -> Result<Common, ConfigError> {
        let suites = match self.suites {
            None => SUITES.iter().collect(),
            Some(ids) => suites(&ids)?,
        };
        let groups = self.groups.unwrap_or_else(|| self.backend.key_exchange_groups());
        let groups = match self.group_names {
            None => groups,
            Some(names) => pick_groups(&groups, &names)?,
        };
        check_groups("groups", &groups)?;
        check_limits(self.message_limits)?;
        check_record_sizes(self.record_size, self.record_size_limit)?;
        let alpn = encode_alpn(&self.alpn)?;
        #[cfg(feature = "std")]
        let clock = self.clock.unwrap_or_else(|| Arc::new(crate::clock::SystemClock));
        #[cfg(not(feature = "std"))]
        let clock =
            self.clock.ok_or_else(|| ConfigError::new("clock", "without the feature `std` one has to be given"))?;
        let random = self.random.unwrap_or_else(|| self.backend.random());
        let session_context = match trust {
            Some(trust) => session_context(&*random, self.session_context.as_deref(), trust)?,
            None => [0; 32],
        };
        Ok(Common {
            suite_ids: suites.iter().map(|suite| suite.id).collect(),
            group_names: groups.iter().map(|group| group.name()).collect(),
            suites,
            groups,
            alpn,
            extended_master_secret: self.extended_master_secret,
            require_secure_renegotiation: self.require_secure_renegotiation,
            random,
            clock,
            observer: self.observer,
            key_log: self.key_log,
            exports_without_ems: self.exports_without_ems,
            message_limits: self.message_limits,
            session_context,
            session_lifetime: check_lifetime(self.session_lifetime)?,
            verify_on_resumption: self.verify_on_resumption,
            resumes_without_ems: self.resumes_without_ems,
            peer_certificates: self.peer_certificates,
            record_size: self.record_size,
            // RFC 8449 §4: also who needs no limit should say so, since the peer can only then name one.
            record_size_limit: self.record_size_limit.unwrap_or(MAX_FRAGMENT),
            backend: self.backend,
        })
    }
}

/// How long a session can be resumed, unless the configuration says otherwise.
const SESSION_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// RFC 9325 §3.4 limits what a ticket is good for; RFC 5246 §F.1.4 suggests 24 hours for any session.
const LONGEST_SESSION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn check_lifetime(lifetime: Duration) -> Result<u32, ConfigError> {
    const FIELD: &str = "session_lifetime";
    match u32::try_from(lifetime.as_secs()) {
        Ok(0) => Err(ConfigError::new(FIELD, "it is less than a second")),
        Ok(seconds) if lifetime <= LONGEST_SESSION => Ok(seconds),
        _ => Err(ConfigError::new(FIELD, "it is more than seven days")),
    }
}

/// What a session proves depends on: whom the configuration trusts, and who it is.
#[derive(Clone, Copy)]
pub(crate) struct Trust {
    pub(crate) role: &'static str,
    /// The verifier's digest; `None` if it has none.
    pub(crate) peer: Option<[u8; 32]>,
    /// The digest of what we show; `None` if there is none.
    pub(crate) own: Option<[u8; 32]>,
}

/// The same everywhere for the same name and the same trust. Without a name, or where nobody can say whom it trusts, a
/// configuration shares its sessions with no other.
fn session_context(random: &dyn Random, name: Option<&[u8]>, trust: Trust) -> Result<[u8; 32], ConfigError> {
    if let (Some(name), Some(peer), Some(own)) = (name, trust.peer, trust.own) {
        return Ok(digest(trust.role, [name, &peer, &own]));
    }
    let mut context = [0; 32];
    match random.fill(&mut context) {
        Ok(()) if context != [0; 32] => Ok(context),
        _ => Err(ConfigError::new("random", "the source of randomness failed or gave only zeros")),
    }
}

/// The schemes of a setting, which the backend has to be able to verify.
pub(crate) fn schemes(
    field: &'static str,
    wanted: Option<Vec<SignatureScheme>>,
    can_verify: &[SignatureScheme],
) -> Result<Vec<SignatureScheme>, ConfigError> {
    let Some(wanted) = wanted else { return Ok(can_verify.to_vec()) };
    if wanted.is_empty() {
        return Err(ConfigError::new(field, "at least one signature scheme is needed"));
    }
    if has_twice(wanted.iter()) {
        return Err(ConfigError::new(field, "a signature scheme stands there twice"));
    }
    match wanted.iter().find(|scheme| !can_verify.contains(scheme)) {
        Some(scheme) => Err(ConfigError::new(field, alloc::format!("{scheme} is none that the backend can verify"))),
        None => Ok(wanted),
    }
}

fn suites(ids: &[CipherSuite]) -> Result<Vec<&'static Suite>, ConfigError> {
    const FIELD: &str = "cipher_suites";
    if ids.is_empty() {
        return Err(ConfigError::new(FIELD, "at least one cipher suite is needed"));
    }
    if has_twice(ids.iter().copied()) {
        return Err(ConfigError::new(FIELD, "a cipher suite stands there twice"));
    }
    let find = |id: &CipherSuite| {
        Suite::find(*id).ok_or_else(|| ConfigError::new(FIELD, alloc::format!("{id} is none that this library speaks")))
    };
    ids.iter().map(find).collect()
}

fn pick_groups(
    groups: &[Arc<dyn KeyExchangeGroup>],
    names: &[NamedGroup],
) -> Result<Vec<Arc<dyn KeyExchangeGroup>>, ConfigError> {
    let find = |name: &NamedGroup| {
        let found = groups.iter().find(|group| group.name() == *name);
        let unknown = || ConfigError::new("group_names", alloc::format!("{name} is none of the groups there are"));
        found.cloned().ok_or_else(unknown)
    };
    let picked = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    check_groups("group_names", &picked)?;
    Ok(picked)
}

fn check_groups(field: &'static str, groups: &[Arc<dyn KeyExchangeGroup>]) -> Result<(), ConfigError> {
    if groups.is_empty() {
        return Err(ConfigError::new(field, "at least one group is needed"));
    }
    if has_twice(groups.iter().map(|group| group.name())) {
        return Err(ConfigError::new(field, "a group stands there twice"));
    }
    Ok(())
}

/// Below this no handshake is possible at all.
fn check_limits(limits: MessageLimits) -> Result<(), ConfigError> {
    match limits {
        MessageLimits { certificate: 0, .. } => Err(ConfigError::new("message_limits.certificate", "it is 0")),
        MessageLimits { other: 0, .. } => Err(ConfigError::new("message_limits.other", "it is 0")),
        _ => Ok(()),
    }
}

/// RFC 8449 §4.
fn check_record_sizes(size: RecordSize, limit: Option<u16>) -> Result<(), ConfigError> {
    let (fits, problem) = (MIN_LIMIT..=MAX_FRAGMENT, "it is not 64 to 16384");
    match size {
        RecordSize::Fixed(bytes) if !fits.contains(&bytes) => Err(ConfigError::new("record_size", problem)),
        _ if limit.is_some_and(|limit| !fits.contains(&limit)) => Err(ConfigError::new("record_size_limit", problem)),
        _ => Ok(()),
    }
}

fn encode_alpn(protocols: &[Vec<u8>]) -> Result<Vec<u8>, ConfigError> {
    const FIELD: &str = "alpn_protocols";
    if has_twice(protocols.iter()) {
        return Err(ConfigError::new(FIELD, "a protocol stands there twice"));
    }
    // RFC 7301 §3.1: names of 1 to 255 bytes. The list has to fit into a hello with all else that stands there.
    let names = OpaqueList::encode(Prefix::U8, "a protocol's name", protocols.iter().map(Vec::as_slice))
        .map_err(|problem| ConfigError::new(FIELD, problem.to_string()))?;
    if names.len() > 32 << 10 {
        return Err(ConfigError::new(FIELD, "the names have more than 32 KiB in all"));
    }
    Ok(names)
}

pub(crate) fn has_twice<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// The setters that the builders of both roles have.
macro_rules! common_settings {
    () => {
        /// The cipher suites, best first. Default: all six, AES-128-GCM first.
        pub fn cipher_suites(mut self, suites: &[$crate::message::CipherSuite]) -> Self {
            self.common.suites = Some(suites.to_vec());
            self
        }

        /// The groups for the key exchange, best first: implementations of one's own, or those of
        /// [`Backend::key_exchange_groups`](crate::Backend::key_exchange_groups), the default.
        pub fn groups(mut self, groups: alloc::vec::Vec<alloc::sync::Arc<dyn $crate::KeyExchangeGroup>>) -> Self {
            self.common.groups = Some(groups);
            self
        }

        /// Which of the groups to use, best first. Default: all.
        pub fn group_names(mut self, names: &[$crate::message::NamedGroup]) -> Self {
            self.common.group_names = Some(names.to_vec());
            self
        }

        /// The application protocols that we speak (RFC 7301), best first. Default: none, and ALPN is left out.
        pub fn alpn_protocols<I>(mut self, protocols: I) -> Self
        where
            I: IntoIterator,
            I::Item: AsRef<[u8]>,
        {
            self.common.alpn = protocols.into_iter().map(|name| name.as_ref().to_vec()).collect();
            self
        }

        /// Whether a peer without extended_master_secret (RFC 7627) is accepted. Default: it is.
        pub fn extended_master_secret(mut self, policy: $crate::ExtendedMasterSecret) -> Self {
            self.common.extended_master_secret = policy;
            self
        }

        /// Whether a peer without secure renegotiation (RFC 5746) is refused. Default: a client refuses such a server
        /// (§4.1); a server, which never renegotiates, accepts such a client.
        pub fn require_secure_renegotiation(mut self, required: bool) -> Self {
            self.common.require_secure_renegotiation = required;
            self
        }

        /// The crate that does the cryptography.
        pub fn backend(mut self, backend: $crate::Backend) -> Self {
            self.common.backend = backend;
            self
        }

        /// Where randomness for the hellos comes from. Default: the operating system.
        pub fn random(mut self, random: alloc::sync::Arc<dyn $crate::Random>) -> Self {
            self.common.random = Some(random);
            self
        }

        /// Where the time comes from. Default with the feature `std`: the operating system; else it has to be given.
        pub fn clock(mut self, clock: alloc::sync::Arc<dyn $crate::Clock>) -> Self {
            self.common.clock = Some(clock);
            self
        }

        /// Who sees each message.
        pub fn observer(mut self, observer: alloc::sync::Arc<dyn $crate::Observer>) -> Self {
            self.common.observer = Some(observer);
            self
        }

        /// Whether keying material is exported from a connection without extended_master_secret, as old peers of EAP-TLS need
        /// it. Then a server that both sides know can make two connections of different clients export the same
        /// (RFC 7627 §1). Default: it is refused.
        pub fn dangerous_exports_without_extended_master_secret(mut self, allow: bool) -> Self {
            self.common.exports_without_ems = allow;
            self
        }

        /// Whether sessions without extended_master_secret are made and resumed, for old peers. Then a server that both sides know
        /// can make two connections of different clients look the same (RFC 7627 §5.4). Default: each connection with such a peer
        /// has a full handshake.
        pub fn dangerous_resumption_without_extended_master_secret(mut self, allow: bool) -> Self {
            self.common.resumes_without_ems = allow;
            self
        }

        /// Who is told the master secrets, to decrypt captures with. Default: nobody.
        pub fn key_log(mut self, key_log: alloc::sync::Arc<dyn $crate::KeyLog>) -> Self {
            self.common.key_log = Some(key_log);
            self
        }

        /// Names the configuration that sessions belong to. Sessions are resumed where the name is the same, and so are the
        /// verifier and the identities (`session_binding` of [`VerifyPeer`](crate::VerifyPeer),
        /// [`ResolveIdentity`](crate::ResolveIdentity) and [`ResolveClientIdentity`](crate::ResolveClientIdentity)): give the
        /// servers of a fleet, or the configurations of before and after a restart, one name. Without a name, sessions end with
        /// the configuration that made them.
        pub fn session_context(mut self, name: impl AsRef<[u8]>) -> Self {
            self.common.session_context = Some(name.as_ref().to_vec());
            self
        }

        /// How long after its full handshake a session can be resumed, in whole seconds, at most seven days. Default: 24 hours
        /// (RFC 5246 §F.1.4). Who has the ticket key or the store's content within that time reads the session's connections.
        pub fn session_lifetime(mut self, lifetime: core::time::Duration) -> Self {
            self.common.session_lifetime = lifetime;
            self
        }

        /// Whether the verifier is asked again about the peer's certificates when a session is resumed. Default: it is not; but no
        /// session is resumed once a certificate of the verified path has expired.
        pub fn verify_on_resumption(mut self, verify: bool) -> Self {
            self.common.verify_on_resumption = verify;
            self
        }

        /// What becomes of the peer's certificates once the connection is established. Default: the connection keeps them.
        pub fn peer_certificates(mut self, policy: $crate::PeerCertificatesPolicy) -> Self {
            self.common.peer_certificates = policy;
            self
        }

        /// How long the peer's handshake messages may be, in bytes.
        pub fn message_limits(mut self, limits: $crate::MessageLimits) -> Self {
            self.common.message_limits = limits;
            self
        }

        /// How much data goes into the records that we send. Default: as much as possible.
        pub fn record_size(mut self, size: $crate::RecordSize) -> Self {
            self.common.record_size = size;
            self
        }

        /// The most plaintext, in bytes, that records to us may have once they are protected: 64 to 16,384
        /// (record_size_limit, RFC 8449). Only a peer that knows the extension is bound to it. Default: 16,384, which limits
        /// nothing and lets the peer name a limit of its own; a client that asks for a `max_fragment_length` says the same here.
        pub fn record_size_limit(mut self, bytes: u16) -> Self {
            self.common.record_size_limit = Some(bytes);
            self
        }
    };
}
pub(crate) use common_settings;
