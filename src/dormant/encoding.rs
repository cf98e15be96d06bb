//! A dormant connection as bytes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::{AtRest, Dormant};
use crate::codec::{Malformed, Prefix, Reader, Writer};
use crate::connection::HELLO_REQUEST_LIMIT;
use crate::crypto::{KeySource, Keys, MasterSecret, Suite};
use crate::handshake::SessionId;
use crate::message::{CipherSuite, NamedGroup, SignatureScheme};
use crate::proof::{Established, PeerProof};
use crate::record::{MAX_EMPTY_RECORDS, MAX_FRAGMENT, MAX_WARNING_ALERTS, MIN_LIMIT, Reached};
use crate::session::{Names, read_bool, read_digest, read_name};

/// Of the format. Whoever changes the format counts on: versions are refused, never guessed at.
const VERSION: u8 = 1;

/// Bytes of all that has a fixed length but the secrets, the lengths of the other fields among them.
const FIXED_LEN: usize = 1 + 1 + 2 + 1 + 2 + 2 + 5 + 2 + 8 + 2 + 8 + 1 + 1 + 1 + 32 + 1 + 2 + 1 + 1 + 1 + 1;

/// What stands before the secrets: all that a connection was agreed on with.
const MASTER: u8 = 1;

/// The keys of the records alone.
const TRAFFIC: u8 = 2;

/// Why bytes are not a dormant connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DormantError {
    /// They are in this version of the format, which is not ours.
    UnknownVersion(u8),
    /// The connection has a cipher suite that this library does not speak.
    UnknownSuite(CipherSuite),
    /// They are not encoded as the format says.
    Malformed(Malformed),
    /// Two fields contradict each other: there is no such connection.
    Contradiction(&'static str),
}

impl From<Malformed> for DormantError {
    fn from(malformed: Malformed) -> Self {
        DormantError::Malformed(malformed)
    }
}

impl fmt::Display for DormantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DormantError::UnknownVersion(version) => {
                write!(f, "the connection is in version {version} of the format; this library reads version {VERSION}")
            }
            DormantError::UnknownSuite(suite) => {
                write!(f, "the connection has the cipher suite {suite}, which this library does not speak")
            }
            DormantError::Malformed(malformed) => write!(f, "the connection is malformed: {malformed}"),
            DormantError::Contradiction(what) => write!(f, "the connection contradicts itself: {what}"),
        }
    }
}

impl core::error::Error for DormantError {}

