use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, ServerName, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::authority::{
    Authority, NOW, RSA_1024_CERTIFICATE, RSA_8200_CERTIFICATE, RSA_SHA1_CERTIFICATE, authority, now,
};
use super::{Kind, key, server};
use crate::crypto::PublicKey;
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::dangerous::AcceptAnything;
use crate::identity::{Peer, PeerCertificates, Verified, VerifyPeer, WebPkiVerifier};

/// Trusts `root`, wants `name`, is shown `chain`.
fn verify_at(
    now: UnixTime,
    root: &Authority,
    name: &str,
    chain: &[&CertificateDer<'static>],
) -> Result<Verified, CertificateError> {
    let verifier = WebPkiVerifier::new([root.certificate.clone()]).unwrap();
    let certificates = PeerCertificates::new(chain.iter().copied()).unwrap();
    let name = ServerName::try_from(name.to_string()).unwrap();
    let mut peer = Peer::new(&certificates, now);
    peer.server_name = Some(&name);
    match verifier.verify(&peer) {
        Decision::Now(verdict) => verdict,
        Decision::Later => panic!("the verdict of webpki never comes later"),
    }
}

fn verify(root: &Authority, name: &str, chain: &[&CertificateDer<'static>]) -> Result<Verified, CertificateError> {
    verify_at(now(), root, name, chain)
}

/// A leaf for a.example right below the root.
fn verify_leaf(params: &CertificateParams) -> Result<Verified, CertificateError> {
    let root = Authority::root("root");
    let leaf = root.issue(params, &key(Kind::P256));
    verify(&root, "a.example", &[&leaf])
}

#[test]
fn a_chain_with_an_intermediate_is_accepted_until_its_first_certificate_expires() {
    let root = Authority::root("root");
    let mut params = authority("intermediate");
    params.not_after = date_time_ymd(2030, 1, 1);
    let intermediate = root.authority(params);
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let verified = verify(&root, "a.example", &[&leaf, &intermediate.certificate]).unwrap();
    assert_eq!(verified.not_after(), Some(1_893_456_000), "2030-01-01, when the intermediate expires");
    assert_eq!(verified.key(), &PublicKey::from_certificate(&leaf).unwrap());
}

#[test]
fn the_root_itself_may_be_sent_too() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    verify(&root, "a.example", &[&leaf, &root.certificate]).unwrap();
}

#[test]
fn keys_of_all_types_are_accepted() {
    for kind in [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048] {
        let root = Authority::root("root");
        let leaf = root.issue(&server(&["a.example"]), &key(kind));
        let verified = verify(&root, "a.example", &[&leaf]).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(verified.key(), &PublicKey::from_certificate(&leaf).unwrap());
    }
}

#[test]
fn an_expired_certificate_is_refused_with_both_times() {
    let mut params = server(&["a.example"]);
    params.not_after = date_time_ymd(2025, 1, 1);
    assert_eq!(verify_leaf(&params), Err(CertificateError::Expired { now: NOW, not_after: 1_735_689_600 }));
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused_with_both_times() {
    let mut params = server(&["a.example"]);
    params.not_before = date_time_ymd(2026, 1, 1);
    assert_eq!(verify_leaf(&params), Err(CertificateError::NotValidYet { now: NOW, not_before: 1_767_225_600 }));
}

#[test]
fn an_expired_intermediate_is_refused() {
    let root = Authority::root("root");
    let mut params = authority("intermediate");
    params.not_after = date_time_ymd(2025, 1, 1);
    let intermediate = root.authority(params);
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let verdict = verify(&root, "a.example", &[&leaf, &intermediate.certificate]);
    assert_eq!(verdict, Err(CertificateError::Expired { now: NOW, not_after: 1_735_689_600 }));
}

#[test]
fn the_last_second_of_validity_counts_and_the_next_does_not() {
    let root = Authority::root("root");
    let mut params = server(&["a.example"]);
    params.not_after = date_time_ymd(2025, 1, 1);
    let leaf = root.issue(&params, &key(Kind::P256));
    let at = |seconds| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verify_at(now, &root, "a.example", &[&leaf])
    };
    assert!(at(1_735_689_600).is_ok());
    assert!(at(1_735_689_601).is_err());
}

#[test]
fn an_unknown_issuer_is_named() {
    let (ours, theirs) = (Authority::root("ours"), Authority::root("theirs"));
    let leaf = theirs.issue(&server(&["a.example"]), &key(Kind::P256));
    let error = verify(&ours, "a.example", &[&leaf]).unwrap_err();
    assert_eq!(error, CertificateError::UnknownIssuer { issuer: "CN=theirs".into() });
}

#[test]
fn the_unknown_issuer_is_the_one_above_all_that_was_sent() {
    let (ours, theirs) = (Authority::root("ours"), Authority::root("theirs"));
    let intermediate = theirs.authority(authority("intermediate"));
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let error = verify(&ours, "a.example", &[&leaf, &intermediate.certificate]).unwrap_err();
    assert_eq!(error, CertificateError::UnknownIssuer { issuer: "CN=theirs".into() });
}

#[test]
fn a_chain_without_its_intermediate_names_the_intermediate() {
    let root = Authority::root("root");
    let intermediate = root.authority(authority("intermediate"));
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let error = verify(&root, "a.example", &[&leaf]).unwrap_err();
    assert_eq!(error, CertificateError::UnknownIssuer { issuer: "CN=intermediate".into() });
}

#[test]
fn a_root_of_the_same_name_with_another_key_is_no_issuer() {
    let (ours, theirs) = (Authority::root("root"), Authority::root("root"));
    let leaf = theirs.issue(&server(&["a.example"]), &key(Kind::P256));
    assert_eq!(verify(&ours, "a.example", &[&leaf]), Err(CertificateError::BadSignature));
}

#[test]
fn a_wrong_name_lists_the_names() {
    let error = verify_leaf(&server(&["b.example"])).unwrap_err();
    assert_eq!(error.to_string(), "certificate of \"b.example\" does not cover \"a.example\"; it names b.example");
    let error = verify_leaf(&server(&["b.example", "*.c.example", "192.0.2.1", "2001:db8::1"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificate of \"b.example\" does not cover \"a.example\"; it names b.example, *.c.example, 192.0.2.1, 2001:db8::1"
    );
}

#[test]
fn the_common_name_is_no_name() {
    let mut params = server(&[]);
    params.distinguished_name.push(DnType::CommonName, "a.example");
    let error = verify_leaf(&params).unwrap_err();
    assert_eq!(error.to_string(), "certificate does not cover \"a.example\"; it names nothing");
}

#[test]
fn a_wildcard_covers_exactly_one_label() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["*.b.example"]), &key(Kind::P256));
    for (name, covered) in
        [("a.b.example", true), ("A.B.EXAMPLE", true), ("b.example", false), ("x.a.b.example", false)]
    {
        assert_eq!(verify(&root, name, &[&leaf]).is_ok(), covered, "{name}");
    }
}

