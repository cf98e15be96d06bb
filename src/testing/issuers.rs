//! The authorities that a client names decide between certificates, and a server says that they did (RFC 6066 §6).

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use pki_types::PrivateKeyDer;

use super::bench::{Bench, TO_SERVER};
use super::identities::{BACKEND, NAME, P256, server_config};
use super::puppet::{Heard, Side, with_extension};
use super::sessions::{At, FLEET, ID, Keeper, MASTER_SECRET, NOW, session};
use crate::ServerConfig;
use crate::codec::Prefix;
use crate::identity::Identity;
use crate::message::{HandshakeType as H, OpaqueList, ServerHello};

/// An identity that its own authority has issued.
fn issued_by(authority: &str) -> Identity {
    let pair = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec![NAME.into()]).expect("a DNS name");
    params.distinguished_name.push(rcgen::DnType::CommonName, authority);
    let certificate = params.self_signed(&pair).expect("a certificate").der().clone();
    let private = PrivateKeyDer::try_from(pair.serialize_der()).expect("PKCS#8");
    let key = BACKEND.load_key(&private).expect("a key of the backend's");
    Identity::new(vec![certificate], key).expect("a key and its certificate")
}

const TRUSTED_CA_KEYS: u16 = 3;
const CERTIFICATE_AUTHORITIES: u16 = 47;

/// IdentifierType (RFC 6066 §6).
const X509_NAME: u8 = 2;

/// The extension that names the issuer of `identity`.
fn naming(extension: u16, identity: &Identity) -> (u16, Vec<u8>) {
    let name = OpaqueList::encode(Prefix::U16, "authorities", identity.issuers()).expect("a name");
    let name = if extension == TRUSTED_CA_KEYS { [vec![X509_NAME], name].concat() } else { name };
    let length = u16::try_from(name.len()).expect("a short name").to_be_bytes();
    (extension, [&length, name.as_slice()].concat())
}

/// The body of a message that the puppet heard.
fn heard(bench: &Bench, message_type: H) -> Vec<u8> {
    let body = |heard: &Heard| match heard {
        Heard::Message(typ, message) if *typ == message_type => Some(message[4..].to_vec()),
        _ => None,
    };
    bench.puppet.heard.iter().find_map(body).expect("the message came")
}

/// Whether ServerHello says that the client's authorities were used.
fn says_so(bench: &Bench) -> bool {
    ServerHello::read(&heard(bench, H::SERVER_HELLO)).expect("a ServerHello").extensions.trusted_ca_keys
}

#[test]
fn the_certificate_by_an_authority_of_the_client_s_is_shown_and_the_server_says_so() {
    let [one, two, stranger] = ["one", "two", "a stranger"].map(issued_by);
    let config = ServerConfig::builder().identities([one.clone(), two.clone()]).build().expect("they differ");
    for ((extension, content), shown, answered) in [
        (naming(TRUSTED_CA_KEYS, &one), &one, true),
        (naming(TRUSTED_CA_KEYS, &two), &two, true),
        (naming(TRUSTED_CA_KEYS, &stranger), &one, false),
        ((TRUSTED_CA_KEYS, vec![0, 0]), &one, false),
        (naming(CERTIFICATE_AUTHORITIES, &two), &two, false),
    ] {
        let mut bench = Bench::server(Arc::clone(&config));
        let hello = with_extension(&bench.puppet.client_hello(|_| ()), extension, &content);
        bench.say_message(&hello).expect("a ClientHello");
        // Behind the length of the list.
        assert_eq!(heard(&bench, H::CERTIFICATE)[3..], *shown.encoded(), "{extension}: {content:x?}");
        assert_eq!(says_so(&bench), answered, "{extension}: {content:x?}");
        bench.go(&TO_SERVER[1..]);
        assert!(bench.real.is_established());
    }
}

#[test]
fn in_a_resumption_no_certificate_is_chosen_and_nothing_is_said() {
    let keeper = Arc::new(Keeper::of(session(Side::Server)));
    let config = server_config(&P256, false).session_context(FLEET).clock(Arc::new(At(NOW))).session_store(keeper);
    let mut bench = Bench::server(config.build().expect("a configuration"));
    bench.puppet.session_id = ID.to_vec();
    bench.puppet.session = Some(MASTER_SECRET);
    let (extension, content) = naming(TRUSTED_CA_KEYS, &P256);
    let hello = with_extension(&bench.puppet.client_hello(|_| ()), extension, &content);
    bench.say_message(&hello).expect("a ClientHello");
    assert!(!says_so(&bench));
    bench.go(&TO_SERVER[2..]);
    assert!(bench.real.resumed());
}
