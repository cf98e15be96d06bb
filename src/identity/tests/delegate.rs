//! Who signs OCSP responses in the place of the issuer (RFC 6960 §4.2.2.2).

use alloc::boxed::Box;
use alloc::string::ToString;

use pki_types::CertificateDer;
use pki_types::pem::PemObject;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, date_time_ymd,
};

use super::authority::{Authority, NOW, RSA_1024_CERTIFICATE, authority};
use super::crl::list_for;
use super::ocsp::{Scene, refused};
use super::staple::{Responder, Staple, tlv};
use super::{Kind, key};
use crate::crypto::certificate_issuer;
use crate::error::{CertificateError, OcspError};
use crate::identity::CrlPolicy;

/// A certificate for signing responses.
pub(super) fn responder() -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "responder");
    params.extended_key_usages = [ExtendedKeyUsagePurpose::OcspSigning].into();
    params.key_usages = [KeyUsagePurpose::DigitalSignature].into();
    params
}

/// The verdict on a response by one whose certificate `issuer` issued.
fn by_delegate(
    scene: &Scene,
    issuer: &Authority,
    params: &CertificateParams,
    by_name: bool,
) -> Result<(), CertificateError> {
    let key = key(Kind::P256);
    let certificate = issuer.issue(params, &key);
    let responder = if by_name {
        let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[b"responder"])])])]);
        Responder::Name(name)
    } else {
        Responder::key(&key)
    };
    let stranger = Authority::root("stranger").certificate;
    let staple = Staple { responder, certificates: [stranger, certificate].into(), ..scene.good() };
    scene.verify(Some(&staple.signed(&key)))
}

#[test]
fn the_issuer_may_name_one_that_signs_for_it() {
    let scene = Scene::new();
    for by_name in [true, false] {
        by_delegate(&scene, &scene.root, &responder(), by_name).unwrap();
    }
    let mut params = responder();
    params.key_usages.clear();
    by_delegate(&scene, &scene.root, &params, true).unwrap();
}

#[test]
fn who_signs_for_the_issuer_was_named_by_it_for_that_and_now() {
    let scene = Scene::new();
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = responder();
        change(&mut params);
        by_delegate(&scene, &scene.root, &params, true)
    };
    let delegate = |why| refused(OcspError::Delegate(Box::new(why)));
    let usage = delegate(CertificateError::ExtendedKeyUsage);
    assert_eq!(with(|params| params.extended_key_usages.clear()), usage);
    assert_eq!(with(|params| params.extended_key_usages = [ExtendedKeyUsagePurpose::Any].into()), usage);
    assert_eq!(with(|params| params.extended_key_usages = [ExtendedKeyUsagePurpose::ServerAuth].into()), usage);
    let no_signature = with(|params| params.key_usages = [KeyUsagePurpose::KeyEncipherment].into());
    assert_eq!(no_signature, delegate(CertificateError::KeyUsage));
    let expired = CertificateError::Expired { now: NOW, not_after: 1_735_689_600 };
    assert_eq!(with(|params| params.not_after = date_time_ymd(2025, 1, 1)), delegate(expired));
    let early = CertificateError::NotValidYet { now: NOW, not_before: 1_767_225_600 };
    assert_eq!(with(|params| params.not_before = date_time_ymd(2026, 1, 1)), delegate(early));

    let elsewhere = by_delegate(&scene, &Authority::root("elsewhere"), &responder(), true);
    assert_eq!(elsewhere, delegate(CertificateError::UnknownIssuer { issuer: "CN=elsewhere".into() }));
    let same_name = by_delegate(&scene, &Authority::root("root"), &responder(), false);
    assert_eq!(same_name, delegate(CertificateError::BadSignature));
    let below = scene.root.authority(authority("below"));
    let indirect = by_delegate(&scene, &below, &responder(), true);
    assert_eq!(indirect, delegate(CertificateError::UnknownIssuer { issuer: "CN=below".into() }));
}

#[test]
fn a_delegate_signs_with_its_own_key() {
    let scene = Scene::new();
    let own = key(Kind::P256);
    let certificates = [scene.root.issue(&responder(), &own)].into();
    let staple = Staple { responder: Responder::key(&own), certificates, ..scene.good() };
    assert_eq!(scene.verify(Some(&staple.signed(&key(Kind::P256)))), refused(OcspError::BadSignature));
}