#[test]
fn an_address_is_covered_by_itself_alone() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["192.0.2.1", "2001:db8::1"]), &key(Kind::P256));
    for (name, covered) in
        [("192.0.2.1", true), ("2001:db8::1", true), ("192.0.2.2", false), ("2001:db8::2", false), ("a.example", false)]
    {
        assert_eq!(verify(&root, name, &[&leaf]).is_ok(), covered, "{name}");
    }
}

#[test]
fn a_peer_without_a_name_to_cover_is_refused() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    let certificates = PeerCertificates::new([&leaf]).unwrap();
    let verdict = WebPkiVerifier::new([root.certificate]).unwrap().verify(&Peer::new(&certificates, now()));
    assert!(matches!(verdict, Decision::Now(Err(CertificateError::Refused(_)))), "{verdict:?}");
}

#[test]
fn a_peer_without_a_certificate_is_refused() {
    let root = Authority::root("root");
    assert!(matches!(verify(&root, "a.example", &[]), Err(CertificateError::Refused(_))));
}

#[test]
fn the_certificate_of_an_authority_is_not_for_servers() {
    let mut params = server(&["a.example"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(matches!(verify_leaf(&params), Err(CertificateError::Constraint(_))));
}

#[test]
fn the_certificate_of_a_server_issues_nothing() {
    let root = Authority::root("root");
    let middle = root.authority(server(&["a.example"]));
    let leaf = middle.issue(&server(&["a.example"]), &key(Kind::P256));
    let verdict = verify(&root, "a.example", &[&leaf, &middle.certificate]);
    assert!(matches!(verdict, Err(CertificateError::Constraint(_))), "{verdict:?}");
}

#[test]
fn an_issuer_whose_key_usage_lacks_certificates_issues_nothing() {
    let root = Authority::root("root");
    let mut params = authority("intermediate");
    params.key_usages = [KeyUsagePurpose::CrlSign].into();
    let intermediate = root.authority(params);
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let verdict = verify(&root, "a.example", &[&leaf, &intermediate.certificate]);
    assert!(matches!(verdict, Err(CertificateError::Constraint(_))), "{verdict:?}");
}

#[test]
fn a_path_longer_than_an_issuer_allows_is_refused() {
    let root = Authority::root("root");
    let mut params = authority("first");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let first = root.authority(params);
    let second = first.authority(authority("second"));
    let leaf = second.issue(&server(&["a.example"]), &key(Kind::P256));
    let verdict = verify(&root, "a.example", &[&leaf, &second.certificate, &first.certificate]);
    assert!(matches!(verdict, Err(CertificateError::Constraint(_))), "{verdict:?}");
}

#[test]
fn names_outside_of_an_issuers_constraints_are_refused() {
    let root = Authority::root("root");
    let mut params = authority("intermediate");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: [
            GeneralSubtree::DnsName("b.example".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 0, 2, 0], 24)),
        ]
        .into(),
        excluded_subtrees: Vec::new(),
    });
    let intermediate = root.authority(params);
    for (name, allowed) in [("www.b.example", true), ("192.0.2.1", true), ("a.example", false), ("10.0.0.1", false)] {
        let leaf = intermediate.issue(&server(&[name]), &key(Kind::P256));
        let verdict = verify(&root, name, &[&leaf, &intermediate.certificate]);
        match verdict {
            Ok(_) => assert!(allowed, "{name}"),
            Err(error) => {
                assert!(!allowed && matches!(error, CertificateError::Constraint(_)), "{name}: {error}");
            }
        }
    }
}

