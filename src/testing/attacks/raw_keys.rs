//! Raw public keys (RFC 7250) and the types of certificates: chosen without an offer, mixed up, malformed, or somebody else's.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::codec::{Malformed, Prefix};
use crate::crypto::PublicKey;
use crate::decision::Decision;
use crate::error::{CertificateError, Error, Reason};
use crate::identity::dangerous::AcceptAnything;
use crate::identity::{ClientIdentities, Identity, RawPublicKeys, ResolveClientIdentity, VerifyPeer};
use crate::message::{
    CertificateRequest, CertificateType, ClientHello, ExtensionType, HandshakeType as H, ServerHello,
};
use crate::proof::PeerProof;
use crate::session::ClientAuthPolicy;
use crate::testing::bench::{Bench, TO_CLIENT, TO_SERVER};
use crate::testing::identities::{ED25519, P256, RSA, client_config, server_config};
use crate::testing::puppet::{self, Heard, Letter};

const RAW: CertificateType = CertificateType::RAW_PUBLIC_KEY;
const X509: CertificateType = CertificateType::X509;
const CERTIFICATE: Letter = Letter::Handshake(H::CERTIFICATE);
const KEYS: Letter = Letter::Handshake(H::CLIENT_KEY_EXCHANGE);
const VERIFY: Letter = Letter::Handshake(H::CERTIFICATE_VERIFY);

fn raw(identity: &Identity) -> Identity {
    Identity::raw_public_key(Arc::clone(identity.key())).expect("a raw public key")
}

/// Who takes the raw public key of [`P256`]; and certificates, too, if it says so.
fn keys(certificates: bool) -> Arc<dyn VerifyPeer> {
    let keys = RawPublicKeys::new([P256.public_key().clone()]).expect("a key");
    Arc::new(if certificates { keys.or_certificates(Arc::new(AcceptAnything)) } else { keys })
}

/// A client of a server that has the raw public key of [`P256`]; its ClientHello is out.
fn client(certificates: bool) -> Bench {
    let mut bench = Bench::client(client_config(false, false).verifier(keys(certificates)).build().expect("settings"));
    bench.puppet.identity = raw(&P256);
    bench
}

fn says(bench: &mut Bench, change: impl FnOnce(&mut ServerHello<'_>)) -> Result<(), Error> {
    let hello = bench.puppet.server_hello(change);
    bench.say_message(&hello)
}

/// A client that was told that a raw public key comes.
fn expecting_key(certificates: bool) -> Bench {
    let mut bench = client(certificates);
    says(&mut bench, |hello| hello.extensions.server_certificate_type = Some(RAW)).expect("it was offered");
    bench
}

/// A server that asks for certificates, as its verifier takes them, and has heard a client with these types.
fn server(
    policy: ClientAuthPolicy,
    verifier: Arc<dyn VerifyPeer>,
    types: Option<&'static [u8]>,
) -> (Bench, Result<(), Error>) {
    let config = server_config(&P256, false).client_authentication(policy, verifier);
    let mut bench = Bench::server(config.build().expect("a configuration"));
    bench.puppet.identity = raw(&P256);
    let hello = bench.puppet.client_hello(|hello| hello.extensions.client_certificate_type = types);
    let result = bench.say_message(&hello);
    (bench, result)
}

/// A server that asked for a raw public key.
fn asked_for_key(policy: ClientAuthPolicy) -> Bench {
    let (bench, result) = server(policy, keys(true), Some(&[2]));
    result.expect("a type in common");
    assert_eq!(answer(&bench).client_certificate_type, Some(RAW));
    assert!(was_asked(&bench));
    bench
}

struct Answer {
    client_certificate_type: Option<CertificateType>,
    server_certificate_type: Option<CertificateType>,
}

/// What the ServerHello of the server under test says.
fn answer(bench: &Bench) -> Answer {
    let Some(Heard::Message(H::SERVER_HELLO, hello)) = bench.puppet.heard.first() else { panic!("a ServerHello") };
    let extensions = ServerHello::read(&hello[4..]).expect("a ServerHello").extensions;
    Answer {
        client_certificate_type: extensions.client_certificate_type,
        server_certificate_type: extensions.server_certificate_type,
    }
}

fn was_asked(bench: &Bench) -> bool {
    bench.puppet.heard.iter().any(|heard| matches!(heard, Heard::Message(H::CERTIFICATE_REQUEST, _)))
}

/// A Certificate message with this content.
fn certificate(content: &[u8]) -> Vec<u8> {
    puppet::message(H::CERTIFICATE, |w| w.vector(Prefix::U24, "content", content))
}

/// What is no SubjectPublicKeyInfo.
fn garbage() -> Vec<Vec<u8>> {
    let spki = P256.public_key().spki();
    let behind = [spki, &[0]].concat();
    // The chain of a server that did not understand its own ServerHello.
    let chain = P256.encoded().to_vec();
    let certificate = P256.chain()[0].to_vec();
    let inner = spki[2..].to_vec();
    let cut = spki[..spki.len() - 1].to_vec();
    [[0].into(), [0x30, 0].into(), [0x30, 0x80, 0, 0].into(), behind, chain, certificate, inner, cut].into()
}

/// What follows would be refused for the wrong reasons if this did not work.
#[test]
fn a_server_with_a_known_raw_public_key_is_verified() {
    let mut bench = expecting_key(false);
    bench.go(&TO_CLIENT[1..]);
    assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Verified(_))));
    let shown = bench.real.peer_certificates().expect("what the server showed");
    assert_eq!(shown.raw_public_key(), Some(P256.public_key().spki()));
}

