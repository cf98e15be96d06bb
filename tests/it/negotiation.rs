//! Which of several possibilities is agreed on, and what is said where there is none.

use std::sync::Arc;

use tls12::message::{CipherSuite, NamedGroup, SignatureScheme};
use tls12::pki_types::ServerName;
use tls12::{
    AlertDescription, ClientConnection, ExtendedMasterSecret, Identity, Preference, Reason, ServerConfigBuilder,
};

use crate::credentials::{ECDSA_SUITES, Kind, RSA_SUITES, authority, backend_groups, identity, identity_for};
use crate::pair::{Authority, End, Pair, client_config, server_config};

const ECDSA_AES128: CipherSuite = ECDSA_SUITES[0];
const ECDSA_AES256: CipherSuite = ECDSA_SUITES[1];
const ECDSA_CHACHA: CipherSuite = ECDSA_SUITES[2];
const RSA_AES128: CipherSuite = RSA_SUITES[0];
const RSA_AES256: CipherSuite = RSA_SUITES[1];
const RSA_CHACHA: CipherSuite = RSA_SUITES[2];

/// A server with this identity and all groups of the backend.
fn server(identity: Identity) -> ServerConfigBuilder {
    server_config(2).identity(identity).groups(backend_groups())
}

fn client() -> tls12::ClientConfigBuilder {
    client_config(authority(), 1).groups(backend_groups())
}

#[test]
fn of_the_suites_in_common_the_one_that_the_configured_side_prefers_is_taken() {
    let cases = [
        (
            Preference::Server,
            [ECDSA_AES256, ECDSA_AES128].as_slice(),
            [ECDSA_AES128, ECDSA_AES256].as_slice(),
            ECDSA_AES128,
        ),
        (Preference::Server, &[ECDSA_AES128, ECDSA_AES256], &[ECDSA_AES256, ECDSA_AES128], ECDSA_AES256),
        (Preference::Client, &[ECDSA_AES256, ECDSA_AES128], &[ECDSA_AES128, ECDSA_AES256], ECDSA_AES256),
        (Preference::Client, &[RSA_AES128, ECDSA_AES256, ECDSA_AES128], &[ECDSA_AES128, ECDSA_AES256], ECDSA_AES256),
        // A client that puts ChaCha20 first has no AES in hardware.
        (Preference::Server, &[ECDSA_CHACHA, ECDSA_AES128], &[ECDSA_AES128, ECDSA_CHACHA], ECDSA_CHACHA),
        (Preference::Server, &[RSA_CHACHA, ECDSA_AES128, ECDSA_CHACHA], &[ECDSA_AES128, ECDSA_CHACHA], ECDSA_CHACHA),
        (Preference::Server, &[ECDSA_CHACHA, ECDSA_AES128], &[ECDSA_AES128, ECDSA_AES256], ECDSA_AES128),
        (Preference::Server, &[ECDSA_AES128, ECDSA_CHACHA], &[ECDSA_CHACHA, ECDSA_AES128], ECDSA_CHACHA),
        (Preference::Server, &[ECDSA_AES128, ECDSA_CHACHA], &[ECDSA_AES256, ECDSA_CHACHA, ECDSA_AES128], ECDSA_CHACHA),
    ];
    for (preference, of_client, of_server, expected) in cases {
        let server = server(identity(Kind::P256)).cipher_suites(of_server).preference(preference);
        let pair = Pair::driven(client().cipher_suites(of_client), server);
        pair.assert_established();
        let suite = pair.client.connection.cipher_suite();
        assert_eq!(suite, Some(expected), "{preference:?}, client {of_client:?}, server {of_server:?}");
    }
}

