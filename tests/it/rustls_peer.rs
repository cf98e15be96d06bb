//! `rustls` as the peer, in both roles and in memory.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring as provider};
use rustls::pki_types::{PrivateKeyDer, UnixTime};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS12;
use tls12::message::{CipherSuite, MaxFragmentLength, NamedGroup};
use tls12::pki_types::ServerName;
use tls12::{
    AlertDescription, ClientConfigBuilder, ClientConnection, Connection, Error, ExtendedMasterSecret, Identity,
    Preference, Reason, RecordSize, ServerConfigBuilder, ServerConnection,
};

use crate::credentials::{GROUPS, Kind, authority, backend_groups, identity, identity_for};
use crate::pair::{Authority, End, NAME, NOW, client_config, server_config};

/// The time of these tests for rustls.
#[derive(Debug)]
struct Stopped;

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW)))
    }
}

/// rustls with these suites and groups alone.
fn only(suites: &[CipherSuite], groups: &[NamedGroup]) -> Arc<CryptoProvider> {
    let mut provider = provider::default_provider();
    provider.cipher_suites.retain(|suite| suites.contains(&CipherSuite(u16::from(suite.suite()))));
    provider.kx_groups.retain(|group: &&dyn SupportedKxGroup| groups.contains(&NamedGroup(u16::from(group.name()))));
    assert_eq!((provider.cipher_suites.len(), provider.kx_groups.len()), (suites.len(), groups.len()));
    Arc::new(provider)
}

pub(crate) fn all() -> Arc<CryptoProvider> {
    Arc::new(provider::default_provider())
}

pub(crate) fn rustls_client_config(provider: Arc<CryptoProvider>, authority: &Authority) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    let builder = rustls::ClientConfig::builder_with_details(provider, Arc::new(Stopped));
    builder.with_protocol_versions(&[&TLS12]).unwrap().with_root_certificates(roots).with_no_client_auth()
}

fn rustls_server_config(provider: Arc<CryptoProvider>, kind: Kind) -> rustls::ServerConfig {
    let key = PrivateKeyDer::Pkcs8(kind.key().serialize_der().into());
    let chain = vec![authority().certify(&[NAME], kind.key())];
    let builder = rustls::ServerConfig::builder_with_details(provider, Arc::new(Stopped));
    let builder = builder.with_protocol_versions(&[&TLS12]).unwrap().with_no_client_auth();
    builder.with_single_cert(chain, key).unwrap()
}

/// A connection of ours with one of rustls, and the wires between them.
pub(crate) struct Mixed<C, R> {
    pub(crate) ours: End<C>,
    theirs: R,
    /// What rustls said when it failed.
    pub(crate) refused: Option<rustls::Error>,
}

/// Either role of rustls.
pub(crate) trait Rustls {
    fn common(&mut self) -> &mut rustls::ConnectionCommon<Self::Data>;
    type Data;
}

impl Rustls for rustls::ClientConnection {
    type Data = rustls::client::ClientConnectionData;

    fn common(&mut self) -> &mut rustls::ConnectionCommon<Self::Data> {
        self
    }
}

impl Rustls for rustls::ServerConnection {
    type Data = rustls::server::ServerConnectionData;

    fn common(&mut self) -> &mut rustls::ConnectionCommon<Self::Data> {
        self
    }
}

impl<C: Connection, R: Rustls> Mixed<C, R> {
    fn new(ours: C, theirs: R) -> Self {
        Mixed { ours: End::new(ours), theirs, refused: None }
    }

    /// Moves bytes until both are silent.
    fn drive(&mut self) {
        for _ in 0..1000 {
            let to_them = self.ours.write(&[]);
            self.give(&to_them);
            let mut to_us = Vec::new();
            while self.theirs.common().wants_write() {
                self.theirs.common().write_tls(&mut to_us).unwrap();
            }
            self.ours.inbox.extend_from_slice(&to_us);
            self.ours.read();
            if to_them.is_empty() && to_us.is_empty() {
                return;
            }
        }
        panic!("the two never fall silent");
    }

    fn give(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.refused.is_none() {
            self.theirs.common().read_tls(&mut bytes).unwrap();
            self.refused = self.theirs.common().process_new_packets().err();
        }
    }

    fn we_say(&mut self, data: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        // rustls limits what it keeps, so it is emptied in between.
        for some in data.chunks(8000) {
            let bytes = self.ours.write(some);
            self.give(&bytes);
            _ = self.theirs.common().reader().read_to_end(&mut heard);
        }
        heard
    }

