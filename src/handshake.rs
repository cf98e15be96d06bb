//! What the states of both roles share: the data of a handshake in flight, and how they send.

mod certificates;
mod sessions;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;

use crate::ask::{Answered, Ask, Token};
use crate::codec::Writer;
use crate::config::Common;
use crate::crypto::Digest;
use crate::crypto::{Backend, FinishedLabel, Keys, MasterSecret, OpeningKey, Prf, SealingKey, SharedSecret, Suite};
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::PeerCertificates;
use crate::machine::Input;
use crate::message::{
    ContentType, Finished, HEADER_LEN, HandshakeType, MaxFragmentLength, NamedGroup, ProtocolVersion, SignatureScheme,
};
use crate::observer::{Direction, Seen};
use crate::proof::{Established, FinishedVerified};
use crate::record::{Incoming, MIN_LIMIT, Outgoing};
use crate::session::{Names, Session};
use crate::transcript::Transcript;

/// Client or server.
pub(crate) trait Role: Sized {
    const IS_CLIENT: bool;
    /// Version in the records of the first flight (RFC 5246 appendix E.1).
    const FIRST_FLIGHT: ProtocolVersion;
    type Config: AsRef<Common>;
    /// What this role alone keeps through a handshake.
    type Kept;
    type Machine: Machine<Self>;

    /// The bytes of the message that was handled last are about to go: keeps what is still needed of them.
    fn keep_message(_: &mut Cx<'_, Self>) {}
}

/// What the driver needs of a flow table; `machine!` writes it.
pub(crate) trait Machine<R: Role>: Sized {
    fn name(&self) -> &'static str;
    /// The letters that this state waits for.
    fn expected(&self) -> &'static [&'static str];
    /// Whether a message of this type is one of them.
    fn expects(&self, message: HandshakeType) -> bool;
    /// Whether it waits for an answer.
    fn is_asking(&self) -> bool;
    fn take(self, cx: &mut Cx<'_, R>, input: Input<'_>) -> Result<Self, Reason>;
    fn decide(&mut self, cx: &mut Cx<'_, R>) -> Result<Option<Decision<Answered>>, Reason>;
    fn request(&self, cx: &Cx<'_, R>, token: Token) -> Option<Ask>;
    fn answer(self, cx: &mut Cx<'_, R>, answer: Answered) -> Result<Self, Reason>;
    /// What stands in for an answer that will not come, where the handshake can do without one.
    fn without_answer(&self, why: &str) -> Option<Answered>;
    fn established(self) -> Result<Established, Self>;
}

/// What lives through a whole handshake, and is freed when the connection is established.
pub(crate) struct Handshake<R: Role> {
    pub(crate) config: Arc<R::Config>,
    pub(crate) transcript: Transcript,
    /// The transcript before a message that vouches for it (Finished).
    pub(crate) covered: Option<Digest>,
    /// All messages before the client's CertificateVerify, which signs them.
    pub(crate) signed: Vec<u8>,
    pub(crate) server_random: [u8; 32],
    master: Option<Master>,
    /// The verify_data of the first Finished: the client's, or the server's in a resumption.
    first_finished: Option<[u8; 12]>,
    /// The session that is resumed.
    pub(crate) resumed: Option<Arc<Session>>,
    /// The last second at which the verdict on the peer's certificates holds.
    pub(crate) peer_not_after: Option<u64>,
    /// Waits for the peer's ChangeCipherSpec.
    incoming_key: Option<OpeningKey>,
    /// RFC 8449 §4: for the records under the new keys.
    pub(crate) record_limits: Option<RecordLimits>,
    pub(crate) kept: R::Kept,
}

impl<R: Role> Handshake<R> {
    pub(crate) fn new(config: Arc<R::Config>, kept: R::Kept) -> Self {
        Handshake {
            config,
            transcript: Transcript::new(),
            covered: None,
            signed: Vec::new(),
            server_random: [0; 32],
            master: None,
            first_finished: None,
            resumed: None,
            peer_not_after: None,
            incoming_key: None,
            record_limits: None,
            kept,
        }
    }
}

pub(crate) use sessions::Own;

/// Of a session: all that this library makes have 32 bytes.
pub(crate) type SessionId = [u8; 32];

/// Both sides' record_size_limit: the most plaintext of a record, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct RecordLimits {
    /// Of those that we send.
    pub(crate) peer: u16,
    /// Of those that come.
    pub(crate) ours: u16,
}

/// The master secret, in the box in which it stays, and all that is derived from it.
struct Master {
    bound: Box<Bound>,
    prf: Prf,
}

/// What exporters and channel bindings are made of; stays with the connection.
pub(crate) struct Bound {
    pub(crate) is_client: bool,
    pub(crate) backend: Backend,
    pub(crate) master_secret: MasterSecret,
    pub(crate) server_random: [u8; 32],
    /// The first Finished (RFC 5929 §3).
    pub(crate) tls_unique: [u8; 12],
    pub(crate) exports_without_ems: bool,
}

impl Bound {
    /// All but the master secret, and what is not known yet.
    pub(crate) fn new<R: Role>(common: &Common) -> Box<Self> {
        Box::new(Bound {
            is_client: R::IS_CLIENT,
            backend: common.backend,
            master_secret: MasterSecret::zero(),
            server_random: [0; 32],
            tls_unique: [0; 12],
            exports_without_ems: common.exports_without_ems,
        })
    }
}

/// What was agreed on; stays with the connection.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) client_random: [u8; 32],
    pub(crate) suite: Option<&'static Suite>,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) scheme: Option<SignatureScheme>,
    pub(crate) names: Names,
    /// What only one of the roles has.
    pub(crate) own: Own,
    /// A client says by server_name to which server it connects.
    pub(crate) asks_by_name: bool,
    /// RFC 6066 §4: unlike record_size_limit, it stays with the session.
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    pub(crate) peer_certificates: Option<PeerCertificates>,
    pub(crate) extended_master_secret: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) resumed: bool,
    /// From Established on.
    pub(crate) bound: Option<Box<Bound>>,
    /// Of a connection that was dormant.
    pub(crate) woken: Option<Box<Woken>>,
}

