//! Which of a client's identities fits a server.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::crypto::digest;
use crate::decision::Decision;
use crate::identity::Identity;
use crate::message::{CertificateRequest, CertificateType};

/// Chooses the identity that a client shows to a server that asks for one.
pub trait ResolveClientIdentity: fmt::Debug + Send + Sync {
    /// The identity for the server that sent `request`. With `None` the client says that it has none, by an empty list of
    /// certificates, and the server decides whether it goes on (RFC 5246 §7.4.6). `Later` pauses the connection.
    ///
    /// What is chosen has to be one that the server takes: see [`Identity::usable_for`].
    fn resolve(&self, request: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>>;

    /// Who we are, as a digest: the same in each resolver that would show the same identities. A session, in which the server
    /// knows us as one of them, is resumed only where the resolver gives the same. `None`: by no other configuration at all.
    fn session_binding(&self) -> Option<[u8; 32]> {
        None
    }

    /// The types of certificates that there are identities of, best first: the server is told before it asks (RFC 7250 §4.1),
    /// and asks for one of them by [`CertificateRequest::certificate_type`].
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// Identities in order of preference: the first that the server takes (see [`Identity::usable_for`]), or none.
///
/// A server that names no authorities is shown the first whose key fits, and learns who we are: give identities only to
/// clients of servers that may know.
#[derive(Clone, Debug)]
pub struct ClientIdentities {
    identities: Vec<Arc<Identity>>,
    types: Vec<CertificateType>,
}

impl ClientIdentities {
    /// The identities, the preferred first.
    #[must_use]
    pub fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        let identities: Vec<_> = identities.into_iter().map(Arc::new).collect();
        let mut types = Vec::new();
        for typ in identities.iter().map(|identity| identity.certificate_type()) {
            if !types.contains(&typ) {
                types.push(typ);
            }
        }
        ClientIdentities { identities, types }
    }
}

impl ResolveClientIdentity for ClientIdentities {
    fn resolve(&self, request: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Now(self.identities.iter().find(|identity| identity.usable_for(request)).cloned())
    }

    fn certificate_types(&self) -> &[CertificateType] {
        // Of no identity at all it is the one that there always is.
        if self.types.is_empty() { &[CertificateType::X509] } else { &self.types }
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some(digest("ClientIdentities", self.identities.iter().map(|identity| identity.encoded())))
    }
}
