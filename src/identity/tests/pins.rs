use alloc::string::ToString;
use alloc::vec::Vec;

use pki_types::{CertificateDer, ServerName};
use sha2::{Digest, Sha256};

use super::authority::{Authority, authority, now};
use super::{Kind, key, server};
use crate::crypto::PublicKey;
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::dangerous::PinsOnly;
use crate::identity::{Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

fn pin(certificate: &CertificateDer<'_>) -> [u8; 32] {
    PublicKey::from_certificate(certificate).unwrap().sha256()
}

fn verdict(
    verifier: &dyn VerifyPeer,
    name: &'static str,
    chain: &[CertificateDer<'static>],
) -> Result<(), CertificateError> {
    let certificates = PeerCertificates::new(chain).unwrap();
    let name = ServerName::try_from(name).unwrap();
    let mut peer = Peer::new(&certificates, now());
    peer.server_name = Some(&name);
    match verifier.verify(&peer) {
        Decision::Now(verdict) => verdict.map(|_| ()),
        Decision::Later => panic!("pins are compared at once"),
    }
}

/// A root, an intermediate that was sent with the leaf of a.example, and one that was sent and is not in the path.
struct Scene {
    root: Authority,
    chain: Vec<CertificateDer<'static>>,
}

impl Scene {
    fn new() -> Self {
        let root = Authority::root("root");
        let intermediate = root.authority(authority("intermediate"));
        let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
        let stranger = Authority::root("stranger");
        Scene { root, chain: [leaf, intermediate.certificate, stranger.certificate].into() }
    }

    fn pinned(&self, pins: &[[u8; 32]]) -> WebPkiVerifier {
        let verifier = WebPkiVerifier::new([self.root.certificate.clone()]).unwrap();
        verifier.with_pins(pins.iter().copied()).unwrap()
    }
}

#[test]
fn a_pin_is_the_hash_of_the_key_with_its_type() {
    let certificate = Scene::new().chain.remove(0);
    let key = PublicKey::from_certificate(&certificate).unwrap();
    assert_eq!(key.sha256(), *Sha256::digest(key.spki()));
}

#[test]
fn one_key_of_the_path_has_to_be_pinned() {
    let scene = Scene::new();
    let [leaf, intermediate, stranger] = [0, 1, 2].map(|index| pin(&scene.chain[index]));
    let root = pin(&scene.root.certificate);
    for good in [leaf, intermediate, root] {
        verdict(&scene.pinned(&[[0; 32], good]), "a.example", &scene.chain).unwrap();
    }
    for bad in [[0; 32], stranger] {
        let refused = verdict(&scene.pinned(&[bad]), "a.example", &scene.chain);
        assert_eq!(refused, Err(CertificateError::NotPinned { keys: [leaf, intermediate, root].into() }));
    }
}

#[test]
fn a_pin_replaces_no_other_check() {
    let scene = Scene::new();
    let pins = [pin(&scene.chain[0])];
    let refused = verdict(&scene.pinned(&pins), "b.example", &scene.chain);
    assert!(matches!(refused, Err(CertificateError::WrongName { .. })), "{refused:?}");
    let refused = verdict(&scene.pinned(&pins), "a.example", &scene.chain[..1]);
    assert!(matches!(refused, Err(CertificateError::UnknownIssuer { .. })), "{refused:?}");
}

#[test]
fn the_error_names_the_keys_that_are_there() {
    let error = CertificateError::NotPinned { keys: [[0xab; 32], [1; 32]].into() };
    let expected = ["ab".repeat(32), "01".repeat(32)].join(" ");
    assert!(error.to_string().ends_with(&expected), "{error}");
}

#[test]
fn without_a_path_the_peer_s_own_key_alone_counts() {
    let scene = Scene::new();
    let [leaf, intermediate] = [0, 1].map(|index| pin(&scene.chain[index]));
    verdict(&PinsOnly::new([[0; 32], leaf]).unwrap(), "b.example", &scene.chain).unwrap();
    let refused = verdict(&PinsOnly::new([intermediate]).unwrap(), "a.example", &scene.chain);
    assert_eq!(refused, Err(CertificateError::NotPinned { keys: [leaf].into() }));
    assert!(matches!(verdict(&PinsOnly::new([leaf]).unwrap(), "a.example", &[]), Err(CertificateError::Refused(_))));
}

#[test]
fn no_pin_at_all_is_a_mistake() {
    assert_eq!(PinsOnly::new([]).unwrap_err().field(), "pins");
    let scene = Scene::new();
    let verifier = WebPkiVerifier::new([scene.root.certificate]).unwrap();
    assert_eq!(verifier.with_pins([]).unwrap_err().field(), "pins");
}

/// An issuer that two roots certify: the leaf, and the issuer's certificates by the one and the other.
#[test]
fn of_several_paths_one_has_to_be_pinned() {
    let roots = ["one", "two"].map(Authority::root);
    let params = authority("intermediate");
    let intermediate = roots[0].authority(params.clone());
    let cross = roots[1].issue(&params, intermediate.issuer.key());
    let leaf = intermediate.issue(&server(&["a.example"]), &key(Kind::P256));
    let chain = [leaf, intermediate.certificate, cross];
    let verifier = || WebPkiVerifier::new(roots.iter().map(|root| root.certificate.clone())).unwrap();
    for root in &roots {
        verdict(&verifier().with_pins([pin(&root.certificate)]).unwrap(), "a.example", &chain).unwrap();
    }
    let refused = verdict(&verifier().with_pins([[0; 32]]).unwrap(), "a.example", &chain);
    let first = [&chain[0], &chain[1], &roots[0].certificate].map(pin);
    assert_eq!(refused, Err(CertificateError::NotPinned { keys: first.into() }), "the first path");
}

#[test]
fn keys_of_clients_are_pinned_too() {
    let scene = Scene::new();
    for (pin, accepted) in [(pin(&scene.chain[0]), true), ([0; 32], false)] {
        let verifier = WebPkiVerifier::for_clients([scene.root.certificate.clone()]).unwrap();
        let verifier = verifier.with_pins([pin]).unwrap();
        let certificates = PeerCertificates::new(&scene.chain).unwrap();
        match verifier.verify(&Peer::new(&certificates, now())) {
            Decision::Now(Ok(_)) => assert!(accepted),
            Decision::Now(Err(CertificateError::NotPinned { .. })) => assert!(!accepted),
            other => panic!("{other:?}"),
        }
    }
}
