//! A session as bytes, for tickets and for stores outside the process.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::{ClientAuthPolicy, Handle, Names, Session, Side};
use crate::codec::{Malformed, Prefix, Reader, TooLong, Writer};
use crate::crypto::{MasterSecret, Suite};
use crate::identity::PeerCertificates;
use crate::message::{CertificateType, CipherSuite};

/// Of the format. Whoever changes the format counts on: versions are refused, never guessed at.
const VERSION: u8 = 1;

/// Bytes of all that has a fixed length, the lengths of the other fields among them.
const FIXED_LEN: usize = 1 + 1 + 2 + 48 + 1 + 32 + 8 + 4 + 2 + 1 + 1 + 1 + 3 + 1 + 1 + 1 + 1 + 2;

/// Why bytes are not a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// They are in this version of the format, which is not ours.
    UnknownVersion(u8),
    /// The session is of a cipher suite that this library does not speak.
    UnknownSuite(CipherSuite),
    /// They are not encoded as the format says.
    Malformed(Malformed),
    /// Two fields contradict each other: no handshake makes such a session.
    Contradiction(&'static str),
}

impl From<Malformed> for SessionError {
    fn from(malformed: Malformed) -> Self {
        SessionError::Malformed(malformed)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::UnknownVersion(version) => {
                write!(f, "the session is in version {version} of the format; this library reads version {VERSION}")
            }
            SessionError::UnknownSuite(suite) => {
                write!(f, "the session is of {suite}, which this library does not speak")
            }
            SessionError::Malformed(malformed) => write!(f, "the session is malformed: {malformed}"),
            SessionError::Contradiction(what) => write!(f, "the session contradicts itself: {what}"),
        }
    }
}

impl core::error::Error for SessionError {}