#[test]
fn a_client_with_a_known_raw_public_key_is_verified() {
    let mut bench = asked_for_key(ClientAuthPolicy::Required);
    bench.go(&[CERTIFICATE, KEYS, VERIFY, TO_SERVER[2], TO_SERVER[3]]);
    assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Verified(_))));
    let shown = bench.real.peer_certificates().expect("what the client showed");
    assert_eq!(shown.raw_public_key(), Some(P256.public_key().spki()));
}

#[test]
fn types_of_certificates_that_are_x509_alone_are_not_offered() {
    let bench = Bench::any_client();
    let [Heard::Message(H::CLIENT_HELLO, hello)] = &bench.puppet.heard[..] else { panic!("a ClientHello") };
    let types: Vec<_> = ClientHello::read(&hello[4..]).expect("a ClientHello").extensions.all.types().collect();
    assert!(!types.contains(&ExtensionType::CLIENT_CERTIFICATE_TYPE), "RFC 7250 §4.1");
    assert!(!types.contains(&ExtensionType::SERVER_CERTIFICATE_TYPE), "RFC 7250 §4.1");
}

#[test]
fn a_type_of_certificate_that_this_client_did_not_offer_is_refused() {
    for (certificates, chosen) in [(false, 0), (false, 1), (true, 1), (true, 3), (true, 255)] {
        let mut bench = client(certificates);
        let chosen = CertificateType(chosen);
        let result = says(&mut bench, |hello| hello.extensions.server_certificate_type = Some(chosen));
        bench.failed(result, &Reason::CertificateTypeNotOffered(chosen), AlertDescription::ILLEGAL_PARAMETER);
    }
    // A client that has certificates of its own alone says nothing of their types.
    let config = client_config(false, false).verifier(keys(true)).identity(P256.clone()).build().expect("settings");
    for chosen in [X509, RAW] {
        let mut bench = Bench::client(Arc::clone(&config));
        let result = says(&mut bench, |hello| hello.extensions.client_certificate_type = Some(chosen));
        let reason = Reason::ExtensionNotOffered(ExtensionType::CLIENT_CERTIFICATE_TYPE);
        bench.failed(result, &reason, AlertDescription::UNSUPPORTED_EXTENSION);
    }
    let config = client_config(false, false).verifier(keys(true)).identity(raw(&P256)).build().expect("settings");
    let mut bench = Bench::client(config);
    let result = says(&mut bench, |hello| hello.extensions.client_certificate_type = Some(X509));
    bench.failed(result, &Reason::CertificateTypeNotOffered(X509), AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_server_that_says_nothing_of_its_type_is_refused_by_a_client_that_takes_keys_alone() {
    let mut bench = client(false);
    let result = says(&mut bench, |_| ());
    let reason = Reason::NoCommonCertificateType { ours: [RAW].into(), peer: [X509].into() };
    bench.failed(result, &reason, AlertDescription::UNSUPPORTED_CERTIFICATE);
}

#[test]
fn a_chain_where_a_key_was_agreed_on_and_a_key_that_is_none_are_refused_by_both_roles() {
    for content in garbage() {
        for mut bench in [expecting_key(true), asked_for_key(ClientAuthPolicy::Required)] {
            let error = bench.say_message(&certificate(&content)).expect_err("it is no key");
            let reason = error.reason();
            let is_bad = matches!(reason, Reason::Certificate(CertificateError::BadEncoding(_)));
            assert!(is_bad, "{content:02x?}: {error}");
            bench.failed_with(&error, AlertDescription::DECODE_ERROR);
            assert!(bench.real.peer_certificates().is_none());
        }
    }
}

#[test]
fn a_key_where_a_chain_was_agreed_on_is_refused_by_both_roles() {
    let mut of_client = client(true);
    says(&mut of_client, |_| ()).expect("a server that knows X.509 alone");
    let (of_server, result) = server(ClientAuthPolicy::Required, keys(true), Some(&[0]));
    result.expect("a type in common");
    assert_eq!(answer(&of_server).client_certificate_type, Some(X509));
    for mut bench in [of_client, of_server] {
        let result = bench.say(CERTIFICATE);
        let problem = Malformed::Truncated("certificate_list");
        let reason = Reason::Malformed { message: "Certificate", problem };
        bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn an_empty_key_of_a_server_is_refused() {
    let mut bench = expecting_key(true);
    let result = bench.say(Letter::EmptyCertificate);
    let reason = Reason::Malformed { message: "Certificate", problem: Malformed::Empty("certificate_list") };
    bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
}

#[test]
fn an_empty_key_of_a_client_says_that_it_has_none() {
    let mut bench = asked_for_key(ClientAuthPolicy::Required);
    let result = bench.say(Letter::EmptyCertificate);
    bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);

    let mut bench = asked_for_key(ClientAuthPolicy::Optional);
    bench.go(&[Letter::EmptyCertificate, KEYS, TO_SERVER[2], TO_SERVER[3]]);
    assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Declined(_))));
    assert!(bench.real.peer_certificates().is_none());
}