#[test]
fn of_the_groups_in_common_the_one_that_the_configured_side_prefers_is_taken() {
    let [x, p, q] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let cases = [
        (Preference::Server, [x, p, q], [q, p, x], q),
        (Preference::Client, [x, p, q], [q, p, x], x),
        (Preference::Server, [q, x, p], [p, x, q], p),
        (Preference::Client, [q, x, p], [p, x, q], q),
    ];
    for (preference, of_client, of_server, expected) in cases {
        let server = server(identity(Kind::P256)).group_names(&of_server).preference(preference);
        let pair = Pair::driven(client().group_names(&of_client), server);
        pair.assert_established();
        assert_eq!(pair.server.connection.key_exchange_group(), Some(expected), "{preference:?}, {of_client:?}");
    }
}

#[test]
fn the_server_signs_with_the_best_scheme_of_its_key_that_the_client_accepts() {
    use SignatureScheme as S;
    let pss_and_pkcs1 = [S::RSA_PSS_RSAE_SHA256, S::RSA_PSS_RSAE_SHA384, S::RSA_PSS_RSAE_SHA512, S::RSA_PKCS1_SHA256];
    for scheme in pss_and_pkcs1.into_iter().chain([S::RSA_PKCS1_SHA384, S::RSA_PKCS1_SHA512]) {
        let client = client().signature_schemes(&[S::ED25519, scheme]);
        let pair = Pair::driven(client, server(identity(Kind::Rsa2048)));
        pair.assert_established();
        assert_eq!(pair.client.connection.signature_scheme(), Some(scheme));
    }
}

/// The kind of key that a client with these suites is shown.
fn shown(of_client: &[CipherSuite], schemes: &[SignatureScheme], identities: Vec<Identity>) -> String {
    let server = server_config(2).groups(backend_groups()).identities(identities);
    let pair = Pair::driven(client().cipher_suites(of_client).signature_schemes(schemes), server);
    pair.assert_established();
    let shown = pair.client.connection.peer_certificates().unwrap().end_entity().unwrap().into_owned();
    tls12::PublicKey::from_certificate(&shown).unwrap().algorithm().to_string()
}

#[test]
fn a_server_with_an_rsa_and_an_ecdsa_certificate_shows_the_one_that_the_client_can_verify() {
    use SignatureScheme as S;
    let all = [S::ECDSA_SECP256R1_SHA256, S::RSA_PSS_RSAE_SHA256, S::ED25519];
    let both = || vec![identity(Kind::P256), identity(Kind::Rsa2048)];
    let turned = || vec![identity(Kind::Rsa2048), identity(Kind::P256)];
    let every_suite = [RSA_SUITES, ECDSA_SUITES].concat();
    assert_eq!(shown(&RSA_SUITES, &all, both()), "RSA 2048 bits", "the suites are for RSA");
    assert_eq!(shown(&ECDSA_SUITES, &all, turned()), "ECDSA secp256r1", "the suites are for ECDSA");
    assert_eq!(shown(&every_suite, &all, both()), "ECDSA secp256r1", "either fits, and this is the first");
    assert_eq!(shown(&every_suite, &all, turned()), "RSA 2048 bits", "either fits, and this is the first");
    let without_ecdsa = [S::RSA_PSS_RSAE_SHA256, S::ED25519];
    assert_eq!(shown(&every_suite, &without_ecdsa, both()), "RSA 2048 bits", "the client verifies no ECDSA");
}

/// The name in the certificate that a client is shown which asks for `name`.
fn host_for(name: &str) -> String {
    let identities = [("a.example", Kind::P256), ("b.example", Kind::P256), ("*.c.example", Kind::P256)];
    let identities = identities.map(|(name, kind)| identity_for(kind, &[name]));
    let config = server_config(2).groups(backend_groups()).identities(identities).build().unwrap();
    let client = tls12::ClientConfig::builder().verifier(Arc::new(tls12::dangerous::AcceptAnything)).build().unwrap();
    let mut pair = Pair::new(client.clone(), config);
    let name = ServerName::try_from(name.to_string()).unwrap();
    pair.client = End::new(ClientConnection::new(client, name).unwrap());
    pair.drive();
    pair.assert_established();
    let shown = pair.client.connection.peer_certificates().unwrap().end_entity().unwrap().into_owned();
    tls12::CertificateView::new(&shown).unwrap().dns_names.join(" ")
}

