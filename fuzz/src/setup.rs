//! What the first bytes of an input choose.

use std::sync::Arc;

use tls12::message::{CipherSuite, MaxFragmentLength};
use tls12::pki_types::ServerName;
use tls12::{
    Backend, ClientAuthPolicy, ClientConfig, ClientConnection, ExtendedMasterSecret, KeyExchangeGroup, Preference,
    RecordSize, ServerConfig, ServerConnection, VerifyPeer, dangerous,
};

use crate::keepers::{Keepers, Keeping};
use crate::parts::{Counted, Later, PARTS, Replayable, Stopped, Told};

/// Bits, for one side or for both alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup(pub u32);

impl Setup {
    /// The default verifiers, and not one that accepts everything.
    pub const WEBPKI: Self = Setup(1 << 0);
    /// Decisions come later.
    pub const LATER: Self = Setup(1 << 1);
    pub const EXTENDED_MASTER_SECRET: Self = Setup(1 << 2);
    pub const SECURE_RENEGOTIATION: Self = Setup(1 << 3);
    /// The others come first.
    pub const AES_256: Self = Setup(1 << 4);
    pub const CHACHA20: Self = Setup(2 << 4);
    /// Also the groups of the backend, whose keys are random.
    pub const RANDOM: Self = Setup(1 << 6);
    pub const ALPN: Self = Setup(1 << 7);
    pub const OTHER_ALPN: Self = Setup(2 << 7);
    pub const SESSION_IDS: Self = Setup(1 << 9);
    pub const TICKETS: Self = Setup(2 << 9);
    /// Tickets are the bare session: whoever sends one chooses what is in it, and what it is bound to has to hold.
    pub const BARE_TICKETS: Self = Setup(3 << 9);
    /// A handshake was done before: a client offers its session, and a server knows it.
    pub const RESUMES: Self = Setup(1 << 11);
    pub const OPTIONAL_CLIENT: Self = Setup(1 << 12);
    pub const REQUIRED_CLIENT: Self = Setup(2 << 12);
    /// The server asks, and the client has nothing to show.
    pub const NAMELESS_CLIENT: Self = Setup(3 << 12);
    pub const VERIFIES_AGAIN: Self = Setup(1 << 14);
    pub const RENEWS: Self = Setup(1 << 15);
    pub const SHORT_RECORDS: Self = Setup(1 << 16);
    pub const SHORT_FRAGMENTS: Self = Setup(2 << 16);
    pub const GROWING_RECORDS: Self = Setup(3 << 16);
    /// OCSP response and SCTs.
    pub const STAPLES: Self = Setup(1 << 18);
    pub const SIBLING: Self = Setup(1 << 19);
    /// Once established, the connection is split.
    pub const SPLITS: Self = Setup(1 << 20);
    /// One of the questions that come later is answered by a failure, dropped, or skipped; the two bits above say which one.
    pub const FAILS: Self = Setup(1 << 21);
    pub const DROPS: Self = Setup(2 << 21);
    pub const SKIPS: Self = Setup(3 << 21);

    const SUITE: u32 = 3 << 4;
    const PROTOCOLS: u32 = 3 << 7;
    const SESSIONS: u32 = 3 << 9;
    const CLIENT_AUTH: u32 = 3 << 12;
    const SIZES: u32 = 3 << 16;
    const FAULT: u32 = 3 << 21;

    /// What an input chooses, and what is behind it.
    pub fn split(data: &[u8]) -> Option<(Setup, &[u8])> {
        let (setup, rest) = data.split_first_chunk()?;
        Some((Setup(u32::from_le_bytes(*setup)), rest))
    }

    pub fn bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    pub const fn with(self, other: Setup) -> Setup {
        Setup(self.0 | other.0)
    }

    pub const fn without(self, other: Setup) -> Setup {
        Setup(self.0 & !other.0)
    }

    pub const fn has(self, bit: Setup) -> bool {
        self.0 & bit.0 == bit.0
    }

    fn is(self, field: u32, value: Setup) -> bool {
        self.0 & field == value.0
    }

    /// The same, with tickets that nobody makes up.
    pub fn sealed_tickets(self) -> Setup {
        if self.bare_tickets() { self.without(Setup::SESSION_IDS) } else { self }
    }

    /// What the session of a handshake depends on, and nothing that goes wrong.
    pub fn session(self) -> Setup {
        let stays = Self::SUITE | Self::PROTOCOLS | Self::SESSIONS | Self::CLIENT_AUTH | Self::SIZES;
        Setup(self.0 & (stays | Self::WEBPKI.0))
    }

    pub fn keeps_sessions(self) -> bool {
        self.0 & Self::SESSIONS != 0
    }

    pub fn bare_tickets(self) -> bool {
        self.is(Self::SESSIONS, Setup::BARE_TICKETS)
    }

    /// The question, counted from 0, that isn't answered as it would have been at once, and what becomes of it.
    pub fn fault(self) -> Option<(u32, Setup)> {
        let fault = Setup(self.0 & Self::FAULT);
        (fault.0 != 0 && self.has(Self::LATER)).then_some((self.0 >> 23 & 3, fault))
    }

    /// Whether a client and a server of these setups can agree.
    pub fn agree(client: Setup, server: Setup) -> bool {
        let unwilling = |setup: Setup| matches!(setup.fault(), Some((_, fault)) if fault != Self::SKIPS);
        let known = server.client_auth() != ClientAuthPolicy::Required || client.shows_identity();
        let (ours, theirs) = (client.alpn(), server.alpn());
        let alpn = ours.is_empty() || theirs.is_empty() || ours.iter().any(|name| theirs.contains(name));
        known && alpn && !unwilling(client) && !unwilling(server)
    }