#[test]
fn a_critical_extension_that_nobody_knows_is_refused() {
    let mut params = server(&["a.example"]);
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], [5, 0].into());
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
    assert!(matches!(verify_leaf(&params), Err(CertificateError::Constraint(_))));
}

#[test]
fn a_key_usage_without_digital_signature_is_refused() {
    let mut params = server(&["a.example"]);
    params.key_usages = [KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyAgreement].into();
    assert_eq!(verify_leaf(&params), Err(CertificateError::KeyUsage));
}

#[test]
fn a_certificate_without_key_usage_may_be_used_for_all() {
    let mut params = server(&["a.example"]);
    params.key_usages.clear();
    verify_leaf(&params).unwrap();
}

#[test]
fn an_extended_key_usage_for_clients_alone_is_refused() {
    let mut params = server(&["a.example"]);
    params.extended_key_usages = [ExtendedKeyUsagePurpose::ClientAuth].into();
    assert_eq!(verify_leaf(&params), Err(CertificateError::ExtendedKeyUsage));
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    verify_leaf(&params).unwrap();
}

#[test]
fn rsa_keys_that_are_too_small_or_too_large_are_refused_wherever_they_stand() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    for (pem, bits) in [(RSA_1024_CERTIFICATE, 1024), (RSA_8200_CERTIFICATE, 8200)] {
        let odd = CertificateDer::from_pem_slice(pem).unwrap();
        let refused = Err(CertificateError::RsaKeySize { bits, least: 2048, most: 8192 });
        assert_eq!(verify(&root, "a.example", &[&odd]), refused);
        assert_eq!(verify(&root, "a.example", &[&leaf, &odd]), refused, "as an intermediate");
    }
}

#[test]
fn a_signature_with_sha_1_is_refused_and_named() {
    let certificate = CertificateDer::from_pem_slice(RSA_SHA1_CERTIFICATE).unwrap();
    let later = UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000));
    let root = Authority { certificate: certificate.clone(), ..Authority::root("root") };
    let error = verify_at(later, &root, "a.example", &[&certificate]).unwrap_err();
    assert_eq!(error.to_string(), "not supported: signature algorithm sha1WithRSAEncryption");
}

#[test]
fn a_wrong_signature_is_refused() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    let mut bytes = leaf.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&root, "a.example", &[&bytes.into()]), Err(CertificateError::BadSignature));
}

#[test]
fn a_changed_byte_anywhere_in_a_certificate_is_refused() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::Ed25519));
    for index in 0..leaf.len() {
        let mut bytes = leaf.to_vec();
        bytes[index] ^= 1;
        assert!(verify(&root, "a.example", &[&bytes.into()]).is_err(), "byte {index}");
    }
}

#[test]
fn garbage_is_refused_wherever_it_stands() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    for garbage in [b"garbage".as_slice(), &[0], &[0x30, 0x00], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
        let garbage = CertificateDer::from(garbage.to_vec());
        for chain in [[&garbage, &leaf], [&leaf, &garbage]] {
            let verdict = verify(&root, "a.example", &chain);
            assert!(matches!(verdict, Err(CertificateError::BadEncoding(_))), "{verdict:?}");
        }
    }
}