#[test]
fn a_key_beyond_the_limit_of_certificates_is_refused_at_its_header() {
    for (mut bench, limit) in [(expecting_key(true), 32), (asked_for_key(ClientAuthPolicy::Required), 16)] {
        let message = certificate(&alloc::vec![0x30; limit << 10]);
        // The header alone is enough.
        let error = bench.say_message(&message[..4]).expect_err("too long");
        let setting = "message_limits.certificate";
        let is_limit = matches!(error.reason(), Reason::MessageTooLong { setting: named, .. } if *named == setting);
        assert!(is_limit, "{error}");
        bench.failed_with(&error, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// A key that would take seconds to verify with: whoever trusts it, it is not worked with.
#[test]
fn a_huge_rsa_key_is_refused_though_it_is_trusted() {
    let modulus = [&[0x02, 0x82, 0x20, 0x01, 0][..], &[0xff; 8192]].concat();
    let numbers = [&modulus[..], &[0x02, 3, 1, 0, 1]].concat();
    let key = der(&[0x30], &numbers);
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let spki = der(&[0x30], &[&algorithm[..], &der(&[0x03], &[&[0][..], &key].concat())].concat());
    let huge = PublicKey::from_spki(&spki).expect("any size can be read");
    let verifier = Arc::new(RawPublicKeys::new([huge]).expect("a key"));
    let config = client_config(false, false).verifier(verifier).build().expect("a configuration");
    let mut bench = Bench::client(config);
    bench.puppet.identity = RSA.clone();
    bench.puppet.suite = puppet::suite(crate::message::CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    says(&mut bench, |hello| hello.extensions.server_certificate_type = Some(RAW)).expect("it was offered");
    bench.say_message(&certificate(&spki)).expect("a key, of whatever size");
    bench.go(&TO_CLIENT[2..3]);
    let result = bench.say(TO_CLIENT[3]);
    let reason = CertificateError::RsaKeySize { bits: 65536, least: 2048, most: 8192 }.into();
    bench.failed(result, &reason, AlertDescription::BAD_CERTIFICATE);
}

/// DER of this tag, with a length of two bytes.
fn der(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("two bytes").to_be_bytes();
    [tag, &[0x82], &length, content].concat()
}

#[test]
fn somebody_else_s_raw_public_key_is_refused_by_both_roles() {
    let reason = CertificateError::UnknownKey { sha256: ED25519.public_key().sha256() }.into();
    let mut bench = expecting_key(true);
    bench.puppet.identity = raw(&ED25519);
    bench.go(&TO_CLIENT[1..3]);
    let result = bench.say(TO_CLIENT[3]);
    bench.failed(result, &reason, AlertDescription::CERTIFICATE_UNKNOWN);

    let mut bench = asked_for_key(ClientAuthPolicy::Optional);
    bench.puppet.identity = raw(&ED25519);
    let result = bench.say(CERTIFICATE);
    bench.failed(result, &reason, AlertDescription::CERTIFICATE_UNKNOWN);
}

/// A key is public: to show it proves nothing.
#[test]
fn a_known_raw_public_key_without_its_private_key_is_refused_by_both_roles() {
    let mut bench = expecting_key(true);
    bench.say_message(&certificate(P256.public_key().spki())).expect("a key");
    bench.puppet.identity = another();
    bench.go(&TO_CLIENT[2..3]);
    let result = bench.say(TO_CLIENT[3]);
    let scheme = P256.key().schemes()[0];
    bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);

    let mut bench = asked_for_key(ClientAuthPolicy::Optional);
    bench.go(&[CERTIFICATE, KEYS]);
    bench.puppet.identity = another();
    let result = bench.say(VERIFY);
    bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
    assert!(bench.real.peer_proof().is_none());
}

fn another() -> Identity {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let private = pki_types::PrivateKeyDer::try_from(pair.serialize_der()).expect("PKCS#8");
    Identity::raw_public_key(crate::testing::identities::BACKEND.load_key(&private).expect("a key")).expect("a key")
}

#[test]
fn a_client_without_a_common_type_is_not_asked_and_refused_where_it_has_to_show_one() {
    // None at all means X.509.
    for (verifier, types, peer) in [
        (keys(false), None, &[X509][..]),
        (keys(false), Some(&[0][..]), &[X509]),
        (keys(true), Some(&[1, 77]), &[CertificateType(1), CertificateType(77)]),
        (Arc::new(AcceptAnything), Some(&[2]), &[RAW]),
    ] {
        let ours = verifier.certificate_types().to_vec();
        let (mut bench, result) = server(ClientAuthPolicy::Required, Arc::clone(&verifier), types);
        let reason = Reason::NoCommonCertificateType { ours, peer: peer.into() };
        assert!(reason.to_string().starts_with("no type of certificates in common"), "{reason}");
        bench.failed(result, &reason, AlertDescription::UNSUPPORTED_CERTIFICATE);

        let (mut bench, result) = server(ClientAuthPolicy::Optional, verifier, types);
        result.expect("it can do without");
        assert!(!was_asked(&bench));
        assert_eq!(answer(&bench).client_certificate_type, None, "RFC 7250 §4.2");
        bench.go(&TO_SERVER[1..]);
        assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Declined(_))));
    }
}

