//! Sessions that do not fit: a full handshake, nothing to be seen of it by a peer, and a word to the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tls12::message::{CertificateRequest, CipherSuite};
use tls12::pki_types::ServerName;
use tls12::{
    AlertDescription, Backend, ClientAuthPolicy, ClientConfigBuilder, ClientConnection, Decision, ExtendedMasterSecret,
    Identity, NotResumed, PeerProof, Reason, ResolveClientIdentity, ServerConfigBuilder, ServerConnection, Session,
    Tickets, WebPkiVerifier,
};

use crate::credentials::{Kind, authority, backend_groups, identity, identity_for};
use crate::pair::{End, NAME, NOW, Pair, Stopped, client_config, server_config};
use crate::sessions::{Bare, Kept, Refusals, Store};

/// What sessions are resumed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Id,
    Ticket,
}

/// A client and a server that keep their sessions, and say why they don't resume them.
struct Scene {
    by: By,
    kept: Arc<Kept>,
    store: Arc<Store>,
    of_client: Arc<Refusals>,
    of_server: Arc<Refusals>,
}

impl Scene {
    fn new(by: By) -> Self {
        let (kept, store, of_client, of_server) = Default::default();
        Scene { by, kept, store, of_client, of_server }
    }

    fn client(&self) -> ClientConfigBuilder {
        let client = client_config(authority(), seed()).groups(backend_groups()).session_context("client");
        client.sessions(self.kept.clone()).observer(self.of_client.clone())
    }

    fn server(&self) -> ServerConfigBuilder {
        let server = server_config(seed()).groups(backend_groups()).identity(identity(Kind::P256));
        let server = server.session_context("server").observer(self.of_server.clone());
        match self.by {
            By::Id => server.session_store(self.store.clone()),
            By::Ticket => server.tickets(Arc::new(Bare::default())),
        }
    }

    /// After a first connection.
    fn after(by: By, client: Change<ClientConfigBuilder>, server: Change<ServerConfigBuilder>) -> Self {
        let scene = Scene::new(by);
        let first = Pair::driven(client(scene.client()), server(scene.server()));
        first.assert_established();
        assert_eq!(scene.kept.count(), 1);
        scene
    }

    /// The client offers this session next.
    fn offer(&self, session: Arc<Session>) {
        *self.kept.0.lock().unwrap() = vec![session];
    }

    /// The bytes of the session, on the side of the server or of the client, are changed.
    fn alter(&self, side: Side, change: impl Fn(&mut Vec<u8>)) {
        let last = self.kept.last().unwrap();
        match (side, self.by) {
            (Side::Client, _) => self.offer(altered(&last.to_bytes(), change)),
            (Side::Server, By::Id) => change(&mut self.store.0.lock().unwrap()[0].1),
            (Side::Server, By::Ticket) => {
                let (front, mut ticket) = with_ticket(&last);
                change(&mut ticket);
                self.offer(session_with(&front, &ticket));
            }
        }
    }

    /// The next connection is a full handshake, like that of a client that has no session; and who did not want it is this.
    #[track_caller]
    fn assert_full(&self, pair: &Pair, of_client: &[NotResumed], of_server: &[NotResumed], what: &str) {
        pair.assert_established();
        assert!(!pair.client.connection.resumed() && !pair.server.connection.resumed(), "{what}");
        assert_eq!(self.of_client.take(), of_client, "{what}: by the client");
        assert_eq!(self.of_server.take(), of_server, "{what}: by the server");
    }
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Client,
    Server,
}

type Change<B> = fn(B) -> B;

fn same<B>(builder: B) -> B {
    builder
}

/// A session ID comes once.
fn seed() -> u64 {
    static SEED: AtomicU64 = AtomicU64::new(10_000);
    SEED.fetch_add(1, Ordering::Relaxed)
}

