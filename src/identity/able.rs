use alloc::vec::Vec;

use crate::crypto::{KeyAlgorithm, Suite, SuiteAuth};
use crate::identity::Identity;
use crate::message::{CertificateType, CipherSuite, ClientHello, NamedGroup, SignatureScheme};

/// What a client is able to verify: its ClientHello, of which a peer chooses the size, reduced to what this library knows.
pub(super) struct Able {
    types: Vec<CertificateType>,
    ecdsa_suites: bool,
    rsa_suites: bool,
    schemes: Vec<SignatureScheme>,
    /// `None` if the client leaves the choice to us.
    curves: Option<Vec<NamedGroup>>,
}

impl Able {
    pub(super) fn of(hello: &ClientHello<'_>, suites: &[CipherSuite]) -> Self {
        let with = |auth: SuiteAuth| {
            let offered = |id: &CipherSuite| hello.cipher_suites.contains(*id);
            suites.iter().any(|id| Suite::find(*id).is_some_and(|suite| suite.auth == auth) && offered(id))
        };
        // RFC 5246 §7.4.1.4.1: without the extension the client knows SHA-1 alone, with which nothing is signed here.
        let schemes = hello.extensions.signature_algorithms.into_iter().flat_map(|list| list.iter());
        let schemes = known(schemes, |scheme| scheme.name().is_some());
        let groups = hello.extensions.supported_groups;
        let curves = groups.map(|list| known(list.iter(), |group| group.name().is_some()));
        let types = known(hello.extensions.server_certificate_types(), |typ| typ.name().is_some());
        Able { types, ecdsa_suites: with(SuiteAuth::Ecdsa), rsa_suites: with(SuiteAuth::Rsa), schemes, curves }
    }

    pub(super) fn can_verify(&self, identity: &Identity) -> bool {
        let key = identity.public_key();
        let suite = self.ecdsa_suites && key.fits(SuiteAuth::Ecdsa) || self.rsa_suites && key.fits(SuiteAuth::Rsa);
        let scheme = identity.key().schemes().iter().any(|scheme| self.schemes.contains(scheme) && key.allows(*scheme));
        // RFC 8422 §5.3: the key in the certificate respects the client's choice of curves, if it made one.
        let curve = match (key.algorithm(), &self.curves) {
            (KeyAlgorithm::Ecdsa(curve), Some(curves)) => curves.contains(&curve),
            _ => true,
        };
        self.types.contains(&identity.certificate_type()) && suite && scheme && curve
    }
}

/// The known ones, each once: no more than there are names.
fn known<T: Ord>(codes: impl Iterator<Item = T>, is_known: impl Fn(&T) -> bool) -> Vec<T> {
    let mut known: Vec<_> = codes.filter(is_known).collect();
    known.sort_unstable();
    known.dedup();
    known
}