impl Dormant {
    /// The connection as bytes, with its secrets in the clear; they are wiped when dropped.
    ///
    /// Who holds the bytes has to guard three things:
    ///
    /// - **Secrecy.** Who reads them reads the connection, what was recorded of it before included, and can speak as either side.
    ///   With the master secret in them that goes for every connection of the same session: see [`Self::without_exporters`].
    /// - **One use.** They must be woken once, and never again. Two connections of the same bytes seal different data with the same
    ///   key and nonce: with AES-GCM that gives away the data, and the key by which records are authenticated; with
    ///   ChaCha20-Poly1305 the data, and what it takes to forge those records. So bytes that were woken are destroyed, no copy is kept
    ///   for a second try, and a backup, a snapshot or a queue that delivers twice must not hold them.
    /// - **Authenticity.** Who can write them chooses keys and peer: see [`Self::from_bytes`].
    ///
    /// Encryption by an AEAD whose key both processes have, or a pipe between the two, gives the first and the last.
    ///
    /// A session that the connection left behind is forgotten when the connection fails (RFC 5246 §7.2.2). Of a server's session the
    /// bytes know the ID, for the session store of the configuration that wakes it; of a client's they know nothing.
    ///
    /// Numbers are in network byte order. A field with a length in front (given as `length +`) that is empty is not there.
    /// A connection has exactly one encoding.
    ///
    /// | bytes    | what                                                                                          |
    /// | -------- | --------------------------------------------------------------------------------------------- |
    /// | 1        | version of this format: 1                                                                     |
    /// | 1        | whose connection it is: 1 a client's, 2 a server's                                            |
    /// | 2        | cipher suite                                                                                  |
    /// | 1        | how the peer is known: 1 verified, 2 from a session, 3 not requested, 4 declined              |
    /// | 2        | group of the key exchange, or 0 for none                                                      |
    /// | 2        | scheme of the server's signature, or 0 for none                                               |
    /// | 5        | each 0 or 1: extended_master_secret, secure renegotiation, resumed, close_notify sent, received |
    /// | 2, 8     | sending: the most plaintext of a record, and the sequence number of the next one              |
    /// | 2, 8     | receiving: the same                                                                           |
    /// | 1        | empty records that came, one after the other: at most 32                                      |
    /// | 1        | warning alerts that came, one after the other: at most 4                                      |
    /// | 1        | requests for a new handshake that came since data came: at most 8                             |
    /// | 32       | the client's random                                                                           |
    /// | 1        | what follows: 1 the master secret, 2 the keys of the records                                  |
    /// | 92       | if 1: master secret (48), the server's random (32), the first Finished (12)                   |
    /// | 40 to 88 | if 2: client's key, server's key, client's IV, server's IV, as long as the cipher suite has them |
    /// | 2 +      | server name, as UTF-8                                                                         |
    /// | 1 +      | application protocol                                                                          |
    /// | 1 +      | SHA-256 of the peer's certificate or raw public key                                           |
    /// | 1 +      | the digest of the server's certificate for `tls-server-end-point`, at most 64 bytes           |
    /// | 1 +      | on a server: the session ID                                                                   |
    #[must_use]
    pub fn to_bytes(self) -> Zeroizing<Vec<u8>> {
        // As long as it gets, so that no part of it is left behind where the vector was before it grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.encoded_len()));
        let mut w = Writer::new(&mut bytes);
        self.0.write(&mut w);
        if w.finish().is_err() {
            return Zeroizing::default();
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// Bytes that come from outside the process have to be authenticated before: nothing in them proves that there was a handshake.
    /// Whoever can write them chooses the keys, and says that the peer was verified. The secrets are copied: `bytes` are the caller's to
    /// wipe, and never to be read again once the connection is awake.
    ///
    /// # Errors
    /// The version or the cipher suite is unknown, the bytes are too many, too few or not as the format says, or two fields
    /// contradict each other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Dormant, DormantError> {
        let mut r = Reader::new(bytes);
        let version = r.u8("version")?;
        if version != VERSION {
            return Err(DormantError::UnknownVersion(version));
        }
        let at_rest = AtRest::read(&mut r)?;
        if !r.is_empty() {
            return Err(Malformed::Trailing("connection").into());
        }
        match at_rest.contradiction() {
            Some(what) => Err(DormantError::Contradiction(what)),
            None => Ok(Dormant(at_rest)),
        }
    }
}

impl AtRest {
    fn encoded_len(&self) -> usize {
        let secrets = match &self.source {
            KeySource::Master { .. } => MasterSecret::LEN + 32 + 12,
            KeySource::Traffic(_) => 2 * (self.suite.aead.key_len() + self.suite.aead.fixed_iv_len()),
        };
        FIXED_LEN
            + secrets
            + self.names.len()
            + self.peer_digest.as_ref().map_or(0, |_| 32)
            + self.session_id().map_or(0, |id| id.len())
    }

