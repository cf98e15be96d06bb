//! A peer of either role that does what it is told, in whatever order, with real cryptography.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::identities::{BACKEND, NAME, P256};
use super::wire::{self, Protection};
use crate::alert::AlertDescription;
use crate::codec::{Prefix, Writer};
use crate::crypto::{
    FinishedLabel, Hasher, KeyExchange, Keys, MasterSecret, OpeningKey, Prf, SealingKey, SharedSecret, Suite,
};
use crate::decision::Decision;
use crate::identity::Identity;
use crate::message::{
    Certificate, CipherSuite, ClientExtensions, ClientHello, ClientKeyExchange, ContentType, EcdhParams, HEADER_LEN,
    HandshakeType, NamedGroup, ProtocolVersion, ServerExtensions, ServerHello, ServerKeyExchange, SignatureScheme,
};

/// What can be sent at one point of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Letter {
    Handshake(HandshakeType),
    /// A Certificate without a certificate in it: what may follow depends on that.
    EmptyCertificate,
    ChangeCipherSpec,
    ApplicationData,
}

impl Letter {
    /// Which message it is, if it is one.
    pub(super) fn message_type(self) -> Option<HandshakeType> {
        match self {
            Letter::Handshake(message_type) => Some(message_type),
            Letter::EmptyCertificate => Some(HandshakeType::CERTIFICATE),
            Letter::ChangeCipherSpec | Letter::ApplicationData => None,
        }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Letter::Handshake(message) => match message.name() {
                Some(name) => f.write_str(name),
                None => write!(f, "handshake type {}", message.0),
            },
            Letter::EmptyCertificate => f.write_str("Certificate without a certificate"),
            Letter::ChangeCipherSpec => f.write_str("ChangeCipherSpec"),
            Letter::ApplicationData => f.write_str("application_data"),
        }
    }
}

/// Whom the puppet plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What the puppet was told by the connection under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A handshake message, with its header.
    Message(HandshakeType, Vec<u8>),
    ChangeCipherSpec,
    Alert {
        level: u8,
        description: AlertDescription,
    },
    Data(Vec<u8>),
}

pub(super) struct Puppet {
    side: Side,
    // What it says in its messages; to be set before.
    pub(super) identity: Identity,
    pub(super) suite: &'static Suite,
    pub(super) group: NamedGroup,
    /// How it signs; the best of the key's schemes if nothing is said.
    pub(super) scheme: Option<SignatureScheme>,
    pub(super) extended_master_secret: bool,
    /// Whether it asks for a CertificateStatus, or promises one.
    pub(super) status_request: bool,
    /// The session ID in its hello, unless it echoes the client's.
    pub(super) session_id: Vec<u8>,
    /// session_ticket in its ClientHello: a ticket, or nothing.
    pub(super) ticket_offered: Option<Vec<u8>>,
    /// What its NewSessionTicket says, which its ServerHello promises.
    pub(super) ticket_promised: Option<Vec<u8>>,
    /// The master secret of the session that it offers or, as a server, resumes.
    pub(super) session: Option<[u8; MasterSecret::LEN]>,
    // What it knows of the handshake.
    /// In the client's hello.
    pub(super) offered_id: Vec<u8>,
    client_random: [u8; 32],
    server_random: [u8; 32],
    transcript: Vec<u8>,
    /// Its key pair; drawn when it is needed, unless the test brings one.
    pub(super) exchange: Option<Box<dyn KeyExchange>>,
    peer_public: Vec<u8>,
    /// Keyed by the master secret.
    prf: Option<Prf>,
    next_sealing: Option<SealingKey>,
    next_opening: Option<OpeningKey>,
    sealing: Protection<SealingKey>,
    opening: Protection<OpeningKey>,
    /// Handshake bytes that are no whole message yet.
    partial: Vec<u8>,
    pub(super) heard: Vec<Heard>,
    /// The most that a record carried, in bytes.
    pub(super) longest_heard: usize,
}

