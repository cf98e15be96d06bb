use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{AlgorithmIdentifier, CertificateDer, ServerName, UnixTime, alg_id};
use proptest::prelude::*;
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber, date_time_ymd,
};

use super::authority::{Authority, NOW, authority, now};
use super::staple::{Answer, Responder, SHA1, SHA256, Staple, UNKNOWN, extensions, revoked, tlv};
use super::{Kind, key, server};
use crate::alert::AlertDescription;
use crate::crypto::certificate_issuer;
use crate::decision::Decision;
use crate::error::{CertificateError, OcspError};
use crate::identity::{OcspPolicy, Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

const SERIAL: u16 = 0x1234;

/// A server's certificate that promises these TLS features.
fn promising(params: &mut CertificateParams, features: &[u8]) {
    let numbers: Vec<_> = features.iter().map(|feature| tlv(2, &[&[*feature]])).collect();
    let features = tlv(0x30, &[&numbers.concat()]);
    params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], features));
}

/// A root, and a server below it.
struct Scene {
    root: Authority,
    chain: Vec<CertificateDer<'static>>,
    policy: OcspPolicy,
    resumed: bool,
}

impl Scene {
    fn new() -> Self {
        Scene::with_features(&[])
    }

    fn with_features(features: &[u8]) -> Self {
        let root = Authority::root("root");
        let chain = [leaf(&root, features)].into();
        Scene { root, chain, policy: OcspPolicy::Check, resumed: false }
    }

    fn good(&self) -> Staple {
        self.saying(|_| ())
    }

    /// A response by the root, with something about it changed.
    fn saying(&self, change: impl FnOnce(&mut Answer)) -> Staple {
        let mut answer = Answer::good(&self.chain[0], SERIAL, &self.root);
        change(&mut answer);
        Staple::new(Responder::key(self.root.issuer.key()), answer)
    }

    /// The verdict if this is stapled, signed by the root.
    fn shown(&self, staple: &Staple) -> Result<(), CertificateError> {
        self.verify(Some(&staple.signed(self.root.issuer.key())))
    }

    fn verify(&self, stapled: Option<&[u8]>) -> Result<(), CertificateError> {
        self.verify_with(&self.verifier(), stapled)
    }

    fn verifier(&self) -> WebPkiVerifier {
        WebPkiVerifier::new([self.root.certificate.clone()]).unwrap().with_ocsp(self.policy)
    }

    fn verify_with(&self, verifier: &WebPkiVerifier, stapled: Option<&[u8]>) -> Result<(), CertificateError> {
        let certificates = PeerCertificates::new(&self.chain).unwrap();
        let name = ServerName::try_from("a.example").unwrap();
        let mut peer = Peer::new(&certificates, now());
        peer.server_name = Some(&name);
        peer.ocsp_response = stapled;
        peer.resumed = self.resumed;
        match verifier.verify(&peer) {
            Decision::Now(verdict) => verdict.map(|_| ()),
            Decision::Later => panic!("the verdict of webpki never comes later"),
        }
    }
}

fn leaf(issuer: &Authority, features: &[u8]) -> CertificateDer<'static> {
    let mut params = server(&["a.example"]);
    params.serial_number = Some(SerialNumber::from_slice(&SERIAL.to_be_bytes()));
    if !features.is_empty() {
        promising(&mut params, features);
    }
    issuer.issue(&params, &key(Kind::P256))
}

fn refused<T>(why: OcspError) -> Result<T, CertificateError> {
    Err(CertificateError::OcspResponse(why))
}

#[test]
fn a_good_response_is_accepted_however_issuer_and_signer_are_named() {
    let scene = Scene::new();
    for hash in [SHA1, SHA256] {
        let mut staple = scene.saying(|answer| answer.hash = hash);
        scene.shown(&staple).unwrap();
        staple.responder = Responder::Name(certificate_issuer(&scene.root.certificate).unwrap().to_vec());
        scene.shown(&staple).unwrap();
        staple.version = tlv(0xa0, &[&[2, 1, 0]]);
        scene.shown(&staple).unwrap();
    }
}

