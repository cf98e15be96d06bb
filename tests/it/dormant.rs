//! Connections that rest and wake, here or by their bytes.

use std::sync::Arc;

use tls12::message::CipherSuite;
use tls12::{
    AlertDescription, Backend, ChannelBinding, ClientAuthPolicy, ClientConfig, ClientConnection, Connection, Dormant,
    Error, ExtendedMasterSecret, Identity, PeerProof, Reason, RecordBuffer, ServerConfig, ServerConnection, Step,
    WakeError, WebPkiVerifier,
};

use crate::backends::BACKENDS;
use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{Authority, End, NAME, NOW, Pair, Stopped, Trace, client_config, server_config};
use crate::sessions::{Bare, Kept, Store};

/// Where it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bed {
    Here,
    Bytes,
    /// The same, and without exporters.
    BytesOfKeys,
}

const BEDS: [Bed; 3] = [Bed::Here, Bed::Bytes, Bed::BytesOfKeys];

fn rest(dormant: Dormant, bed: Bed) -> Dormant {
    match bed {
        Bed::Here => dormant,
        Bed::Bytes => Dormant::from_bytes(&dormant.to_bytes()).unwrap(),
        Bed::BytesOfKeys => Dormant::from_bytes(&dormant.without_exporters().to_bytes()).unwrap(),
    }
}

/// The end goes on with a connection that has rested; what it was sent and did not read is still there.
#[track_caller]
fn nap<C: Connection>(end: End<C>, bed: Bed, config: &Arc<C::Config>) -> End<C> {
    let End { connection, inbox, happened, .. } = end;
    let connection = rest(connection.export().unwrap(), bed).wake(config).unwrap();
    let mut end = End::new(connection);
    end.inbox = inbox;
    end.happened = happened;
    end
}

struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Configs {
    fn new(kind: Kind, suite: CipherSuite, resumption: Option<bool>) -> Self {
        // A certificate that is its own root, signed by a key that has a `tls-server-end-point`.
        let made = rcgen::CertificateParams::new([NAME.to_string()]).unwrap().self_signed(kind.key()).unwrap();
        let key = Backend::default().load_key(&kind.private_key()).unwrap();
        let clock = Arc::new(Stopped(NOW));
        let client = ClientConfig::builder().roots([made.der().clone()]).clock(clock.clone()).session_context("client");
        let client = client.alpn_protocols(["a", "b"]).sessions(Arc::new(Kept::default()));
        let server = ServerConfig::builder().identity(Identity::new(vec![made.der().clone()], key).unwrap());
        let server = server.clock(clock).session_context("server");
        let server = server.alpn_protocols(["b"]).cipher_suites(&[suite]);
        let server = match resumption {
            None => server,
            Some(true) => server.tickets(Arc::new(Bare::default())),
            Some(false) => server.session_store(Arc::new(Store::default())),
        };
        Configs { client: client.build().unwrap(), server: server.build().unwrap() }
    }

    fn plain() -> Self {
        Configs::new(Kind::P256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, None)
    }

    #[track_caller]
    fn connect(&self) -> Pair {
        let mut pair = Pair::new(self.client.clone(), self.server.clone());
        pair.drive();
        pair.assert_established();
        pair
    }
}

/// All that a connection says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    agreed: String,
    proof: String,
    digest: Option<[u8; 32]>,
    secure_renegotiation: bool,
    limits: [usize; 2],
    records_left: u64,
    bindings: Vec<Result<Vec<u8>, String>>,
    exported: Result<Vec<u8>, String>,
}

macro_rules! known {
    ($connection:expr) => {{
        let connection = &$connection;
        let text = |error: Error| error.to_string();
        let binding = |kind| connection.channel_binding(kind).map_err(text);
        let mut exported = vec![0; 40];
        let result = connection.exporter(b"EXPERIMENTAL-nap", Some(b"context"), &mut exported);
        Known {
            agreed: format!("{:?}", connection.agreed().unwrap()),
            proof: format!("{:?}", connection.peer_proof().unwrap()),
            digest: connection.peer_certificate_digest(),
            secure_renegotiation: connection.secure_renegotiation(),
            limits: [connection.max_plaintext_sent(), connection.max_plaintext_received()],
            records_left: connection.records_left(),
            bindings: [ChannelBinding::TlsUnique, ChannelBinding::TlsExporter, ChannelBinding::TlsServerEndPoint]
                .map(binding)
                .into(),
            exported: result.map(|()| exported).map_err(text),
        }
    }};
}

