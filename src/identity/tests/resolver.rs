use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::client_resolver::{Authority, name};
use super::{Kind, identity};
use crate::codec::Prefix;
use crate::crypto::KeyAlgorithm;
use crate::decision::Decision;
use crate::identity::{Identities, Identity, ResolveIdentity};
use crate::message::{
    CipherSuite, ClientExtensions, ClientHello, NamedGroup, OpaqueList, ProtocolVersion, SignatureScheme,
    TrustedAuthorities,
};

const ECDSA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const ECDSA_CHACHA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
const RSA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
const SUITES: &[CipherSuite] = &[ECDSA, ECDSA_CHACHA, RSA];
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
];
const GROUPS: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// A client that can verify everything and names no server.
fn hello() -> ClientHello<'static> {
    ClientHello {
        version: ProtocolVersion::TLS_1_2,
        random: &[0; 32],
        session_id: &[],
        cipher_suites: SUITES.into(),
        compression_methods: &[0],
        extensions: ClientExtensions {
            signature_algorithms: Some(SCHEMES.into()),
            supported_groups: Some(GROUPS.into()),
            ..ClientExtensions::default()
        },
    }
}

fn asks_for(name: &'static str) -> ClientHello<'static> {
    let mut hello = hello();
    hello.extensions.server_name = Some(name.as_bytes());
    hello
}

fn chosen(identities: &Identities, hello: &ClientHello<'_>) -> Option<Arc<Identity>> {
    match identities.resolve(hello) {
        Decision::Now(identity) => identity,
        Decision::Later => panic!("the choice of a list never comes later"),
    }
}

#[test]
fn the_name_decides_and_an_exact_one_goes_before_a_wildcard() {
    let identities = Identities::new([
        identity(Kind::P256, &["*.a.example"]),
        identity(Kind::P256, &[]),
        identity(Kind::P256, &["b.example", "www.a.example"]),
    ]);
    for (name, expected) in [
        ("www.a.example", Some("b.example")),
        ("WWW.A.Example", Some("b.example")),
        ("b.example", Some("b.example")),
        ("other.a.example", Some("*.a.example")),
        ("OTHER.A.EXAMPLE", Some("*.a.example")),
        // The wildcard stands for one whole label; what fits nowhere gets the identity without names.
        ("x.other.a.example", None),
        ("a.example", None),
        (".a.example", None),
        ("c.example", None),
        ("\0\u{ff}", None),
    ] {
        let chosen = chosen(&identities, &asks_for(name)).unwrap();
        assert_eq!(chosen.names().first().map(String::as_str), expected, "{name}");
    }
}

#[test]
fn without_a_better_one_the_first_that_the_client_can_verify_is_chosen() {
    let identities = Identities::new([identity(Kind::Rsa2048, &["a.example"]), identity(Kind::P256, &["b.example"])]);
    for hello in [hello(), asks_for("c.example")] {
        assert_eq!(chosen(&identities, &hello).unwrap().names(), ["a.example"]);
    }
}

#[test]
fn what_the_client_can_verify_goes_before_the_name() {
    let identities = Identities::new([identity(Kind::Rsa2048, &["a.example"]), identity(Kind::P256, &["b.example"])]);
    let mut hello = asks_for("a.example");
    hello.cipher_suites = [ECDSA].as_slice().into();
    assert_eq!(chosen(&identities, &hello).unwrap().names(), ["b.example"]);
}

#[test]
fn a_strict_server_chooses_none_without_a_name_that_fits() {
    let identities =
        Identities::new([identity(Kind::P256, &[]), identity(Kind::P256, &["a.example", "*.b.example"])]).strict();
    assert!(chosen(&identities, &asks_for("a.example")).is_some());
    assert!(chosen(&identities, &asks_for("www.b.example")).is_some());
    assert!(chosen(&identities, &asks_for("c.example")).is_none());
    assert!(chosen(&identities, &hello()).is_none());
}

#[test]
fn of_the_identities_with_the_name_a_strict_server_too_chooses_one_that_the_client_can_verify() {
    let rsa_of = |suites: &'static [CipherSuite], schemes: &'static [SignatureScheme], order: [Kind; 2]| {
        let other = identity(Kind::P256, &["other.example"]);
        let both = order.map(|kind| identity(kind, &["a.example"]));
        let identities = Identities::new([other].into_iter().chain(both)).strict();
        let mut hello = asks_for("a.example");
        hello.cipher_suites = suites.into();
        hello.extensions.signature_algorithms = Some(schemes.into());
        let chosen = chosen(&identities, &hello).expect("one has the name");
        assert_eq!(chosen.names(), ["a.example"]);
        matches!(chosen.public_key().algorithm(), KeyAlgorithm::Rsa { .. })
    };
    let only_rsa = &[SignatureScheme::RSA_PSS_RSAE_SHA256];
    let only_ecdsa = &[SignatureScheme::ECDSA_SECP256R1_SHA256];
    for order in [[Kind::Rsa2048, Kind::P256], [Kind::P256, Kind::Rsa2048]] {
        assert!(rsa_of(&[RSA], SCHEMES, order), "the suites are for RSA, {order:?}");
        assert!(rsa_of(SUITES, only_rsa, order), "it verifies RSA, {order:?}");
        assert!(!rsa_of(&[ECDSA], SCHEMES, order), "the suites are for ECDSA, {order:?}");
        assert!(!rsa_of(SUITES, only_ecdsa, order), "it verifies ECDSA, {order:?}");
        assert_eq!(
            rsa_of(SUITES, SCHEMES, order),
            matches!(order, [Kind::Rsa2048, _]),
            "either fits, so the first, {order:?}"
        );
    }
}

/// Which key is chosen of P-384, P-256, Ed25519 and RSA, preferred in this order, if the client can verify one.
fn chosen_key(hello: &ClientHello<'_>) -> Option<KeyAlgorithm> {
    let all = [Kind::P384, Kind::P256, Kind::Ed25519, Kind::Rsa2048].map(|kind| identity(kind, &["a.example"]));
    verifiable_key(&Identities::new(all), hello, SUITES)
}

fn verifiable_key(identities: &Identities, hello: &ClientHello<'_>, suites: &[CipherSuite]) -> Option<KeyAlgorithm> {
    let chosen = chosen(identities, hello).expect("even one that the client cannot verify, so that the error says why");
    chosen.usable_by(hello, suites).then(|| chosen.public_key().algorithm())
}

#[test]
fn the_order_of_the_configuration_decides_between_what_the_client_can_verify() {
    assert_eq!(chosen_key(&hello()), Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1)));
}

