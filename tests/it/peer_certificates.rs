//! What becomes of the peer's certificates once the connection is established.

use std::sync::{Arc, OnceLock};

use tls12::pki_types::CertificateDer;
use tls12::{
    Backend, CertificatePool, ChannelBinding, ClientAuthPolicy, ClientCache, ClientConfig, ClientConnection,
    Connection, Dormant, Identity, MemoryStore, PeerCertificatesPolicy, PeerProof, ServerConfig, ServerConfigBuilder,
    ServerConnection, Tickets, WebPkiVerifier,
};

use crate::credentials::Kind;
use crate::pair::{NAME, Pair};

/// How the server resumes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Id,
    Ticket,
}

/// The same bytes in a whole run, although signatures are random.
fn certificate(kind: Kind) -> CertificateDer<'static> {
    static CERTIFICATES: OnceLock<[CertificateDer<'static>; 4]> = OnceLock::new();
    let self_signed = |kind: Kind| {
        let params = rcgen::CertificateParams::new([NAME.to_string()]).unwrap();
        params.self_signed(kind.key()).unwrap().der().clone()
    };
    CERTIFICATES.get_or_init(|| Kind::ALL.map(self_signed))[kind as usize].clone()
}

/// Both sides authenticated by a certificate that signs itself, and what each keeps of the other.
struct Sides {
    policy: PeerCertificatesPolicy,
    kind: Kind,
    certificate: CertificateDer<'static>,
    by: By,
    kept: Arc<ClientCache>,
    store: Arc<MemoryStore>,
    tickets: Arc<Tickets>,
    verify_on_resumption: bool,
}

impl Sides {
    fn new(policy: &PeerCertificatesPolicy, by: By) -> Self {
        Sides::with(policy, by, Kind::P256)
    }

    fn with(policy: &PeerCertificatesPolicy, by: By, kind: Kind) -> Self {
        Sides {
            policy: policy.clone(),
            kind,
            certificate: certificate(kind),
            by,
            kept: Arc::default(),
            store: Arc::new(MemoryStore::new(10)),
            tickets: Arc::new(Tickets::new().unwrap()),
            verify_on_resumption: false,
        }
    }

    fn identity(&self) -> Identity {
        let key = Backend::default().load_key(&self.kind.private_key()).unwrap();
        Identity::new(vec![self.certificate.clone()], key).unwrap()
    }

    fn keeping(&self, server: ServerConfigBuilder) -> ServerConfigBuilder {
        match self.by {
            By::Id => server.session_store(self.store.clone()),
            By::Ticket => server.tickets(self.tickets.clone()),
        }
    }

    #[track_caller]
    fn connect(&self) -> Pair {
        let roots = || [self.certificate.clone()];
        let client = ClientConfig::builder().roots(roots()).identity(self.identity()).session_context("test");
        let client = client.sessions(self.kept.clone()).peer_certificates(self.policy.clone());
        let verifier = Arc::new(WebPkiVerifier::for_clients(roots()).unwrap());
        let server = ServerConfig::builder().identity(self.identity()).session_context("test");
        let server = server.client_authentication(ClientAuthPolicy::Required, verifier);
        let server = self.keeping(server.peer_certificates(self.policy.clone()));
        let verify = self.verify_on_resumption;
        let pair = Pair::driven(client.verify_on_resumption(verify), server.verify_on_resumption(verify));
        pair.assert_established();
        pair
    }
}

/// Where the certificates stand in memory; `None` if there are none.
fn place(connection: &impl Connection) -> Option<*const u8> {
    connection.peer_certificates().map(|shown| shown.end_entity().unwrap().as_ref().as_ptr())
}

fn places(pair: &Pair) -> [Option<*const u8>; 2] {
    [place(&pair.client.connection), place(&pair.server.connection)]
}

fn end_points(pair: &Pair) -> [Vec<u8>; 2] {
    let kind = ChannelBinding::TlsServerEndPoint;
    [pair.client.connection.channel_binding(kind).unwrap(), pair.server.connection.channel_binding(kind).unwrap()]
}

#[test]
fn a_connection_keeps_them_unless_it_is_told_otherwise_and_each_has_its_own() {
    let policy = PeerCertificatesPolicy::default();
    let [first, second] = [(); 2].map(|()| Sides::new(&policy, By::Id).connect());
    let [first, second] = [places(&first), places(&second)];
    for at in [0, 1] {
        assert!(first[at].is_some() && second[at].is_some());
        assert_ne!(first[at], second[at]);
    }
}

#[test]
fn a_session_and_its_connections_hold_the_same_memory() {
    // A ticket is opened each time anew, so that only an ID leads to the session itself.
    let sides = Sides::new(&PeerCertificatesPolicy::Kept, By::Id);
    let [first, second] = [(); 2].map(|()| sides.connect());
    assert!(second.client.connection.resumed());
    assert_eq!(places(&first), places(&second));
}

