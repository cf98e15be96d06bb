use core::fmt::Debug;

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
    /// The state of our side: a name of the flow table, or `Established`, or `Failed`.
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
}
