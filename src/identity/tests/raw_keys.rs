use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use pki_types::{ServerName, UnixTime};

use super::{Kind, identity, key, private_key};
use crate::codec::Prefix;
use crate::crypto::{Backend, KeyAlgorithm, PublicKey};
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::dangerous::AcceptAnything;
use crate::identity::{
    CertificateTypes, ClientIdentities, Identities, Identity, Peer, PeerCertificates, RawPublicKeys,
    ResolveClientIdentity, ResolveIdentity, VerifyPeer,
};
use crate::message::{
    CertificateRequest, CertificateType, CipherSuite, ClientExtensions, ClientHello, OpaqueList, ProtocolVersion,
    SignatureScheme,
};

const RAW: CertificateType = CertificateType::RAW_PUBLIC_KEY;
const X509: CertificateType = CertificateType::X509;

fn raw(kind: Kind) -> Identity {
    Identity::raw_public_key(Backend::default().load_key(&private_key(&key(kind))).unwrap()).unwrap()
}

fn public(kind: Kind) -> PublicKey {
    raw(kind).public_key().clone()
}

fn verdict(
    verifier: &dyn VerifyPeer,
    name: Option<&'static str>,
    shown: &PeerCertificates,
) -> Result<PublicKey, CertificateError> {
    let name = name.map(|name| ServerName::try_from(name).unwrap());
    let mut peer = Peer::new(shown, UnixTime::since_unix_epoch(Duration::from_secs(1)));
    peer.server_name = name.as_ref();
    match verifier.verify(&peer) {
        Decision::Now(verdict) => verdict.map(|verified| verified.key().clone()),
        Decision::Later => panic!("keys are compared at once"),
    }
}

#[test]
fn a_raw_public_key_is_an_identity_without_certificates() {
    for kind in [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048] {
        let identity = raw(kind);
        assert_eq!(identity.certificate_type(), RAW);
        assert!(identity.chain().is_empty());
        assert_eq!(identity.encoded(), identity.public_key().spki());
        assert_eq!(identity.server_end_point(), None);
    }
    assert_eq!(identity(Kind::P256, &[]).certificate_type(), X509);
}

#[test]
fn nobody_says_anything_about_a_raw_public_key() {
    let error = raw(Kind::P256).with_ocsp_response([1].into()).unwrap_err();
    assert_eq!(error.field(), "identity.ocsp_response");
    let error = raw(Kind::P256).with_scts([0, 5, 0, 3, 1, 2, 3].into()).unwrap_err();
    assert_eq!(error.field(), "identity.scts");
    #[cfg(feature = "webpki")]
    assert_eq!(raw(Kind::P256).names_from_certificate().unwrap_err().field(), "identity.chain");
}

#[test]
fn what_a_peer_showed_is_certificates_or_a_key() {
    let key = public(Kind::Ed25519);
    let shown = PeerCertificates::of_raw_public_key(&key);
    assert_eq!((shown.certificate_type(), shown.raw_public_key()), (RAW, Some(key.spki())));
    assert!(shown.is_empty() && shown.end_entity().is_none());
    assert_eq!((shown.len(), shown.iter().count()), (0, 0));
    // The same bytes as a chain are something else.
    let chain = PeerCertificates::new(identity(Kind::P256, &[]).chain()).unwrap();
    assert_eq!((chain.certificate_type(), chain.raw_public_key(), chain.len()), (X509, None, 1));
    let as_key = PeerCertificates::from_encoded(RAW, chain.encoded()).unwrap().unwrap();
    assert_ne!(as_key, chain);
}

#[test]
fn a_known_key_is_accepted_and_any_other_is_named_by_its_digest() {
    let [known, other] = [public(Kind::P256), public(Kind::P256)];
    let verifier = RawPublicKeys::new([public(Kind::Ed25519), known.clone()]).unwrap();
    assert_eq!(verifier.certificate_types(), [RAW]);
    for name in [None, Some("a.example"), Some("192.0.2.1")] {
        assert_eq!(verdict(&verifier, name, &PeerCertificates::of_raw_public_key(&known)), Ok(known.clone()));
        let error = verdict(&verifier, name, &PeerCertificates::of_raw_public_key(&other)).unwrap_err();
        assert_eq!(error, CertificateError::UnknownKey { sha256: other.sha256() });
        assert!(alloc::format!("{error}").ends_with(&hex::encode(other.sha256())), "{error}");
    }
}