#[test]
fn connections_of_one_pool_hold_equal_certificates_once() {
    for by in [By::Id, By::Ticket] {
        let pool = Arc::new(CertificatePool::new(100));
        let policy = PeerCertificatesPolicy::Shared(pool.clone());
        let sides = Sides::new(&policy, by);
        let first = sides.connect();
        let others = [Sides::new(&policy, by).connect(), sides.connect(), sides.connect()];
        assert_eq!(others.each_ref().map(|pair| pair.server.connection.resumed()), [false, true, true], "{by:?}");
        // The same identity on both sides: client and server were shown the same.
        assert_eq!((pool.len(), places(&first)[0]), (1, places(&first)[1]), "{by:?}");
        for other in &others {
            assert_eq!(places(other), places(&first), "{by:?}");
            assert_eq!(end_points(other), end_points(&first), "{by:?}");
        }
        pool.release_unused();
        assert_eq!(pool.len(), 1, "they are in use");
        drop((first, others, sides));
        pool.release_unused();
        assert!(pool.is_empty(), "{by:?}");
    }
}

#[test]
fn a_pool_holds_no_certificates_of_a_peer_that_is_not_authenticated() {
    let pool = Arc::new(CertificatePool::new(100));
    let sides = Sides::new(&PeerCertificatesPolicy::Shared(pool.clone()), By::Id);
    let client = ClientConfig::builder().roots([sides.certificate.clone()]).peer_certificates(sides.policy.clone());
    let server = ServerConfig::builder().identity(sides.identity());
    let mut pair = Pair::new(client.build().unwrap(), server.build().unwrap());
    // The client has verified all but the Finished, which is damaged.
    let hello = pair.client.write(&[]);
    pair.server.inbox.extend(hello);
    pair.server.read();
    let flight = pair.server.write(&[]);
    pair.client.inbox.extend(flight);
    pair.client.read();
    assert!(pair.client.connection.peer_certificates().is_some());
    let flight = pair.client.write(&[]);
    pair.server.inbox.extend(flight);
    pair.server.read();
    let mut end = pair.server.write(&[]);
    *end.last_mut().unwrap() ^= 1;
    pair.client.inbox.extend(end);
    pair.client.read();
    assert!(pair.client.error().is_some());
    assert!(pool.is_empty());
}

#[test]
fn a_connection_that_drops_them_has_none_and_knows_the_end_point() {
    for by in [By::Id, By::Ticket] {
        let mut sides = Sides::new(&PeerCertificatesPolicy::Dropped, by);
        sides.verify_on_resumption = true;
        let kept = Sides::new(&PeerCertificatesPolicy::Kept, by).connect();
        for resumed in [false, true, true] {
            let pair = sides.connect();
            assert_eq!(pair.server.connection.resumed(), resumed, "{by:?}: the session has what it needs");
            assert_eq!(places(&pair), [None, None], "{by:?}");
            assert_eq!(end_points(&pair), end_points(&kept), "{by:?}");
            let proofs = [pair.client.connection.peer_proof(), pair.server.connection.peer_proof()];
            let names = proofs.map(|proof| format!("{:?}", proof.unwrap()));
            assert!(names.iter().all(|name| name.contains("Verified") != resumed), "{names:?}");
            let half = pair.client.connection.split().unwrap().0;
            assert_eq!(half.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap(), end_points(&kept)[0]);
        }
    }
}

#[test]
fn a_connection_that_dropped_them_rests_and_wakes_without_their_digest() {
    for policy in [PeerCertificatesPolicy::Kept, PeerCertificatesPolicy::Dropped] {
        let is_kept = matches!(policy, PeerCertificatesPolicy::Kept);
        let sides = Sides::new(&policy, By::Id);
        let pair = sides.connect();
        let end_points = end_points(&pair);
        let digests =
            [pair.client.connection.peer_certificate_digest(), pair.server.connection.peer_certificate_digest()];
        assert_eq!(digests.map(|digest| digest.is_some()), [is_kept; 2]);
        let bytes = pair.client.connection.export().unwrap().to_bytes();
        let client = Dormant::from_bytes(&bytes).unwrap();
        let server = pair.server.connection.export().unwrap();
        assert_eq!([client.peer_certificate_digest(), server.peer_certificate_digest()], digests);
        assert!(matches!((client.peer_proof(), server.peer_proof()), (PeerProof::Verified(_), PeerProof::Verified(_))));
        let config = ClientConfig::builder().roots([sides.certificate.clone()]).build().unwrap();
        let client: ClientConnection = client.wake(&config).unwrap();
        let server: ServerConnection =
            server.wake(&ServerConfig::builder().identity(sides.identity()).build().unwrap()).unwrap();
        assert_eq!([client.peer_certificate_digest(), server.peer_certificate_digest()], digests);
        let kind = ChannelBinding::TlsServerEndPoint;
        assert_eq!([client.channel_binding(kind).unwrap(), server.channel_binding(kind).unwrap()], end_points);
    }
}

#[test]
fn a_dropped_certificate_without_an_end_point_has_none() {
    let sides = Sides::with(&PeerCertificatesPolicy::Dropped, By::Id, Kind::Ed25519);
    let pair = sides.connect();
    for of in [
        pair.client.connection.channel_binding(ChannelBinding::TlsServerEndPoint),
        pair.server.connection.channel_binding(ChannelBinding::TlsServerEndPoint),
    ] {
        assert!(of.is_err(), "{of:?}");
    }
}