#[track_caller]
fn talk(pair: &mut Pair) {
    for length in [1, 1000, 16_384, 40_000] {
        let (question, answer) = (vec![length as u8; length], vec![!length as u8; length]);
        let before = (pair.server.data().len(), pair.client.data().len());
        pair.client_says(&question);
        pair.server_says(&answer);
        assert_eq!(pair.server.data()[before.0..], question, "{pair:?}");
        assert_eq!(pair.client.data()[before.1..], answer, "{pair:?}");
    }
}

#[track_caller]
fn close(pair: &mut Pair) {
    pair.client.connection.close();
    pair.drive();
    assert!(pair.server.closed() && !pair.client.closed(), "{pair:?}");
    pair.server.connection.close();
    pair.drive();
    assert!(pair.client.closed(), "{pair:?}");
    assert_eq!(pair.client.connection.end_of_input(), Ok(()));
}

#[test]
fn every_suite_in_both_roles_goes_on_where_it_was() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        for suite in kind.suites() {
            for resumption in [None, Some(false), Some(true)] {
                let configs = Configs::new(kind, suite, resumption);
                if resumption.is_some() {
                    configs.connect();
                }
                for bed in BEDS {
                    let mut pair = configs.connect();
                    assert_eq!(pair.client.connection.resumed(), resumption.is_some(), "{suite}");
                    talk(&mut pair);
                    let before = (known!(pair.client.connection), known!(pair.server.connection));
                    let Pair { client, server } = pair;
                    let client = nap(client, bed, &configs.client);
                    let server = nap(server, bed, &configs.server);
                    let mut pair = Pair { client, server };
                    let after = (known!(pair.client.connection), known!(pair.server.connection));
                    if bed == Bed::BytesOfKeys {
                        assert_eq!(before.0.bindings[2], after.0.bindings[2], "{suite}");
                        assert_eq!(before.1.bindings[2], after.1.bindings[2], "{suite}");
                        assert_eq!((&before.0.agreed, before.0.digest), (&after.0.agreed, after.0.digest), "{suite}");
                    } else {
                        assert_eq!(before, after, "{suite}, {bed:?}");
                    }
                    assert!(before.0.bindings[2].is_ok() && before.0.bindings[2] == before.1.bindings[2]);
                    assert!(before.0.digest.is_some() && before.1.digest.is_none());
                    talk(&mut pair);
                    close(&mut pair);
                }
            }
        }
    }
}

#[test]
fn each_backend_wakes_what_each_exported() {
    for (&before, &after) in BACKENDS.iter().flat_map(|a| BACKENDS.iter().map(move |b| (a, b))) {
        let configs = |backend, suite| {
            let server = crate::backends::server(backend, Kind::P256).cipher_suites(&[suite]).build().unwrap();
            Configs { client: crate::backends::client(backend).build().unwrap(), server }
        };
        for suite in Kind::P256.suites() {
            for bed in BEDS {
                let mut pair = configs(before, suite).connect();
                talk(&mut pair);
                let known = |pair: &Pair| {
                    let mut both = [known!(pair.client.connection), known!(pair.server.connection)];
                    // The certificate has no end point, and that is said in other words.
                    both.iter_mut().for_each(|known| known.bindings.truncate(2));
                    both
                };
                let known_before = known(&pair);
                let woken = configs(after, suite);
                let client = nap(pair.client, bed, &woken.client);
                let server = nap(pair.server, bed, &woken.server);
                let mut pair = Pair { client, server };
                if bed != Bed::BytesOfKeys {
                    assert_eq!(known(&pair), known_before, "{suite}, {bed:?}, {before:?} and {after:?}");
                }
                talk(&mut pair);
                close(&mut pair);
            }
        }
    }
}