impl Puppet {
    pub(super) fn new(side: Side) -> Self {
        Puppet {
            side,
            identity: P256.clone(),
            suite: suite(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
            group: NamedGroup::X25519,
            scheme: None,
            extended_master_secret: true,
            status_request: false,
            session_id: Vec::new(),
            ticket_offered: None,
            ticket_promised: None,
            session: None,
            offered_id: Vec::new(),
            client_random: [0xc1; 32],
            server_random: [0x5e; 32],
            transcript: Vec::new(),
            exchange: None,
            peer_public: Vec::new(),
            prf: None,
            next_sealing: None,
            next_opening: None,
            sealing: Protection::none(),
            opening: Protection::none(),
            partial: Vec::new(),
            heard: Vec::new(),
            longest_heard: 0,
        }
    }

    /// Listens to the connection under test.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for (content_type, fragment) in wire::records(bytes) {
            let content = self.opening.open(content_type, &fragment);
            self.longest_heard = self.longest_heard.max(content.len());
            match (content_type, &content[..]) {
                (ContentType::HANDSHAKE, content) => {
                    assert!(!content.is_empty(), "RFC 5246 §6.2.1: no empty handshake records");
                    self.partial.extend_from_slice(content);
                    self.hear_messages();
                }
                (ContentType::CHANGE_CIPHER_SPEC, [1]) => {
                    assert!(self.partial.is_empty(), "keys change between messages");
                    if self.next_opening.is_none() {
                        // RFC 5077 §3.4: a client may know by this alone that its session is resumed.
                        self.resume();
                    }
                    let key = self.next_opening.take().expect("keys before ChangeCipherSpec");
                    self.opening = Protection::with(key);
                    self.heard.push(Heard::ChangeCipherSpec);
                }
                (ContentType::ALERT, [level, description]) => {
                    self.heard.push(Heard::Alert { level: *level, description: AlertDescription(*description) });
                }
                (ContentType::APPLICATION_DATA, content) => self.heard.push(Heard::Data(content.to_vec())),
                other => panic!("no record of TLS 1.2: {other:?}"),
            }
        }
    }

    fn hear_messages(&mut self) {
        while let Some([number, a, b, c]) = self.partial.first_chunk().copied() {
            let end = HEADER_LEN + usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("24 bits");
            if self.partial.len() < end {
                return;
            }
            let message: Vec<u8> = self.partial.drain(..end).collect();
            self.hear_message(HandshakeType(number), &message);
        }
    }

    fn hear_message(&mut self, message_type: HandshakeType, message: &[u8]) {
        let body = &message[HEADER_LEN..];
        match message_type {
            HandshakeType::FINISHED => {
                let peer = if self.side == Side::Client { FinishedLabel::Server } else { FinishedLabel::Client };
                assert_eq!(body, self.verify_data(peer), "Finished of the connection under test");
            }
            HandshakeType::CLIENT_HELLO => {
                let hello = ClientHello::read(body).expect("a ClientHello");
                self.client_random = *hello.random;
                self.offered_id = hello.session_id.to_vec();
            }
            HandshakeType::SERVER_HELLO => {
                let hello = ServerHello::read(body).expect("a ServerHello");
                self.server_random = *hello.random;
                self.suite = suite(hello.cipher_suite);
                self.extended_master_secret = hello.extensions.extended_master_secret;
            }
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let keys = ServerKeyExchange::read(body).expect("a ServerKeyExchange");
                self.group = keys.params.group;
                self.peer_public = keys.params.public_key.to_vec();
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                self.peer_public = ClientKeyExchange::read(body).expect("a ClientKeyExchange").public_key.to_vec();
            }
            _ => {}
        }
        self.note(message_type, message);
        self.heard.push(Heard::Message(message_type, message.to_vec()));
    }

    /// A message went by: the transcript grows, and after ClientKeyExchange there are keys; when a server resumes, after its
    /// hello.
    pub(super) fn note(&mut self, message_type: HandshakeType, message: &[u8]) {
        // RFC 5246 §7.4.1.1: HelloRequest is hashed by nobody, and a second ClientHello would begin another transcript.
        let begins = message_type == HandshakeType::CLIENT_HELLO;
        if message_type == HandshakeType::HELLO_REQUEST || (begins && !self.transcript.is_empty()) {
            return;
        }
        self.transcript.extend_from_slice(message);
        if message_type == HandshakeType::CLIENT_KEY_EXCHANGE
            && let Some(exchange) = self.exchange.take()
            && let Ok(shared) = exchange.complete(&self.peer_public)
        {
            self.derive(shared);
        }
        if message_type == HandshakeType::SERVER_HELLO && self.side == Side::Server {
            self.resume();
        }
    }

    /// New keys from the master secret of an earlier session, if there is one (RFC 5246 §7.3).
    pub(super) fn resume(&mut self) {
        if let Some(secret) = self.session {
            self.set_keys(&MasterSecret::of(&secret));
        }
    }

    fn derive(&mut self, shared: SharedSecret) {
        let (client_random, server_random) = (&self.client_random, &self.server_random);
        let mut master_secret = MasterSecret::zero();
        if self.extended_master_secret {
            master_secret.derive_extended(BACKEND, self.suite, &shared, &self.hash());
        } else {
            master_secret.derive(BACKEND, self.suite, &shared, client_random, server_random);
        }
        self.set_keys(&master_secret);
    }

    fn set_keys(&mut self, master_secret: &MasterSecret) {
        let prf = master_secret.prf(BACKEND, self.suite);
        let Keys { client, server } = prf.keys(self.suite, &self.client_random, &self.server_random);
        let (ours, theirs) = if self.side == Side::Client { (client, server) } else { (server, client) };
        self.next_sealing = Some(ours.sealing(BACKEND));
        self.next_opening = Some(theirs.opening(BACKEND));
        self.prf = Some(prf);
    }

    fn hash(&self) -> crate::crypto::Digest {
        let mut hasher = Hasher::new(BACKEND, self.suite.hash);
        hasher.update(&self.transcript);
        hasher.finish()
    }

    /// What a Finished says now; without a master secret twelve bytes of something.
    fn verify_data(&self, label: FinishedLabel) -> [u8; 12] {
        self.prf.as_ref().map_or([0x0f; 12], |prf| prf.verify_data(label, &self.hash()))
    }

    /// The records of one letter; the puppet is then as if it were right to say it.
    pub(super) fn say(&mut self, letter: Letter) -> Vec<u8> {
        match letter {
            Letter::Handshake(message_type) => {
                let message = self.message(message_type);
                self.say_message(&message)
            }
            Letter::EmptyCertificate => self.say_message(&empty_certificate()),
            Letter::ChangeCipherSpec => self.change_cipher_spec(),
            Letter::ApplicationData => self.record(ContentType::APPLICATION_DATA, b"data"),
        }
    }

    /// The record of a message that the caller made or changed.
    pub(super) fn say_message(&mut self, message: &[u8]) -> Vec<u8> {
        let record = self.record(ContentType::HANDSHAKE, message);
        self.note(HandshakeType(message[0]), message);
        record
    }

    /// ChangeCipherSpec; with keys, if there are any.
    pub(super) fn change_cipher_spec(&mut self) -> Vec<u8> {
        let record = self.record(ContentType::CHANGE_CIPHER_SPEC, &[1]);
        if let Some(key) = self.next_sealing.take() {
            self.sealing = Protection::with(key);
        }
        record
    }

    /// A record as the puppet makes them now: protected once it has said ChangeCipherSpec.
    pub(super) fn record(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        self.sealing.record(content_type, content)
    }

    pub(super) fn is_protected(&self) -> bool {
        self.sealing.is_on()
    }

    /// A handshake message with its header, as it would be right here, or as near to that as can be.
    pub(super) fn message(&mut self, message_type: HandshakeType) -> Vec<u8> {
        match message_type {
            HandshakeType::CLIENT_HELLO => self.client_hello(|_| ()),
            HandshakeType::SERVER_HELLO => self.server_hello(|_| ()),
            HandshakeType::CERTIFICATE => {
                message(message_type, |w| Certificate::from_encoded(self.identity.encoded()).write(w))
            }
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let (group, public_key) = (self.group, self.public_key());
                self.server_key_exchange(group, &public_key)
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                let public_key = self.public_key();
                message(message_type, |w| ClientKeyExchange { public_key: &public_key }.write(w))
            }
            HandshakeType::FINISHED => {
                let own = if self.side == Side::Client { FinishedLabel::Client } else { FinishedLabel::Server };
                message(message_type, |w| w.bytes(&self.verify_data(own)))
            }
            HandshakeType::CERTIFICATE_VERIFY => {
                let (scheme, signature) = self.sign(&self.transcript);
                message(message_type, |w| {
                    w.u16(scheme.0);
                    w.vector(Prefix::U16, "signature", &signature);
                })
            }
            HandshakeType::CERTIFICATE_STATUS => message(message_type, |w| {
                w.u8(1);
                w.vector(Prefix::U24, "response", b"an OCSP response");
            }),
            HandshakeType::CERTIFICATE_REQUEST => message(message_type, |w| {
                w.vector(Prefix::U8, "certificate_types", &[64]);
                w.vector(Prefix::U16, "supported_signature_algorithms", &[4, 3]);
                w.vector(Prefix::U16, "certificate_authorities", &[]);
            }),
            HandshakeType::NEW_SESSION_TICKET => message(message_type, |w| {
                w.bytes(&300_u32.to_be_bytes());
                w.vector(Prefix::U16, "ticket", self.ticket_promised.as_deref().unwrap_or(b"a ticket"));
            }),
            // HelloRequest, ServerHelloDone, and what nobody knows.
            _ => message(message_type, |_| ()),
        }
    }

    /// A ClientHello, changed as the caller likes.
    pub(super) fn client_hello(&self, change: impl FnOnce(&mut ClientHello<'_>)) -> Vec<u8> {
        let schemes = BACKEND.verify_schemes();
        let mut hello = ClientHello {
            version: ProtocolVersion::TLS_1_2,
            random: &self.client_random,
            session_id: &self.session_id,
            cipher_suites: CLIENT_SUITES.into(),
            compression_methods: &[0],
            extensions: ClientExtensions {
                server_name: Some(NAME.as_bytes()),
                extended_master_secret: self.extended_master_secret,
                renegotiation_info: Some(&[]),
                supported_groups: Some(CLIENT_GROUPS.into()),
                ec_point_formats: Some(&[0]),
                signature_algorithms: Some(schemes.into()),
                status_request: self.status_request.then_some(crate::message::StatusRequest::OCSP),
                session_ticket: self.ticket_offered.as_deref(),
                ..ClientExtensions::default()
            },
        };
        change(&mut hello);
        message(HandshakeType::CLIENT_HELLO, |w| hello.write(w))
    }

    /// A ServerHello, changed as the caller likes.
    pub(super) fn server_hello(&self, change: impl FnOnce(&mut ServerHello<'_>)) -> Vec<u8> {
        let mut hello = ServerHello {
            version: ProtocolVersion::TLS_1_2,
            random: &self.server_random,
            session_id: if self.session.is_some() { &self.offered_id } else { &self.session_id },
            cipher_suite: self.suite.id,
            compression_method: 0,
            extensions: ServerExtensions {
                extended_master_secret: self.extended_master_secret,
                renegotiation_info: Some(&[]),
                ec_point_formats: Some(&[0]),
                status_request: self.status_request,
                session_ticket: self.ticket_promised.is_some(),
                ..ServerExtensions::default()
            },
        };
        change(&mut hello);
        message(HandshakeType::SERVER_HELLO, |w| hello.write(w))
    }

    /// A ServerKeyExchange with a good signature, whatever it signs.
    pub(super) fn server_key_exchange(&self, group: NamedGroup, public_key: &[u8]) -> Vec<u8> {
        let params = EcdhParams { group, public_key };
        let (scheme, signature) = self.sign(&params.signed_content(&self.client_random, &self.server_random));
        let keys = ServerKeyExchange { params, scheme, signature: &signature };
        message(HandshakeType::SERVER_KEY_EXCHANGE, |w| keys.write(w))
    }

    /// Its share of the key exchange, drawn when first asked for.
    fn public_key(&mut self) -> Vec<u8> {
        let group = self.group;
        let exchange = self.exchange.get_or_insert_with(|| start(group));
        exchange.public_key().to_vec()
    }

    fn sign(&self, content: &[u8]) -> (SignatureScheme, Vec<u8>) {
        let key = self.identity.key();
        let scheme = self.scheme.unwrap_or(key.schemes()[0]);
        match key.sign(scheme, content) {
            Decision::Now(signature) => (scheme, signature.expect("a signature")),
            Decision::Later => panic!("a puppet's key signs at once"),
        }
    }
}

const CLIENT_SUITES: &[CipherSuite] = &[
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

const CLIENT_GROUPS: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

pub(super) fn suite(id: CipherSuite) -> &'static Suite {
    Suite::find(id).expect("one of the suites")
}

/// A fresh key pair in this group.
pub(super) fn start(name: NamedGroup) -> Box<dyn KeyExchange> {
    let group = BACKEND.key_exchange_groups().into_iter().find(|group| group.name() == name);
    group.expect("a group of the backend's").start().expect("a key pair")
}

/// A handshake message with its header.
pub(super) fn message(message_type: HandshakeType, body: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut message = Vec::new();
    let mut w = Writer::new(&mut message);
    w.u8(message_type.0);
    w.sub(Prefix::U24, "body", body);
    assert!(w.finish().is_ok(), "a message fits its length");
    message
}

/// What a client without a certificate answers to a CertificateRequest (RFC 5246 §7.4.6).
pub(super) fn empty_certificate() -> Vec<u8> {
    message(HandshakeType::CERTIFICATE, |w| Certificate::from_encoded(&[]).write(w))
}

/// The hello with one more extension at its end, whatever there is already.
pub(super) fn with_extension(hello: &[u8], extension_type: u16, content: &[u8]) -> Vec<u8> {
    let body = &hello[HEADER_LEN..];
    let mut block = 2 + 32;
    block += 1 + usize::from(body[block]);
    if hello[0] == HandshakeType::CLIENT_HELLO.0 {
        block += 2 + usize::from(u16::from_be_bytes([body[block], body[block + 1]]));
        block += 1 + usize::from(body[block]);
    } else {
        block += 3;
    }
    let extensions = body.get(block + 2..).unwrap_or_default();
    message(HandshakeType(hello[0]), |w| {
        w.bytes(&body[..block]);
        w.sub(Prefix::U16, "extensions", |w| {
            w.bytes(extensions);
            w.u16(extension_type);
            w.vector(Prefix::U16, "extension", content);
        });
    })
}
