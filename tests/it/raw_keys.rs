//! Raw public keys (RFC 7250), by themselves and beside certificates, of servers and of clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tls12::message::{CertificateRequest, CertificateType};
use tls12::pki_types::ServerName;
use tls12::{
    Ask, Backend, CertificateError, ChannelBinding, ClientAuthPolicy, ClientConfig, ClientConfigBuilder, Decision,
    Identity, Peer, PeerProof, RawPublicKeys, Reason, ResolveClientIdentity, ServerConfigBuilder, Verified, VerifyPeer,
    WebPkiVerifier,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::given::{Counted, Stopped};
use crate::pair::{NAME, NOW, Pair, server_config};
use crate::sessions::{Bare, Kept, Store};

/// As `identity`, without its certificate.
fn raw(kind: Kind) -> Identity {
    let key = Backend::default().load_key(&kind.private_key()).unwrap();
    Identity::raw_public_key(key).unwrap().with_names([NAME]).unwrap()
}

fn keys(kinds: &[Kind]) -> RawPublicKeys {
    RawPublicKeys::new(kinds.iter().map(|kind| raw(*kind).public_key().clone())).unwrap()
}

/// A client that says by this verifier whom it trusts.
fn client(verifier: impl VerifyPeer + 'static) -> ClientConfigBuilder {
    let builder = ClientConfig::builder().verifier(Arc::new(verifier)).random(Counted::new(1));
    builder.groups(backend_groups()).clock(Arc::new(Stopped(NOW)))
}

fn server(identities: impl IntoIterator<Item = Identity>) -> ServerConfigBuilder {
    // A session ID comes once.
    static SEED: AtomicU64 = AtomicU64::new(1000);
    server_config(SEED.fetch_add(1, Ordering::Relaxed)).groups(backend_groups()).identities(identities)
}

/// What the two ends of an established connection know of each other: a type of certificate, or nothing.
fn shown(pair: &Pair) -> [Option<CertificateType>; 2] {
    pair.assert_established();
    let of_server = pair.client.connection.peer_certificates().map(|shown| shown.certificate_type());
    [of_server, pair.server.connection.peer_certificates().map(|shown| shown.certificate_type())]
}

const RAW: Option<CertificateType> = Some(CertificateType::RAW_PUBLIC_KEY);
const X509: Option<CertificateType> = Some(CertificateType::X509);

fn certificates() -> Arc<WebPkiVerifier> {
    Arc::new(WebPkiVerifier::new([authority().root()]).unwrap())
}

fn certificates_of_clients() -> Arc<WebPkiVerifier> {
    Arc::new(WebPkiVerifier::for_clients([authority().root()]).unwrap())
}

#[test]
fn a_server_is_known_by_each_kind_of_raw_public_key() {
    for kind in Kind::ALL {
        let mut pair = Pair::driven(client(keys(&[kind])), server([raw(kind)]));
        assert_eq!(shown(&pair), [RAW, None], "{kind:?}");
        let of_server = pair.client.connection.peer_certificates().unwrap();
        assert_eq!(of_server.raw_public_key(), Some(raw(kind).public_key().spki()), "{kind:?}");
        assert_eq!(of_server.iter().count(), 0, "there is no certificate");
        assert!(matches!(pair.client.connection.peer_proof(), Some(PeerProof::Verified(_))));
        pair.client_says(b"ping");
        pair.server_says(b"pong");
        assert_eq!((pair.server.data(), pair.client.data()), (b"ping".to_vec(), b"pong".to_vec()));
    }
}

#[test]
fn both_sides_are_known_by_their_raw_public_keys() {
    for kind in Kind::ALL {
        for policy in [ClientAuthPolicy::Optional, ClientAuthPolicy::Required] {
            let client = client(keys(&[Kind::P256])).identity(raw(kind));
            let server = server([raw(Kind::P256)]).client_authentication(policy, Arc::new(keys(&[kind])));
            let pair = Pair::driven(client, server);
            assert_eq!(shown(&pair), [RAW, RAW], "{kind:?}");
            let of_client = pair.server.connection.peer_certificates().unwrap();
            assert_eq!(of_client.raw_public_key(), Some(raw(kind).public_key().spki()));
            assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Verified(_))));
        }
    }
}

