use alloc::string::String;
use core::fmt::{self, Debug};

use crate::message::ContentType;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
}

/// A message that went by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Seen<'a> {
    /// Which way.
    pub direction: Direction,
    /// What it is: a handshake message, a ChangeCipherSpec or an alert.
    pub content_type: ContentType,
    /// Its name in the RFC: `ClientHello`, `ChangeCipherSpec`; an alert's is its description: `close_notify`.
    pub message: &'static str,
    /// Its length in bytes, with the header of the handshake message, without that of the record.
    pub length: usize,
    /// The state of our side: a name of the flow table, or `Start`, `Established` or `Failed`.
    pub state: &'static str,
    /// The client's random of this connection (RFC 5246 §7.4.1.2): tells connections apart, on both sides alike. Zero
    /// until it is known.
    pub client_random: &'a [u8; 32],
}

/// Sees each handshake message, ChangeCipherSpec and alert of the connections of a configuration: for traces, diagrams
/// and metrics. It decides nothing and must return soon.
pub trait Observer: Debug + Send + Sync {
    /// A message was received and is about to be handled, or was made to be sent. A flight that fails before it is complete is
    /// not sent; an alert says so.
    fn message(&self, seen: &Seen<'_>);

    /// A session was offered, by the client that has this random, and is not resumed: the handshake goes on in full.
    /// To be counted: a rise of some of these means that keys, clocks or configurations of a fleet differ.
    fn not_resumed(&self, _client_random: &[u8; 32], _why: &NotResumed) {}

    /// The client that has this random was promised a ticket and gets an empty one, since the sealer failed or did not answer.
    fn no_ticket(&self, _client_random: &[u8; 32], _why: &str) {}
}

/// Why a session that was offered is not resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotResumed {
    /// On a client: the server declined it.
    Declined,
    /// The store has none of that ID. Clients that also speak TLS 1.3 show one that never was (RFC 8446 §4.1.2), so there are
    /// always some of these.
    UnknownSession,
    /// The ticket was not opened: its key is gone, it was altered, or the application declined it.
    TicketDeclined,
    /// The store, the sealer or the verifier failed, or did not answer.
    NoAnswer(String),
    /// What was found is no session of a server, or none with this ID.
    OtherSession,
    /// The session is older than its lifetime.
    Expired,
    /// The session was made later than now.
    FromTheFuture,
    /// It belongs to another configuration: see `session_context`, and the `session_binding` of verifiers and resolvers.
    OtherConfiguration,
    /// It was made for another server name.
    OtherServerName,
    /// Its cipher suite is not offered, or no longer configured.
    OtherCipherSuite,
    /// Its application protocol is not the one that would be agreed on now.
    OtherApplicationProtocol,
    /// Its records would have another maximum length (RFC 6066 §4).
    OtherFragmentLength,
    /// The peer was known in it by a type of certificate that is no longer taken (RFC 7250).
    OtherCertificateType,
    /// It was made under another policy for the authentication of clients, or without what the policy asks for.
    OtherClientAuthentication,
    /// It was made without extended_master_secret, which is used now (RFC 7627 §5.3), or required by the configuration.
    NoExtendedMasterSecret,
    /// A certificate that the peer showed has expired since.
    CertificateExpired,
    /// The verifier, asked again, no longer accepts the client's certificate.
    CertificateRefused(String),
}

impl fmt::Display for NotResumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("the server declined the session"),
            Self::UnknownSession => f.write_str("no session of that ID is stored"),
            Self::TicketDeclined => {
                f.write_str("the ticket was not opened: altered, under a key that is gone, or declined")
            }
            Self::NoAnswer(why) => write!(f, "nobody answered about the session: {why}"),
            Self::OtherSession => f.write_str("what was found is not the session that was asked for"),
            Self::Expired => f.write_str("the session has expired"),
            Self::FromTheFuture => f.write_str("the session was made later than now: do the clocks differ?"),
            Self::OtherConfiguration => f.write_str("the session belongs to another configuration (`session_context`, or the `session_binding` of its verifier or resolver)"),
            Self::OtherServerName => f.write_str("the session was made for another server name"),
            Self::OtherCipherSuite => f.write_str("the session's cipher suite is not offered or not configured"),
            Self::OtherApplicationProtocol => f.write_str("the session's application protocol is another"),
            Self::OtherFragmentLength => f.write_str("the session's max_fragment_length is another"),
            Self::OtherCertificateType => {
                f.write_str("the peer of the session showed a type of certificate that is no longer taken")
            }
            Self::OtherClientAuthentication => {
                f.write_str("the session was made under another policy for the authentication of clients")
            }
            Self::NoExtendedMasterSecret => f.write_str("the session was made without extended_master_secret"),
            Self::CertificateRefused(why) => write!(f, "the client's certificate is no longer accepted: {why}"),
            Self::CertificateExpired => f.write_str("a certificate that the session rests on has expired"),
        }
    }
}