#[test]
fn a_server_s_key_is_accepted_under_its_own_name_alone() {
    let [a, b] = [public(Kind::P256), public(Kind::Ed25519)];
    let named = |name: &'static str, key: &PublicKey| (ServerName::try_from(name).unwrap(), key.clone());
    let verifier =
        RawPublicKeys::by_server([named("a.example", &a), named("b.example", &b), named("b.example", &a)]).unwrap();
    for (name, key, accepted) in [
        (Some("a.example"), &a, true),
        (Some("A.EXAMPLE"), &a, true),
        (Some("b.example"), &b, true),
        (Some("b.example"), &a, true),
        (Some("a.example"), &b, false),
        (Some("c.example"), &a, false),
        (Some("192.0.2.1"), &a, false),
        (None, &a, false),
    ] {
        let verdict = verdict(&verifier, name, &PeerCertificates::of_raw_public_key(key));
        assert_eq!(verdict.is_ok(), accepted, "{name:?}, {key:?}: {verdict:?}");
    }
}

#[test]
fn no_key_at_all_is_a_mistake() {
    assert_eq!(RawPublicKeys::new([]).unwrap_err().field(), "raw_public_keys");
    assert_eq!(RawPublicKeys::by_server([]).unwrap_err().field(), "raw_public_keys");
}

#[test]
fn certificates_are_for_another_verifier_and_keys_are_not() {
    let known = public(Kind::P256);
    let keys = RawPublicKeys::new([known.clone()]).unwrap();
    let identity = identity(Kind::P384, &[]);
    let chain = PeerCertificates::new(identity.chain()).unwrap();
    assert!(matches!(verdict(&keys, None, &chain), Err(CertificateError::Refused(_))));

    let both = keys.or_certificates(Arc::new(AcceptAnything));
    assert_eq!(both.certificate_types(), [RAW, X509]);
    assert_eq!(verdict(&both, None, &chain).as_ref(), Ok(identity.public_key()));
    assert_eq!(verdict(&both, None, &PeerCertificates::of_raw_public_key(&known)), Ok(known));
    let unknown = PeerCertificates::of_raw_public_key(&public(Kind::P256));
    assert!(matches!(verdict(&both, None, &unknown), Err(CertificateError::UnknownKey { .. })));
}

#[test]
fn verifiers_of_certificates_accept_no_raw_public_key() {
    let shown = PeerCertificates::of_raw_public_key(&public(Kind::P256));
    assert!(matches!(verdict(&AcceptAnything, None, &shown), Err(CertificateError::Refused(_))));
    #[cfg(feature = "webpki")]
    {
        let roots = identity(Kind::P256, &[]).chain().to_vec();
        let verifier = crate::identity::WebPkiVerifier::new(roots).unwrap();
        assert!(matches!(verdict(&verifier, Some("a.example"), &shown), Err(CertificateError::Refused(_))));
    }
}

#[test]
fn a_verifier_asks_for_what_the_one_inside_asks_for() {
    #[derive(Debug)]
    struct Asking;
    impl VerifyPeer for Asking {
        fn verify(&self, peer: &Peer<'_>) -> Decision<Result<crate::identity::Verified, CertificateError>> {
            AcceptAnything.verify(peer)
        }
        fn wants_status(&self) -> bool {
            true
        }
        fn wants_scts(&self) -> bool {
            true
        }
        fn authorities(&self) -> Vec<Vec<u8>> {
            [[0x30, 0].into()].into()
        }
    }
    let keys = RawPublicKeys::new([public(Kind::P256)]).unwrap();
    assert!(!keys.wants_status() && !keys.wants_scts() && keys.authorities().is_empty());
    let both = keys.or_certificates(Arc::new(Asking));
    assert!(both.wants_status() && both.wants_scts());
    assert_eq!(both.authorities(), [[0x30, 0]]);
}

