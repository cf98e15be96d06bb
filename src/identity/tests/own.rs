use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Kind, RSA_2048_KEY, identity, key, private_key, server};
use crate::crypto::Backend;
use crate::identity::Identity;

#[test]
fn keys_of_all_types_make_an_identity() {
    for kind in [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048] {
        assert_eq!(identity(kind, &[]).chain().len(), 1);
    }
}

#[test]
fn an_identity_needs_a_certificate() {
    let signer = Backend::default().load_key(&private_key(&key(Kind::P256))).unwrap();
    let error = Identity::new(Vec::new(), signer).unwrap_err();
    assert_eq!(error.to_string(), "configuration field `identity.chain`: there is no certificate");
}

#[test]
fn every_certificate_of_the_chain_has_to_be_one() {
    let key = key(Kind::P256);
    let leaf = server(&["a.example"]).self_signed(&key).unwrap();
    let signer = Backend::default().load_key(&private_key(&key)).unwrap();
    let error = Identity::new([leaf.into(), b"garbage".as_slice().into()].into(), signer).unwrap_err();
    assert!(error.to_string().starts_with("configuration field `identity.chain`: certificate 1: "), "{error}");
}

#[test]
fn the_key_has_to_be_that_of_the_certificate() {
    for other in [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048] {
        let leaf = server(&["a.example"]).self_signed(&key(Kind::P256)).unwrap();
        let signer = Backend::default().load_key(&private_key(&key(other))).unwrap();
        let error = Identity::new([leaf.into()].into(), signer).unwrap_err();
        assert_eq!(error.field(), "identity.key", "{other:?}: {error}");
        assert!(error.to_string().contains("is not that of the first certificate (ECDSA secp256r1)"), "{error}");
    }
}

/// A chain of two, with text and a section that does not belong to it, and its key.
fn pem() -> (String, String) {
    let key = key(Kind::P256);
    let leaf = server(&["a.example", "*.b.example", "192.0.2.1"]).self_signed(&key).unwrap();
    let above = key.public_key_pem();
    (format!("a comment\n{}{}{above}", leaf.pem(), leaf.pem()), key.serialize_pem())
}

#[test]
fn pem_text_becomes_an_identity() {
    let (chain, key) = pem();
    let identity = Identity::from_pem(Backend::default(), chain.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(identity.chain().len(), 2);
    assert!(identity.names().is_empty());
}

#[test]
fn certificate_and_key_may_stand_in_one_text() {
    let (chain, key) = pem();
    let both = chain + &key;
    let identity = Identity::from_pem(Backend::default(), both.as_bytes(), both.as_bytes()).unwrap();
    assert_eq!(identity.chain().len(), 2);
}

#[test]
fn errors_in_pem_text_name_the_field() {
    let (chain, key) = pem();
    let problem = |chain: &str, key: &str| {
        Identity::from_pem(Backend::default(), chain.as_bytes(), key.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(problem(&key, &key), "configuration field `identity.cert_pem`: there is no section CERTIFICATE");
    assert_eq!(problem("", &key), "configuration field `identity.cert_pem`: there is no section CERTIFICATE");
    assert!(problem(&chain, &chain).starts_with("configuration field `identity.key_pem`: there is no section PRIVATE"));
    assert!(problem(&chain, "").starts_with("configuration field `identity.key_pem`: there is no section PRIVATE"));
    assert_eq!(
        problem(chain.split("-----END").next().unwrap(), &key),
        "configuration field `identity.cert_pem`: the section CERTIFICATE does not end"
    );
    assert!(
        problem(&chain.replacen("MII", "M!I", 1), &key)
            .starts_with("configuration field `identity.cert_pem`: a section is not base64"),
    );
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(problem(&chain, garbage).starts_with("configuration field `identity.key_pem`: "));
    let garbage = garbage.replace("PRIVATE KEY", "CERTIFICATE");
    assert!(problem(&garbage, &key).starts_with("configuration field `identity.chain`: certificate 0: "));
    assert!(
        problem(&chain, RSA_2048_KEY).starts_with("configuration field `identity.key`: the key (RSA 2048 bits) is")
    );
}

#[test]
fn names_have_to_be_dns_names_or_wildcards() {
    let identity = identity(Kind::P256, &["a.example", "*.b.example", "A_1.example", "localhost"]);
    for name in
        ["", "*", "*.", "a.*.example", "*a.example", "a b", "a.example.", "192.0.2.1", "*.*.example", "ä.example"]
    {
        let error = identity.clone().with_names([name]).unwrap_err();
        assert_eq!(error.field(), "identity.names", "{name}");
    }
    assert_eq!(
        identity.with_names(["a\nb"]).unwrap_err().to_string(),
        "configuration field `identity.names`: \"a\\nb\" is not a DNS name"
    );
}

#[cfg(feature = "webpki")]
#[test]
fn names_can_be_taken_from_the_certificate() {
    let (chain, key) = pem();
    let identity = Identity::from_pem(Backend::default(), chain.as_bytes(), key.as_bytes()).unwrap();
    let identity = identity.names_from_certificate().unwrap();
    assert_eq!(identity.names(), ["a.example", "*.b.example"]);
}

#[test]
fn the_digest_for_channel_bindings_is_made_once_where_there_is_one() {
    use sha2::{Digest, Sha256, Sha384};

    let p256 = identity(Kind::P256, &[]);
    assert_eq!(p256.server_end_point(), Some(&*Sha256::digest(&p256.chain()[0])));
    let p384 = identity(Kind::P384, &[]);
    assert_eq!(p384.server_end_point(), Some(&*Sha384::digest(&p384.chain()[0])));
    assert_eq!(identity(Kind::Ed25519, &[]).server_end_point(), None);
}

#[test]
fn what_is_stapled_has_the_form_of_its_message() {
    let identity = identity(Kind::P256, &[]);
    assert_eq!((identity.ocsp_response(), identity.scts()), (None, None));
    let list = [0, 5, 0, 3, 1, 2, 3];
    // An OCSPResponse whose answer is NULL.
    let response = [0x30, 5, 0x0a, 1, 0, 5, 0];
    let stapled = identity.clone().with_ocsp_response(response.into()).unwrap().with_scts(list.into()).unwrap();
    assert_eq!((stapled.ocsp_response(), stapled.scts()), (Some(response.as_slice()), Some(list.as_slice())));

    let problem = |response: &[u8]| {
        let error = identity.clone().with_ocsp_response(response.into()).unwrap_err();
        assert_eq!(error.field(), "identity.ocsp_response");
        error.to_string()
    };
    let with_more = [&response[..], &[0]].concat();
    for wrong in [
        [].as_slice(),
        &[1],
        &response[..6],
        &with_more,
        &[0x30, 3, 0x0a, 1, 0],
        &[0x30, 2, 0x0a, 0],
        b"0\x03\x02\x01\x00",
    ] {
        assert!(problem(wrong).contains("no OCSP response"), "{wrong:02x?}");
    }
    assert!(problem(b"-----BEGIN OCSP RESPONSE-----").ends_with("it is PEM, and has to be DER"));
    assert!(problem(&[0x30, 3, 0x0a, 1, 3]).ends_with("the responder gave no answer, but the status 3"), "tryLater");
    for list in [[].as_slice(), &[0, 0], &[0, 2, 0, 0], &[0, 5, 0, 3, 1, 2], &[0, 5, 0, 3, 1, 2, 3, 4]] {
        assert_eq!(identity.clone().with_scts(list.into()).unwrap_err().field(), "identity.scts", "{list:?}");
    }
}