    fn session_id(&self) -> Option<&SessionId> {
        match self.own.as_deref() {
            Some(own) => own.session_id(),
            None => self.session_id.as_deref(),
        }
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.u8(VERSION);
        w.u8(if self.is_client { 1 } else { 2 });
        w.u16(self.suite.id.0);
        w.u8(self.established.code());
        w.u16(self.group.map_or(0, |group| group.0));
        w.u16(self.scheme.map_or(0, |scheme| scheme.0));
        let flags = [self.extended_master_secret, self.secure_renegotiation, self.resumed];
        for flag in flags.into_iter().chain([self.close_sent, self.close_received]) {
            w.u8(flag.into());
        }
        w.u16(self.max_fragment);
        w.bytes(&self.sequence.to_be_bytes());
        w.u16(self.reached.plaintext_limit);
        w.bytes(&self.reached.sequence.to_be_bytes());
        w.bytes(&[self.reached.empty_records, self.reached.warning_alerts, self.hello_requests]);
        w.bytes(&self.client_random);
        match &self.source {
            KeySource::Master { secret, server_random, tls_unique } => {
                w.u8(MASTER);
                w.bytes(secret.as_bytes());
                w.bytes(server_random);
                w.bytes(tls_unique);
            }
            KeySource::Traffic(Keys { client, server }) => {
                w.u8(TRAFFIC);
                [client.key(), server.key(), client.iv(), server.iv()].into_iter().for_each(|part| w.bytes(part));
            }
        }
        w.vector(Prefix::U16, "server_name", self.names.server_name().unwrap_or_default().as_bytes());
        w.vector(Prefix::U8, "alpn", self.names.alpn().unwrap_or_default());
        w.vector(Prefix::U8, "peer_digest", self.peer_digest.as_ref().map_or(&[], |digest| digest.as_slice()));
        w.vector(Prefix::U8, "server_end_point", self.names.end_point().unwrap_or_default());
        w.vector(Prefix::U8, "session_id", self.session_id().map_or(&[], |id| id.as_slice()));
    }

    fn read(r: &mut Reader<'_>) -> Result<Box<Self>, DormantError> {
        let is_client = match r.u8("side")? {
            1 => true,
            2 => false,
            _ => return Err(Malformed::Value("side").into()),
        };
        let id = CipherSuite(r.u16("cipher_suite")?);
        let suite = Suite::find(id).ok_or(DormantError::UnknownSuite(id))?;
        let established = Established::vouched_for(r.u8("peer")?).ok_or(Malformed::Value("peer"))?;
        let (group, scheme) = (r.u16("group")?, r.u16("scheme")?);
        let extended_master_secret = read_bool(r, "extended_master_secret")?;
        let secure_renegotiation = read_bool(r, "secure_renegotiation")?;
        let resumed = read_bool(r, "resumed")?;
        let close_sent = read_bool(r, "close_sent")?;
        let close_received = read_bool(r, "close_received")?;
        let (max_fragment, sequence) = read_direction(r)?;
        let (plaintext_limit, received) = read_direction(r)?;
        let empty_records = read_count(r, MAX_EMPTY_RECORDS, "empty_records")?;
        let warning_alerts = read_count(r, MAX_WARNING_ALERTS, "warning_alerts")?;
        let hello_requests = read_count(r, HELLO_REQUEST_LIMIT, "hello_requests")?;
        let client_random = *r.array("client_random")?;
        let secrets = Secrets::read(r, suite)?;
        let (server_name, alpn) = (read_name(r)?, r.vector(Prefix::U8, "alpn")?);
        let peer_digest = read_32(r, "peer_digest")?;
        let mut at_rest = Box::new(AtRest {
            is_client,
            suite,
            established,
            source: secrets.empty(suite),
            client_random,
            sequence,
            max_fragment,
            reached: Reached { sequence: received, plaintext_limit, empty_records, warning_alerts },
            hello_requests,
            group: (group != 0).then_some(NamedGroup(group)),
            scheme: (scheme != 0).then_some(SignatureScheme(scheme)),
            extended_master_secret,
            secure_renegotiation,
            resumed,
            close_sent,
            close_received,
            peer_digest,
            names: Names::new(server_name, alpn, read_digest(r)?).ok_or(Malformed::Length("names"))?,
            own: None,
            session_id: read_32(r, "session_id")?,
        });
        // Copied straight to where they stay.
        secrets.copy_to(&mut at_rest.source);
        Ok(at_rest)
    }

