//! Lists of revoked certificates (RFC 5280 §5), which webpki looks into on the way up.

use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

use ::webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use pki_types::CertificateRevocationListDer;

use super::glance::{content, extension, is_context, time};
use crate::error::{CertificateError, ConfigError};

/// RFC 5280 §5.2.3: the content of the object identifier of cRLNumber.
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];

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

/// The lists, read: of those with one issuer and one scope, the newest. Webpki uses the first that fits.
#[derive(Debug)]
pub(super) struct Crls(Vec<CertRevocationList<'static>>);

impl Crls {
    pub(super) fn new<'r>(
        crls: impl IntoIterator<Item = CertificateRevocationListDer<'r>>,
    ) -> Result<Self, ConfigError> {
        let mut kept: Vec<Dated<'r>> = Vec::new();
        for (index, der) in crls.into_iter().enumerate() {
            let read = Dated::read(index, der)?;
            match kept.iter_mut().find(|other| other.has_scope_of(&read)) {
                None => kept.push(read),
                Some(other) if other.der == read.der => {}
                Some(other) => match read.age(other) {
                    Ordering::Greater => *other = read,
                    Ordering::Less => {}
                    Ordering::Equal => {
                        let problem = format!(
                            "lists {} and {index} have one issuer, scope and age; which is the newer one?",
                            other.index
                        );
                        return Err(ConfigError::new("crls", problem));
                    }
                },
            }
        }
        if kept.is_empty() {
            return Err(ConfigError::new("crls", "there is no list"));
        }
        Ok(Crls(kept.into_iter().map(|dated| dated.list).collect()))
    }

    pub(super) fn lists(&self) -> Vec<&CertRevocationList<'static>> {
        self.0.iter().collect()
    }
}

/// A list, and what says how old it is.
struct Dated<'r> {
    index: usize,
    der: CertificateRevocationListDer<'r>,
    list: CertRevocationList<'static>,
    /// The content of the INTEGER.
    number: Option<Vec<u8>>,
    /// Seconds since 1970-01-01 00:00 UTC.
    this_update: u64,
}

impl<'r> Dated<'r> {
    fn read(index: usize, der: CertificateRevocationListDer<'r>) -> Result<Self, ConfigError> {
        let list = OwnedCertRevocationList::from_der(&der)
            .map_err(|error| ConfigError::new("crls", format!("list {index}: {error}; is it DER?")))?;
        let (number, this_update) =
            read_age(&der).map_err(|error| ConfigError::new("crls", format!("list {index}: {error}")))?;
        let number = number.map(Into::into);
        Ok(Dated { index, der, list: list.into(), number, this_update })
    }

    fn has_scope_of(&self, other: &Self) -> bool {
        self.list.issuer() == other.list.issuer()
            && self.list.issuing_distribution_point() == other.list.issuing_distribution_point()
    }

    /// RFC 5280 §5.2.3: the numbers of an issuer rise.
    fn age(&self, other: &Self) -> Ordering {
        let by_number = match (&self.number, &other.number) {
            (Some(own), Some(other)) => own.len().cmp(&other.len()).then_with(|| own.cmp(other)),
            _ => Ordering::Equal,
        };
        by_number.then_with(|| self.this_update.cmp(&other.this_update))
    }
}

/// The cRLNumber, if there is one, and `thisUpdate` (RFC 5280 §5.1).
fn read_age(crl: &[u8]) -> der::Result<(Option<&[u8]>, u64)> {
    let mut tbs = SliceReader::new(content(content(crl)?)?)?;
    for _version_algorithm_issuer in 0..3 {
        AnyRef::decode(&mut tbs)?;
    }
    let this_update = time(AnyRef::decode(&mut tbs)?)?;
    let mut extensions = <&[u8]>::default();
    while !tbs.is_finished() {
        let field = AnyRef::decode(&mut tbs)?;
        if is_context(field, 0) {
            extensions = content(field.value())?;
        }
    }
    let Some(number) = extension(extensions, CRL_NUMBER)? else { return Ok((None, this_update)) };
    let number = AnyRef::from_der(number)?;
    number.tag().assert_eq(Tag::Integer)?;
    Ok((Some(number.value()), this_update))
}

/// The lists, and how far they are relied on.
#[derive(Clone, Copy)]
pub(super) struct Revocation<'a> {
    pub(super) lists: &'a [&'a CertRevocationList<'a>],
    pub(super) policy: CrlPolicy,
}

impl<'a> Revocation<'a> {
    /// What webpki has to know.
    pub(super) fn options(self) -> Result<RevocationOptions<'a>, CertificateError> {
        let CrlPolicy { end_entity_only, allow_unknown, allow_expired } = self.policy;
        let depth = if end_entity_only { RevocationCheckDepth::EndEntity } else { RevocationCheckDepth::Chain };
        let unknown = if allow_unknown { UnknownStatusPolicy::Allow } else { UnknownStatusPolicy::Deny };
        let expired = if allow_expired { ExpirationPolicy::Ignore } else { ExpirationPolicy::Enforce };
        let options = RevocationOptionsBuilder::new(self.lists).map_err(|_| CertificateError::RevocationUnknown)?;
        Ok(options.with_depth(depth).with_status_policy(unknown).with_expiration_policy(expired).build())
    }

    /// No list of the issuer has a certificate of `path`. Webpki looks into one list for each: where an issuer spreads
    /// certificates over several, and a certificate does not say over which, it may be another.
    pub(super) fn check(self, path: &VerifiedPath<'_>) -> Result<(), CertificateError> {
        let is_revoked = |issuer: &[u8], serial: &[u8]| {
            let mut lists = self.lists.iter().filter(|list| list.issuer() == issuer);
            lists.any(|list| !matches!(list.find_serial(serial), Ok(None)))
        };
        let leaf = path.end_entity();
        let issuers = || path.intermediate_certificates().any(|issuer| is_revoked(issuer.issuer(), issuer.serial()));
        if is_revoked(leaf.issuer(), leaf.serial()) || (!self.policy.end_entity_only && issuers()) {
            return Err(CertificateError::Revoked);
        }
        Ok(())
    }
}
