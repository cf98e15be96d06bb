use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{CertificateError, List, NotTls};
use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::message::{
    CertificateType, CipherSuite, ContentType, ExtensionType, HandshakeType, MaxFragmentLength, NamedGroup,
    ProtocolVersion, SignatureScheme,
};

/// What went wrong, with what each side offered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    // What the peer sent cannot be read.
    /// A message, extension or alert is not encoded as its RFC says.
    Malformed {
        /// The message that it stood in.
        message: &'static str,
        /// What is wrong.
        problem: Malformed,
    },
    /// The peer does not speak TLS on this connection.
    NotTls(NotTls),
    /// A record names another version than the one agreed on.
    RecordVersion(ProtocolVersion),
    /// A record's content type is none of those of RFC 5246 §6.2.1.
    ContentType(ContentType),
    /// A record is longer than the limit (RFC 5246 §6.2). Lengths in bytes.
    RecordOverflow {
        /// Length of the record's fragment or plaintext.
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// A record could not be decrypted.
    BadRecordMac {
        /// Its sequence number.
        sequence: u64,
    },
    /// Too many records without content, one after the other.
    TooManyEmptyRecords {
        /// How many in a row are accepted.
        limit: u8,
    },
    /// Too many warning alerts, one after the other.
    TooManyWarningAlerts {
        /// How many in a row are accepted.
        limit: u8,
    },
    /// Too many requests to renegotiate, or HelloRequests within a handshake.
    TooManyHelloRequests {
        /// How many are accepted.
        limit: u8,
    },
    /// An alert's level is neither warning nor fatal.
    AlertLevel(u8),
    /// A ChangeCipherSpec is not the single byte 1.
    BadChangeCipherSpec,
    /// A handshake message is longer than its cap. Lengths in bytes.
    MessageTooLong {
        /// The message.
        message: HandshakeType,
        /// Its length.
        length: usize,
        /// What was left of the cap.
        limit: usize,
        /// The setting that holds the cap.
        setting: &'static str,
    },

    // What the peer sent does not belong here.
    /// A message came that this state does not wait for.
    UnexpectedMessage {
        /// What came.
        got: &'static str,
        /// What the state waits for.
        expected: &'static [&'static str],
    },
    /// Bytes of a handshake message are left over where the keys change (RFC 5246 §7.1).
    ExcessHandshakeData,
    /// The peer closed the connection before the handshake was done.
    ClosedInHandshake,
    /// The transport ended without a close_notify: what was received may not be all (RFC 5246 §7.2.1).
    Truncated,
    /// The peer ended the connection with this fatal alert.
    PeerAlert(AlertDescription),

    // Negotiation.
    /// The peer's version of the protocol is not 1.2.
    Version {
        /// What it asked for or chose.
        peer: ProtocolVersion,
    },
    /// The client fell back to a lower version, though we speak a higher one (RFC 7507): something in between broke its
    /// first attempt.
    InappropriateFallback {
        /// What it fell back to.
        peer: ProtocolVersion,
    },
    /// The client's supported_versions leave out TLS 1.2 (RFC 8446 §4.2.1).
    VersionsWithout12 {
        /// What it named.
        peer: Vec<ProtocolVersion>,
    },
    /// No cipher suite in common that also fits the certificate and the groups.
    NoCommonCipherSuite {
        /// What we offered.
        ours: Vec<CipherSuite>,
        /// What the peer offered.
        peer: Vec<CipherSuite>,
    },
    /// No group in common.
    NoCommonGroup {
        /// What we offered.
        ours: Vec<NamedGroup>,
        /// What the peer offered.
        peer: Vec<NamedGroup>,
    },
    /// The key of our certificate is on a curve that the client does not support (RFC 8422 §5.1.1).
    CurveNotSupported {
        /// The certificate's curve.
        curve: NamedGroup,
        /// What the client supports.
        peer: Vec<NamedGroup>,
    },
    /// No signature scheme in common that our key can do.
    NoCommonSignatureScheme {
        /// What our keys can do.
        ours: Vec<SignatureScheme>,
        /// What the peer accepts.
        peer: Vec<SignatureScheme>,
    },
    /// No type of certificates in common that could be shown (RFC 7250 §4.2).
    NoCommonCertificateType {
        /// What we have, or take.
        ours: Vec<CertificateType>,
        /// What the peer takes, or has.
        peer: Vec<CertificateType>,
    },
    /// No application protocol in common (RFC 7301 §3.2). Names as text, bytes that are not ASCII escaped.
    NoCommonAlpnProtocol {
        /// What we speak.
        ours: Vec<String>,
        /// What the client offered.
        peer: Vec<String>,
    },
    /// No identity of ours fits what the client asked for.
    NoIdentity {
        /// The name that the client asked for.
        server_name: Option<String>,
    },
    /// The peer chose a cipher suite that we did not offer.
    SuiteNotOffered(CipherSuite),
    /// The peer chose a group that we did not offer.
    GroupNotOffered(NamedGroup),
    /// The peer signed with a scheme that we did not offer.
    SchemeNotOffered(SignatureScheme),
    /// The peer chose an application protocol that we did not offer. The name as text, bytes that are not ASCII escaped.
    AlpnNotOffered(String),
    /// The server chose a type of certificates that we did not offer (RFC 7250 §4.2).
    CertificateTypeNotOffered(CertificateType),
    /// The peer answered with an extension that we did not offer.
    ExtensionNotOffered(ExtensionType),
    /// The client offers no null compression, or the server chose another.
    Compression,
    /// The peer does not support the uncompressed point format (RFC 8422 §5.1.2).
    PointFormats,
    /// The peer does not support extended_master_secret, and our configuration requires it (RFC 7627).
    NoExtendedMasterSecret,
    /// The session that is resumed, and the hellos of the resumption, differ in extended_master_secret (RFC 7627 §5.3).
    ResumedWithoutExtendedMasterSecret,
    /// The server resumes a session under another cipher suite (RFC 5246 §7.4.1.3).
    ResumedWithOtherSuite {
        /// The session's.
        session: CipherSuite,
        /// What the server chose.
        peer: CipherSuite,
    },
    /// The client showed no certificate, and our configuration requires one (RFC 5246 §7.4.6).
    NoClientCertificate,
    /// The peer does not support secure renegotiation, and our configuration requires it (RFC 5746 §4.1).
    NoSecureRenegotiation,
    /// renegotiation_info is not empty in a first handshake (RFC 5746 §3.4, §3.6).
    RenegotiationMismatch,
    /// The peer's record_size_limit is below 64 bytes (RFC 8449 §4).
    RecordSizeLimit(u16),
    /// A client asks for a max_fragment_length that does not exist, or a server chose another than we asked for
    /// (RFC 6066 §4).
    MaxFragmentLength {
        /// What a client asked for.
        ours: Option<MaxFragmentLength>,
        /// What the peer said.
        peer: MaxFragmentLength,
    },
    /// The server answered both record_size_limit and max_fragment_length (RFC 8449 §5).
    TwoRecordSizeLimits,

    // Keys, signatures and certificates.
    /// The ECDH public key is not one of its group, or the shared secret is all zero (RFC 8422 §5.10, §5.11).
    BadKeyShare(NamedGroup),
    /// The scheme does not fit the certificate's key, or the key does not fit the cipher suite.
    WrongKeyType {
        /// The key's type and size.
        key: String,
        /// What it should have fitted.
        wanted: String,
    },
    /// The certificate's curve is none of the groups that we offered (RFC 8422 §5.3).
    CurveNotOffered(NamedGroup),
    /// The signature over the handshake is wrong.
    BadSignature {
        /// The scheme it was made with.
        scheme: SignatureScheme,
    },
    /// The peer's Finished does not match what we saw of the handshake.
    BadFinished,
    /// The peer's certificate is not accepted.
    Certificate(CertificateError),

    // On our side.
    /// We closed the connection before the handshake was done.
    Closed,
    /// A trait of the configuration failed, or a request was dropped without an answer.
    Local {
        /// Which one.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The source of randomness failed or returned only zeros.
    Random,
    /// The keys of this connection have protected as many records as they may (RFC 9325 §4.4).
    KeyLimit,
    /// The configuration makes a message that is longer than the protocol can say.
    TooLong(&'static str),

    // Misuse of the API: nothing was changed.
    /// The output buffer is too small for any progress. Sizes in bytes.
    OutputTooSmall {
        /// The smallest that helps.
        needed: usize,
    },
    /// Data to send after `close`.
    WriteAfterClose,
    /// `seal_in_place` makes no record.
    NotSealed(&'static str),
    /// An `Acceptor` is read that has handed its ClientHello out.
    AlreadyAccepted,
    /// Keying material or a channel binding is refused.
    NotExported(&'static str),
    /// An answer that no question of this connection waits for.
    UnexpectedAnswer,
    /// The connection cannot be split.
    NotSplit(&'static str),
    /// The connection cannot become a [`Dormant`](crate::Dormant) one.
    NotDormant(&'static str),
}

impl Reason {
    /// The alert that tells the peer, or none where the peer is not to be told or told us.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        use AlertDescription as A;
        Some(match self {
            Reason::Malformed { .. } => A::DECODE_ERROR,
            Reason::RecordVersion(_) | Reason::Version { .. } | Reason::VersionsWithout12 { .. } => A::PROTOCOL_VERSION,
            Reason::NotTls(NotTls::Ssl2Hello) => A::PROTOCOL_VERSION,
            // The peer would not understand an alert.
            Reason::NotTls(
                NotTls::HttpRequest
                | NotTls::HttpProxyRequest
                | NotTls::HttpResponse
                | NotTls::Greeting
                | NotTls::Bytes(_),
            ) => return None,
            Reason::ContentType(_)
            | Reason::UnexpectedMessage { .. }
            | Reason::ExcessHandshakeData
            | Reason::TooManyEmptyRecords { .. }
            | Reason::TooManyHelloRequests { .. } => A::UNEXPECTED_MESSAGE,
            Reason::TooManyWarningAlerts { .. } => A::DECODE_ERROR,
            Reason::RecordOverflow { .. } => A::RECORD_OVERFLOW,
            Reason::BadRecordMac { .. } => A::BAD_RECORD_MAC,
            Reason::AlertLevel(_)
            | Reason::BadChangeCipherSpec
            | Reason::MessageTooLong { .. }
            | Reason::SuiteNotOffered(_)
            | Reason::ResumedWithOtherSuite { .. }
            | Reason::GroupNotOffered(_)
            | Reason::SchemeNotOffered(_)
            | Reason::AlpnNotOffered(_)
            | Reason::CertificateTypeNotOffered(_)
            | Reason::Compression
            | Reason::PointFormats
            | Reason::RecordSizeLimit(_)
            | Reason::MaxFragmentLength { .. }
            | Reason::TwoRecordSizeLimits
            | Reason::BadKeyShare(_)
            | Reason::WrongKeyType { .. }
            | Reason::CurveNotOffered(_) => A::ILLEGAL_PARAMETER,
            Reason::ExtensionNotOffered(_) => A::UNSUPPORTED_EXTENSION,
            Reason::ClosedInHandshake => A::CLOSE_NOTIFY,
            Reason::NoCommonCipherSuite { .. }
            | Reason::NoCommonGroup { .. }
            | Reason::CurveNotSupported { .. }
            | Reason::NoIdentity { server_name: None }
            | Reason::NoCommonSignatureScheme { .. }
            | Reason::NoExtendedMasterSecret
            | Reason::ResumedWithoutExtendedMasterSecret
            | Reason::NoClientCertificate
            | Reason::NoSecureRenegotiation
            | Reason::RenegotiationMismatch => A::HANDSHAKE_FAILURE,
            Reason::InappropriateFallback { .. } => A::INAPPROPRIATE_FALLBACK,
            Reason::NoCommonCertificateType { .. } => A::UNSUPPORTED_CERTIFICATE,
            Reason::NoCommonAlpnProtocol { .. } => A::NO_APPLICATION_PROTOCOL,
            Reason::NoIdentity { server_name: Some(_) } => A::UNRECOGNIZED_NAME,
            Reason::BadSignature { .. } | Reason::BadFinished => A::DECRYPT_ERROR,
            Reason::Certificate(error) => error.alert(),
            Reason::Local { .. } | Reason::Random | Reason::TooLong(_) => A::INTERNAL_ERROR,
            Reason::Truncated
            | Reason::PeerAlert(_)
            | Reason::KeyLimit
            | Reason::OutputTooSmall { .. }
            | Reason::WriteAfterClose
            | Reason::NotSealed(_)
            | Reason::AlreadyAccepted
            | Reason::Closed
            | Reason::NotExported(_)
            | Reason::UnexpectedAnswer
            | Reason::NotSplit(_)
            | Reason::NotDormant(_) => return None,
        })
    }
}

impl From<CertificateError> for Reason {
    fn from(error: CertificateError) -> Self {
        Reason::Certificate(error)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { message, problem } => write!(f, "malformed {message}: {problem}"),
            Self::NotTls(NotTls::HttpRequest) => {
                f.write_str("the peer sent a plain HTTP request to this TLS port; it should use https")
            }
            Self::NotTls(NotTls::HttpProxyRequest) => {
                f.write_str("the peer sent a CONNECT request to this TLS port; it takes this for an HTTP proxy")
            }
            Self::NotTls(NotTls::HttpResponse) => {
                f.write_str("the peer answered in plain HTTP: this port does not speak TLS")
            }
            Self::NotTls(NotTls::Ssl2Hello) => f.write_str("the peer sent a hello of SSL 2.0; TLS 1.2 is needed"),
            Self::NotTls(NotTls::Greeting) => {
                f.write_str("the peer sent a greeting in plain text: it wants STARTTLS, or this is not its TLS port")
            }
            Self::NotTls(NotTls::Bytes(bytes)) => {
                write!(f, "the peer does not speak TLS: its first bytes are \"{}\"", bytes.escape_ascii())
            }
            Self::RecordVersion(version) => write!(f, "a record of version {version} where TLS 1.2 was agreed on"),
            Self::ContentType(content_type) => write!(f, "a record of the unknown content type {content_type}"),
            Self::RecordOverflow { length, limit } => {
                write!(f, "a record of {length} bytes where at most {limit} are allowed")
            }
            Self::BadRecordMac { sequence } => {
                write!(f, "record {sequence} could not be decrypted: changed on the way, or the keys differ")
            }
            Self::TooManyEmptyRecords { limit } => write!(f, "more than {limit} empty records in a row"),
            Self::TooManyWarningAlerts { limit } => write!(f, "more than {limit} warning alerts in a row"),
            Self::TooManyHelloRequests { limit } => {
                write!(f, "the peer asked for a new handshake more than {limit} times")
            }
            Self::AlertLevel(level) => write!(f, "an alert of the unknown level {level}"),
            Self::BadChangeCipherSpec => f.write_str("a ChangeCipherSpec that is not the single byte 1"),
            Self::MessageTooLong { message, length, limit, setting } => {
                write!(
                    f,
                    "a {message} of {length} bytes where {limit} are left of the limit; the setting is `{setting}`"
                )
            }
            Self::UnexpectedMessage { got, expected } => {
                write!(f, "{got} came, ")?;
                match expected {
                    [] => f.write_str("which has no place here"),
                    _ => write!(f, "and one of these was expected: {}", List(expected)),
                }
            }
            Self::ExcessHandshakeData => {
                f.write_str("bytes of a handshake message are left over where the keys change")
            }
            Self::ClosedInHandshake => f.write_str("the peer closed the connection during the handshake"),
            Self::Truncated => f.write_str(
                "the transport ended without close_notify or another alert: somebody hung up, and what was received may \
                 not be all",
            ),
            Self::PeerAlert(alert) => write!(f, "the peer sent {alert}: {}", alert.usual_cause()),
            Self::Version { peer } => write!(f, "the peer wants {peer}; we speak TLS 1.2 alone"),
            Self::InappropriateFallback { peer } => {
                write!(f, "the client fell back to {peer}, though it speaks higher: something broke its first attempt")
            }
            Self::VersionsWithout12 { peer } => write!(f, "the peer speaks {}; we speak TLS 1.2 alone", List(peer)),
            Self::NoCommonCipherSuite { ours, peer } => no_common(f, "cipher suite", ours, peer),
            Self::NoCommonGroup { ours, peer } => no_common(f, "group", ours, peer),
            Self::CurveNotSupported { curve, peer } => {
                write!(f, "our certificate's key is on {curve}, and the client supports {}", List(peer))
            }
            Self::NoCommonSignatureScheme { ours, peer } => no_common(f, "signature scheme", ours, peer),
            Self::NoCommonCertificateType { ours, peer } => no_common(f, "type of certificates", ours, peer),
            Self::NoCommonAlpnProtocol { ours, peer } => no_common(f, "application protocol", ours, peer),
            Self::NoIdentity { server_name: Some(name) } => {
                write!(f, "no identity of ours fits a client that asks for \"{name}\"")
            }
            Self::NoIdentity { server_name: None } => {
                f.write_str("no identity of ours fits a client that names no server")
            }
            Self::SuiteNotOffered(suite) => {
                write!(f, "the peer chose the cipher suite {suite}, which we did not offer")
            }
            Self::GroupNotOffered(group) => write!(f, "the peer chose the group {group}, which we did not offer"),
            Self::SchemeNotOffered(scheme) => write!(f, "the peer signed with {scheme}, which we did not offer"),
            Self::AlpnNotOffered(name) => {
                write!(f, "the peer chose the application protocol \"{name}\", which we did not offer")
            }
            Self::CertificateTypeNotOffered(typ) => {
                write!(f, "the server chose certificates of the type {typ}, which we did not offer")
            }
            Self::ExtensionNotOffered(extension) => {
                write!(f, "the peer answered with the extension {extension}, which we did not offer, or which is not for a server")
            }
            Self::Compression => f.write_str("the peer does not agree to no compression"),
            Self::PointFormats => f.write_str("the peer does not support uncompressed points"),
            Self::ResumedWithoutExtendedMasterSecret => f.write_str(
                "the resumed session and the hellos differ in extended_master_secret: somebody may be in the middle",
            ),
            Self::ResumedWithOtherSuite { session, peer } => {
                write!(f, "the server resumes a session of {session} with {peer}")
            }
            Self::NoClientCertificate => f.write_str("the client showed no certificate, and the configuration requires one"),
            Self::NoExtendedMasterSecret => {
                f.write_str("the peer does not support extended_master_secret, which our configuration requires")
            }
            Self::NoSecureRenegotiation => f.write_str(
                "the peer does not support secure renegotiation (RFC 5746), which our configuration requires",
            ),
            Self::RenegotiationMismatch => f.write_str("renegotiation_info is not empty in a first handshake"),
            Self::RecordSizeLimit(limit) => {
                write!(f, "the peer's record_size_limit is {limit} bytes, and at least 64 are needed")
            }
            Self::MaxFragmentLength { ours: Some(ours), peer } => {
                write!(f, "the server chose a max_fragment_length of {peer}, and we asked for {ours}")
            }
            Self::MaxFragmentLength { ours: None, peer } => {
                write!(f, "the client asks for a max_fragment_length of {peer}, which there is not")
            }
            Self::TwoRecordSizeLimits => {
                f.write_str("the server answered both record_size_limit and max_fragment_length")
            }
            Self::BadKeyShare(group) => write!(f, "the peer's public key is not a good one for {group}"),
            Self::WrongKeyType { key, wanted } => {
                write!(f, "the peer's certificate has a key of type {key}, which does not fit {wanted}")
            }
            Self::CurveNotOffered(group) => {
                write!(f, "the key of the peer's certificate is on {group}, which we did not offer")
            }
            Self::BadSignature { scheme } => write!(f, "the peer's signature ({scheme}) over the handshake is wrong"),
            Self::BadFinished => f.write_str(
                "the peer's Finished does not match the handshake that we saw: something changed it on the way",
            ),
            Self::Certificate(error) => write!(f, "{error}"),
            Self::Local { what, why } => write!(f, "{what} failed: {why}"),
            Self::Random => f.write_str("the source of randomness failed or returned only zeros"),
            Self::KeyLimit => {
                f.write_str("the keys of this connection have protected as many records as they may; open a new one")
            }
            Self::TooLong(what) => write!(f, "{what} of our configuration is longer than the protocol can say"),
            Self::OutputTooSmall { needed } => {
                write!(f, "the output buffer is too small: at least {needed} bytes are needed")
            }
            Self::NotExported(why) => write!(f, "nothing is exported: {why}"),
            Self::Closed => f.write_str("we closed the connection before the handshake was done"),
            Self::AlreadyAccepted => f.write_str("read by an acceptor that has handed its ClientHello out"),
            Self::NotSealed(why) => write!(f, "no record is made: {why}"),
            Self::WriteAfterClose => f.write_str("data to send after close"),
            Self::UnexpectedAnswer => f.write_str("an answer that no question of this connection waits for"),
            Self::NotSplit(why) => write!(f, "the connection cannot be split: {why}"),
            Self::NotDormant(why) => write!(f, "the connection cannot be exported: {why}"),
        }
    }
}

fn no_common<T: fmt::Display>(f: &mut fmt::Formatter<'_>, what: &str, ours: &[T], peer: &[T]) -> fmt::Result {
    write!(f, "no {what} in common: we offered {}, the peer offers {}", List(ours), List(peer))
}