/// RFC 7250 §5.3 and around it.
#[test]
fn raw_public_keys_and_certificates_stand_beside_each_other() {
    let both = || [raw(Kind::P256), identity(Kind::P256)];
    let reversed = || [identity(Kind::P256), raw(Kind::P256)];
    let keys = || keys(&[Kind::P256]);
    let takes_both = || keys().or_certificates(certificates());
    for (client, server, expected) in [
        (client(takes_both()), server(both()), RAW),
        (client(takes_both()), server(reversed()), X509),
        (client(takes_both()), server([identity(Kind::P256)]), X509),
        (client(takes_both()), server([raw(Kind::P256)]), RAW),
        (client(keys()), server(both()), RAW),
        (client(keys()), server(reversed()), RAW),
        (client(WebPkiVerifier::new([authority().root()]).unwrap()), server(both()), X509),
    ] {
        assert_eq!(shown(&Pair::driven(client, server)), [expected, None]);
    }

    // The client's side: what the server prefers of what the client has.
    let asks =
        |verifier: Arc<dyn VerifyPeer>| server(both()).client_authentication(ClientAuthPolicy::Required, verifier);
    let ours = || keys().or_certificates(certificates_of_clients());
    for (identities, server, expected) in [
        (reversed().to_vec(), asks(Arc::new(ours())), RAW),
        (vec![identity(Kind::P256)], asks(Arc::new(ours())), X509),
        (vec![raw(Kind::P256)], asks(Arc::new(ours())), RAW),
        (both().to_vec(), asks(certificates_of_clients()), X509),
        (reversed().to_vec(), asks(Arc::new(keys())), RAW),
    ] {
        let client = identities.into_iter().fold(client(takes_both()), ClientConfigBuilder::identity);
        assert_eq!(shown(&Pair::driven(client, server)), [RAW, expected]);
    }
}

#[test]
fn without_a_common_type_both_sides_say_so() {
    let refused = |pair: &Pair| {
        let reason = pair.server.error().expect("the server fails").reason().clone();
        assert!(matches!(reason, Reason::NoCommonCertificateType { .. }), "{reason}");
        let heard = pair.client.error().expect("the client fails").reason().to_string();
        assert!(heard.starts_with("the peer sent unsupported_certificate"), "{heard}");
    };
    refused(&Pair::driven(client(keys(&[Kind::P256])), server([identity(Kind::P256)])));
    refused(&Pair::driven(client(WebPkiVerifier::new([authority().root()]).unwrap()), server([raw(Kind::P256)])));
    let asks = server([raw(Kind::P256)]).client_authentication(ClientAuthPolicy::Required, certificates_of_clients());
    refused(&Pair::driven(client(keys(&[Kind::P256])).identity(raw(Kind::P256)), asks));
}

#[test]
fn a_client_whose_key_does_not_fit_says_that_it_has_none() {
    use tls12::message::SignatureScheme;
    let asks = |policy| {
        let server = server([raw(Kind::P256)]).client_authentication(policy, Arc::new(keys(&[Kind::Ed25519])));
        server.client_signature_schemes(&[SignatureScheme::ECDSA_SECP256R1_SHA256])
    };
    let client = || client(keys(&[Kind::P256])).identity(raw(Kind::Ed25519));
    let pair = Pair::driven(client(), asks(ClientAuthPolicy::Optional));
    assert_eq!(shown(&pair), [RAW, None]);
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Declined(_))));
    let pair = Pair::driven(client(), asks(ClientAuthPolicy::Required));
    assert_eq!(pair.server.error().map(|error| error.reason()), Some(&Reason::NoClientCertificate));
}

#[test]
fn a_server_with_the_key_of_another_is_refused() {
    let name = |name: &'static str| ServerName::try_from(name).unwrap();
    let named =
        |own: &'static str| RawPublicKeys::by_server([(name(own), raw(Kind::P256).public_key().clone())]).unwrap();
    assert_eq!(shown(&Pair::driven(client(named(NAME)), server([raw(Kind::P256)]))), [RAW, None]);
    for verifier in [named("other.example"), keys(&[Kind::P384])] {
        let pair = Pair::driven(client(verifier), server([raw(Kind::P256)]));
        let sha256 = raw(Kind::P256).public_key().sha256();
        let expected = Reason::Certificate(CertificateError::UnknownKey { sha256 });
        assert_eq!(pair.client.error().map(|error| error.reason()), Some(&expected));
    }
}