#[test]
fn each_client_is_shown_the_certificate_for_the_name_that_it_asks_for() {
    assert_eq!(host_for("a.example"), "a.example");
    assert_eq!(host_for("b.example"), "b.example");
    assert_eq!(host_for("B.EXAMPLE"), "b.example");
    assert_eq!(host_for("www.c.example"), "*.c.example");
    assert_eq!(host_for("other.example"), "a.example", "no name fits, so the first");
    assert_eq!(host_for("192.0.2.1"), "a.example", "an address is not sent, so the first");
}

#[test]
fn the_server_s_order_of_application_protocols_decides() {
    let cases: [(&[&str], &[&str], Option<&str>); 5] = [
        (&["h2", "http/1.1"], &["http/1.1", "h2"], Some("http/1.1")),
        (&["http/1.1"], &["h2", "http/1.1"], Some("http/1.1")),
        (&[], &["h2"], None),
        (&["h2"], &[], None),
        (&[], &[], None),
    ];
    for (of_client, of_server, expected) in cases {
        let client = client().alpn_protocols(of_client);
        let pair = Pair::driven(client, server(identity(Kind::P256)).alpn_protocols(of_server));
        pair.assert_established();
        let expected = expected.map(str::as_bytes);
        assert_eq!(pair.client.connection.alpn_protocol(), expected, "{of_client:?}, {of_server:?}");
        assert_eq!(pair.server.connection.alpn_protocol(), expected, "{of_client:?}, {of_server:?}");
    }
}

/// Both ends fail: the server with this message and alert, the client with the alert.
#[track_caller]
fn refused_by_server(pair: &Pair, message: &str, alert: AlertDescription) {
    assert_eq!(pair.server.complaint(), message);
    assert_eq!(pair.server.error().and_then(tls12::Error::alert), Some(alert));
    assert_eq!(pair.client.error().map(tls12::Error::reason), Some(&Reason::PeerAlert(alert)));
}

/// As [`refused_by_server`], the other way round.
#[track_caller]
fn refused_by_client(pair: &Pair, message: &str, alert: AlertDescription) {
    assert_eq!(pair.client.complaint(), message);
    assert_eq!(pair.client.error().and_then(tls12::Error::alert), Some(alert));
    assert_eq!(pair.server.error().map(tls12::Error::reason), Some(&Reason::PeerAlert(alert)));
    assert!(!pair.client.established() && !pair.server.established());
}