#[test]
fn every_truncation_of_a_certificate_is_refused() {
    let root = Authority::root("root");
    let leaf = root.issue(&server(&["a.example"]), &key(Kind::P256));
    for length in 1..leaf.len() {
        let verdict = verify(&root, "a.example", &[&leaf[..length].to_vec().into()]);
        assert!(matches!(verdict, Err(CertificateError::BadEncoding(_))), "{length} bytes: {verdict:?}");
    }
}

/// As many certificates as a client takes (32 KiB), of authorities called 0, 1, … `names` - 1, each issued by the next
/// and the last by `top`, below which a leaf hangs that was issued by 0.
fn explosion(names: usize, top: &str) -> Vec<CertificateDer<'static>> {
    let called = |index: usize| if index == names { top.to_string() } else { index.to_string() };
    let issuers: Vec<_> = (0..=names).map(|index| Authority::root(&called(index))).collect();
    let mut chain = Vec::from([issuers[0].issue(&server(&["a.example"]), &key(Kind::P256))]);
    let mut length = 0;
    for index in (0..names).cycle() {
        let certificate = issuers[index + 1].issue(&authority(&called(index)), &key(Kind::Ed25519));
        length += certificate.len() + 3;
        if length > 32 * 1024 {
            break;
        }
        chain.push(certificate);
    }
    chain
}

#[test]
fn a_chain_built_to_explode_is_refused() {
    // One name: each certificate could be the issuer of each other. Several: layers, each of which multiplies the ways.
    for (names, top) in [(1, "0"), (2, "0"), (3, "root"), (4, "root"), (5, "elsewhere"), (6, "elsewhere")] {
        let chain = explosion(names, top);
        assert!(chain.len() > 90, "{} certificates", chain.len());
        let verdict = verify(&Authority::root("root"), "a.example", &chain.iter().collect::<Vec<_>>());
        assert_eq!(verdict, Err(CertificateError::TooComplex), "{names} names below {top}");
    }
}

#[test]
fn a_chain_that_makes_the_validator_check_many_signatures_ends_within_its_budget() {
    // All these could be issued by the root, by their names, and none is.
    let mut chain = explosion(2, "root");
    chain.truncate(60);
    let verdict = verify(&Authority::root("root"), "a.example", &chain.iter().collect::<Vec<_>>());
    assert_eq!(verdict, Err(CertificateError::TooComplex));
}

#[test]
fn certificates_that_belong_to_no_path_do_no_harm() {
    let root = Authority::root("root");
    let intermediate = root.authority(authority("intermediate"));
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let strangers: Vec<_> = (0..50).map(|index| Authority::root(&index.to_string()).certificate).collect();
    let chain: Vec<_> = [&leaf].into_iter().chain(&strangers).chain([&intermediate.certificate]).collect();
    verify(&root, "a.example", &chain).unwrap();
}

#[test]
fn roots_have_to_be_certificates_and_at_least_one() {
    let error = WebPkiVerifier::new([]).unwrap_err();
    assert_eq!(error.to_string(), "configuration field `roots`: there is no certificate to trust");
    let garbage = CertificateDer::from(b"garbage".as_slice());
    let error = WebPkiVerifier::new([Authority::root("root").certificate, garbage]).unwrap_err();
    assert!(error.to_string().starts_with("configuration field `roots`: certificate 1: "), "{error}");
}

#[test]
fn accept_anything_takes_the_key_of_whatever_is_shown() {
    let leaf = CertificateDer::from_pem_slice(RSA_1024_CERTIFICATE).unwrap();
    let key = PublicKey::from_certificate(&leaf).unwrap();
    let certificates = PeerCertificates::new([&leaf]).unwrap();
    assert_eq!(AcceptAnything.verify(&Peer::new(&certificates, now())), Decision::Now(Ok(Verified::new(key))));
    let none = PeerCertificates::new([]).unwrap();
    assert!(matches!(AcceptAnything.verify(&Peer::new(&none, now())), Decision::Now(Err(_))));
}

#[test]
fn certificates_of_a_peer_come_out_as_they_went_in() {
    let (a, b) = (CertificateDer::from(b"a".as_slice()), CertificateDer::from(b"bb".as_slice()));
    let certificates = PeerCertificates::new([&a, &b]).unwrap();
    assert_eq!(certificates.iter().collect::<Vec<_>>(), [a.clone(), b]);
    assert_eq!(certificates.end_entity(), Some(a));
    assert_eq!(certificates.len(), 2);
    assert!(PeerCertificates::new([&CertificateDer::from(b"".as_slice())]).is_err(), "empty certificates don't exist");
}