    pub fn client_auth(self) -> ClientAuthPolicy {
        match Setup(self.0 & Self::CLIENT_AUTH) {
            Self::REQUIRED_CLIENT => ClientAuthPolicy::Required,
            Self::OPTIONAL_CLIENT | Self::NAMELESS_CLIENT => ClientAuthPolicy::Optional,
            _ => ClientAuthPolicy::NotRequested,
        }
    }

    fn shows_identity(self) -> bool {
        self.client_auth() != ClientAuthPolicy::NotRequested && !self.is(Self::CLIENT_AUTH, Self::NAMELESS_CLIENT)
    }

    fn extended_master_secret(self) -> ExtendedMasterSecret {
        match self.has(Self::EXTENDED_MASTER_SECRET) {
            true => ExtendedMasterSecret::Required,
            false => ExtendedMasterSecret::Preferred,
        }
    }

    fn alpn(self) -> &'static [&'static str] {
        [&[][..], &["h2", "http/1.1"], &["http/1.1"], &["imap", "h2"]][(self.0 >> 7 & 3) as usize]
    }

    fn suites(self) -> [CipherSuite; 6] {
        let mut suites = [
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ];
        suites.rotate_left((self.0 >> 4 & 3) as usize % 3);
        suites
    }

    fn groups(self, random: &Arc<Counted>) -> Vec<Arc<dyn KeyExchangeGroup>> {
        let mut groups: Vec<Arc<dyn KeyExchangeGroup>> = vec![Arc::new(Replayable(random.clone()))];
        if self.has(Self::RANDOM) {
            groups.extend(Backend::default().key_exchange_groups().into_iter().skip(1));
        }
        groups
    }

    fn verifier(self, webpki: &Arc<dyn VerifyPeer>) -> Arc<dyn VerifyPeer> {
        match (self.has(Self::LATER), self.has(Self::WEBPKI)) {
            (true, _) => Arc::new(Later),
            (false, true) => webpki.clone(),
            (false, false) => Arc::new(dangerous::AcceptAnything),
        }
    }

    fn record_size(self) -> RecordSize {
        if self.is(Self::SIZES, Self::GROWING_RECORDS) { RecordSize::Growing } else { RecordSize::default() }
    }

    fn record_size_limit(self) -> u16 {
        if self.is(Self::SIZES, Self::SHORT_RECORDS) { 64 } else { 16384 }
    }

    /// `round` makes connections differ that have the same keepers.
    pub fn client(self, keepers: &Arc<Keepers>, round: u64) -> ClientConnection {
        let random = Counted::new(1 + 2 * round);
        let mut builder = ClientConfig::builder()
            .verifier(self.verifier(&PARTS.for_servers))
            .extended_master_secret(self.extended_master_secret())
            .require_secure_renegotiation(self.has(Self::SECURE_RENEGOTIATION))
            .alpn_protocols(self.alpn())
            .cipher_suites(&self.suites())
            .groups(self.groups(&random))
            .session_context("fuzz")
            .verify_on_resumption(self.has(Self::VERIFIES_AGAIN))
            .record_size(self.record_size())
            .key_log(Arc::new(Told))
            .random(random)
            .clock(Arc::new(Stopped));
        if self.keeps_sessions() {
            builder = builder.sessions(Keeping::new(self, keepers));
        }
        if self.shows_identity() {
            builder = match self.has(Self::LATER) {
                true => builder.identity_resolver(Arc::new(Later)),
                false => builder.identity(PARTS.client.clone()),
            };
        }
        builder = match self.is(Self::SIZES, Self::SHORT_FRAGMENTS) {
            true => builder.max_fragment_length(MaxFragmentLength::BYTES_512),
            false => builder.record_size_limit(self.record_size_limit()),
        };
        let config = builder.build().expect("a good configuration");
        ClientConnection::new(config, ServerName::try_from("server.example").expect("a good name")).expect("a client")
    }

    /// As [`Self::client`].
    pub fn server(self, keepers: &Arc<Keepers>, round: u64) -> ServerConnection {
        ServerConnection::new(self.server_config(keepers, round))
    }

    pub fn server_config(self, keepers: &Arc<Keepers>, round: u64) -> Arc<ServerConfig> {
        let random = Counted::new(2 + 2 * round);
        let mut builder = ServerConfig::builder()
            .extended_master_secret(self.extended_master_secret())
            .require_secure_renegotiation(self.has(Self::SECURE_RENEGOTIATION))
            .alpn_protocols(self.alpn())
            .cipher_suites(&self.suites())
            .groups(self.groups(&random))
            .preference(if self.has(Self::WEBPKI) { Preference::Client } else { Preference::Server })
            .client_authentication(self.client_auth(), self.verifier(&PARTS.for_clients))
            .session_context("fuzz")
            .verify_on_resumption(self.has(Self::VERIFIES_AGAIN))
            .record_size(self.record_size())
            .record_size_limit(self.record_size_limit())
            .sibling_speaks_tls13(self.has(Self::SIBLING))
            .key_log(Arc::new(Told))
            .random(random)
            .clock(Arc::new(Stopped));
        if self.is(Self::SESSIONS, Self::SESSION_IDS) {
            builder = builder.session_store(Keeping::new(self, keepers));
        } else if self.keeps_sessions() {
            builder = builder.tickets(Keeping::new(self, keepers));
        }
        builder = match self.has(Self::LATER) {
            true => builder.resolver(Arc::new(Later)),
            false => builder.identity(PARTS.server(self.has(Self::STAPLES)).clone()),
        };
        builder.build().expect("a good configuration")
    }
}
