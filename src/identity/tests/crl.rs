use alloc::string::ToString;
use alloc::vec::Vec;

use pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, KeyIdMethod, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

use super::authority::{Authority, NOW, authority, now};
use super::{Kind, key, server};
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::{CrlPolicy, Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

const LEAF: u64 = 7;
const INTERMEDIATE: u64 = 8;

/// A root, an intermediate and a leaf, each with its number.
struct Scene {
    root: Authority,
    intermediate: Authority,
    leaf: CertificateDer<'static>,
}

impl Scene {
    fn new() -> Self {
        let root = Authority::root("root");
        let mut params = authority("intermediate");
        params.serial_number = Some(INTERMEDIATE.into());
        let intermediate = root.authority(params);
        let mut params = server(&["a.example"]);
        params.serial_number = Some(LEAF.into());
        let leaf = intermediate.issue(&params, &key(Kind::P256));
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
    list_with(authority, revoked, |params| params.next_update = date_time_ymd(until, 1, 2))
}

/// A list for a distribution point.
pub(super) fn list_for(authority: &Authority, revoked: &[u64], uri: &str) -> CertificateRevocationListDer<'static> {
    list_with(authority, revoked, |params| {
        let distribution_point = CrlDistributionPoint { uris: [uri.into()].into() };
        params.issuing_distribution_point = Some(CrlIssuingDistributionPoint { distribution_point, scope: None });
    })
}

fn list_with(
    authority: &Authority,
    revoked: &[u64],
    change: impl FnOnce(&mut CertificateRevocationListParams),
) -> CertificateRevocationListDer<'static> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let mut params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(2026, 1, 2),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    change(&mut params);
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

#[test]
fn of_two_lists_of_one_issuer_the_newest_counts_wherever_it_stands() {
    let scene = Scene::new();
    let root = list(&scene.root, &[], 2026);
    let of = |revoked: &[u64], number: &[u8], day| {
        list_with(&scene.intermediate, revoked, |params| {
            params.crl_number = SerialNumber::from_slice(number);
            params.this_update = date_time_ymd(2025, 1, day);
        })
    };
    let verdict = |one, two| scene.verify([root.clone(), one, two].into(), STRICT);
    let (free, held) = (Ok(()), Err(CertificateError::Revoked));
    for (old, new) in [
        (([1].as_slice(), 1), ([2].as_slice(), 1)),
        // The number says it, not the date; and by its value, not by its bytes.
        (([1].as_slice(), 2), ([2].as_slice(), 1)),
        (([0xff].as_slice(), 1), ([1, 0].as_slice(), 1)),
        // The date says it.
        (([1].as_slice(), 1), ([1].as_slice(), 2)),
    ] {
        for (before, after, expected) in [(&[][..], &[LEAF][..], &held), (&[LEAF][..], &[][..], &free)] {
            let (old, new) = (of(before, old.0, old.1), of(after, new.0, new.1));
            assert_eq!(&verdict(old.clone(), new.clone()), expected);
            assert_eq!(&verdict(new, old), expected);
        }
    }
}

#[test]
fn two_lists_of_which_none_is_newer_are_a_mistake() {
    let scene = Scene::new();
    let (one, two) = (list(&scene.root, &[], 2026), list(&scene.root, &[LEAF], 2026));
    let verifier = || WebPkiVerifier::new([scene.root.certificate.clone()]).unwrap();
    let problem = verifier().with_crls([one.clone(), two]).unwrap_err().to_string();
    assert!(problem.starts_with("configuration field `crls`: lists 0 and 1 "), "{problem}");
    verifier().with_crls([one.clone(), one]).unwrap();
}

#[test]
fn a_certificate_may_be_on_any_list_of_its_issuer() {
    let scene = Scene::new();
    let lists = |revoked: [&[u64]; 2]| {
        let [one, two] = ["http://one.example", "http://two.example"];
        let [one, two] = [(one, revoked[0]), (two, revoked[1])]
            .map(|(uri, revoked)| [list_for(&scene.intermediate, revoked, uri), list_for(&scene.root, revoked, uri)]);
        [one, two].concat()
    };
    scene.verify(lists([&[], &[]]), STRICT).unwrap();
    for revoked in [[[LEAF].as_slice(), &[]], [&[], &[LEAF]], [&[INTERMEDIATE], &[]], [&[], &[INTERMEDIATE]]] {
        assert_eq!(scene.verify(lists(revoked), STRICT), Err(CertificateError::Revoked), "{revoked:?}");
    }
    let end_entity_only = CrlPolicy { end_entity_only: true, ..STRICT };
    scene.verify(lists([&[], &[INTERMEDIATE]]), end_entity_only).unwrap();
    // A list with a scope beside one for everything.
    let mixed = |revoked: [&[u64]; 2]| {
        let scoped = list_for(&scene.intermediate, revoked[0], "http://one.example");
        [list(&scene.root, &[], 2026), scoped, list(&scene.intermediate, revoked[1], 2026)].into()
    };
    for revoked in [[[LEAF].as_slice(), &[]], [&[], &[LEAF]]] {
        assert_eq!(scene.verify(mixed(revoked), STRICT), Err(CertificateError::Revoked), "{revoked:?}");
    }
}

#[test]
fn clients_are_looked_up_too() {
    let scene = Scene::new();
    for (revoked, expected) in [(&[][..], Ok(())), (&[LEAF], Err(CertificateError::Revoked))] {
        let verifier = WebPkiVerifier::for_clients([scene.root.certificate.clone()]).unwrap();
        let verifier = verifier.with_crls(scene.lists(revoked)).unwrap();
        let certificates = PeerCertificates::new([&scene.leaf, &scene.intermediate.certificate]).unwrap();
        let verdict = verifier.verify(&Peer::new(&certificates, now())).map(|verdict| verdict.map(|_| ()));
        assert_eq!(verdict, Decision::Now(expected));
    }
}
