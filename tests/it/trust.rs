//! Whom a configuration trusts, and who it is: where these differ, no session is shared, whatever the name (CVE-2025-68121).

use std::sync::Arc;

use tls12::dangerous::{AcceptAnything, PinsOnly};
use tls12::{
    CertificateError, ClientAuthPolicy, ClientConfig, ClientConfigBuilder, CrlPolicy, Decision, NotResumed, Peer,
    ServerConfig, ServerConfigBuilder, Verified, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::{Kind, authority, identity, identity_for};
use crate::pair::{Authority, NAME, NOW, Pair, Stopped};
use crate::sessions::{Bare, Kept, Refusals, Store};

/// Who keeps the sessions of all configurations, which have one name.
#[derive(Default)]
struct Scene {
    by_ticket: bool,
    kept: Arc<Kept>,
    store: Arc<Store>,
    of_client: Arc<Refusals>,
    of_server: Arc<Refusals>,
}

impl Scene {
    fn client(&self) -> ClientConfigBuilder {
        let client = ClientConfig::builder().clock(Arc::new(Stopped(NOW))).session_context("fleet");
        client.sessions(self.kept.clone()).observer(self.of_client.clone())
    }

    fn server(&self) -> ServerConfigBuilder {
        let server = ServerConfig::builder().clock(Arc::new(Stopped(NOW))).session_context("fleet");
        let server = server.observer(self.of_server.clone());
        match self.by_ticket {
            true => server.tickets(Arc::new(Bare::default())),
            false => server.session_store(self.store.clone()),
        }
    }
}

/// Whether the second of two connections of these configurations resumes the session of the first, and who does not want it:
/// the client, and the server.
fn resumes(
    by_ticket: bool,
    clients: [&dyn Fn(ClientConfigBuilder) -> ClientConfigBuilder; 2],
    servers: [&dyn Fn(ServerConfigBuilder) -> ServerConfigBuilder; 2],
) -> (bool, Vec<NotResumed>, Vec<NotResumed>) {
    let scene = Scene { by_ticket, ..Scene::default() };
    let [first, second] = [0, 1].map(|at| {
        let pair = Pair::driven(clients[at](scene.client()), servers[at](scene.server()));
        pair.assert_established();
        let resumed = pair.client.connection.resumed();
        assert_eq!(pair.server.connection.resumed(), resumed);
        resumed
    });
    assert!(!first);
    (second, scene.of_client.take(), scene.of_server.take())
}

fn another_authority() -> Authority {
    Authority::named("another root", 98)
}

#[test]
fn clients_of_one_name_share_sessions_only_if_they_trust_the_same_servers_and_are_the_same() {
    type Settings = Box<dyn Fn(ClientConfigBuilder) -> ClientConfigBuilder>;
    let trusted = |client: ClientConfigBuilder| client.roots([authority().root()]);
    let pin = identity(Kind::P256).public_key().sha256();
    let settings: [Settings; 6] = [
        Box::new(trusted),
        Box::new(|client| client.roots([authority().root(), another_authority().root()])),
        Box::new(|client| client.verifier(Arc::new(AcceptAnything))),
        Box::new(move |client| client.verifier(Arc::new(PinsOnly::new([pin]).unwrap()))),
        Box::new(move |client| trusted(client).identity(identity(Kind::Ed25519))),
        Box::new(move |client| trusted(client).identity(identity(Kind::P384))),
    ];
    for by_ticket in [false, true] {
        for (then, first) in settings.iter().enumerate() {
            for (now, second) in settings.iter().enumerate() {
                let result = resumes(by_ticket, [first, second], [&shown; 2]);
                let refused = if now == then { vec![] } else { vec![NotResumed::OtherConfiguration] };
                assert_eq!(result, (now == then, refused, vec![]), "first {then}, then {now}, by ticket: {by_ticket}");
            }
        }
    }
}

#[test]
fn servers_of_one_name_share_sessions_only_if_they_trust_the_same_clients() {
    type Settings = Box<dyn Fn(ServerConfigBuilder) -> ServerConfigBuilder>;
    let asks = |verifier: Arc<dyn VerifyPeer>| -> Settings {
        Box::new(move |server| shown(server).client_authentication(ClientAuthPolicy::Optional, verifier.clone()))
    };
    let roots = |roots: Vec<_>| asks(Arc::new(WebPkiVerifier::for_clients(roots).unwrap()));
    let with_list = || {
        let verifier = WebPkiVerifier::for_clients([authority().root()]).unwrap();
        verifier.with_crls([another_authority().revokes_nothing()]).unwrap()
    };
    let lax = CrlPolicy { allow_unknown: true, ..CrlPolicy::default() };
    let settings: [Settings; 6] = [
        Box::new(shown),
        roots(vec![authority().root()]),
        roots(vec![authority().root(), another_authority().root()]),
        asks(Arc::new(AcceptAnything)),
        asks(Arc::new(with_list().with_crl_policy(lax))),
        asks(Arc::new(WebPkiVerifier::for_clients([authority().root()]).unwrap().with_crl_policy(lax))),
    ];
    let client = |client: ClientConfigBuilder| client.roots([authority().root()]).identity(identity(Kind::Ed25519));
    for by_ticket in [false, true] {
        for (then, first) in settings.iter().enumerate() {
            for (now, second) in settings.iter().enumerate() {
                let result = resumes(by_ticket, [&client; 2], [first, second]);
                let expected = match now == then {
                    true => (true, vec![], vec![]),
                    false => (false, vec![NotResumed::Declined], vec![NotResumed::OtherConfiguration]),
                };
                assert_eq!(result, expected, "first {then}, then {now}, by ticket: {by_ticket}");
            }
        }
    }
}

/// Else whoever leads a client from one host to another, and its session with it, gets it to take the one for the other.
#[test]
fn servers_of_one_name_share_sessions_only_if_they_have_identities_for_the_same_names() {
    type Settings = Box<dyn Fn(ServerConfigBuilder) -> ServerConfigBuilder>;
    let names = |kind, names: &'static [&'static str]| -> Settings {
        Box::new(move |server| server.identity(identity_for(kind, &[NAME]).with_names(names.iter().copied()).unwrap()))
    };
    let settings: [Settings; 5] = [
        names(Kind::P256, &[NAME]),
        names(Kind::P256, &[NAME, "other.example"]),
        names(Kind::P256, &[]),
        names(Kind::P384, &[]),
        Box::new(|server| shown(server).strict_server_name(true)),
    ];
    let client = |client: ClientConfigBuilder| client.roots([authority().root()]);
    for by_ticket in [false, true] {
        for (then, first) in settings.iter().enumerate() {
            for (now, second) in settings.iter().enumerate() {
                let result = resumes(by_ticket, [&client; 2], [first, second]);
                let expected = match now == then {
                    true => (true, vec![], vec![]),
                    false => (false, vec![NotResumed::Declined], vec![NotResumed::OtherConfiguration]),
                };
                assert_eq!(result, expected, "first {then}, then {now}, by ticket: {by_ticket}");
            }
        }
        // A certificate may be another one, with another key.
        let renewed = names(Kind::P384, &[NAME]);
        assert_eq!(resumes(by_ticket, [&client; 2], [&settings[0], &renewed]), (true, vec![], vec![]));
    }
}

