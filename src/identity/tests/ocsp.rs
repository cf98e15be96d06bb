use alloc::vec::Vec;
use core::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{AlgorithmIdentifier, CertificateDer, ServerName, UnixTime, alg_id};
use proptest::prelude::*;
use rcgen::{Issuer, SerialNumber};

use super::authority::{Authority, NOW, authority, now};
use super::delegate::responder;
use super::features::promising;
use super::staple::{Answer, Responder, SHA1, SHA256, Staple, UNKNOWN, extensions, revoked, tlv};
use super::{Kind, key, server};
use crate::alert::AlertDescription;
use crate::crypto::certificate_issuer;
use crate::decision::Decision;
use crate::error::{CertificateError, OcspError};
use crate::identity::{OcspPolicy, Peer, PeerCertificates, Verified, VerifyPeer, WebPkiVerifier};

pub(super) const SERIAL: u16 = 0x1234;

/// A root, and a server below it.
pub(super) struct Scene {
    pub(super) root: Authority,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) policy: OcspPolicy,
    pub(super) resumed: bool,
}

impl Scene {
    pub(super) fn new() -> Self {
        Scene::with_features(&[])
    }

    pub(super) fn with_features(features: &[u8]) -> Self {
        let root = Authority::root("root");
        let chain = [leaf(&root, features)].into();
        Scene { root, chain, policy: OcspPolicy::Check, resumed: false }
    }

    pub(super) fn good(&self) -> Staple {
        self.saying(|_| ())
    }

    /// A response by the root, with something about it changed.
    pub(super) fn saying(&self, change: impl FnOnce(&mut Answer)) -> Staple {
        let mut answer = Answer::good(&self.chain[0], SERIAL, &self.root);
        change(&mut answer);
        Staple::new(Responder::key(self.root.issuer.key()), answer)
    }

    /// The verdict if this is stapled, signed by the root.
    pub(super) fn shown(&self, staple: &Staple) -> Result<(), CertificateError> {
        self.verify(Some(&staple.signed(self.root.issuer.key())))
    }

    pub(super) fn verify(&self, stapled: Option<&[u8]>) -> Result<(), CertificateError> {
        self.verify_with(&self.verifier(), stapled)
    }

    pub(super) fn verifier(&self) -> WebPkiVerifier {
        WebPkiVerifier::new([self.root.certificate.clone()]).unwrap().with_ocsp(self.policy)
    }

    pub(super) fn verify_with(
        &self,
        verifier: &WebPkiVerifier,
        stapled: Option<&[u8]>,
    ) -> Result<(), CertificateError> {
        self.verified(verifier, stapled).map(|_| ())
    }

    fn verified(&self, verifier: &WebPkiVerifier, stapled: Option<&[u8]>) -> Result<Verified, CertificateError> {
        let certificates = PeerCertificates::new(&self.chain).unwrap();
        let name = ServerName::try_from("a.example").unwrap();
        let mut peer = Peer::new(&certificates, now());
        peer.server_name = Some(&name);
        peer.ocsp_response = stapled;
        peer.resumed = self.resumed;
        match verifier.verify(&peer) {
            Decision::Now(verdict) => verdict,
            Decision::Later => panic!("the verdict of webpki never comes later"),
        }
    }
}

pub(super) fn leaf(issuer: &Authority, features: &[u8]) -> CertificateDer<'static> {
    let mut params = server(&["a.example"]);
    params.serial_number = Some(SerialNumber::from_slice(&SERIAL.to_be_bytes()));
    if !features.is_empty() {
        promising(&mut params, features);
    }
    issuer.issue(&params, &key(Kind::P256))
}