    fn they_say(&mut self, data: &[u8]) -> Vec<u8> {
        self.ours.happened.clear();
        for some in data.chunks(8000) {
            self.theirs.common().writer().write_all(some).unwrap();
            self.drive();
        }
        self.ours.data()
    }
}

fn our_client(
    client: ClientConfigBuilder,
    theirs: rustls::ServerConfig,
) -> Mixed<ClientConnection, rustls::ServerConnection> {
    let name = ServerName::try_from(NAME).unwrap();
    let ours = ClientConnection::new(client.build().unwrap(), name).unwrap();
    let mut mixed = Mixed::new(ours, rustls::ServerConnection::new(Arc::new(theirs)).unwrap());
    mixed.drive();
    mixed
}

pub(crate) fn our_server(
    server: ServerConfigBuilder,
    theirs: rustls::ClientConfig,
) -> Mixed<ServerConnection, rustls::ClientConnection> {
    let name = ServerName::try_from(NAME).unwrap();
    let theirs = rustls::ClientConnection::new(Arc::new(theirs), name).unwrap();
    let mut mixed = Mixed::new(ServerConnection::new(server.build().unwrap()), theirs);
    mixed.drive();
    mixed
}

pub(crate) fn client() -> ClientConfigBuilder {
    client_config(authority(), 1).groups(backend_groups())
}

pub(crate) fn server(identity: Identity) -> ServerConfigBuilder {
    server_config(2).groups(backend_groups()).identity(identity)
}

/// Both ends are established with this suite and group, and data goes both ways.
#[track_caller]
fn check<C: Connection, R: Rustls>(mixed: &mut Mixed<C, R>, kind: Kind, suite: CipherSuite, group: NamedGroup) {
    let what = format!("{kind:?}, {suite}, {group}");
    assert!(mixed.ours.established(), "{what}: {:?}, {:?}", mixed.ours.happened, mixed.refused);
    assert!(!mixed.theirs.common().is_handshaking(), "{what}");
    let ours = mixed.ours.connection.agreed().unwrap();
    assert_eq!((ours.cipher_suite, ours.key_exchange_group), (suite, Some(group)), "{what}");
    assert!(ours.extended_master_secret, "{what}: rustls speaks it");
    let theirs = mixed.theirs.common();
    let their_suite = theirs.negotiated_cipher_suite().map(|suite| u16::from(suite.suite()));
    assert_eq!(their_suite, Some(suite.0), "{what}");
    assert_eq!(theirs.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2), "{what}");
    assert_eq!(mixed.we_say(b"from us"), b"from us", "{what}");
    assert_eq!(mixed.they_say(b"from them"), b"from them", "{what}");
}

#[test]
fn our_client_and_a_rustls_server_agree_on_every_suite_certificate_and_group() {
    for kind in Kind::ALL {
        for suite in kind.suites() {
            for group in GROUPS {
                let mut mixed = our_client(client(), rustls_server_config(only(&[suite], &[group]), kind));
                check(&mut mixed, kind, suite, group);
            }
        }
    }
}

#[test]
fn our_server_and_a_rustls_client_agree_on_every_suite_certificate_and_group() {
    for kind in Kind::ALL {
        for suite in kind.suites() {
            for group in GROUPS {
                let server = server(identity(kind)).group_names(&[group]).cipher_suites(&[suite]);
                let mut mixed = our_server(server, rustls_client_config(all(), authority()));
                check(&mut mixed, kind, suite, group);
                let chain = mixed.theirs.common().peer_certificates().map(<[_]>::len);
                assert_eq!(chain, Some(1));
            }
        }
    }
}

#[test]
fn a_rustls_peer_satisfies_whoever_requires_extended_master_secret() {
    let [suite, ..] = Kind::P256.suites();
    let required = ExtendedMasterSecret::Required;
    let theirs = rustls_server_config(all(), Kind::P256);
    let mixed = our_client(client().extended_master_secret(required).cipher_suites(&[suite]), theirs);
    assert!(mixed.ours.established());
    let mut theirs = rustls_client_config(all(), authority());
    theirs.require_ems = true;
    let mixed = our_server(server(identity(Kind::P256)).extended_master_secret(required), theirs);
    assert!(mixed.ours.established());
}

