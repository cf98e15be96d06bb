//! Lists of revoked certificates (RFC 5280 §5), which webpki looks into on the way up.

use alloc::format;
use alloc::vec::Vec;

use ::webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};
use pki_types::CertificateRevocationListDer;

use crate::error::ConfigError;

/// How far lists of revoked certificates are relied on. Default: every certificate of the path, but for the root, has to be
/// covered by a list that is not too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrlPolicy {
    /// Looks up the peer's own certificate alone, and none above it.
    pub end_entity_only: bool,
    /// Accepts certificates that no list covers.
    pub allow_unknown: bool,
    /// Uses lists that are too old (`nextUpdate` lies in the past).
    pub allow_expired: bool,
}

/// The lists, read.
#[derive(Debug)]
pub(super) struct Crls(Vec<CertRevocationList<'static>>);

impl Crls {
    pub(super) fn new<'r>(
        crls: impl IntoIterator<Item = CertificateRevocationListDer<'r>>,
    ) -> Result<Self, ConfigError> {
        let lists = crls.into_iter().enumerate().map(|(index, crl)| {
            let list = OwnedCertRevocationList::from_der(&crl);
            list.map(Into::into).map_err(|error| ConfigError::new("crls", format!("list {index}: {error}; is it DER?")))
        });
        let lists = lists.collect::<Result<Vec<_>, ConfigError>>()?;
        if lists.is_empty() { Err(ConfigError::new("crls", "there is no list")) } else { Ok(Crls(lists)) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CertRevocationList<'static>> {
        self.0.iter()
    }
}

/// What webpki has to know; nothing if there are no lists.
pub(super) fn options<'a>(lists: &'a [&'a CertRevocationList<'a>], policy: CrlPolicy) -> Option<RevocationOptions<'a>> {
    let depth = if policy.end_entity_only { RevocationCheckDepth::EndEntity } else { RevocationCheckDepth::Chain };
    let unknown = if policy.allow_unknown { UnknownStatusPolicy::Allow } else { UnknownStatusPolicy::Deny };
    let expired = if policy.allow_expired { ExpirationPolicy::Ignore } else { ExpirationPolicy::Enforce };
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    Some(options.with_depth(depth).with_status_policy(unknown).with_expiration_policy(expired).build())
}