pub(super) fn refused<T>(why: OcspError) -> Result<T, CertificateError> {
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
    assert_eq!(verdict, refused(OcspError::Revoked));
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
        ("20250615143640Z", expired(NOW - 1800)),
        ("20250615143639Z", refused(OcspError::BadEncoding("nextUpdate lies before thisUpdate".into()))),
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
    let changes: [fn(&mut Answer); 3] = [
        |answer| answer.serial = [0x12, 0x35].into(),
        |answer| answer.issuer_name = Authority::root("elsewhere").certificate.to_vec(),
        |answer| answer.issuer_key.push(0),
    ];
    for change in changes {
        assert_eq!(scene.shown(&scene.saying(change)), refused(OcspError::OtherCertificate));
    }
    let none = Staple { answers: Vec::new(), ..scene.good() };
    assert_eq!(scene.shown(&none), refused(OcspError::OtherCertificate));
    // By MD5 nobody is named here.
    let md5 = scene.saying(|answer| answer.hash = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05]);
    assert_eq!(scene.shown(&md5), refused(OcspError::UnknownHash));
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
}

#[test]
fn of_several_answers_a_revocation_outweighs_and_what_does_not_count_now_is_passed_over() {
    let scene = Scene::new();
    let answer = |change: fn(&mut Answer)| scene.saying(change).answers.remove(0);
    let good = answer(|_| ());
    let is_revoked = answer(|answer| answer.status = revoked());
    let unknown = answer(|answer| answer.status = UNKNOWN.to_vec());
    let old = answer(|answer| answer.next_update = Some("20250615143640Z"));
    let was_revoked = answer(|answer| {
        answer.status = revoked();
        answer.next_update = Some("20250615143640Z");
    });
    let by_sha256 = answer(|answer| answer.hash = SHA256);
    let expired = OcspError::Expired { now: NOW, until: NOW - 1800 };
    for (one, two, expected) in [
        (&good, &is_revoked, refused(OcspError::Revoked)),
        (&by_sha256, &is_revoked, refused(OcspError::Revoked)),
        (&unknown, &is_revoked, refused(OcspError::Revoked)),
        (&old, &is_revoked, refused(OcspError::Revoked)),
        (&good, &old, Ok(())),
        (&good, &unknown, Ok(())),
        (&good, &by_sha256, Ok(())),
        (&good, &was_revoked, Ok(())),
    ] {
        for answers in [[one, two], [two, one]] {
            let staple = Staple { answers: answers.map(Answer::clone).into(), ..scene.good() };
            assert_eq!(scene.shown(&staple), expected);
        }
    }
    let shown =
        |answers: [&Answer; 2]| scene.shown(&Staple { answers: answers.map(Answer::clone).into(), ..scene.good() });
    assert_eq!(shown([&old, &unknown]), refused(expired), "the first of them");
    assert_eq!(shown([&unknown, &old]), refused(OcspError::UnknownCertificate), "the first of them");
}

#[test]
fn a_verdict_holds_no_longer_than_the_response() {
    let scene = Scene::new();
    let until = |change: fn(&mut Answer)| {
        let staple = scene.saying(change).signed(scene.root.issuer.key());
        scene.verified(&scene.verifier(), Some(&staple)).unwrap().not_after()
    };
    assert_eq!(until(|_| ()), Some(NOW + 1800), "nextUpdate");
    assert_eq!(until(|answer| answer.next_update = None), Some(NOW - 1800 + 86_400), "thisUpdate and a day");
    let of_certificate = scene.verified(&scene.verifier(), None).unwrap().not_after();
    assert!(of_certificate > Some(NOW + 86_400), "{of_certificate:?}");
    assert_eq!(until(|answer| answer.next_update = Some("99991231235959Z")), of_certificate);
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
    assert_eq!(revoked, refused(OcspError::Revoked));
    assert_eq!(verdict(None), Err(CertificateError::MissingOcspResponse), "it has tlsfeature=status_request");
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
    for error in
        [CertificateError::MissingOcspResponse, OcspError::UnknownCertificate.into(), OcspError::Revoked.into()]
    {
        assert_eq!(error.alert(), AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE);
    }
    assert_eq!(CertificateError::Revoked.alert(), AlertDescription::CERTIFICATE_REVOKED);
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