fn altered(bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Arc<Session> {
    let mut bytes = bytes.to_vec();
    change(&mut bytes);
    Session::from_bytes(&bytes).unwrap()
}

/// Where the fields of a session are, as `Session::to_bytes` says.
const SECRET: usize = 4;
const EMS: usize = 52;
const NAME_AT: usize = 97;

/// A session's bytes up to its ticket or ID, and that.
fn with_ticket(session: &Session) -> (Vec<u8>, Vec<u8>) {
    let bytes = session.to_bytes();
    let mut at = NAME_AT;
    // The name, the protocol, what the peer showed, the end of its verification, and the digest, each with its length; with
    // the policy, the type of what was shown, the maximum length of fragments and the kind of the handle in between.
    for (prefix, behind) in [(2, 0), (1, 2), (3, 0), (1, 0), (1, 2)] {
        let length = bytes[at..at + prefix].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        at += prefix + length + behind;
    }
    (bytes[..at].to_vec(), bytes[at + 2..].to_vec())
}

fn session_with(front: &[u8], handle: &[u8]) -> Arc<Session> {
    let length = u16::try_from(handle.len()).unwrap().to_be_bytes();
    Session::from_bytes(&[front, &length, handle].concat()).unwrap()
}

#[test]
fn a_ticket_that_is_altered_or_truncated_anywhere_is_a_full_handshake() {
    let scene = Scene::new(By::Ticket);
    let tickets = Arc::new(Tickets::new().unwrap());
    let server = || scene.server().tickets(tickets.clone());
    Pair::driven(scene.client(), server()).assert_established();
    let (front, ticket) = with_ticket(&scene.kept.last().unwrap());
    let mut bad: Vec<_> = (1..ticket.len()).map(|length| ticket[..length].to_vec()).collect();
    for index in 0..ticket.len() {
        let mut one = ticket.clone();
        one[index] ^= 1 << (index % 8);
        bad.push(one);
    }
    bad.push([&ticket[..], &[0]].concat());
    bad.push(vec![0; 3000]);
    for ticket in bad {
        scene.offer(session_with(&front, &ticket));
        let pair = Pair::driven(scene.client(), server());
        scene.assert_full(&pair, &[NotResumed::Declined], &[NotResumed::TicketDeclined], &format!("{ticket:02x?}"));
    }
    scene.offer(session_with(&front, &ticket));
    let pair = Pair::driven(scene.client(), server());
    assert!(pair.server.connection.resumed(), "the ticket itself is good");
}

#[test]
fn a_session_id_that_is_altered_or_truncated_anywhere_is_a_full_handshake() {
    let scene = Scene::after(By::Id, same, same);
    let (front, id) = with_ticket(&scene.kept.last().unwrap());
    let cut = (1..id.len()).map(|length| id[..length].to_vec());
    let altered = (0..id.len()).map(|at| {
        let mut one = id.clone();
        one[at] ^= 1 << (at % 8);
        one
    });
    for id in cut.chain(altered) {
        scene.offer(session_with(&front, &id));
        let pair = Pair::driven(scene.client(), scene.server());
        // Of another length than ours it is not even looked up.
        let of_server: &[_] = if id.len() == 32 { &[NotResumed::UnknownSession] } else { &[] };
        scene.assert_full(&pair, &[NotResumed::Declined], of_server, &format!("{id:02x?}"));
    }
}

fn client_roots() -> Arc<WebPkiVerifier> {
    Arc::new(WebPkiVerifier::for_clients([authority().root()]).unwrap())
}

fn required(server: ServerConfigBuilder) -> ServerConfigBuilder {
    server.client_authentication(ClientAuthPolicy::Required, client_roots())
}

fn optional(server: ServerConfigBuilder) -> ServerConfigBuilder {
    server.client_authentication(ClientAuthPolicy::Optional, client_roots())
}

/// Shows this, or nothing; in the eyes of its sessions the same client.
#[derive(Debug)]
struct Shows(Option<Arc<Identity>>);

impl ResolveClientIdentity for Shows {
    fn resolve(&self, _: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Now(self.0.clone())
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some([1; 32])
    }
}

fn shows(client: ClientConfigBuilder, identity: Option<Identity>) -> ClientConfigBuilder {
    client.identity_resolver(Arc::new(Shows(identity.map(Arc::new))))
}

fn with_identity(client: ClientConfigBuilder) -> ClientConfigBuilder {
    shows(client, Some(identity(Kind::Ed25519)))
}

fn shy(client: ClientConfigBuilder) -> ClientConfigBuilder {
    shows(client, None)
}

fn at(time: u64) -> Arc<Stopped> {
    Arc::new(Stopped(time))
}

/// The settings of the first connection and of the second, on both sides.
type Settings = (Change<ClientConfigBuilder>, Change<ServerConfigBuilder>);

#[test]
fn what_a_server_holds_a_session_against_has_to_be_the_same() {
    const DAY: u64 = 24 * 60 * 60;
    const AES_128: &[CipherSuite] = &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    const AES_256: &[CipherSuite] = &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    let two_protocols: Settings =
        (|client| client.alpn_protocols(["one", "two"]), |server| server.alpn_protocols(["one"]));
    let unchanged: Settings = (same, same);
    let cases: [(&str, Settings, Settings, NotResumed); 17] = [
        ("another configuration", unchanged, (same, |s| s.session_context("other")), NotResumed::OtherConfiguration),
        ("too old", unchanged, (same, |s| s.clock(at(NOW + DAY + 1))), NotResumed::Expired),
        (
            "too old for a new setting",
            unchanged,
            (same, |s| s.clock(at(NOW + 100)).session_lifetime(Duration::from_secs(99))),
            NotResumed::Expired,
        ),
        ("from the future", unchanged, (same, |s| s.clock(at(NOW - 61))), NotResumed::FromTheFuture),
        ("no name any more", unchanged, (|c| c.send_server_name(false), same), NotResumed::OtherServerName),
        ("a name now", (|c| c.send_server_name(false), same), unchanged, NotResumed::OtherServerName),
        (
            "a suite that the server no longer has",
            (same, |s| s.cipher_suites(AES_128)),
            (same, |s| s.cipher_suites(AES_256)),
            NotResumed::OtherCipherSuite,
        ),
        (
            "another protocol",
            two_protocols,
            (two_protocols.0, |s| s.alpn_protocols(["two"])),
            NotResumed::OtherApplicationProtocol,
        ),
        ("no protocol any more", two_protocols, unchanged, NotResumed::OtherApplicationProtocol),
        ("a protocol now", unchanged, two_protocols, NotResumed::OtherApplicationProtocol),
        ("required now", (with_identity, same), (with_identity, required), NotResumed::OtherConfiguration),
        ("asked for now", (with_identity, same), (with_identity, optional), NotResumed::OtherConfiguration),
        (
            "required and not shown before",
            (shy, optional),
            (with_identity, required),
            NotResumed::OtherClientAuthentication,
        ),
        (
            "required and shown before",
            (with_identity, optional),
            (with_identity, required),
            NotResumed::OtherClientAuthentication,
        ),
        (
            "no longer required",
            (with_identity, required),
            (with_identity, optional),
            NotResumed::OtherClientAuthentication,
        ),
        ("no longer asked for", (with_identity, required), (with_identity, same), NotResumed::OtherConfiguration),
        (
            "an expired certificate of the client",
            (short_lived, |s| required(s).session_lifetime(Duration::from_secs(7 * DAY))),
            (with_identity, |s| required(s).session_lifetime(Duration::from_secs(7 * DAY)).clock(at(NOW + DAY + 1))),
            NotResumed::CertificateExpired,
        ),
    ];
    for by in [By::Id, By::Ticket] {
        for (what, first, second, why) in &cases {
            let scene = Scene::after(by, first.0, first.1);
            let pair = Pair::driven(second.0(scene.client()), second.1(scene.server()));
            scene.assert_full(&pair, &[NotResumed::Declined], std::slice::from_ref(why), &format!("{by:?}: {what}"));
            // The same settings as before do resume.
            let scene = Scene::after(by, first.0, first.1);
            let pair = Pair::driven(first.0(scene.client()), first.1(scene.server()));
            pair.assert_established();
            assert!(pair.server.connection.resumed(), "{by:?}: {what}: as before");
        }
    }
}

/// A client whose certificate ends a day later.
fn short_lived(client: ClientConfigBuilder) -> ClientConfigBuilder {
    let certificate = authority().certify_with(&[NAME], Kind::P256.key(), |params| {
        params.not_after = rcgen::date_time_ymd(2026, 1, 2);
    });
    let key = Backend::default().load_key(&Kind::P256.private_key()).unwrap();
    shows(client, Some(Identity::new(vec![certificate], key).unwrap()))
}

#[test]
fn what_a_client_holds_a_session_against_has_to_be_the_same() {
    const DAY: u64 = 24 * 60 * 60;
    let cases: [(&str, Change<ClientConfigBuilder>, Change<ClientConfigBuilder>, NotResumed); 6] = [
        ("another configuration", same, |c| c.session_context("other"), NotResumed::OtherConfiguration),
        ("too old", same, |c| c.clock(at(NOW + DAY + 1)), NotResumed::Expired),
        (
            "too old for a new setting",
            same,
            |c| c.clock(at(NOW + 100)).session_lifetime(Duration::from_secs(99)),
            NotResumed::Expired,
        ),
        ("from the future", same, |c| c.clock(at(NOW - 61)), NotResumed::FromTheFuture),
        (
            "a suite that it no longer has",
            |c| c.cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]),
            |c| c.cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]),
            NotResumed::OtherCipherSuite,
        ),
        (
            "a suite that it has among others",
            |c| c.cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]),
            |c| c.cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]),
            NotResumed::OtherCipherSuite,
        ),
    ];
    for by in [By::Id, By::Ticket] {
        for (what, first, second, why) in &cases {
            let scene = Scene::after(by, *first, same);
            let pair = Pair::driven(second(scene.client()), scene.server());
            scene.assert_full(&pair, std::slice::from_ref(why), &[], &format!("{by:?}: {what}"));
        }
    }
}