#[test]
fn a_connection_can_rest_again_and_again_however_it_rested_before() {
    let configs = Configs::plain();
    for bed in BEDS {
        let Pair { mut client, mut server } = configs.connect();
        for next in [bed, Bed::Here, bed, Bed::Bytes] {
            client = nap(client, next, &configs.client);
            server = nap(server, Bed::Bytes, &configs.server);
            let mut pair = Pair { client, server };
            talk(&mut pair);
            Pair { client, server } = pair;
        }
        let dormant = client.connection.export().unwrap();
        assert_eq!(dormant.has_exporters(), bed != Bed::BytesOfKeys);
    }
}

#[test]
fn without_exporters_nothing_is_exported_any_more() {
    let configs = Configs::plain();
    let client = nap(configs.connect().client, Bed::BytesOfKeys, &configs.client).connection;
    let why = "nothing is exported: the connection was dormant, without exporters (in state Established)";
    assert_eq!(client.exporter(b"EXPERIMENTAL", None, &mut [0; 8]).unwrap_err().to_string(), why);
    for kind in [ChannelBinding::TlsUnique, ChannelBinding::TlsExporter] {
        assert_eq!(client.channel_binding(kind).unwrap_err().to_string(), why, "{kind:?}");
    }
    assert_eq!(client.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap().len(), 32);
}

#[test]
fn an_end_point_that_is_not_defined_stays_so() {
    let Pair { client, server } = Pair::established();
    let client: ClientConnection = rest(client.connection.export().unwrap(), Bed::Bytes)
        .wake(&client_config(authority(), 1).build().unwrap())
        .unwrap();
    assert!(client.peer_certificates().is_none() && client.peer_certificate_digest().is_some());
    let server = server_config(2).identity(identity(Kind::P256)).build().map(|config| nap(server, Bed::Here, &config));
    for error in [
        client.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap_err(),
        server.unwrap().connection.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap_err(),
    ] {
        assert!(error.to_string().contains("no hash of a certificate was kept"), "{error}");
    }
}

#[test]
fn records_on_the_way_and_bytes_not_yet_read_are_not_lost() {
    let configs = Configs::plain();
    for bed in BEDS {
        let mut pair = configs.connect();
        // Sealed before the export, and read by the peer only when it is over.
        let mut to_server = pair.client.write(b"before, ");
        let to_client: Vec<u8> = [&b"one "[..], b"two ", b"three"].map(|data| pair.server.write(data)).concat();
        let Pair { mut client, mut server } = pair;
        // Of what came, a record and a half are read.
        let (now, later) = to_client.split_at(to_client.len() - 3);
        let mut buffer = RecordBuffer::with_unread(now.to_vec());
        assert!(matches!(buffer.step(&mut client.connection), Ok(Step::Data(data)) if data == b"one "));
        let mut buffer = RecordBuffer::with_unread(buffer.into_unread());
        client = nap(client, bed, &configs.client);
        assert!(matches!(buffer.step(&mut client.connection), Ok(Step::Data(data)) if data == b"two "));
        assert!(matches!(buffer.step(&mut client.connection), Ok(Step::NeedInput)));
        let unread = buffer.into_unread();
        assert_eq!(unread.len(), 5 + 8 + 5 + 16 - 3, "most of a record");
        client = nap(client, bed, &configs.client);
        let mut buffer = RecordBuffer::with_unread(unread);
        buffer.room()[..3].copy_from_slice(later);
        buffer.received(3);
        assert!(matches!(buffer.step(&mut client.connection), Ok(Step::Data(data)) if data == b"three"));

        to_server.extend(client.write(b"after"));
        server.inbox = to_server;
        server.read();
        assert_eq!(server.data(), b"before, after");
    }
}