#[test]
fn without_a_suite_in_common_the_server_names_what_each_side_offers() {
    let server = server(identity(Kind::P256)).cipher_suites(&[ECDSA_AES256]);
    let pair = Pair::driven(client().cipher_suites(&[ECDSA_AES128, RSA_AES256]), server);
    refused_by_server(
        &pair,
        "no cipher suite in common: we offered TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, the peer offers \
         TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (in state AskIdentity)",
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn without_a_group_in_common_the_server_names_what_each_side_offers() {
    let server = server(identity(Kind::Rsa2048)).group_names(&[NamedGroup::SECP384R1]);
    let pair = Pair::driven(client().group_names(&[NamedGroup::X25519, NamedGroup::SECP256R1]), server);
    refused_by_server(
        &pair,
        "no group in common: we offered secp384r1, the peer offers x25519, secp256r1 (in state AskIdentity)",
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn where_the_client_lacks_the_certificate_s_curve_the_server_names_that_curve() {
    let pair = Pair::driven(client().group_names(&[NamedGroup::X25519]), server(identity(Kind::P384)));
    refused_by_server(
        &pair,
        "our certificate's key is on secp384r1, and the client supports x25519 (in state AskIdentity)",
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn without_a_scheme_in_common_the_server_names_what_each_side_offers() {
    let client = client().signature_schemes(&[SignatureScheme::RSA_PKCS1_SHA256]);
    let pair = Pair::driven(client, server(identity(Kind::Ed25519)));
    refused_by_server(
        &pair,
        "no signature scheme in common: we offered ed25519, the peer offers rsa_pkcs1_sha256 (in state AskIdentity)",
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn without_an_application_protocol_in_common_the_server_names_what_each_side_offers() {
    let server = server(identity(Kind::P256)).alpn_protocols(["h2", "http/1.1"]);
    let pair = Pair::driven(client().alpn_protocols([b"imap".as_slice(), b"\x1b[2J"]), server);
    refused_by_server(
        &pair,
        "no application protocol in common: we offered h2, http/1.1, the peer offers imap, \\x1b[2J (in state \
         WaitClientHello)",
        AlertDescription::NO_APPLICATION_PROTOCOL,
    );
}

#[test]
fn a_strict_server_without_the_name_says_which_name_was_asked_for() {
    let resolver = tls12::Identities::new([identity_for(Kind::P256, &["a.example"])]).strict();
    let pair = Pair::driven(client(), server_config(2).groups(backend_groups()).resolver(Arc::new(resolver)));
    refused_by_server(
        &pair,
        "no identity of ours fits a client that asks for \"server.example\" (in state AskIdentity)",
        AlertDescription::UNRECOGNIZED_NAME,
    );
}

#[test]
fn a_client_refuses_a_certificate_for_other_names_and_lists_them() {
    let pair = Pair::driven(client(), server(identity_for(Kind::P256, &["b.example", "*.c.example"])));
    refused_by_client(
        &pair,
        "certificate of \"b.example\" does not cover \"server.example\"; it names b.example, *.c.example (in state AskVerify)",
        AlertDescription::BAD_CERTIFICATE,
    );
}

#[test]
fn a_client_refuses_a_certificate_by_an_unknown_authority_and_names_the_issuer() {
    let pair = Pair::driven(
        client_config(&Authority::named("another root", 98), 1),
        server_config(2).identity(identity(Kind::Ed25519)),
    );
    refused_by_client(
        &pair,
        "no path from the certificate to a trusted root: it was issued by \"CN=tls12 test root\"; is that root among \
         ours, and does the peer send its intermediate certificates? (in state AskVerify)",
        AlertDescription::UNKNOWN_CA,
    );
}

#[test]
fn a_client_whose_clock_is_wrong_is_told_so() {
    let early = client().clock(Arc::new(crate::pair::Stopped(1)));
    let pair = Pair::driven(early, server(identity(Kind::P256)));
    refused_by_client(
        &pair,
        "the certificate becomes valid at 1975-01-01 00:00:00 UTC, and it is 1970-01-01 00:00:01 UTC; is the clock right? \
         (in state AskVerify)",
        AlertDescription::CERTIFICATE_EXPIRED,
    );
}

/// A client's flight without one of its extensions: what somebody in between could do, or an old client.
fn without_extension(flight: &[u8], extension: u16) -> Vec<u8> {
    // Record header 5, handshake header 4, version 2, random 32, then three vectors.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(flight[at]);
    at += 2 + usize::from(u16::from_be_bytes([flight[at], flight[at + 1]]));
    at += 1 + usize::from(flight[at]);
    let start = at + 2;
    let mut extensions = Vec::new();
    let mut rest = &flight[start..];
    while let [a, b, c, d, ..] = *rest {
        let (one, others) = rest.split_at(4 + usize::from(u16::from_be_bytes([c, d])));
        if u16::from_be_bytes([a, b]) != extension {
            extensions.extend_from_slice(one);
        }
        rest = others;
    }
    let mut out = flight[..start].to_vec();
    out.extend_from_slice(&extensions);
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
    let (record, message) = (length(out.len() - 5), length(out.len() - 9));
    out[3..5].copy_from_slice(&record);
    out[7..9].copy_from_slice(&message);
    out[at..start].copy_from_slice(&length(extensions.len()));
    out
}

const EXTENDED_MASTER_SECRET: u16 = 23;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const RENEGOTIATION_INFO: u16 = 0xff01;

/// A server that reads a ClientHello without this extension.
fn answer_without(extension: u16, server: ServerConfigBuilder) -> Pair {
    let mut pair = Pair::new(client().build().unwrap(), server.build().unwrap());
    let hello = pair.client.write(&[]);
    pair.server.inbox = without_extension(&hello, extension);
    pair.server.read();
    pair
}

#[test]
fn a_server_that_requires_extended_master_secret_refuses_a_client_without_it() {
    let server = server(identity(Kind::P256)).extended_master_secret(ExtendedMasterSecret::Required);
    let pair = answer_without(EXTENDED_MASTER_SECRET, server);
    assert_eq!(
        pair.server.complaint(),
        "the peer does not support extended_master_secret, which our configuration requires (in state WaitClientHello)"
    );
}

#[test]
fn a_client_that_requires_extended_master_secret_refuses_a_server_without_it() {
    let client = client().extended_master_secret(ExtendedMasterSecret::Required);
    let mut pair = Pair::new(client.build().unwrap(), server(identity(Kind::P256)).build().unwrap());
    let hello = pair.client.write(&[]);
    pair.server.inbox = without_extension(&hello, EXTENDED_MASTER_SECRET);
    pair.drive();
    assert!(!pair.server.connection.extended_master_secret());
    refused_by_client(
        &pair,
        "the peer does not support extended_master_secret, which our configuration requires (in state WaitServerHello)",
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn whoever_removes_extended_master_secret_on_the_way_is_found_out() {
    let mut pair = Pair::new(client().build().unwrap(), server(identity(Kind::P256)).build().unwrap());
    let hello = pair.client.write(&[]);
    pair.server.inbox = without_extension(&hello, EXTENDED_MASTER_SECRET);
    pair.drive();
    // Both use the master secret of RFC 5246 §8.1 then, so the record opens; but Finished covers the hellos.
    let reason = pair.server.error().map(tls12::Error::reason);
    assert_eq!((pair.client.established(), reason), (false, Some(&Reason::BadFinished)), "{pair:?}");
}

#[test]
fn a_client_without_supported_groups_gets_p_256_and_one_without_signature_algorithms_nothing() {
    let pair = answer_without(SUPPORTED_GROUPS, server(identity(Kind::Rsa2048)));
    assert_eq!(pair.server.connection.key_exchange_group(), Some(NamedGroup::SECP256R1));
    assert_eq!(pair.server.connection.state(), "WaitClientKeyExchange");

    let pair = answer_without(SIGNATURE_ALGORITHMS, server(identity(Kind::P256)));
    assert_eq!(
        pair.server.complaint(),
        "no signature scheme in common: we offered ecdsa_secp256r1_sha256, the peer offers none (in state AskIdentity)"
    );
}

#[test]
fn secure_renegotiation_is_demanded_of_a_client_where_it_is_configured() {
    let pair = answer_without(RENEGOTIATION_INFO, server(identity(Kind::P256)));
    assert_eq!(pair.server.connection.state(), "WaitClientKeyExchange", "by default an old client is accepted");
    assert!(!pair.server.connection.secure_renegotiation());
    let pair = answer_without(RENEGOTIATION_INFO, server(identity(Kind::P256)).require_secure_renegotiation(true));
    assert_eq!(
        pair.server.complaint(),
        "the peer does not support secure renegotiation (RFC 5746), which our configuration requires (in state \
         WaitClientHello)"
    );
}

#[test]
fn a_client_that_sends_no_name_gets_the_first_identity() {
    let pair = Pair::driven(client().send_server_name(false), server(identity(Kind::P256)));
    pair.assert_established();
    assert_eq!((pair.client.connection.server_name(), pair.server.connection.server_name()), (None, None));
}