/// The identity that a server shows where it is not in question.
fn shown(server: ServerConfigBuilder) -> ServerConfigBuilder {
    server.identity(identity(Kind::P256))
}

/// Accepts what another verifier accepts, and does not say so.
#[derive(Debug)]
struct Silent;

impl VerifyPeer for Silent {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        AcceptAnything.verify(peer)
    }
}

#[test]
fn a_verifier_that_does_not_say_whom_it_trusts_shares_no_sessions() {
    let client = |client: ClientConfigBuilder| client.verifier(Arc::new(Silent));
    let result = resumes(false, [&client; 2], [&shown; 2]);
    assert_eq!(result, (false, vec![NotResumed::OtherConfiguration], vec![]));
    let client = |client: ClientConfigBuilder| client.roots([authority().root()]);
    let server =
        |server: ServerConfigBuilder| shown(server).client_authentication(ClientAuthPolicy::Optional, Arc::new(Silent));
    let result = resumes(false, [&client; 2], [&server; 2]);
    assert_eq!(result, (false, vec![NotResumed::Declined], vec![NotResumed::OtherConfiguration]));

    // A configuration shares them with itself.
    let scene = Scene::default();
    let client = scene.client().verifier(Arc::new(Silent)).build().unwrap();
    let server = server(scene.server()).build().unwrap();
    for resumed in [false, true] {
        let mut pair = Pair::new(client.clone(), server.clone());
        pair.drive();
        pair.assert_established();
        assert_eq!(pair.server.connection.resumed(), resumed);
    }
}