#[test]
fn an_application_protocol_is_agreed_on_with_rustls() {
    let mut theirs = rustls_server_config(all(), Kind::P256);
    theirs.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut mixed = our_client(client().alpn_protocols(["http/1.1", "h2"]), theirs);
    assert_eq!(mixed.ours.connection.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(mixed.theirs.common().alpn_protocol(), Some(&b"h2"[..]));

    let mut theirs = rustls_client_config(all(), authority());
    theirs.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut mixed = our_server(server(identity(Kind::P256)).alpn_protocols(["http/1.1"]), theirs.clone());
    assert_eq!(mixed.ours.connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(mixed.theirs.common().alpn_protocol(), Some(&b"http/1.1"[..]));

    let mixed = our_server(server(identity(Kind::P256)).alpn_protocols(["imap"]), theirs);
    assert_eq!(
        mixed.ours.complaint(),
        "no application protocol in common: we offered imap, the peer offers h2, http/1.1 (in state WaitClientHello)"
    );
    let refused = mixed.refused.expect("rustls is told");
    assert_eq!(refused, rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol));
}

#[test]
fn close_notify_ends_both_directions_cleanly_with_rustls() {
    let mut mixed = our_client(client(), rustls_server_config(all(), Kind::P256));
    mixed.ours.connection.close();
    let bytes = mixed.ours.write(&[]);
    mixed.give(&bytes);
    assert_eq!(mixed.theirs.common().reader().read(&mut [0; 9]).unwrap(), 0, "rustls sees a clean end");
    assert_eq!(mixed.they_say(b"the other way"), b"the other way");
    mixed.theirs.common().send_close_notify();
    mixed.drive();
    assert!(mixed.ours.closed());
    assert_eq!(mixed.ours.connection.end_of_input(), Ok(()));

    let mut mixed = our_server(server(identity(Kind::Rsa2048)), rustls_client_config(all(), authority()));
    mixed.theirs.common().send_close_notify();
    mixed.drive();
    assert!(mixed.ours.closed());
}

#[test]
fn a_rustls_client_refuses_a_wrong_name_and_an_unknown_authority_and_we_say_what_it_said() {
    let mixed = our_server(server(identity_for(Kind::P256, &["b.example"])), rustls_client_config(all(), authority()));
    let reason = mixed.ours.error().map(Error::reason).cloned();
    assert_eq!(reason, Some(Reason::PeerAlert(AlertDescription::BAD_CERTIFICATE)), "{:?}", mixed.refused);

    let another = Authority::named("another root", 98);
    let mixed = our_server(server(identity(Kind::P256)), rustls_client_config(all(), &another));
    let reason = mixed.ours.error().map(Error::reason).cloned();
    assert_eq!(reason, Some(Reason::PeerAlert(AlertDescription::UNKNOWN_CA)), "{:?}", mixed.refused);
    assert_eq!(
        mixed.ours.complaint(),
        "the peer sent unknown_ca: the peer does not trust the issuer of our certificate: send the \
         intermediate certificates, or give the peer the root (in state WaitClientKeyExchange)"
    );
}

/// A server of rustls that shows a certificate for other names.
#[derive(Debug)]
struct OtherName;

impl ResolvesServerCert for OtherName {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chain = vec![authority().certify(&["b.example"], Kind::P256.key())];
        let key = provider::sign::any_supported_type(&Kind::P256.private_key()).unwrap();
        Some(Arc::new(CertifiedKey::new(chain, key)))
    }
}

#[test]
fn our_client_refuses_a_wrong_name_and_an_unknown_authority_and_rustls_is_told() {
    let builder = rustls::ServerConfig::builder_with_details(all(), Arc::new(Stopped));
    let builder = builder.with_protocol_versions(&[&TLS12]).unwrap().with_no_client_auth();
    let mixed = our_client(client(), builder.with_cert_resolver(Arc::new(OtherName)));
    assert_eq!(
        mixed.ours.complaint(),
        "certificate of \"b.example\" does not cover \"server.example\"; it names b.example (in state AskVerify)"
    );
    assert_eq!(mixed.refused, Some(rustls::Error::AlertReceived(rustls::AlertDescription::BadCertificate)));

    let another = Authority::named("another root", 98);
    let mixed =
        our_client(client_config(&another, 1).groups(backend_groups()), rustls_server_config(all(), Kind::P256));
    let reason = mixed.ours.error().map(Error::reason);
    assert!(matches!(reason, Some(Reason::Certificate(tls12::CertificateError::UnknownIssuer { .. }))), "{reason:?}");
    assert_eq!(mixed.refused, Some(rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA)));
}