impl Session {
    /// The session as bytes, with its master secret in the clear; they are wiped when dropped.
    ///
    /// Numbers are in network byte order. A field with a length in front (given as `length +`) that is empty is not there.
    /// A session has exactly one encoding.
    ///
    /// | bytes    | what                                                                                       |
    /// | -------- | ------------------------------------------------------------------------------------------ |
    /// | 1        | version of this format: 1                                                                  |
    /// | 1        | whose session it is: 1 a client's, 2 a server's                                            |
    /// | 2        | cipher suite                                                                               |
    /// | 48       | master secret                                                                              |
    /// | 1        | extended_master_secret: 0 or 1                                                             |
    /// | 32       | the context of the configuration that it belongs to                                        |
    /// | 8        | made at: seconds since 1970-01-01 00:00 UTC                                                |
    /// | 4        | lifetime, in seconds                                                                       |
    /// | 2 +      | server name, as UTF-8                                                                      |
    /// | 1 +      | application protocol                                                                       |
    /// | 1        | client authentication: 0 not requested, 1 optional, 2 required                             |
    /// | 1        | what the peer showed: 0 certificates or nothing, 2 a raw public key (RFC 7250)             |
    /// | 3 +      | its certificates, its own first: each with a length of 3 bytes; or its key                 |
    /// | 1 +      | 8 bytes, if known: when their verification ends, in seconds since 1970-01-01 00:00 UTC     |
    /// | 1 +      | on a server: the digest of its certificate for `tls-server-end-point`, at most 64 bytes    |
    /// | 1        | max_fragment_length: a code of RFC 6066 §4, or 0 for none                                  |
    /// | 1        | how it is resumed: 0 by the ticket that it is in (a server's), 1 by ID, 2 by ticket        |
    /// | 2 +      | the ID or the ticket                                                                       |
    ///
    /// Every field is as long as its length can say, since what is in it came out of a field of the same width on the wire.
    /// Of a session for which that would not hold there are no bytes, and no bytes are no session.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // As long as it gets, so that no part of it is left behind where the vector was before it grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.encoded_len()));
        match self.append_to(&mut bytes) {
            Ok(()) => bytes,
            Err(TooLong(_)) => Zeroizing::default(),
        }
    }

    /// As [`Self::to_bytes`], to the end of a vector. After an error there are no bytes, and what was appended is nothing.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let mut w = Writer::new(out);
        self.write(&mut w);
        w.finish()
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// Bytes that come from outside the process have to be authenticated before: whoever can write them can choose the
    /// master secret.
    ///
    /// # Errors
    /// The version or the cipher suite is unknown, the bytes are too many, too few or not as the format says, or two fields
    /// contradict each other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Arc<Session>, SessionError> {
        let mut r = Reader::new(bytes);
        let version = r.u8("version")?;
        if version != VERSION {
            return Err(SessionError::UnknownVersion(version));
        }
        let (session, secret) = Self::read(&mut r)?;
        if !r.is_empty() {
            return Err(Malformed::Trailing("session").into());
        }
        match session.contradiction() {
            Some(what) => Err(SessionError::Contradiction(what)),
            None => Ok(session.with_secret(secret)),
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        FIXED_LEN
            + self.names.len()
            + self.peer_certificates.as_ref().map_or(0, |certificates| certificates.encoded().len())
            + self.peer_not_after.map_or(0, |_| 8)
            + self.handle.bytes().len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.u8(VERSION);
        w.u8(self.side.code());
        w.u16(self.suite.id.0);
        w.bytes(self.master_secret.as_bytes());
        w.u8(self.extended_master_secret.into());
        w.bytes(&self.context);
        w.bytes(&self.created_at.to_be_bytes());
        w.u32(self.lifetime);
        w.vector(Prefix::U16, "server_name", self.names.server_name().unwrap_or_default().as_bytes());
        w.vector(Prefix::U8, "alpn", self.names.alpn().unwrap_or_default());
        w.u8(self.client_auth.code());
        let certificates = self.peer_certificates.as_ref();
        w.u8(certificates.map_or(CertificateType::X509, PeerCertificates::certificate_type).0);
        let certificates = certificates.map(PeerCertificates::encoded);
        w.vector(Prefix::U24, "peer_certificates", certificates.unwrap_or_default());
        w.sub(Prefix::U8, "peer_not_after", |w| {
            if let Some(not_after) = self.peer_not_after {
                w.bytes(&not_after.to_be_bytes());
            }
        });
        w.vector(Prefix::U8, "server_end_point", self.names.end_point().unwrap_or_default());
        w.u8(self.max_fragment_length.unwrap_or_default());
        w.u8(self.handle.code());
        w.vector(Prefix::U16, "handle", self.handle.bytes());
    }

    /// All but the secret, and that.
    fn read<'a>(r: &mut Reader<'a>) -> Result<(Self, &'a [u8; MasterSecret::LEN]), SessionError> {
        let side = Side::from_code(r.u8("side")?)?;
        let suite = CipherSuite(r.u16("cipher_suite")?);
        let secret = r.array("master_secret")?;
        let suite = Suite::find(suite).ok_or(SessionError::UnknownSuite(suite))?;
        let extended_master_secret = read_bool(r, "extended_master_secret")?;
        let context = *r.array("context")?;
        let created_at = u64::from_be_bytes(*r.array("created_at")?);
        let lifetime = r.u32("lifetime")?;
        let (server_name, alpn) = (read_name(r)?, r.vector(Prefix::U8, "alpn")?);
        let session = Session {
            side,
            suite,
            master_secret: MasterSecret::zero(),
            extended_master_secret,
            context,
            created_at,
            lifetime,
            client_auth: ClientAuthPolicy::from_code(r.u8("client_auth")?)?,
            peer_certificates: read_certificates(r)?,
            peer_not_after: read_not_after(r)?,
            names: Names::new(server_name, alpn, read_digest(r)?).ok_or(Malformed::Length("names"))?,
            max_fragment_length: read_max_fragment_length(r)?,
            handle: Handle::read(r)?,
        };
        Ok((session, secret))
    }

    /// What no handshake makes: such bytes are not ours, or have been put together.
    fn contradiction(&self) -> Option<&'static str> {
        let has_certificates = self.peer_certificates.is_some();
        match (self.side, &self.handle, self.client_auth) {
            (Side::Client, Handle::None, _) => Some("a client's session that nothing resumes"),
            (Side::Server, Handle::Ticket(_), _) => Some("a server's session with a client's ticket"),
            (Side::Client, ..) if !has_certificates => {
                Some("a client's session with a server that showed no certificate")
            }
            (Side::Client, ..) if self.names.server_name().is_none() => {
                Some("a client's session with a server without a name")
            }
            (Side::Client, ..) if self.names.end_point().is_some() => Some("a client's session with a server's digest"),
            (Side::Server, _, ClientAuthPolicy::NotRequested) if has_certificates => {
                Some("a certificate of a client that was not asked for one")
            }
            (Side::Server, _, ClientAuthPolicy::Required) if !has_certificates => {
                Some("no certificate of a client that has to have one")
            }
            _ if self.peer_not_after.is_some() && !has_certificates => Some("certificates that end, but are not there"),
            _ => None,
        }
    }
}