impl Facts {
    /// The name that the client asked for by server_name (RFC 6066 §3): a DNS name without its trailing dot; no address.
    pub(crate) fn server_name(&self) -> Option<&str> {
        match self.own.server() {
            None => self.names.server_name(),
            Some(ServerName::DnsName(name)) if self.asks_by_name => {
                let name: &str = name.as_ref();
                Some(name.strip_suffix('.').unwrap_or(name))
            }
            Some(_) => None,
        }
    }
}

/// What a connection that was dormant has in the place of what it had before.
pub(crate) struct Woken {
    /// SHA-256 of the peer's certificate or raw public key.
    pub(crate) peer_digest: Option<[u8; 32]>,
    /// The keys of the records, where the master secret is gone: they are needed when it rests again.
    pub(crate) keys: Option<Box<Keys>>,
}

/// The master secret is in its place. States carry this instead of the 48 bytes, so that moving a state copies no secret.
#[derive(Clone, Copy)]
pub(crate) struct MasterReady(());

/// What a state may reach.
pub(crate) struct Cx<'c, R: Role> {
    pub(crate) hs: &'c mut Handshake<R>,
    pub(crate) facts: &'c mut Facts,
    pub(crate) incoming: &'c mut Incoming,
    pub(crate) outgoing: &'c mut Outgoing,
    /// The handshake message that is at work, as it came, with its header. Empty once its bytes are gone.
    pub(crate) message: &'c [u8],
    /// The name of the state that is at work, for the observer.
    pub(crate) state: &'static str,
}

impl<'c, R: Role> Cx<'c, R> {
    pub(crate) fn common(&self) -> &Common {
        (*self.hs.config).as_ref()
    }