#[test]
fn nothing_in_common_with_rustls_is_handshake_failure_on_both_sides() {
    let [ecdsa, ..] = Kind::P256.suites();
    let [rsa, ..] = Kind::Rsa2048.suites();
    let mixed = our_server(server(identity(Kind::P256)), rustls_client_config(only(&[rsa], &GROUPS), authority()));
    let complaint = mixed.ours.complaint();
    assert!(complaint.starts_with("no cipher suite in common: we offered TLS_ECDHE_ECDSA_WITH_AES_128"), "{complaint}");
    assert!(complaint.contains("the peer offers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "), "{complaint}");
    assert_eq!(mixed.refused, Some(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)));

    let mixed = our_client(client().cipher_suites(&[rsa]), rustls_server_config(only(&[ecdsa], &GROUPS), Kind::P256));
    let reason = mixed.ours.error().map(Error::reason).cloned();
    assert_eq!(reason, Some(Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE)), "{:?}", mixed.refused);
}

#[test]
fn much_data_goes_both_ways_with_rustls() {
    let much: Vec<u8> = (0..300_000usize).map(|index| (index * 7 + (index >> 9)) as u8).collect();
    for kind in [Kind::P256, Kind::Rsa2048] {
        for suite in kind.suites() {
            let mut mixed = our_client(client(), rustls_server_config(only(&[suite], &GROUPS), kind));
            assert!(mixed.we_say(&much) == much, "{suite}, to a server of rustls");
            assert!(mixed.they_say(&much) == much, "{suite}, from a server of rustls");
            let theirs = rustls_client_config(only(&[suite], &GROUPS), authority());
            let mut mixed = our_server(server(identity(kind)), theirs);
            assert!(mixed.we_say(&much) == much, "{suite}, to a client of rustls");
            assert!(mixed.they_say(&much) == much, "{suite}, from a client of rustls");
        }
    }
}

#[test]
fn a_client_that_also_speaks_tls_1_3_is_answered_with_1_2() {
    let mut mixed = our_server(server(identity(Kind::P256)), both_versions(all()));
    check(&mut mixed, Kind::P256, Kind::P256.suites()[0], NamedGroup::X25519);
}

/// A client of TLS 1.3 and 1.2.
pub(crate) fn both_versions(provider: Arc<CryptoProvider>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority().root()).unwrap();
    let builder = rustls::ClientConfig::builder_with_details(provider, Arc::new(Stopped));
    let Ok(builder) = builder.with_protocol_versions(rustls::ALL_VERSIONS) else { panic!("both versions") };
    builder.with_root_certificates(roots).with_no_client_auth()
}

/// All suites of rustls, these first.
fn in_order(first: &[CipherSuite]) -> Arc<CryptoProvider> {
    let mut provider = provider::default_provider();
    let place = |suite: &rustls::SupportedCipherSuite| {
        first.iter().position(|first| first.0 == u16::from(suite.suite())).unwrap_or(first.len())
    };
    provider.cipher_suites.sort_by_key(place);
    let there: Vec<u16> = provider.cipher_suites.iter().map(|suite| u16::from(suite.suite())).collect();
    assert!(there.iter().zip(first).all(|(there, first)| *there == first.0), "{there:04x?}");
    Arc::new(provider)
}

#[test]
fn what_a_client_puts_first_for_tls_1_3_says_whether_it_has_aes_in_hardware() {
    let [aes, _, chacha] = Kind::P256.suites();
    let aes_of_13 = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];
    let chacha_of_13 = CipherSuite::TLS_CHACHA20_POLY1305_SHA256;
    for (first, preference, expected) in [
        // Its suites of TLS 1.2 say the contrary each time: what is first of all counts.
        ([chacha_of_13, aes], Preference::Server, chacha),
        ([aes_of_13[0], chacha], Preference::Server, aes),
        ([aes_of_13[1], chacha], Preference::Server, aes),
        // Where the client's order decides, that of its suites of TLS 1.2 does.
        ([chacha_of_13, aes], Preference::Client, aes),
        ([aes_of_13[0], chacha], Preference::Client, chacha),
    ] {
        let server = server(identity(Kind::P256)).cipher_suites(&[aes, chacha]).preference(preference);
        let mut mixed = our_server(server, both_versions(in_order(&first)));
        check(&mut mixed, Kind::P256, expected, NamedGroup::X25519);
    }
}