impl Side {
    fn code(self) -> u8 {
        match self {
            Side::Client => 1,
            Side::Server => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, Malformed> {
        match code {
            1 => Ok(Side::Client),
            2 => Ok(Side::Server),
            _ => Err(Malformed::Value("side")),
        }
    }
}

impl ClientAuthPolicy {
    fn code(self) -> u8 {
        match self {
            ClientAuthPolicy::NotRequested => 0,
            ClientAuthPolicy::Optional => 1,
            ClientAuthPolicy::Required => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, Malformed> {
        match code {
            0 => Ok(ClientAuthPolicy::NotRequested),
            1 => Ok(ClientAuthPolicy::Optional),
            2 => Ok(ClientAuthPolicy::Required),
            _ => Err(Malformed::Value("client_auth")),
        }
    }
}

impl Handle {
    fn code(&self) -> u8 {
        match self {
            Handle::None => 0,
            Handle::Id(_) => 1,
            Handle::Ticket(_) => 2,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Handle::None => &[],
            Handle::Id(bytes) | Handle::Ticket(bytes) => bytes,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match (r.u8("handle")?, r.vector(Prefix::U16, "handle")?) {
            (0, []) => Ok(Handle::None),
            (1, id) if (1..=32).contains(&id.len()) => Ok(Handle::Id(id.into())),
            (2, ticket) if !ticket.is_empty() => Ok(Handle::Ticket(ticket.into())),
            (0..=2, _) => Err(Malformed::Length("handle")),
            _ => Err(Malformed::Value("handle")),
        }
    }
}

pub(crate) fn read_bool(r: &mut Reader<'_>, what: &'static str) -> Result<bool, Malformed> {
    match r.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Value(what)),
    }
}

pub(crate) fn read_name<'a>(r: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    core::str::from_utf8(r.vector(Prefix::U16, "server_name")?).map_err(|_| Malformed::Value("server_name"))
}

fn read_certificates(r: &mut Reader<'_>) -> Result<Option<PeerCertificates>, Malformed> {
    let certificate_type = CertificateType(r.u8("certificate_type")?);
    PeerCertificates::from_encoded(certificate_type, r.vector(Prefix::U24, "peer_certificates")?)
}

fn read_not_after(r: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    match r.vector(Prefix::U8, "peer_not_after")? {
        [] => Ok(None),
        bytes => match bytes.try_into() {
            Ok(bytes) => Ok(Some(u64::from_be_bytes(bytes))),
            Err(_) => Err(Malformed::Length("peer_not_after")),
        },
    }
}

pub(crate) fn read_digest<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let digest = r.vector(Prefix::U8, "server_end_point")?;
    if digest.len() <= Names::MAX_END_POINT { Ok(digest) } else { Err(Malformed::Length("server_end_point")) }
}

fn read_max_fragment_length(r: &mut Reader<'_>) -> Result<Option<u8>, Malformed> {
    match r.u8("max_fragment_length")? {
        0 => Ok(None),
        code @ 1..=4 => Ok(Some(code)),
        _ => Err(Malformed::Value("max_fragment_length")),
    }
}