#[test]
fn a_type_of_certificate_is_answered_to_clients_that_offered_some_and_are_asked() {
    for (types, asked_for) in [(None, None), (Some(&[0][..]), Some(X509)), (Some(&[0, 2]), Some(RAW))] {
        let (bench, result) = server(ClientAuthPolicy::Optional, keys(true), types);
        result.expect("a type in common");
        assert!(was_asked(&bench));
        assert_eq!(answer(&bench).client_certificate_type, asked_for, "{types:?}");
        assert_eq!(answer(&bench).server_certificate_type, None, "the client did not ask");
    }
    let mut bench = Bench::any_server();
    let hello = bench.puppet.client_hello(|hello| {
        hello.extensions.client_certificate_type = Some(&[2, 0]);
        hello.extensions.server_certificate_type = Some(&[2, 0]);
    });
    bench.say_message(&hello).expect("a type in common");
    assert_eq!(answer(&bench).client_certificate_type, None, "nobody asks for a certificate");
    assert_eq!(answer(&bench).server_certificate_type, Some(X509), "the one that this server has");
}

#[test]
fn a_client_that_does_not_take_the_type_of_our_certificate_is_refused() {
    let raw = raw(&P256);
    for (identity, types, peer) in [
        (&*P256, Some(&[2][..]), &[RAW][..]),
        (&*P256, Some(&[1, 77]), &[CertificateType(1), CertificateType(77)]),
        (&raw, Some(&[0]), &[X509]),
        (&raw, None, &[X509]),
    ] {
        let mut bench = Bench::server(server_config(identity, false).build().expect("a configuration"));
        let hello = bench.puppet.client_hello(|hello| hello.extensions.server_certificate_type = types);
        let result = bench.say_message(&hello);
        let ours = [identity.certificate_type()].into();
        let reason = Reason::NoCommonCertificateType { ours, peer: peer.into() };
        bench.failed(result, &reason, AlertDescription::UNSUPPORTED_CERTIFICATE);
    }
}

