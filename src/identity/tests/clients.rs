use alloc::vec::Vec;

use pki_types::{CertificateDer, ServerName};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};

use super::authority::{Authority, NOW, authority, now};
use super::{Kind, key, server};
use crate::crypto::{PublicKey, certificate_issuer};
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::{Peer, PeerCertificates, Verified, VerifyPeer, WebPkiVerifier};

/// A client's certificate, which needs no name that anybody asks for.
fn client() -> CertificateParams {
    let mut params = server(&[]);
    params.extended_key_usages = [ExtendedKeyUsagePurpose::ClientAuth].into();
    params
}

fn verify(root: &Authority, chain: &[&CertificateDer<'static>]) -> Result<Verified, CertificateError> {
    let verifier = WebPkiVerifier::for_clients([root.certificate.clone()]).unwrap();
    let certificates = PeerCertificates::new(chain.iter().copied()).unwrap();
    match verifier.verify(&Peer::new(&certificates, now())) {
        Decision::Now(verdict) => verdict,
        Decision::Later => panic!("the verdict of webpki never comes later"),
    }
}

fn verify_leaf(params: &CertificateParams) -> Result<Verified, CertificateError> {
    let root = Authority::root("root");
    verify(&root, &[&root.issue(params, &key(Kind::P256))])
}

#[test]
fn a_client_needs_no_name() {
    let root = Authority::root("root");
    let intermediate = root.authority(authority("intermediate"));
    for kind in [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048] {
        let mut params = client();
        params.not_after = date_time_ymd(2030, 1, 1);
        let leaf = intermediate.issue(&params, &key(kind));
        let verified = verify(&root, &[&leaf, &intermediate.certificate]).unwrap();
        assert_eq!(verified.key(), &PublicKey::from_certificate(&leaf).unwrap(), "{kind:?}");
        assert_eq!(verified.not_after(), Some(1_893_456_000), "{kind:?}");
    }
}

#[test]
fn an_extended_key_usage_for_servers_alone_is_not_for_clients() {
    let mut params = client();
    params.extended_key_usages = [ExtendedKeyUsagePurpose::ServerAuth].into();
    assert_eq!(verify_leaf(&params), Err(CertificateError::ExtendedKeyUsage));
    params.extended_key_usages.clear();
    verify_leaf(&params).unwrap();
}

#[test]
fn what_holds_for_servers_holds_for_clients() {
    let mut params = client();
    params.key_usages = [KeyUsagePurpose::KeyEncipherment].into();
    assert_eq!(verify_leaf(&params), Err(CertificateError::KeyUsage));

    let mut params = client();
    params.not_after = date_time_ymd(2025, 1, 1);
    assert_eq!(verify_leaf(&params), Err(CertificateError::Expired { now: NOW, not_after: 1_735_689_600 }));

    let stranger = Authority::root("elsewhere").issue(&client(), &key(Kind::P256));
    let unknown = CertificateError::UnknownIssuer { issuer: "CN=elsewhere".into() };
    assert_eq!(verify(&Authority::root("root"), &[&stranger]), Err(unknown));
    assert!(matches!(verify(&Authority::root("root"), &[]), Err(CertificateError::Refused(_))));
}

#[test]
fn a_verifier_in_the_place_of_the_other_refuses() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    let certificates = PeerCertificates::new([&leaf]).unwrap();
    let name = ServerName::try_from("a.example").unwrap();
    for (verifier, named) in [
        (WebPkiVerifier::new([root.certificate.clone()]).unwrap(), false),
        (WebPkiVerifier::for_clients([root.certificate.clone()]).unwrap(), true),
    ] {
        let mut peer = Peer::new(&certificates, now());
        peer.server_name = named.then_some(&name);
        let verdict = verifier.verify(&peer);
        assert!(matches!(verdict, Decision::Now(Err(CertificateError::Refused(_)))), "{verifier:?}: {verdict:?}");
        peer.server_name = (!named).then_some(&name);
        assert!(matches!(verifier.verify(&peer), Decision::Now(Ok(_))), "{verifier:?}");
    }
}

#[test]
fn the_authorities_are_the_names_of_the_roots() {
    let roots = ["one", "two"].map(Authority::root);
    let verifier = WebPkiVerifier::for_clients(roots.iter().map(|root| root.certificate.clone())).unwrap();
    // A root is its own issuer.
    let issuer = |root: &Authority| certificate_issuer(&root.certificate).unwrap().to_vec();
    assert_eq!(verifier.authorities(), roots.iter().map(issuer).collect::<Vec<_>>());
}
