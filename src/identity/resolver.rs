//! Which of a server's identities fits a client.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::crypto::{SUITES, digest};
use crate::decision::Decision;
use crate::identity::Identity;
use crate::identity::able::Able;
use crate::message::{CipherSuite, ClientHello};

/// Chooses the identity that a server shows to a client.
pub trait ResolveIdentity: fmt::Debug + Send + Sync {
    /// The identity for the client that sent `hello`; `None` ends the handshake. `Later` pauses the connection.
    ///
    /// A client that resumes a session is shown no identity, and nobody asks here: whoever is no longer to be served under a
    /// name stops that by another `session_context`, or by a session store that forgets.
    ///
    /// What is chosen has to be one that the client can verify: see [`Identity::usable_by`].
    fn resolve(&self, hello: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>>;

    /// Whom it may answer for, as a digest: the same in each resolver that would show an identity for the same names. A session
    /// is resumed only where the resolver gives the same as where it was made, since no identity is shown again: else a
    /// client could be led to a server that has none for the name that it asks for. `None`: by no other configuration at all.
    fn session_binding(&self) -> Option<[u8; 32]> {
        None
    }
}

/// Identities in order of preference, chosen by what the client can verify, the name that it asks for, and the
/// authorities that it trusts.
///
/// What comes first in this order decides:
/// 1. The client can verify it. Where it can verify none, it is one that it cannot: the handshake then fails with what
///    was missing.
/// 2. It has exactly the name that the client asks for (RFC 6066 §3); or a wildcard that covers it; or no names; or others.
/// 3. One of its certificates is issued by an authority that the client names (trusted_ca_keys, RFC 6066 §6;
///    certificate_authorities, RFC 8446 §4.2.4).
/// 4. It stands before the others.
#[derive(Clone, Debug)]
pub struct Identities {
    identities: Vec<Arc<Identity>>,
    /// The names of all that have issued a certificate of theirs.
    issuers: BTreeSet<Vec<u8>>,
    suites: Vec<CipherSuite>,
    strict: bool,
}

impl Identities {
    /// The identities, the preferred first.
    #[must_use]
    pub fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        let identities: Vec<_> = identities.into_iter().map(Arc::new).collect();
        Identities {
            issuers: identities.iter().flat_map(|identity| identity.issuers()).map(Vec::from).collect(),
            identities,
            suites: SUITES.iter().map(|suite| suite.id).collect(),
            strict: false,
        }
    }

    /// Counts only these cipher suites, those of the server's configuration, as ones that a client and an identity may
    /// have in common. Without this call it is all that the library speaks.
    #[must_use]
    pub fn with_suites(self, suites: &[CipherSuite]) -> Self {
        Identities { suites: suites.to_vec(), ..self }
    }

    /// Chooses none for a client that names no server, or one whose name no identity has: no client is sent to another
    /// host than the one it asked for (a defence against cross-protocol attacks such as ALPACA).
    #[must_use]
    pub fn strict(self) -> Self {
        Identities { strict: true, ..self }
    }
}

impl ResolveIdentity for Identities {
    fn resolve(&self, hello: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>> {
        if let ([only], false) = (self.identities.as_slice(), self.strict) {
            return Decision::Now(Some(Arc::clone(only)));
        }
        let wanted = hello.extensions.server_name;
        let able = Able::of(hello, &self.suites);
        let classes: &[Fit] = if self.strict { &Fit::BY_NAME } else { &Fit::ALL };
        let of_class = |class: Fit| self.identities.iter().filter(move |identity| Fit::of(identity, wanted) == class);
        // A peer chooses how many names it sends; ours are few.
        let ours = |name: &&[u8]| self.issuers.contains(*name);
        let trusted: BTreeSet<&[u8]> = hello.extensions.authorities().filter(ours).collect();
        let is_trusted = |identity: &&Arc<Identity>| identity.issuers().any(|issuer| trusted.contains(issuer));
        let usable = classes.iter().find_map(|class| {
            let mut usable = of_class(*class).filter(|identity| able.can_verify(identity));
            usable.clone().find(is_trusted).or_else(|| usable.next())
        });
        // One that the client cannot verify is still better than none: the negotiation then says what is missing.
        let any = || classes.iter().find_map(|class| of_class(*class).next());
        Decision::Now(usable.or_else(any).cloned())
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some(binding(self.identities.iter().map(|identity| &**identity), self.strict))
    }
}

/// What sessions of a server with these identities are bound to: the names that it has, and the keys of those without. A
/// certificate can be renewed, and servers can have keys of their own for the same names.
pub(crate) fn binding<'a>(identities: impl Iterator<Item = &'a Identity>, strict: bool) -> [u8; 32] {
    let mut bound: Vec<Vec<u8>> = Vec::new();
    for identity in identities {
        bound.extend(identity.names().iter().map(|name| name.to_ascii_lowercase().into_bytes()));
        if identity.names().is_empty() {
            bound.push(identity.public_key().sha256().to_vec());
        }
    }
    bound.sort();
    bound.dedup();
    digest(if strict { "strict identities" } else { "identities" }, bound.iter().map(Vec::as_slice))
}

/// How well an identity fits the name that a client asks for, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Wildcard,
    Unnamed,
    OtherNames,
}

impl Fit {
    const BY_NAME: [Fit; 2] = [Fit::Exact, Fit::Wildcard];
    const ALL: [Fit; 4] = [Fit::Exact, Fit::Wildcard, Fit::Unnamed, Fit::OtherNames];

    fn of(identity: &Identity, wanted: Option<&[u8]>) -> Fit {
        let otherwise = if identity.names().is_empty() { Fit::Unnamed } else { Fit::OtherNames };
        let Some(wanted) = wanted else { return otherwise };
        identity.names().iter().filter_map(|name| covers(name.as_bytes(), wanted)).min().unwrap_or(otherwise)
    }
}

/// Whether `name` is `wanted`, or a wildcard for it. RFC 6125 §6.4.1: the case of letters does not matter;
/// §6.4.3: the wildcard is the whole leftmost label and stands for exactly one.
fn covers(name: &[u8], wanted: &[u8]) -> Option<Fit> {
    let Some(suffix) = name.strip_prefix(b"*.") else {
        return name.eq_ignore_ascii_case(wanted).then_some(Fit::Exact);
    };
    let mut halves = wanted.splitn(2, |byte| *byte == b'.');
    let label = halves.next()?;
    let parent = halves.next()?;
    (!label.is_empty() && parent.eq_ignore_ascii_case(suffix)).then_some(Fit::Wildcard)
}
