//! What certificates promise (RFC 7633).

use alloc::vec::Vec;

use pki_types::CertificateDer;
use rcgen::{CertificateParams, CustomExtension};

use super::authority::{Authority, authority};
use super::ocsp::{Scene, leaf};
use super::staple::tlv;
use super::{Kind, key, server};
use crate::error::CertificateError;
use crate::identity::OcspPolicy;

/// A server's certificate that promises these TLS features.
pub(super) fn promising(params: &mut CertificateParams, features: &[u8]) {
    let numbers: Vec<_> = features.iter().map(|feature| tlv(2, &[&[*feature]])).collect();
    let features = tlv(0x30, &[&numbers.concat()]);
    params.custom_extensions.push(tls_feature(features));
}

fn tls_feature(value: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], value)
}

#[test]
fn a_certificate_that_promises_a_response_comes_with_one() {
    for features in [[5].as_slice(), &[23, 5]] {
        let mut scene = Scene::with_features(features);
        scene.shown(&scene.good()).unwrap();
        assert_eq!(scene.verify(None), Err(CertificateError::MissingOcspResponse));
        scene.resumed = true;
        scene.verify(None).unwrap();
        scene.resumed = false;
        scene.policy = OcspPolicy::Ignore;
        scene.verify(None).unwrap();
    }
    Scene::with_features(&[17, 23]).verify(None).unwrap();
    Scene::new().verify(None).unwrap();
}

#[test]
fn an_issuer_that_demands_a_feature_issues_no_certificate_without_it() {
    let root = Authority::root("root");
    let mut params = authority("intermediate");
    promising(&mut params, &[5]);
    let intermediate = root.authority(params);
    let mut scene = Scene { root, chain: Vec::new(), policy: OcspPolicy::Ignore, resumed: false };
    scene.chain = [leaf(&intermediate, &[5, 23]), intermediate.certificate.clone()].into();
    scene.verify(None).unwrap();
    scene.chain = [leaf(&intermediate, &[23]), intermediate.certificate.clone()].into();
    assert!(matches!(scene.verify(None), Err(CertificateError::Constraint(_))));
}

/// The verdict on a server's certificate with these extensions, in its issuer's certificate or in its own.
fn verdict_on(extensions: Vec<CustomExtension>, in_issuer: bool) -> Result<(), CertificateError> {
    let root = Authority::root("root");
    let (mut above, mut below) = (authority("intermediate"), server(&["a.example"]));
    let params = if in_issuer { &mut above } else { &mut below };
    params.custom_extensions = extensions;
    let intermediate = root.authority(above);
    let chain: Vec<CertificateDer<'_>> =
        [intermediate.issue(&below, &key(Kind::P256)), intermediate.certificate.clone()].into();
    Scene { root, chain, policy: OcspPolicy::Ignore, resumed: false }.verify(None)
}

#[test]
fn features_that_cannot_be_read_are_refused() {
    let five = tlv(2, &[&[5]]);
    let list = |content: &[u8]| tlv(0x30, &[content]);
    for in_issuer in [false, true] {
        assert_eq!(verdict_on([tls_feature(list(&[]))].into(), in_issuer), Ok(()));
        for malformed in [
            // Not a list, and no list to the end.
            five.clone(),
            tlv(0x31, &[&five]),
            [list(&five), [0].into()].concat(),
            // Not of numbers, or of one that is not minimal, negative or too large.
            list(&tlv(4, &[&[5]])),
            list(&tlv(2, &[&[0, 5]])),
            list(&tlv(2, &[&[0x85]])),
            list(&tlv(2, &[&[1, 0, 0]])),
            list(&tlv(2, &[&[]])),
            // The last of them is cut off.
            list(&[tlv(2, &[&[23]]), [2, 2, 5].into()].concat()),
            list(&[0x02]),
            // Too many.
            list(&five.repeat(17)),
        ] {
            let verdict = verdict_on([tls_feature(malformed.clone())].into(), in_issuer);
            assert!(matches!(verdict, Err(CertificateError::BadEncoding(_))), "{malformed:02x?}: {verdict:?}");
        }
        let twice = [tls_feature(list(&[])), tls_feature(list(&five))].into();
        let verdict = verdict_on(twice, in_issuer);
        assert!(matches!(verdict, Err(CertificateError::BadEncoding(_))), "RFC 5280 §4.2: {verdict:?}");
    }
    assert_eq!(verdict_on([tls_feature(list(&five.repeat(16)))].into(), false), Ok(()));
}