#[test]
fn three_certificates_of_the_responder_are_tried() {
    let scene = Scene::new();
    let own = key(Kind::P256);
    let by_stranger = || Authority::root("elsewhere").issue(&responder(), &own);
    for (strangers, accepted) in [(1, true), (2, true), (3, false), (100, false)] {
        let mut staple = Staple { responder: Responder::key(&own), ..scene.good() };
        let stranger = by_stranger();
        staple.certificates.extend((0..strangers).map(|_| stranger.clone()));
        staple.certificates.push(scene.root.issue(&responder(), &own));
        let verdict = scene.verify(Some(&staple.signed(&own)));
        let unknown = CertificateError::UnknownIssuer { issuer: "CN=elsewhere".into() };
        let expected = if accepted { Ok(()) } else { refused(OcspError::Delegate(Box::new(unknown))) };
        assert_eq!(verdict, expected, "behind {strangers} certificates of its name");
    }
}

#[test]
fn the_error_says_whose_certificate_is_wrong() {
    let elsewhere = CertificateError::UnknownIssuer { issuer: "CN=elsewhere".into() };
    let text = CertificateError::from(OcspError::Delegate(Box::new(elsewhere))).to_string();
    assert!(text.ends_with("which did not itself issue the signer's certificate"), "{text}");
    assert!(!text.contains("root"), "nobody has to look among the roots: {text}");
}

#[test]
fn an_authority_or_a_short_key_does_not_sign_for_the_issuer() {
    let scene = Scene::new();
    let mut params = responder();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let refusal = by_delegate(&scene, &scene.root, &params, true);
    let is_constraint = |why: &CertificateError| matches!(why, CertificateError::Constraint(_));
    assert!(
        matches!(&refusal, Err(CertificateError::OcspResponse(OcspError::Delegate(why))) if is_constraint(why)),
        "{refusal:?}"
    );
    let short = CertificateDer::from_pem_slice(RSA_1024_CERTIFICATE).unwrap();
    let staple = Staple {
        responder: Responder::Name(certificate_issuer(&short).unwrap().to_vec()),
        certificates: [short].into(),
        ..scene.good()
    };
    let size = CertificateError::RsaKeySize { bits: 1024, least: 2048, most: 8192 };
    assert_eq!(scene.shown(&staple), refused(OcspError::Delegate(Box::new(size))));
}

/// The verdict on a response by a delegate with this serial number, where the issuer's list has `revoked`.
fn listed(serial: u64, nocheck: bool, revoked: &[u64], policy: CrlPolicy) -> Result<(), CertificateError> {
    let scene = Scene::new();
    let own = key(Kind::P256);
    let mut params = responder();
    params.serial_number = Some(serial.into());
    // With a distribution point that no list is for, no list knows it.
    if serial == UNLISTED {
        let uris = ["http://unlisted.example".into()].into();
        params.crl_distribution_points = [CrlDistributionPoint { uris }].into();
    }
    if nocheck {
        let nocheck = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], [5, 0].into());
        params.custom_extensions.push(nocheck);
    }
    let certificates = [scene.root.issue(&params, &own)].into();
    let staple = Staple { responder: Responder::key(&own), certificates, ..scene.good() };
    let lists = [list_for(&scene.root, revoked, "http://listed.example")];
    let verifier = scene.verifier().with_crls(lists).unwrap().with_crl_policy(policy);
    scene.verify_with(&verifier, Some(&staple.signed(&own)))
}

const UNLISTED: u64 = 71;

#[test]
fn a_delegate_that_our_list_revokes_speaks_for_nobody() {
    let delegate = |why| refused(OcspError::Delegate(Box::new(why)));
    let lenient = CrlPolicy { allow_unknown: true, ..CrlPolicy::default() };
    for nocheck in [false, true] {
        assert_eq!(listed(70, nocheck, &[], CrlPolicy::default()), Ok(()), "nocheck {nocheck}");
        for policy in [CrlPolicy::default(), lenient] {
            let verdict = listed(70, nocheck, &[70], policy);
            assert_eq!(verdict, delegate(CertificateError::Revoked), "nocheck {nocheck}, {policy:?}");
        }
        assert_eq!(listed(UNLISTED, nocheck, &[], lenient), Ok(()), "nocheck {nocheck}");
    }
    assert_eq!(listed(UNLISTED, false, &[], CrlPolicy::default()), delegate(CertificateError::RevocationUnknown));
    assert_eq!(listed(UNLISTED, true, &[], CrlPolicy::default()), Ok(()), "RFC 6960 §4.2.2.2.1");
}