#[test]
fn the_clients_signature_schemes_decide() {
    for (scheme, expected) in [
        (SignatureScheme::ECDSA_SECP384R1_SHA384, Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1))),
        (SignatureScheme::ECDSA_SECP256R1_SHA256, Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1))),
        (SignatureScheme::ED25519, Some(KeyAlgorithm::Ed25519)),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, Some(KeyAlgorithm::Rsa { bits: 2048 })),
        (SignatureScheme::RSA_PKCS1_SHA256, Some(KeyAlgorithm::Rsa { bits: 2048 })),
        (SignatureScheme::RSA_PKCS1_SHA1, None),
        (SignatureScheme::ECDSA_SHA1, None),
        (SignatureScheme(0x0a0a), None),
    ] {
        let schemes = [scheme];
        let mut hello = hello();
        hello.extensions.signature_algorithms = Some(schemes.as_slice().into());
        assert_eq!(chosen_key(&hello), expected, "{scheme}");
    }
}

#[test]
fn a_client_without_signature_algorithms_gets_nothing_signed() {
    let mut hello = hello();
    hello.extensions.signature_algorithms = None;
    assert_eq!(chosen_key(&hello), None);
}

#[test]
fn the_clients_cipher_suites_decide() {
    let chosen_with = |suites: &[CipherSuite]| {
        let mut hello = hello();
        hello.cipher_suites = suites.into();
        chosen_key(&hello)
    };
    assert_eq!(chosen_with(&[ECDSA_CHACHA]), Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1)));
    assert_eq!(chosen_with(&[RSA]), Some(KeyAlgorithm::Rsa { bits: 2048 }));
    assert_eq!(chosen_with(&[CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256]), None);
}

