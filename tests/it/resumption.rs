//! Sessions, resumed by ID and by ticket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tls12::pki_types::UnixTime;
use tls12::{
    ChannelBinding, ClientConfigBuilder, Decision, MessageLimits, NewTicket, NotResumed, OpenedTicket, PeerProof,
    ServerConfigBuilder, Session, TicketSealer,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{Pair, client_config, server_config};
use crate::sessions::{Bare, Kept, Refusals, Store};

/// A client that keeps its sessions, and a server with an identity.
fn configs(kept: &Arc<Kept>) -> (ClientConfigBuilder, ServerConfigBuilder) {
    // A session ID comes once.
    static SEED: AtomicU64 = AtomicU64::new(100);
    let seed = SEED.fetch_add(2, Ordering::Relaxed);
    let client =
        client_config(authority(), seed).groups(backend_groups()).sessions(kept.clone()).session_context("test");
    (client, server_config(seed + 1).groups(backend_groups()).identity(identity(Kind::P256)).session_context("test"))
}

/// A whole connection: established, with data both ways.
#[track_caller]
fn connect(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Pair {
    let mut pair = Pair::driven(client, server);
    pair.assert_established();
    pair.client_says(b"ping");
    pair.server_says(b"pong");
    assert_eq!((pair.server.data(), pair.client.data()), (b"ping".to_vec(), b"pong".to_vec()));
    pair
}

#[track_caller]
fn assert_resumed(pair: &Pair, resumed: bool) {
    let both = (pair.client.connection.resumed(), pair.server.connection.resumed());
    assert_eq!(both, (resumed, resumed), "{pair:?}");
    for binding in [ChannelBinding::TlsUnique, ChannelBinding::TlsExporter] {
        let of_client = pair.client.connection.channel_binding(binding).unwrap();
        assert_eq!(of_client, pair.server.connection.channel_binding(binding).unwrap(), "{binding:?}");
    }
}

#[test]
fn a_session_is_resumed_by_its_id() {
    let (kept, store) = (Arc::new(Kept::default()), Arc::new(Store::default()));
    let configs = || {
        let (client, server) = configs(&kept);
        (client, server.session_store(store.clone()))
    };
    let (client, server) = configs();
    let first = connect(client, server);
    assert_resumed(&first, false);
    assert_eq!((kept.count(), store.0.lock().unwrap().len()), (1, 1));
    for _ in 0..2 {
        let (client, server) = configs();
        let second = connect(client, server);
        assert_resumed(&second, true);
        let (client, server) = (&second.client.connection, &second.server.connection);
        assert!(matches!(client.peer_proof(), Some(PeerProof::FromSession(_))));
        assert!(matches!(server.peer_proof(), Some(PeerProof::NotRequested(_))));
        assert_eq!(client.peer_certificates(), first.client.connection.peer_certificates());
        assert_eq!((client.key_exchange_group(), client.signature_scheme()), (None, None));
        assert!(second.server.sent.len() < 300, "the short handshake: {} bytes", second.server.sent.len());
        assert_eq!((kept.count(), store.0.lock().unwrap().len()), (1, 1), "nothing new to keep");
    }
}

#[test]
fn a_session_is_resumed_by_its_ticket_and_the_ticket_renewed() {
    for renew in [false, true] {
        let kept = Arc::new(Kept::default());
        let configs = || {
            let (client, server) = configs(&kept);
            (client, server.tickets(Arc::new(Bare { renew })))
        };
        let (client, server) = configs();
        assert_resumed(&connect(client, server), false);
        assert_eq!(kept.count(), 1);
        let (client, server) = configs();
        assert_resumed(&connect(client, server), true);
        assert_eq!(kept.count(), if renew { 2 } else { 1 });
        let (client, server) = configs();
        assert_resumed(&connect(client, server), true);
    }
}

#[test]
fn without_anything_to_keep_sessions_in_each_handshake_is_full() {
    let kept = Arc::new(Kept::default());
    for _ in 0..2 {
        let (client, server) = configs(&kept);
        assert_resumed(&connect(client, server), false);
        assert_eq!(kept.count(), 0);
    }
}

#[test]
fn a_session_of_another_configuration_is_a_full_handshake() {
    let (kept, store, refusals) =
        (Arc::new(Kept::default()), Arc::new(Store::default()), Arc::new(Refusals::default()));
    for context in ["one", "another"] {
        let (client, server) = configs(&kept);
        let server = server.session_store(store.clone()).session_context(context).observer(refusals.clone());
        assert_resumed(&connect(client, server), false);
    }
    assert_eq!(refusals.take(), [NotResumed::OtherConfiguration]);
}

/// Seals into tickets of so many bytes, none of which opens.
#[derive(Debug)]
struct Long(usize);

impl TicketSealer for Long {
    fn open(&self, _: &[u8], _: UnixTime) -> Decision<Option<OpenedTicket>> {
        Decision::Now(None)
    }

    fn seal(&self, _: &Arc<Session>, _: UnixTime) -> Decision<Option<NewTicket>> {
        Decision::Now(Some(NewTicket { ticket: vec![7; self.0], lifetime_hint: 0 }))
    }
}

#[test]
fn a_ticket_that_is_too_long_for_a_client_hello_is_not_kept() {
    let wide = |mut limits: MessageLimits| {
        limits.other = 1 << 18;
        limits
    };
    for (length, count) in [(16 << 10, 1), ((16 << 10) + 1, 0), (65_535, 0)] {
        let kept = Arc::new(Kept::default());
        for _ in 0..2 {
            let (client, server) = configs(&kept);
            let server = server.message_limits(wide(MessageLimits::server())).tickets(Arc::new(Long(length)));
            assert_resumed(&connect(client.message_limits(wide(MessageLimits::client())), server), false);
            assert_eq!(kept.count(), count, "{length} bytes");
        }
    }
}
