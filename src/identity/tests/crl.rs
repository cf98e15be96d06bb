use alloc::string::ToString;
use alloc::vec::Vec;

use pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, KeyIdMethod, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

use super::authority::{Authority, NOW, authority, now};
use super::{Kind, key, server};
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::{CrlPolicy, Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

const LEAF: u64 = 7;
const INTERMEDIATE: u64 = 8;

/// An authority that may also issue lists.
fn lister(name: &str) -> CertificateParams {
    let mut params = authority(name);
    params.key_usages.push(KeyUsagePurpose::CrlSign);
    params
}

/// A root, an intermediate and a leaf, each with its number.
struct Scene {
    root: Authority,
    intermediate: Authority,
    leaf: CertificateDer<'static>,
}

impl Scene {
    fn new() -> Self {
        let (params, key) = (lister("root"), key(Kind::P256));
        let certificate = params.self_signed(&key).unwrap().into();
        let root = Authority { certificate, issuer: rcgen::Issuer::new(params, key) };
        let mut params = lister("intermediate");
        params.serial_number = Some(INTERMEDIATE.into());
        let intermediate = root.authority(params);
        let mut params = server(&["a.example"]);
        params.serial_number = Some(LEAF.into());
        let leaf = intermediate.issue(&params, &super::key(Kind::P256));
        Scene { root, intermediate, leaf }
    }

    /// Both authorities' lists, each with these numbers in it.
    fn lists(&self, revoked: &[u64]) -> Vec<CertificateRevocationListDer<'static>> {
        [&self.root, &self.intermediate].map(|authority| list(authority, revoked, 2026)).into()
    }

    fn verify(
        &self,
        lists: Vec<CertificateRevocationListDer<'static>>,
        policy: CrlPolicy,
    ) -> Result<(), CertificateError> {
        let verifier = WebPkiVerifier::new([self.root.certificate.clone()]).unwrap();
        let verifier = verifier.with_crls(lists).unwrap().with_crl_policy(policy);
        let certificates = PeerCertificates::new([&self.leaf, &self.intermediate.certificate]).unwrap();
        let name = ServerName::try_from("a.example").unwrap();
        let mut peer = Peer::new(&certificates, now());
        peer.server_name = Some(&name);
        match verifier.verify(&peer) {
            Decision::Now(verdict) => verdict.map(|_| ()),
            Decision::Later => panic!("the verdict of webpki never comes later"),
        }
    }
}

/// A list of these numbers, which counts from 2025 to this year.
fn list(authority: &Authority, revoked: &[u64], until: i32) -> CertificateRevocationListDer<'static> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(until, 1, 2),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&authority.issuer).unwrap().der().clone()
}

const STRICT: CrlPolicy = CrlPolicy { end_entity_only: false, allow_unknown: false, allow_expired: false };

#[test]
fn a_certificate_on_no_list_is_accepted() {
    let scene = Scene::new();
    scene.verify(scene.lists(&[]), STRICT).unwrap();
    scene.verify(scene.lists(&[99]), STRICT).unwrap();
}

#[test]
fn a_revoked_certificate_is_refused_wherever_it_stands() {
    let scene = Scene::new();
    assert_eq!(CrlPolicy::default(), STRICT);
    for serial in [LEAF, INTERMEDIATE] {
        let end_entity_only = CrlPolicy { end_entity_only: true, ..STRICT };
        assert_eq!(scene.verify(scene.lists(&[serial]), STRICT), Err(CertificateError::Revoked), "{serial}");
        assert_eq!(scene.verify(scene.lists(&[serial]), end_entity_only).is_ok(), serial == INTERMEDIATE, "{serial}");
    }
}

#[test]
fn a_certificate_that_no_list_covers_is_refused_unless_that_is_allowed() {
    let scene = Scene::new();
    let only_root = || Vec::from([list(&scene.root, &[LEAF], 2026)]);
    assert_eq!(scene.verify(only_root(), STRICT), Err(CertificateError::RevocationUnknown));
    scene.verify(only_root(), CrlPolicy { allow_unknown: true, ..STRICT }).unwrap();
}

#[test]
fn a_list_that_is_too_old_is_refused_unless_that_is_allowed() {
    let scene = Scene::new();
    let old = || Vec::from([list(&scene.root, &[], 2026), list(&scene.intermediate, &[], 2025)]);
    let expired = CertificateError::CrlExpired { now: NOW, next_update: 1_735_776_000 };
    assert_eq!(expired.to_string().matches("2025-01-02 00:00:00 UTC").count(), 1, "{expired}");
    assert_eq!(scene.verify(old(), STRICT), Err(expired));
    scene.verify(old(), CrlPolicy { allow_expired: true, ..STRICT }).unwrap();
}

#[test]
fn a_list_by_a_stranger_of_the_same_name_counts_for_nothing() {
    let (scene, stranger) = (Scene::new(), Scene::new());
    let verdict = scene.verify(stranger.lists(&[LEAF]), STRICT);
    assert!(matches!(verdict, Err(CertificateError::Refused(_))), "{verdict:?}");
}

#[test]
fn lists_have_to_be_lists_and_at_least_one() {
    let root = Authority::root("root").certificate;
    let problem = |lists: Vec<CertificateRevocationListDer<'static>>| {
        let verifier = WebPkiVerifier::new([root.clone()]).unwrap();
        verifier.with_crls(lists).unwrap_err().to_string()
    };
    assert_eq!(problem(Vec::new()), "configuration field `crls`: there is no list");
    let scene = Scene::new();
    let lists = Vec::from([scene.lists(&[]).remove(0), root.to_vec().into()]);
    assert!(problem(lists).starts_with("configuration field `crls`: list 1: "));
}