#[test]
fn the_servers_cipher_suites_decide_too() {
    let identities = Identities::new([Kind::P256, Kind::Rsa2048].map(|kind| identity(kind, &[])));
    let chosen_with =
        |suites: &[CipherSuite]| verifiable_key(&identities.clone().with_suites(suites), &hello(), suites);
    assert_eq!(chosen_with(&[RSA]), Some(KeyAlgorithm::Rsa { bits: 2048 }));
    assert_eq!(chosen_with(&[ECDSA]), Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1)));
    assert_eq!(chosen_with(&[]), None);
}

#[test]
fn the_curve_of_the_certificate_is_one_that_the_client_supports() {
    let chosen_with = |groups: Option<&[NamedGroup]>| {
        let mut hello = hello();
        hello.extensions.supported_groups = groups.map(Into::into);
        chosen_key(&hello)
    };
    assert_eq!(chosen_with(Some(&[NamedGroup::SECP256R1])), Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1)));
    // Ed25519 and RSA keys are on none of these curves.
    assert_eq!(chosen_with(Some(&[NamedGroup::X25519])), Some(KeyAlgorithm::Ed25519));
    assert_eq!(chosen_with(None), Some(KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1)), "RFC 8422 §4: free to choose");
}

/// Which of `identities` is chosen for a client that trusts these authorities, in whichever way it says so.
fn chosen_below(identities: &Identities, hello: &ClientHello<'_>, authorities: &[&str]) -> Arc<Identity> {
    let names: Vec<_> = authorities.iter().map(|authority| name(authority)).collect();
    let list = OpaqueList::encode(Prefix::U16, "authorities", names.iter().map(Vec::as_slice)).unwrap();
    let x509_name = |name: &Vec<u8>| [&[2, 0, u8::try_from(name.len()).unwrap()], name.as_slice()].concat();
    // A digest, which is no name, and then the names.
    let keys: Vec<_> = [vec![1; 21]].into_iter().chain(names.iter().map(x509_name)).collect();
    let keys = keys.concat();
    let (mut by_keys, mut by_list) = (*hello, *hello);
    by_keys.extensions.trusted_ca_keys = Some(TrustedAuthorities::from_encoded(&keys));
    by_list.extensions.certificate_authorities = Some(OpaqueList::from_encoded(Prefix::U16, &list));
    let [chosen, other] = [by_keys, by_list].map(|hello| chosen(identities, &hello).unwrap());
    assert!(Arc::ptr_eq(&chosen, &other));
    chosen
}

#[test]
fn between_identities_with_the_name_the_authorities_of_the_client_decide() {
    let [one, two, root] = ["one", "two", "root"].map(|name| Authority::new(name, None));
    let intermediate = Authority::new("intermediate", Some(&root));
    let all = [
        one.identity(Kind::P256, &[]),
        two.identity(Kind::P256, &[]),
        intermediate.identity(Kind::P256, &[&intermediate]),
    ];
    let leaves = all.each_ref().map(|identity| identity.chain()[0].clone());
    let identities = Identities::new(all);
    for (authorities, expected) in [
        ([].as_slice(), 0),
        (&["one"], 0),
        (&["two"], 1),
        (&["two", "one"], 0),
        (&["root", "two", "root"], 1),
        (&["root"], 2),
        (&["intermediate"], 2),
        (&["elsewhere"], 0),
        (&["elsewhere", "root"], 2),
    ] {
        let chosen = chosen_below(&identities, &hello(), authorities);
        assert_eq!(chosen.chain()[0], leaves[expected], "{authorities:?}");
    }
}

#[test]
fn the_name_and_what_the_client_can_verify_go_before_its_authorities() {
    let [one, two] = ["one", "two"].map(|name| Authority::new(name, None));
    let named = |identity: Identity, name: &str| identity.with_names([name]).unwrap();
    let all = [
        named(two.identity(Kind::P256, &[]), "b.example"),
        named(two.identity(Kind::P256, &[]), "*.example"),
        named(two.identity(Kind::Rsa2048, &[]), "a.example"),
        named(one.identity(Kind::P256, &[]), "a.example"),
    ];
    let expected = all[3].chain()[0].clone();
    let mut hello = asks_for("a.example");
    hello.cipher_suites = [ECDSA].as_slice().into();
    let chosen = chosen_below(&Identities::new(all), &hello, &["two"]);
    assert_eq!(chosen.chain()[0], expected);
}

#[test]
fn without_identities_there_is_none() {
    assert!(chosen(&Identities::new(Vec::new()), &hello()).is_none());
}