#[test]
fn a_rustls_server_that_speaks_tls_1_3_alone_is_protocol_version() {
    let builder = rustls::ServerConfig::builder_with_details(all(), Arc::new(Stopped));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
    let mixed = our_client(client(), builder.with_cert_resolver(Arc::new(OtherName)));
    let reason = mixed.ours.error().map(Error::reason);
    assert_eq!(reason, Some(&Reason::PeerAlert(AlertDescription::PROTOCOL_VERSION)));
}

/// What either library logs: label, client_random and secret.
#[derive(Debug, Default)]
struct Logged(Mutex<Vec<[Vec<u8>; 3]>>);

impl tls12::KeyLog for Logged {
    fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push([label.into(), client_random.to_vec(), secret.to_vec()]);
    }
}

impl rustls::KeyLog for Logged {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push([label.into(), client_random.to_vec(), secret.to_vec()]);
    }
}

#[test]
fn our_key_log_says_what_that_of_rustls_says() {
    let (ours, theirs) = (Arc::new(Logged::default()), Arc::new(Logged::default()));
    let mut server = rustls_server_config(all(), Kind::P256);
    server.key_log = theirs.clone();
    let mixed = our_client(client().key_log(ours.clone()), server);
    assert!(mixed.ours.established());

    let mut client = rustls_client_config(all(), authority());
    client.key_log = theirs.clone();
    let mixed = our_server(self::server(identity(Kind::P256)).key_log(ours.clone()), client);
    assert!(mixed.ours.established());

    let (ours, theirs) = (ours.0.lock().unwrap(), theirs.0.lock().unwrap());
    assert_eq!(ours.len(), 2, "one secret for each connection");
    assert_eq!(*ours, *theirs);
}

#[test]
fn rustls_exports_the_same_keying_material() {
    let ours = our_client(client(), rustls_server_config(all(), Kind::P256));
    let theirs = our_server(server(identity(Kind::P256)), rustls_client_config(all(), authority()));
    let contexts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"context")];
    for context in contexts {
        let (mut out, mut wanted) = ([0; 48], [0; 48]);
        ours.ours.connection.exporter(b"EXPERIMENTAL-label", context, &mut out).unwrap();
        ours.theirs.export_keying_material(&mut wanted, b"EXPERIMENTAL-label", context).unwrap();
        assert_eq!(out, wanted, "our client, {context:?}");
        theirs.ours.connection.exporter(b"EXPERIMENTAL-label", context, &mut out).unwrap();
        theirs.theirs.export_keying_material(&mut wanted, b"EXPERIMENTAL-label", context).unwrap();
        assert_eq!(out, wanted, "our server, {context:?}");
    }
}

#[test]
fn rustls_reads_records_of_any_size_and_is_bound_to_no_limit_since_it_knows_none() {
    let data: Vec<u8> = (0..100_000).map(|index: u32| (index * 31) as u8).collect();
    for size in [RecordSize::Fixed(64), RecordSize::Growing, RecordSize::default()] {
        let client = client().record_size(size).record_size_limit(64).max_fragment_length(MaxFragmentLength::BYTES_512);
        let mut mixed = our_client(client, rustls_server_config(all(), Kind::Rsa2048));
        assert_eq!(mixed.ours.connection.max_plaintext_received(), 16_384);
        assert!(mixed.we_say(&data) == data && mixed.they_say(&data) == data, "our client, {size:?}");

        let server = server(identity(Kind::Rsa2048)).record_size(size).record_size_limit(64);
        let mut mixed = our_server(server, rustls_client_config(all(), authority()));
        assert_eq!(mixed.ours.connection.max_plaintext_received(), 16_384);
        assert!(mixed.we_say(&data) == data && mixed.they_say(&data) == data, "our server, {size:?}");
    }
}

#[test]
fn rustls_sends_short_records_and_we_hold_it_to_nothing_else() {
    let data = vec![7; 20_000];
    for length in [64, 512, 1000] {
        let mut theirs = rustls_server_config(all(), Kind::Rsa2048);
        theirs.max_fragment_size = Some(length);
        let mut mixed = our_client(client(), theirs);
        assert_eq!(mixed.they_say(&data), data, "our client, records of {length} bytes");

        let mut theirs = rustls_client_config(all(), authority());
        theirs.max_fragment_size = Some(length);
        let mut mixed = our_server(server(identity(Kind::Rsa2048)), theirs);
        assert_eq!(mixed.they_say(&data), data, "our server, records of {length} bytes");
    }
}