/// A client that can verify everything, of these types.
fn hello(types: Option<&'static [u8]>) -> ClientHello<'static> {
    const SCHEMES: &[SignatureScheme] = &[SignatureScheme::ECDSA_SECP256R1_SHA256];
    const SUITES: &[CipherSuite] = &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    ClientHello {
        version: ProtocolVersion::TLS_1_2,
        random: &[0; 32],
        session_id: &[],
        cipher_suites: SUITES.into(),
        compression_methods: &[0],
        extensions: ClientExtensions {
            signature_algorithms: Some(SCHEMES.into()),
            server_certificate_type: types,
            ..ClientExtensions::default()
        },
    }
}

#[test]
fn a_server_shows_the_first_of_a_type_that_the_client_takes() {
    let raw_first = Identities::new([raw(Kind::P256), identity(Kind::P256, &[])]);
    let raw_last = Identities::new([identity(Kind::P256, &[]), raw(Kind::P256)]);
    for (types, first, last) in [
        (None, X509, X509),
        (Some(&[0][..]), X509, X509),
        (Some(&[2]), RAW, RAW),
        (Some(&[0, 2]), RAW, X509),
        (Some(&[2, 0]), RAW, X509),
        (Some(&[1, 77, 2]), RAW, RAW),
    ] {
        for (identities, expected) in [(&raw_first, first), (&raw_last, last)] {
            let Decision::Now(Some(chosen)) = identities.resolve(&hello(types)) else { panic!("there is one") };
            assert_eq!(chosen.certificate_type(), expected, "{types:?}");
        }
    }
}

#[test]
fn a_client_shows_one_of_the_type_that_it_is_asked_for() {
    let all = ClientIdentities::new([raw(Kind::P256), identity(Kind::P256, &[]), raw(Kind::Ed25519)]);
    assert_eq!(all.certificate_types(), [RAW, X509]);
    assert_eq!(ClientIdentities::new([]).certificate_types(), [X509]);
    let schemes = [SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP256R1_SHA256];
    // Issuers that are not ours: a raw public key has none.
    let authorities = [0, 2, 0x30, 0];
    for (certificate_type, authorities, expected) in
        [(RAW, &authorities[..], Some(RAW)), (RAW, &[], Some(RAW)), (X509, &[], Some(X509)), (X509, &authorities, None)]
    {
        let request = CertificateRequest {
            certificate_type,
            certificate_types: &[64],
            schemes: schemes[..].into(),
            authorities: OpaqueList::from_encoded(Prefix::U16, authorities),
        };
        let Decision::Now(chosen) = all.resolve(&request) else { panic!("at once") };
        assert_eq!(chosen.map(|identity| identity.certificate_type()), expected, "{request:?}");
    }
}

#[test]
fn types_are_offered_once_each_and_x509_alone_is_not_said() {
    let offer = |types: &[CertificateType]| CertificateTypes::new("verifier", types).unwrap().offer().map(Vec::from);
    assert_eq!(offer(&[X509]), None);
    assert_eq!(offer(&[X509, X509]), None);
    assert_eq!(offer(&[RAW]), Some([2].into()));
    assert_eq!(offer(&[RAW, X509, RAW]), Some([2, 0].into()));
    for types in [&[][..], &[CertificateType::OPEN_PGP], &[X509, CertificateType(77)]] {
        assert_eq!(CertificateTypes::new("verifier", types).unwrap_err().field(), "verifier", "{types:?}");
    }
}

/// RFC 7250 appendix A.
#[test]
fn the_example_of_the_rfc_is_read() {
    let spki = "30819f300d06092a864886f70d010101050003818d0030818902818100cdfd8948be36b99576d413300ebfb2ed670ac0163f\
                51099d292fb26d3f3e6c2f9080a171dfbe38c5cba99a4014900af9b7070be1dae709bf0d57418660a1c127915b0a98461bf6\
                a284f865c7ce2d9617aa91f861045070ebb443b7dc9acc310114d4cdccc2376d6982d6c6c4bef234a5c9a61953327a860e91\
                820fa14254aa010203010001";
    let key = PublicKey::from_spki(&hex::decode(spki).unwrap()).unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Rsa { bits: 1024 });
}