#[test]
fn a_session_of_one_host_is_not_resumed_under_the_name_of_another() {
    const OTHER: &str = "other.example";
    let both = |scene: &Scene| {
        let server = server_config(seed()).groups(backend_groups()).identity(identity_for(Kind::P256, &[NAME, OTHER]));
        let server = server.session_context("server").observer(scene.of_server.clone());
        match scene.by {
            By::Id => server.session_store(scene.store.clone()),
            By::Ticket => server.tickets(Arc::new(Bare::default())),
        }
    };
    let to_other = |scene: &Scene| {
        let name = ServerName::try_from(OTHER).unwrap();
        let client = ClientConnection::new(scene.client().build().unwrap(), name).unwrap();
        let server = ServerConnection::new(both(scene).build().unwrap());
        let mut pair = Pair { client: End::new(client), server: End::new(server) };
        pair.drive();
        pair
    };
    for by in [By::Id, By::Ticket] {
        // The client does not offer it.
        let scene = Scene::new(by);
        Pair::driven(scene.client(), both(&scene)).assert_established();
        scene.assert_full(&to_other(&scene), &[NotResumed::OtherServerName], &[], "by the client");

        // Nor does the server take it from a client that does.
        let scene = Scene::new(by);
        Pair::driven(scene.client(), both(&scene)).assert_established();
        scene.alter(Side::Client, |bytes| {
            let name = [&[0, OTHER.len() as u8][..], OTHER.as_bytes()].concat();
            bytes.splice(NAME_AT..NAME_AT + 2 + NAME.len(), name);
        });
        let pair = to_other(&scene);
        scene.assert_full(&pair, &[NotResumed::Declined], &[NotResumed::OtherServerName], "by the server");
    }
}