#[test]
fn the_issuer_is_the_one_in_the_path() {
    let root = Authority::root("root");
    let intermediate = root.authority(authority("intermediate"));
    let chain: Vec<_> = [leaf(&intermediate, &[]), intermediate.certificate.clone()].into();
    let staple = Staple::new(Responder::key(intermediate.issuer.key()), Answer::good(&chain[0], SERIAL, &intermediate));
    let scene = Scene { root, chain, policy: OcspPolicy::Required, resumed: false };
    scene.verify(Some(&staple.signed(intermediate.issuer.key()))).unwrap();
    assert_eq!(scene.shown(&staple), refused(OcspError::BadSignature), "the root did not issue the certificate");
    let by_root = Staple { responder: Responder::key(scene.root.issuer.key()), ..staple };
    assert_eq!(scene.shown(&by_root), refused(OcspError::UnknownSigner));
}

#[test]
fn revoked_and_unknown_certificates_are_refused() {
    let scene = Scene::new();
    let verdict = scene.shown(&scene.saying(|answer| answer.status = revoked()));
    assert_eq!(verdict, Err(CertificateError::Revoked));
    let verdict = scene.shown(&scene.saying(|answer| answer.status = UNKNOWN.to_vec()));
    assert_eq!(verdict, refused(OcspError::UnknownCertificate));
}

#[test]
fn a_response_counts_from_this_update_to_next_update() {
    let scene = Scene::new();
    // It is 15:06:40.
    let expired = |until| refused(OcspError::Expired { now: NOW, until });
    for (next_update, expected) in [
        ("20250615150640Z", Ok(())),
        ("20250615150639Z", expired(NOW - 1)),
        ("20250101000000Z", expired(1_735_689_600)),
    ] {
        let staple = scene.saying(|answer| answer.next_update = Some(next_update));
        assert_eq!(scene.shown(&staple), expected, "{next_update}");
    }
    let early = |this_update| refused(OcspError::NotValidYet { now: NOW, this_update });
    for (this_update, expected) in [("20250615151140Z", Ok(())), ("20250615151141Z", early(NOW + 301))] {
        let staple = scene.saying(|answer| answer.this_update = this_update);
        assert_eq!(scene.shown(&staple), expected, "{this_update}");
        let signed = staple.signed(scene.root.issuer.key());
        assert!(scene.verify_with(&scene.verifier().with_ocsp_skew(0), Some(&signed)).is_err(), "{this_update}");
        scene.verify_with(&scene.verifier().with_ocsp_skew(301), Some(&signed)).unwrap();
    }
}

#[test]
fn a_response_without_next_update_grows_old() {
    let scene = Scene::new();
    let expired = refused(OcspError::Expired { now: NOW, until: NOW - 1 });
    for (this_update, expected) in [("20250614150640Z", Ok(())), ("20250614150639Z", expired)] {
        let staple = scene.saying(|answer| {
            answer.this_update = this_update;
            answer.next_update = None;
        });
        assert_eq!(scene.shown(&staple), expected, "{this_update}");
        let signed = staple.signed(scene.root.issuer.key());
        assert!(scene.verify_with(&scene.verifier().with_ocsp_max_age(60), Some(&signed)).is_err(), "{this_update}");
        scene.verify_with(&scene.verifier().with_ocsp_max_age(86_401), Some(&signed)).unwrap();
    }
}

#[test]
fn a_response_about_another_certificate_is_refused() {
    let scene = Scene::new();
    let changes: [fn(&mut Answer); 4] = [
        |answer| answer.serial = [0x12, 0x35].into(),
        |answer| answer.issuer_name = Authority::root("elsewhere").certificate.to_vec(),
        |answer| answer.issuer_key.push(0),
        // MD5, by which nobody is named.
        |answer| answer.hash = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
    ];
    for change in changes {
        assert_eq!(scene.shown(&scene.saying(change)), refused(OcspError::OtherCertificate));
    }
    let none = Staple { answers: Vec::new(), ..scene.good() };
    assert_eq!(scene.shown(&none), refused(OcspError::OtherCertificate));
}

#[test]
fn the_answer_may_stand_among_others() {
    let scene = Scene::new();
    let mut staple = scene.saying(|answer| {
        answer.serial = [1].into();
        answer.status = revoked();
    });
    staple.answers.extend(scene.good().answers);
    scene.shown(&staple).unwrap();
    staple.answers.push(staple.answers[0].clone());
    staple.answers[1].status = revoked();
    assert_eq!(scene.shown(&staple), Err(CertificateError::Revoked));
}