    /// Adds a handshake message to the flight and to the transcript.
    pub(crate) fn send(
        &mut self,
        message_type: HandshakeType,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Reason> {
        let message = self.outgoing.message(message_type, write)?;
        self.hs.transcript.add(message);
        let length = message.len();
        self.sent(message_type, length);
        Ok(())
    }

    /// A handshake message was added to the flight.
    pub(crate) fn sent(&self, message_type: HandshakeType, length: usize) {
        self.observe(Direction::Sent, ContentType::HANDSHAKE, || message_type.name().unwrap_or_default(), length);
    }

    /// A handshake message came: adds it to the transcript, and makes it a letter. HelloRequest is hashed by nobody
    /// (RFC 5246 §7.4.1.1).
    pub(crate) fn received(&mut self, message_type: HandshakeType, message: &'c [u8]) -> Input<'c> {
        self.message = message;
        match message_type {
            // RFC 5246 §7.4.9: it vouches for all messages up to, but not including, itself.
            HandshakeType::FINISHED => self.hs.covered = Some(self.hs.transcript.current()),
            // RFC 5246 §7.4.8: so does this.
            HandshakeType::CERTIFICATE_VERIFY => self.hs.signed = self.hs.transcript.take_messages(),
            _ => {}
        }
        if !R::IS_CLIENT
            && message_type == HandshakeType::CLIENT_HELLO
            && let Some(random) = self.body().get(2..).and_then(<[u8]>::first_chunk)
        {
            self.facts.client_random = *random;
        }
        // A server keeps the ClientHello, for as long as the hash is not known.
        if !matches!(message_type, HandshakeType::HELLO_REQUEST | HandshakeType::CLIENT_HELLO) {
            self.hs.transcript.add(message);
        }
        let input = Input::Message { message_type, body: self.body() };
        self.observe(Direction::Received, ContentType::HANDSHAKE, || input.name(), message.len());
        input
    }

    /// The message that is at work, without its header.
    pub(crate) fn body(&self) -> &'c [u8] {
        self.message.get(HEADER_LEN..).unwrap_or_default()
    }

    pub(crate) fn observe(
        &self,
        direction: Direction,
        content_type: ContentType,
        message: impl FnOnce() -> &'static str,
        length: usize,
    ) {
        if let Some(observer) = &self.common().observer {
            observer.message(&Seen {
                direction,
                content_type,
                message: message(),
                length,
                state: self.state,
                client_random: &self.facts.client_random,
            });
        }
    }

    /// The suite, which is known from ServerHello on.
    pub(crate) fn suite(&self) -> Result<&'static Suite, Reason> {
        let missing = || Reason::Local { what: "the handshake", why: "no cipher suite yet".into() };
        self.facts.suite.ok_or_else(missing)
    }

    /// RFC 5246 §8.1, RFC 7627 §4. With extended_master_secret, the transcript must end with ClientKeyExchange.
    pub(crate) fn set_master_secret(&mut self, pre_master: SharedSecret) -> Result<MasterReady, Reason> {
        let (backend, suite) = (self.common().backend, self.suite()?);
        let mut bound = Bound::new::<R>(self.common());
        if self.facts.extended_master_secret {
            bound.master_secret.derive_extended(backend, suite, &pre_master, &self.hs.transcript.current());
        } else {
            let (client_random, server_random) = (&self.facts.client_random, &self.hs.server_random);
            bound.master_secret.derive(backend, suite, &pre_master, client_random, server_random);
        }
        Ok(self.keep_master_secret(suite, bound))
    }

    /// The master secret of the session that is resumed (RFC 5246 §7.3).
    pub(crate) fn resume_master_secret(&mut self, session: &Session) -> MasterReady {
        let mut bound = Bound::new::<R>(self.common());
        bound.master_secret.copy_from(session.master_secret.as_bytes());
        self.keep_master_secret(session.suite, bound)
    }

    fn keep_master_secret(&mut self, suite: &Suite, bound: Box<Bound>) -> MasterReady {
        if let Some(key_log) = &self.common().key_log {
            key_log.log("CLIENT_RANDOM", &self.facts.client_random, bound.master_secret.as_bytes());
        }
        let prf = bound.master_secret.prf(bound.backend, suite);
        self.hs.master = Some(Master { bound, prf });
        MasterReady(())
    }

    fn master(&self, _: MasterReady) -> Result<&Master, Reason> {
        self.hs.master.as_ref().ok_or_else(no_master_secret)
    }

    /// Both directions' keys (RFC 5246 §6.3). The opening key waits for the peer's ChangeCipherSpec.
    pub(crate) fn expand_keys(&mut self, ready: MasterReady, client: bool) -> Result<SealingKey, Reason> {
        let (backend, suite) = (self.common().backend, self.suite()?);
        let (client_random, server_random) = (&self.facts.client_random, &self.hs.server_random);
        let keys = self.master(ready)?.prf.keys(suite, client_random, server_random);
        let (ours, theirs) = keys.of(client);
        self.hs.incoming_key = Some(theirs.opening(backend));
        Ok(ours.sealing(backend))
    }

    /// The peer's ChangeCipherSpec came.
    pub(crate) fn open_with_new_key(&mut self) -> Result<(), Reason> {
        let missing = || Reason::Local { what: "the handshake", why: "no keys yet".into() };
        let key = self.hs.incoming_key.take().ok_or_else(missing)?;
        self.incoming.set_key(key);
        if let Some(limits) = self.hs.record_limits {
            self.incoming.limit_plaintext(limits.ours);
        }
        Ok(())
    }