/// A client that was asked for a certificate by a server that has one; ServerHello says that it is to be of this type.
fn asked(
    resolver: impl ResolveClientIdentity + 'static,
    asked_for: Option<CertificateType>,
) -> (Bench, Result<(), Error>) {
    let config = client_config(false, false).identity_resolver(Arc::new(resolver)).build().expect("a configuration");
    let mut bench = Bench::client(config);
    says(&mut bench, |hello| hello.extensions.client_certificate_type = asked_for).expect("a type that was offered");
    bench.go(&[CERTIFICATE, TO_CLIENT[2], Letter::Handshake(H::CERTIFICATE_REQUEST)]);
    let result = bench.say(TO_CLIENT[3]);
    (bench, result)
}

#[test]
fn a_client_with_a_key_alone_shows_none_to_a_server_that_knows_x509_alone() {
    for (asked_for, expected) in [(None, &[][..]), (Some(RAW), P256.public_key().spki())] {
        let (bench, result) = asked(ClientIdentities::new([raw(&P256)]), asked_for);
        result.expect("whatever it shows");
        let sent = |heard: &Heard| match heard {
            Heard::Message(H::CERTIFICATE, message) => Some(message[7..].to_vec()),
            _ => None,
        };
        assert_eq!(bench.puppet.heard.iter().find_map(sent).as_deref(), Some(expected), "{asked_for:?}");
    }
}

/// A resolver that does not listen.
#[derive(Debug)]
struct Always(Identity);

impl ResolveClientIdentity for Always {
    fn resolve(&self, _: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Now(Some(Arc::new(self.0.clone())))
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &[X509, RAW]
    }
}

#[test]
fn a_client_never_shows_another_type_than_it_was_asked_for() {
    for (identity, asked_for, ours, peer) in
        [(P256.clone(), Some(RAW), X509, RAW), (raw(&P256), Some(X509), RAW, X509), (raw(&P256), None, RAW, X509)]
    {
        let (mut bench, result) = asked(Always(identity), asked_for);
        let reason = Reason::NoCommonCertificateType { ours: [ours].into(), peer: [peer].into() };
        bench.failed(result, &reason, AlertDescription::UNSUPPORTED_CERTIFICATE);
    }
}