#[test]
fn a_wrong_signature_is_refused() {
    let scene = Scene::new();
    let stranger = key(Kind::P256);
    assert_eq!(scene.verify(Some(&scene.good().signed(&stranger))), refused(OcspError::BadSignature));
    let with_issuer = Staple { certificates: [scene.root.certificate.clone()].into(), ..scene.good() };
    scene.shown(&with_issuer).unwrap();
    assert_eq!(scene.verify(Some(&with_issuer.signed(&stranger))), refused(OcspError::BadSignature));
    let named = Staple { responder: Responder::key(&stranger), ..scene.good() };
    assert_eq!(scene.shown(&named), refused(OcspError::UnknownSigner), "signed by the issuer under another name");
    assert_eq!(scene.verify(Some(&named.signed(&stranger))), refused(OcspError::UnknownSigner));
    // ecdsa-with-SHA1, and one that nobody knows.
    for algorithm in [&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], [6, 3, 0x2a, 3, 4].as_slice()] {
        let algorithm = AlgorithmIdentifier::from_slice(algorithm);
        assert_eq!(scene.shown(&Staple { algorithm, ..scene.good() }), refused(OcspError::BadSignature));
    }
}

#[test]
fn issuers_with_keys_of_all_types_sign() {
    for (kind, algorithm) in [
        (Kind::P256, alg_id::ECDSA_SHA256),
        (Kind::P384, alg_id::ECDSA_SHA384),
        (Kind::Ed25519, alg_id::ED25519),
        (Kind::Rsa2048, alg_id::RSA_PKCS1_SHA256),
    ] {
        let (params, key) = (authority("root"), key(kind));
        let certificate = params.self_signed(&key).unwrap().into();
        let root = Authority { certificate, issuer: Issuer::new(params, key) };
        let chain = [leaf(&root, &[])].into();
        let scene = Scene { root, chain, policy: OcspPolicy::Required, resumed: false };
        let verdict = scene.shown(&Staple { algorithm, ..scene.good() });
        assert_eq!(verdict, Ok(()), "{kind:?}");
        let wrong = scene.shown(&Staple { algorithm: alg_id::RSA_PSS_SHA256, ..scene.good() });
        assert_eq!(wrong, refused(OcspError::BadSignature), "{kind:?}");
    }
}

/// What OpenSSL made: see `tests/data/README.md`.
#[test]
fn responses_by_openssl_are_understood() {
    let certificate = |pem: &[u8]| CertificateDer::from_pem_slice(pem).unwrap();
    let root = certificate(include_bytes!("../../../tests/data/ocsp/root.pem"));
    let leaf = certificate(include_bytes!("../../../tests/data/ocsp/leaf.pem"));
    let certificates = PeerCertificates::new([&leaf]).unwrap();
    let name = ServerName::try_from("server.example").unwrap();
    let verdict = |response: Option<&[u8]>| {
        // 2026-11-20 22:10:00 UTC
        let mut peer = Peer::new(&certificates, UnixTime::since_unix_epoch(Duration::from_secs(1_795_212_600)));
        peer.server_name = Some(&name);
        peer.ocsp_response = response;
        match WebPkiVerifier::new([root.clone()]).unwrap().verify(&peer) {
            Decision::Now(verdict) => verdict.map(|_| ()),
            Decision::Later => panic!("the verdict of webpki never comes later"),
        }
    };
    assert_eq!(verdict(Some(include_bytes!("../../../tests/data/ocsp/by-issuer.der"))), Ok(()));
    assert_eq!(verdict(Some(include_bytes!("../../../tests/data/ocsp/by-delegate.der"))), Ok(()));
    let revoked = verdict(Some(include_bytes!("../../../tests/data/ocsp/revoked.der")));
    assert_eq!(revoked, Err(CertificateError::Revoked));
    assert_eq!(verdict(None), Err(CertificateError::MissingOcspResponse), "it has tlsfeature=status_request");
}