#[test]
fn a_forged_record_after_the_rest_ends_it_with_its_alert_and_its_session() {
    for bed in BEDS {
        let store = Arc::new(Store::default());
        let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
        let server = server.session_store(store.clone()).session_context("server").build().unwrap();
        let client = client_config(authority(), 1).groups(backend_groups()).sessions(Arc::new(Kept::default()));
        let mut pair = Pair::new(client.build().unwrap(), server.clone());
        pair.drive();
        pair.client_says(b"one");
        assert_eq!(store.0.lock().unwrap().len(), 1);
        let mut pair = Pair { client: pair.client, server: nap(pair.server, bed, &server) };
        let mut record = pair.client.write(b"two");
        *record.last_mut().unwrap() ^= 1;
        pair.server.inbox = record;
        pair.server.read();
        let error = pair.server.error().unwrap();
        assert_eq!(error.reason(), &Reason::BadRecordMac { sequence: 2 }, "after Finished and a record");
        pair.drive();
        let told = Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC);
        assert_eq!(pair.client.error().unwrap().reason(), &told, "{bed:?}");
        assert_eq!(store.0.lock().unwrap().len(), 0, "RFC 5246 §7.2.2: its session is forgotten, {bed:?}");
    }
}

#[test]
fn a_record_that_was_read_before_the_rest_is_not_read_again() {
    let configs = Configs::plain();
    for bed in BEDS {
        let mut pair = configs.connect();
        let record = pair.client.write(b"pay once");
        pair.server.inbox = record.clone();
        pair.server.read();
        let mut server = nap(pair.server, bed, &configs.server);
        server.inbox = record;
        server.read();
        assert_eq!((server.data(), server.error().is_some()), (b"pay once".to_vec(), true));
    }
}

#[test]
fn explicit_nonces_are_the_sequence_number_over_any_number_of_rests() {
    let configs = Configs::plain();
    let Pair { mut client, .. } = configs.connect();
    let mut nonces = Vec::new();
    for bed in BEDS.into_iter().cycle().take(12) {
        for _ in 0..3 {
            let record = client.write(b"data");
            nonces.push(u64::from_be_bytes(record[5..13].try_into().unwrap()));
        }
        client = nap(client, bed, &configs.client);
    }
    // Finished was the first record.
    assert_eq!(nonces, (1..=36).collect::<Vec<u64>>());
}

#[test]
fn an_end_that_closed_or_was_closed_stays_so() {
    let configs = Configs::plain();
    for bed in BEDS {
        let mut pair = configs.connect();
        pair.client.connection.close();
        pair.drive();
        let client = nap(pair.client, bed, &configs.client);
        let server = nap(pair.server, bed, &configs.server);
        let mut pair = Pair { client, server };
        let refused = pair.client.connection.write(b"more", &mut [0; 100]).unwrap_err();
        assert_eq!(refused.reason(), &Reason::WriteAfterClose);
        assert_eq!(pair.server.connection.end_of_input(), Ok(()), "the close_notify is not forgotten");
        pair.server_says(b"the rest");
        assert_eq!(pair.client.data(), b"the rest");
        pair.server.connection.close();
        pair.drive();
        assert!(pair.client.closed());
    }
}

#[test]
fn sizes_of_records_stay_agreed_on() {
    let client = client_config(authority(), 1).groups(backend_groups()).record_size_limit(700).build().unwrap();
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256)).record_size_limit(900);
    let server = server.build().unwrap();
    for bed in BEDS {
        let mut pair = Pair::new(client.clone(), server.clone());
        pair.drive();
        let client = nap(pair.client, bed, &client);
        let server = nap(pair.server, bed, &server);
        assert_eq!((client.connection.max_plaintext_sent(), client.connection.max_plaintext_received()), (900, 700));
        assert_eq!((server.connection.max_plaintext_sent(), server.connection.max_plaintext_received()), (700, 900));
        talk(&mut Pair { client, server });
    }
}

#[test]
fn the_observer_of_the_new_configuration_sees_what_comes() {
    let trace = Arc::new(Trace::default());
    let configs = Configs::plain();
    let mut pair = configs.connect();
    let server = server_config(2).identity(identity(Kind::P256)).observer(trace.clone()).build().unwrap();
    pair.server = nap(pair.server, Bed::Bytes, &server);
    pair.client.connection.close();
    pair.drive();
    let seen = trace.0.lock().unwrap();
    assert_eq!(*seen, [(tls12::Direction::Received, "close_notify", "Established")]);
}