    /// What no handshake makes: such bytes are not ours, or have been put together.
    fn contradiction(&self) -> Option<&'static str> {
        let is_known = self.established.peer().is_known();
        match (self.resumed, self.group, self.scheme) {
            (true, None, None) | (false, Some(_), Some(_)) => {}
            (true, ..) => return Some("a key exchange in a resumption"),
            (false, ..) => return Some("a full handshake without a key exchange"),
        }
        match (self.resumed, self.established.peer()) {
            (true, PeerProof::Verified(_)) => return Some("a peer that was verified in a resumption"),
            (false, PeerProof::FromSession(_)) => return Some("a peer known from a session that was not resumed"),
            _ => {}
        }
        if self.is_client && !is_known {
            Some("a client's connection to a server that is not known")
        } else if !is_known && self.peer_digest.is_some() {
            Some("a certificate of a peer that is not known")
        } else if self.is_client && self.session_id.is_some() {
            Some("a client's connection with a server's session")
        } else if self.sequence == 0 || self.reached.sequence == 0 {
            // Each side's Finished is protected.
            Some("an established connection without a record")
        } else {
            None
        }
    }
}

/// Where in the bytes the secrets are.
enum Secrets<'a> {
    Master { secret: &'a [u8; MasterSecret::LEN], server_random: &'a [u8; 32], tls_unique: &'a [u8; 12] },
    Traffic { keys: [&'a [u8]; 2], ivs: [&'a [u8]; 2] },
}

impl<'a> Secrets<'a> {
    fn read(r: &mut Reader<'a>, suite: &Suite) -> Result<Self, Malformed> {
        let (key, iv) = (suite.aead.key_len(), suite.aead.fixed_iv_len());
        match r.u8("secrets")? {
            MASTER => Ok(Secrets::Master {
                secret: r.array("master_secret")?,
                server_random: r.array("server_random")?,
                tls_unique: r.array("tls_unique")?,
            }),
            TRAFFIC => Ok(Secrets::Traffic {
                keys: [r.take(key, "client_write_key")?, r.take(key, "server_write_key")?],
                ivs: [r.take(iv, "client_write_IV")?, r.take(iv, "server_write_IV")?],
            }),
            _ => Err(Malformed::Value("secrets")),
        }
    }

    fn empty(&self, suite: &Suite) -> KeySource {
        match self {
            Secrets::Master { .. } => KeySource::empty_master(),
            Secrets::Traffic { .. } => KeySource::empty_traffic(suite.aead),
        }
    }

    fn copy_to(&self, source: &mut KeySource) {
        match (self, source) {
            (
                Secrets::Traffic { keys: [client_key, server_key], ivs: [client_iv, server_iv] },
                KeySource::Traffic(keys),
            ) => {
                keys.client.set(client_key, client_iv);
                keys.server.set(server_key, server_iv);
            }
            (Secrets::Master { secret, server_random, tls_unique }, source) => {
                source.set_master(secret, server_random, tls_unique);
            }
            (Secrets::Traffic { .. }, KeySource::Master { .. }) => {}
        }
    }
}

/// Of one direction: the most plaintext of a record, and the next sequence number.
fn read_direction(r: &mut Reader<'_>) -> Result<(u16, u64), Malformed> {
    let limit = r.u16("record_size_limit")?;
    if !(MIN_LIMIT..=MAX_FRAGMENT).contains(&limit) {
        return Err(Malformed::Value("record_size_limit"));
    }
    Ok((limit, u64::from_be_bytes(*r.array("seq_num")?)))
}

/// What bounds a peer: more than that there never was.
fn read_count(r: &mut Reader<'_>, most: u8, what: &'static str) -> Result<u8, Malformed> {
    let count = r.u8(what)?;
    if count <= most { Ok(count) } else { Err(Malformed::Value(what)) }
}

fn read_32(r: &mut Reader<'_>, what: &'static str) -> Result<Option<Box<[u8; 32]>>, Malformed> {
    match r.vector(Prefix::U8, what)? {
        [] => Ok(None),
        bytes => bytes.try_into().map(|bytes| Some(Box::new(bytes))).map_err(|_| Malformed::Length(what)),
    }
}