    /// The peer's record_size_limit came, and ours is or will be said. RFC 8449 §4: one below 64 is an error; one above the
    /// protocol's own may be meant for another version.
    pub(crate) fn limit_protected_records(&mut self, peer: u16) -> Result<(), Reason> {
        if peer < MIN_LIMIT {
            return Err(Reason::RecordSizeLimit(peer));
        }
        self.hs.record_limits = Some(RecordLimits { peer, ours: self.common().record_size_limit });
        Ok(())
    }

    /// max_fragment_length is agreed on. RFC 6066 §4: from here on it holds for all records, those of the handshake too.
    pub(crate) fn limit_fragments(&mut self, length: MaxFragmentLength) {
        if let Some(bytes) = length.bytes() {
            self.facts.max_fragment_length = Some(length);
            self.outgoing.limit_fragment(bytes);
            self.incoming.limit_plaintext(bytes);
        }
    }

    /// RFC 5246 §7.4.9, over the transcript so far.
    fn verify_data(&self, ready: MasterReady, label: FinishedLabel, transcript: &Digest) -> Result<[u8; 12], Reason> {
        Ok(self.master(ready)?.prf.verify_data(label, transcript))
    }

    /// ChangeCipherSpec and Finished: the end of a flight.
    pub(crate) fn send_finished(
        &mut self,
        ready: MasterReady,
        label: FinishedLabel,
        key: SealingKey,
    ) -> Result<(), Reason> {
        self.outgoing.change_cipher_spec(key)?;
        if let Some(limits) = self.hs.record_limits {
            self.outgoing.limit_fragment(limits.peer);
        }
        self.observe(Direction::Sent, ContentType::CHANGE_CIPHER_SPEC, || "ChangeCipherSpec", 1);
        let verify_data = self.verify_data(ready, label, &self.hs.transcript.current())?;
        self.hs.first_finished.get_or_insert(verify_data);
        self.send(HandshakeType::FINISHED, |w| w.bytes(&verify_data))?;
        self.outgoing.flush_flight()
    }

    /// The peer's Finished, which vouches for the transcript before it.
    pub(crate) fn check_finished(
        &mut self,
        ready: MasterReady,
        label: FinishedLabel,
        received: &Finished<'_>,
    ) -> Result<FinishedVerified, Reason> {
        let missing = || Reason::Local { what: "the handshake", why: "no transcript before Finished".into() };
        let covered = self.hs.covered.take().ok_or_else(missing)?;
        let expected = self.verify_data(ready, label, &covered)?;
        self.hs.first_finished.get_or_insert(expected);
        let verified = FinishedVerified::check(&expected, received.verify_data)?;
        self.share_peer_certificates();
        Ok(verified)
    }

    /// The end of the handshake: keeps what outlives it.
    pub(crate) fn bind(&mut self, _: MasterReady) -> Result<(), Reason> {
        let Master { mut bound, .. } = self.hs.master.take().ok_or_else(no_master_secret)?;
        self.drop_peer_certificates()?;
        bound.server_random = self.hs.server_random;
        bound.tls_unique = self.hs.first_finished.unwrap_or_default();
        self.facts.bound = Some(bound);
        Ok(())
    }

    /// The random of a hello, and a session ID where one is wanted, in one draw. A source that gives only zeros is broken.
    pub(crate) fn draw_random(&self, with_session_id: bool) -> Result<([u8; 32], SessionId), Reason> {
        let mut block = [0; 64];
        let drawn = if with_session_id { &mut block[..] } else { &mut block[..32] };
        self.common().random.fill(drawn).map_err(|_| Reason::Random)?;
        let (random, session_id) = (block.first_chunk(), block.last_chunk());
        match (random.copied(), session_id.copied()) {
            (Some(random), Some(id)) if random != [0; 32] && (id != [0; 32] || !with_session_id) => Ok((random, id)),
            _ => Err(Reason::Random),
        }
    }
}

/// Names that came from the wire, or were checked, are never so long.
pub(crate) fn long_names() -> Reason {
    Reason::Local { what: "the names", why: "longer than their fields".into() }
}

fn no_master_secret() -> Reason {
    Reason::Local { what: "the handshake", why: "no master secret yet".into() }
}