#[track_caller]
fn assert_awake<C: Connection + std::fmt::Debug>(connection: C, why: &str) -> C {
    let refused = connection.export().unwrap_err();
    assert_eq!(refused.error().reason().to_string(), format!("the connection cannot be exported: {why}"));
    assert_eq!(refused.error().alert(), None);
    refused.into_inner()
}

#[test]
fn a_connection_that_is_not_at_rest_is_not_exported_and_comes_back_as_it_was() {
    let mut pair = Pair::replayable();
    pair.client.connection = assert_awake(pair.client.connection, "the handshake is not done");
    pair.server.connection = assert_awake(pair.server.connection, "the handshake is not done");
    // Three flights, and the last one of the server's waits.
    pair.step();
    pair.client.connection = assert_awake(pair.client.connection, "the handshake is not done");
    let finished = pair.client.write(&[]);
    pair.server.inbox.extend(finished);
    pair.server.read();
    assert!(pair.server.connection.is_established());
    pair.server.connection = assert_awake(pair.server.connection, "output is queued: write it first");
    pair.drive();
    pair.assert_established();
    talk(&mut pair);
    pair.client.connection.close();
    pair.client.connection = assert_awake(pair.client.connection, "output is queued: write it first");

    pair.client.inbox = b"\x17\x03\x03\x00\x20 thirty-two bytes that are no record".to_vec();
    pair.client.read();
    let error = pair.client.error().unwrap().clone();
    let refused = pair.client.connection.export().unwrap_err();
    assert_eq!(refused.error(), &error, "a failed connection says why it failed");
    assert!(refused.into_inner().wants_write(), "the close_notify is still there");
}

#[test]
fn a_configuration_wakes_only_what_it_could_have_made() {
    let configs = Configs::plain();
    let refuses = |dormant: Dormant, config: &Arc<ServerConfig>, error| {
        let refused = dormant.wake::<ServerConnection>(config).unwrap_err();
        assert_eq!(refused.error(), error, "{refused}");
        refused.into_inner()
    };
    let Pair { client, mut server } = configs.connect();
    let dormant = refuses(client.connection.export().unwrap(), &configs.server, WakeError::OtherRole);
    let mut client = End::new(dormant.wake::<ClientConnection>(&configs.client).unwrap());

    let config = || server_config(2).identity(identity(Kind::P256));
    let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let other = config().cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]).build().unwrap();
    let dormant = refuses(server.connection.export().unwrap(), &other, WakeError::CipherSuite(suite));
    let verifier = Arc::new(WebPkiVerifier::for_clients([Authority::new().root()]).unwrap());
    let strict = config().client_authentication(ClientAuthPolicy::Required, verifier.clone()).build().unwrap();
    let dormant = refuses(dormant, &strict, WakeError::NoClientCertificate);
    let optional = config().client_authentication(ClientAuthPolicy::Optional, verifier).build().unwrap();
    server = End::new(dormant.wake(&optional).unwrap());
    assert!(matches!(server.connection.peer_proof(), Some(PeerProof::NotRequested(_))));
    client.inbox = server.write(b"still here");
    client.read();
    assert_eq!(client.data(), b"still here");
}

#[test]
fn extended_master_secret_is_still_demanded() {
    let required = server_config(2).identity(identity(Kind::P256));
    let required = required.extended_master_secret(ExtendedMasterSecret::Required).build().unwrap();
    let configs = Configs::plain();
    let mut bytes = configs.connect().server.connection.export().unwrap().to_bytes();
    assert!(Dormant::from_bytes(&bytes).unwrap().wake::<ServerConnection>(&required).is_ok());
    bytes[9] = 0;
    let refused = Dormant::from_bytes(&bytes).unwrap().wake::<ServerConnection>(&required).unwrap_err();
    assert_eq!(refused.error(), WakeError::NoExtendedMasterSecret);
}