#[test]
fn a_store_that_returns_another_session_gives_nothing_away() {
    // Another client's, under the ID of this one.
    let scene = Scene::after(By::Id, same, same);
    let own = scene.kept.last().unwrap();
    scene.kept.0.lock().unwrap().clear();
    Pair::driven(scene.client(), scene.server()).assert_established();
    {
        let mut stored = scene.store.0.lock().unwrap();
        stored[0].1 = stored[1].1.clone();
    }
    scene.kept.0.lock().unwrap().push(own);
    let pair = Pair::driven(scene.client(), scene.server());
    scene.assert_full(&pair, &[NotResumed::Declined], &[NotResumed::OtherSession], "another client's");

    // A client's own session, as a server that is a client as well may have it in the same store.
    for by in [By::Id, By::Ticket] {
        let scene = Scene::after(by, same, same);
        let of_client = scene.kept.last().unwrap().to_bytes().to_vec();
        scene.alter(Side::Server, |bytes| *bytes = of_client.clone());
        let pair = Pair::driven(scene.client(), scene.server());
        scene.assert_full(&pair, &[NotResumed::Declined], &[NotResumed::OtherSession], "a client's");
    }
}

/// RFC 7627 §5.3. Our clients always offer extended_master_secret.
#[test]
fn a_session_without_extended_master_secret_is_not_resumed_with_it() {
    for by in [By::Id, By::Ticket] {
        let scene = Scene::after(by, same, same);
        scene.alter(Side::Server, |bytes| bytes[EMS] = 0);
        let pair = Pair::driven(scene.client(), scene.server());
        scene.assert_full(&pair, &[NotResumed::Declined], &[NotResumed::NoExtendedMasterSecret], "by the server");

        let scene = Scene::after(by, same, same);
        scene.alter(Side::Client, |bytes| bytes[EMS] = 0);
        let client = scene.client().extended_master_secret(ExtendedMasterSecret::Required);
        let pair = Pair::driven(client, scene.server());
        scene.assert_full(&pair, &[NotResumed::NoExtendedMasterSecret], &[], "by a client that requires it");

        let scene = Scene::after(by, same, same);
        scene.alter(Side::Client, |bytes| bytes[EMS] = 0);
        let client = scene.client().dangerous_resumption_without_extended_master_secret(true);
        let pair = Pair::driven(client, scene.server());
        let reason = pair.client.error().map(tls12::Error::reason);
        assert_eq!(reason, Some(&Reason::ResumedWithoutExtendedMasterSecret), "{by:?}: what the server says differs");
        let told = Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(pair.server.error().map(tls12::Error::reason), Some(&told));
        assert_eq!(scene.kept.count(), 0, "{by:?}: the next one is a full handshake");
    }
}