#[test]
fn a_resumed_session_knows_the_raw_public_keys_of_both_sides() {
    for by_ticket in [false, true] {
        let (kept, store) = (Arc::new(Kept::default()), Arc::new(Store::default()));
        let connect = |verify_again: bool, of_clients: Arc<dyn VerifyPeer>| {
            let client = client(keys(&[Kind::P256])).identity(raw(Kind::Ed25519)).session_context("test");
            let server = server([raw(Kind::P256)]).client_authentication(ClientAuthPolicy::Required, of_clients);
            let server = server.session_context("test").verify_on_resumption(verify_again);
            let server = match by_ticket {
                true => server.tickets(Arc::new(Bare::default())),
                false => server.session_store(store.clone()),
            };
            let client = client.sessions(kept.clone()).verify_on_resumption(verify_again);
            Pair::driven(client, server)
        };
        let first = connect(false, Arc::new(keys(&[Kind::Ed25519])));
        assert_eq!(shown(&first), [RAW, RAW]);
        for verify_again in [false, true] {
            let second = connect(verify_again, Arc::new(keys(&[Kind::Ed25519])));
            assert_eq!(shown(&second), [RAW, RAW]);
            assert!(second.client.connection.resumed() && second.server.connection.resumed());
            let (of_server, of_client) =
                (second.client.connection.peer_certificates(), second.server.connection.peer_certificates());
            assert_eq!(of_server, first.client.connection.peer_certificates());
            assert_eq!(of_client, first.server.connection.peer_certificates());
            assert!(matches!(second.server.connection.peer_proof(), Some(PeerProof::FromSession(_))));
        }
        // The key of the client is not trusted any more, and neither is the session.
        let third = connect(true, Arc::new(keys(&[Kind::P384])));
        let refused = third.server.error().expect("the key is another").reason();
        let is_unknown = matches!(refused, Reason::Certificate(CertificateError::UnknownKey { .. }));
        assert!(is_unknown, "{refused}");
    }
}

#[test]
fn there_is_no_tls_server_end_point_without_a_certificate() {
    let kept = Arc::new(Kept::default());
    let connect = || {
        let client = client(keys(&[Kind::P256])).sessions(kept.clone()).session_context("test");
        Pair::driven(client, server([raw(Kind::P256)]).tickets(Arc::new(Bare::default())).session_context("test"))
    };
    for resumed in [false, true] {
        let pair = connect();
        assert_eq!(pair.client.connection.resumed(), resumed);
        let of_client = pair.client.connection.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap_err();
        let of_server = pair.server.connection.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap_err();
        for error in [of_client, of_server] {
            assert!(matches!(error.reason(), Reason::NotExported(why) if why.contains("raw public key")), "{error}");
        }
        let binding = ChannelBinding::TlsExporter;
        let of_client = pair.client.connection.channel_binding(binding).unwrap();
        assert_eq!(of_client, pair.server.connection.channel_binding(binding).unwrap());
    }
}

/// A verifier that is asked later.
#[derive(Debug)]
struct Later(RawPublicKeys);

impl VerifyPeer for Later {
    fn verify(&self, _: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Later
    }

    fn certificate_types(&self) -> &[CertificateType] {
        self.0.certificate_types()
    }
}

#[test]
fn a_verdict_on_a_raw_public_key_can_come_later() {
    let trusted = keys(&[Kind::P256]);
    let mut pair = Pair::driven(client(Later(trusted.clone())), server([raw(Kind::P256)]));
    let Some(Ask::Verify(request)) = pair.client.take_ask() else { panic!("a question") };
    assert_eq!(request.peer().certificates.raw_public_key(), Some(raw(Kind::P256).public_key().spki()));
    let Decision::Now(verdict) = trusted.verify(&request.peer()) else { panic!("at once") };
    pair.client.connection.answer(request.respond(verdict)).unwrap();
    pair.drive();
    assert_eq!(shown(&pair), [RAW, None]);
}

/// A resolver that is asked later.
#[derive(Debug)]
struct Undecided;

impl ResolveClientIdentity for Undecided {
    fn resolve(&self, _: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509, CertificateType::RAW_PUBLIC_KEY]
    }
}

#[test]
fn an_identity_that_is_resolved_later_is_of_the_type_that_is_asked_for() {
    let of_clients: [(Arc<dyn VerifyPeer>, _); 2] =
        [(Arc::new(keys(&[Kind::Ed25519])), RAW), (certificates_of_clients(), X509)];
    for (verifier, expected) in of_clients {
        let client = client(keys(&[Kind::P256])).identity_resolver(Arc::new(Undecided));
        let server = server([raw(Kind::P256)]).client_authentication(ClientAuthPolicy::Required, verifier);
        let mut pair = Pair::driven(client, server);
        let Some(Ask::ResolveClientIdentity(request)) = pair.client.take_ask() else { panic!("a question") };
        assert_eq!(Some(request.certificate_request().certificate_type), expected);
        let ours = [raw(Kind::Ed25519), identity(Kind::Ed25519)];
        let chosen = ours.into_iter().find(|identity| identity.usable_for(&request.certificate_request()));
        pair.client.connection.answer(request.respond(chosen.map(Arc::new))).unwrap();
        pair.drive();
        assert_eq!(shown(&pair), [RAW, expected]);
    }
}