/// A certificate for signing responses.
fn responder() -> CertificateParams {
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
fn what_is_no_answer_is_refused() {
    let scene = Scene::new();
    assert_eq!(scene.shown(&Staple { status: 3, ..scene.good() }), refused(OcspError::NotSuccessful(3)));
    assert_eq!(scene.shown(&Staple { response_type: &[0x2a, 3], ..scene.good() }), refused(OcspError::UnknownType));
    let version = tlv(0xa0, &[&[2, 1, 1]]);
    let verdict = scene.shown(&Staple { version, ..scene.good() });
    assert!(matches!(verdict, Err(CertificateError::OcspResponse(OcspError::BadEncoding(_)))), "{verdict:?}");
}

#[test]
fn extensions_are_ignored_unless_they_are_critical() {
    let scene = Scene::new();
    scene.shown(&Staple { extensions: extensions(false), ..scene.good() }).unwrap();
    scene.shown(&scene.saying(|answer| answer.extensions = extensions(false))).unwrap();
    let critical = refused(OcspError::CriticalExtension);
    assert_eq!(scene.shown(&Staple { extensions: extensions(true), ..scene.good() }), critical);
    assert_eq!(scene.shown(&scene.saying(|answer| answer.extensions = extensions(true))), critical);
}

#[test]
fn a_response_that_is_cut_or_has_bytes_behind_it_cannot_be_read() {
    let scene = Scene::new();
    let whole = scene.good().signed(scene.root.issuer.key());
    for length in 0..whole.len() {
        let verdict = scene.verify(Some(&whole[..length]));
        assert!(matches!(verdict, Err(CertificateError::OcspResponse(OcspError::BadEncoding(_)))), "{length}");
    }
    let verdict = scene.verify(Some(&[whole, [0].into()].concat()));
    assert!(matches!(verdict, Err(CertificateError::OcspResponse(OcspError::BadEncoding(_)))), "{verdict:?}");
}

#[test]
fn a_changed_byte_anywhere_in_a_response_is_refused() {
    let scene = Scene::new();
    let whole = scene.good().signed(scene.root.issuer.key());
    for index in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[index] ^= 1;
        assert!(scene.verify(Some(&bytes)).is_err(), "byte {index}");
    }
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

#[test]
fn the_policy_says_whether_a_response_is_asked_for_and_has_to_come() {
    let mut scene = Scene::new();
    for (policy, wants, without, with_garbage) in [
        (OcspPolicy::Ignore, false, true, true),
        (OcspPolicy::Check, true, true, false),
        (OcspPolicy::Required, true, false, false),
    ] {
        scene.policy = policy;
        assert_eq!(scene.verifier().wants_status(), wants, "{policy:?}");
        assert_eq!(scene.verify(None).is_ok(), without, "{policy:?}");
        assert_eq!(scene.verify(Some(b"garbage")).is_ok(), with_garbage, "{policy:?}");
        scene.shown(&scene.good()).unwrap();
    }
    let roots = [scene.root.certificate.clone()];
    assert!(WebPkiVerifier::new(roots.clone()).unwrap().wants_status(), "asked for by default");
    assert!(!WebPkiVerifier::for_clients(roots).unwrap().wants_status(), "clients staple nothing");
}

#[test]
fn alerts_are_those_of_rfc_6066() {
    for error in [CertificateError::MissingOcspResponse, OcspError::UnknownCertificate.into()] {
        assert_eq!(error.alert(), AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE);
    }
    assert_eq!(CertificateError::Revoked.alert(), AlertDescription::CERTIFICATE_REVOKED);
}

#[test]
fn a_response_full_of_certificates_costs_two_signatures() {
    let scene = Scene::new();
    let own: KeyPair = key(Kind::P256);
    let mut staple = Staple { responder: Responder::key(&own), ..scene.good() };
    // The first with the name is not by the root; that the next one is does not count.
    staple.certificates.push(Authority::root("elsewhere").issue(&responder(), &own));
    staple.certificates.push(scene.root.issue(&responder(), &own));
    let verdict = scene.verify(Some(&staple.signed(&own)));
    assert!(matches!(verdict, Err(CertificateError::OcspResponse(OcspError::Delegate(_)))), "{verdict:?}");
}

proptest! {
    #[test]
    fn altered_responses_are_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 1..8),
        delegated: bool,
    ) {
        let scene = Scene::new();
        let own = key(Kind::P256);
        let mut staple = scene.good();
        if delegated {
            staple.responder = Responder::key(&own);
            staple.certificates.push(scene.root.issue(&responder(), &own));
        }
        let whole = staple.signed(if delegated { &own } else { scene.root.issuer.key() });
        let mut bytes = whole.clone();
        for (index, change) in changes {
            let index = index.index(bytes.len());
            bytes[index] ^= change;
        }
        prop_assert_eq!(scene.verify(Some(&bytes)).is_ok(), bytes == whole);
    }

    #[test]
    fn bytes_that_are_no_response_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Scene::new().verify(Some(&bytes)).is_err());
    }
}