#[test]
fn a_server_with_another_master_secret_is_not_the_one_that_the_session_is_from() {
    for by in [By::Id, By::Ticket] {
        let scene = Scene::after(by, same, same);
        scene.alter(Side::Client, |bytes| bytes[SECRET] ^= 1);
        let pair = Pair::driven(scene.client(), scene.server());
        let (client, server) = (pair.client.error().unwrap(), pair.server.error().unwrap());
        assert!(matches!(client.reason(), Reason::BadRecordMac { .. }), "{client}");
        assert_eq!(server.reason(), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
        assert!(pair.client.connection.peer_proof().is_none() && pair.server.connection.peer_proof().is_none());
        assert_eq!((scene.kept.count(), scene.store.0.lock().unwrap().len()), (0, 0), "{by:?}: both forget it");
    }
}

#[test]
fn a_client_that_shows_no_certificate_where_one_is_required_now_is_refused_as_a_new_one_is() {
    for by in [By::Id, By::Ticket] {
        let scene = Scene::after(by, same, optional);
        let pair = Pair::driven(scene.client(), required(scene.server()));
        assert_eq!(pair.server.error().map(tls12::Error::reason), Some(&Reason::NoClientCertificate), "{by:?}");
        let told = Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(pair.client.error().map(tls12::Error::reason), Some(&told), "{by:?}");
        assert_eq!(scene.of_server.take(), [NotResumed::OtherClientAuthentication], "{by:?}");
        // Declined by the sealer or the store.
        let scene = Scene::after(by, with_identity, required);
        scene.alter(Side::Client, |bytes| *bytes.last_mut().unwrap() ^= 1);
        let server = required(scene.server()).tickets(Arc::new(Tickets::new().unwrap()));
        let pair = Pair::driven(shy(scene.client()), server);
        let why = if by == By::Id { NotResumed::UnknownSession } else { NotResumed::TicketDeclined };
        assert_eq!(scene.of_server.take(), [why]);
        assert_eq!(pair.server.error().map(tls12::Error::reason), Some(&Reason::NoClientCertificate), "{by:?}");
    }
}

#[test]
fn what_a_client_has_shown_is_known_after_a_resumption_and_as_such() {
    for by in [By::Id, By::Ticket] {
        for kind in Kind::ALL {
            let scene = Scene::new(by);
            let connect = || Pair::driven(scene.client().identity(identity(kind)), required(scene.server()));
            let first = connect();
            first.assert_established();
            assert!(matches!(first.server.connection.peer_proof(), Some(PeerProof::Verified(_))));
            for _ in 0..2 {
                let second = connect();
                second.assert_established();
                assert!(second.server.connection.resumed() && second.client.connection.resumed());
                for (now, then) in [
                    (second.server.connection.peer_certificates(), first.server.connection.peer_certificates()),
                    (second.client.connection.peer_certificates(), first.client.connection.peer_certificates()),
                ] {
                    assert!(now.is_some() && now == then, "{by:?}, {kind:?}");
                }
                assert!(matches!(second.server.connection.peer_proof(), Some(PeerProof::FromSession(_))));
            }
        }
        // Who showed none is no more known than before.
        let scene = Scene::after(by, same, optional);
        let second = Pair::driven(scene.client(), optional(scene.server()));
        assert!(second.server.connection.resumed());
        assert!(matches!(second.server.connection.peer_proof(), Some(PeerProof::Declined(_))), "{by:?}");
    }
}
