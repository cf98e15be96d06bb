//! The receiving side of a connection: what it keeps through all phases, and what it does with records once the connection is
//! established. A whole connection has one, and so has a [`Receiver`](super::Receiver).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Range;

use super::Event;
use super::alerts::{Alert, Meaning};
use super::requests::HelloRequests;
use super::split::AlertToken;
use crate::alert::AlertDescription;
use crate::error::Reason;
use crate::handshake::Facts;
use crate::machine::Input;
use crate::message::{ContentType, HEADER_LEN, HandshakeType};
use crate::observer::{Direction, Observer, Seen};
use crate::record::{Incoming, Join, MessageLimits, Taken};

/// The state after the handshake, for errors and for the observer.
pub(super) const ESTABLISHED: &str = "Established";

/// What a record came to on an established connection: an [`Event`] without the questions of a handshake, which are large.
/// Each record passes here.
pub(super) enum Came {
    NeedInput {
        missing: usize,
    },
    Progress,
    /// Where in the input it stands.
    Data(Range<usize>),
    Closed,
    SendAlert(AlertToken),
}

impl From<Came> for Event {
    #[inline]
    fn from(came: Came) -> Self {
        match came {
            Came::NeedInput { missing } => Event::NeedInput { missing },
            Came::Progress => Event::Progress,
            Came::Data(range) => Event::Data(range),
            Came::Closed => Event::Closed,
            Came::SendAlert(token) => Event::SendAlert(token),
        }
    }
}

/// Why a connection cannot go on, and how many bytes at the front of the input are done with.
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) consumed: usize,
}

pub(super) struct Receiving {
    pub(super) incoming: Incoming,
    /// Requests for a new handshake, if one is inside or half inside: they are rare.
    requests: Option<Box<Join>>,
    /// The longest of those, in bytes.
    longest_request: u32,
    pub(super) facts: Facts,
    pub(super) hello_requests: HelloRequests,
    pub(super) close_received: bool,
    pub(super) observer: Option<Arc<dyn Observer>>,
    /// By what the peer asks for a new handshake.
    request: HandshakeType,
}

impl Receiving {
    pub(super) fn new(is_client: bool, limits: &MessageLimits, observer: Option<Arc<dyn Observer>>) -> Self {
        Receiving {
            incoming: Incoming::new(),
            requests: None,
            longest_request: u32::try_from(limits.other).unwrap_or(u32::MAX),
            facts: Facts::default(),
            hello_requests: HelloRequests::default(),
            close_received: false,
            observer,
            request: if is_client { HandshakeType::HELLO_REQUEST } else { HandshakeType::CLIENT_HELLO },
        }
    }

    /// The connection has failed: frees what was under way. RFC 5246 §7.2.2: after a fatal alert of either side, its session
    /// is not resumed; after a close_notify it is, and after none at all (§7.2.1). But a session that a client's handshake
    /// was `offering` when it failed is not offered again, however that was: it may be what the server stumbles over.
    pub(super) fn end(&mut self, reason: &Reason, offering: bool) {
        let is_fatal = |alert| alert != AlertDescription::CLOSE_NOTIFY;
        if offering || reason.alert().is_some_and(is_fatal) || matches!(reason, Reason::PeerAlert(_)) {
            self.facts.forget_session();
        }
        self.requests = None;
    }

    /// Reads on an established connection: how many bytes are done with, and what came. What there is to say to the peer
    /// comes as [`Came::SendAlert`].
    pub(super) fn read(&mut self, input: &mut [u8]) -> Result<(usize, Came), Box<Failure>> {
        if self.close_received {
            return Ok((0, Came::Closed));
        }
        if self.requests.is_some()
            && let Some(token) = self.request_to_renegotiate().map_err(|reason| failure(reason, 0))?
        {
            return Ok((0, Came::SendAlert(token)));
        }
        let (content_type, payload, consumed) = match self.incoming.take(input) {
            Ok(Taken::Record { content_type, payload, consumed }) => (content_type, payload, consumed),
            Ok(Taken::NeedInput { missing }) => return Ok((0, Came::NeedInput { missing })),
            Err(reason) => return Err(failure(reason, 0)),
        };
        // Data is out of place within a handshake message.
        if content_type == ContentType::APPLICATION_DATA && self.is_aligned() {
            if payload.is_empty() {
                return Ok((consumed, Came::Progress));
            }
            self.hello_requests.clear();
            return Ok((consumed, Came::Data(payload)));
        }
        match self.handle(content_type, input.get(payload).unwrap_or_default()) {
            Ok(came) => Ok((consumed, came)),
            Err(reason) => Err(failure(reason, consumed)),
        }
    }

    /// A record that is not application data in its place.
    #[cold]
    fn handle(&mut self, content_type: ContentType, payload: &[u8]) -> Result<Came, Reason> {
        match content_type {
            ContentType::HANDSHAKE => {
                let other = usize::try_from(self.longest_request).unwrap_or(usize::MAX);
                let limits = MessageLimits { other, ..MessageLimits::client() };
                self.requests.get_or_insert_with(|| Box::new(Join::new(limits))).push(payload);
                Ok(self.request_to_renegotiate()?.map_or(Came::Progress, Came::SendAlert))
            }
            ContentType::CHANGE_CIPHER_SPEC => {
                check_change_cipher_spec(payload, self.is_aligned())?;
                Err(Reason::UnexpectedMessage { got: Input::ChangeCipherSpec.name(), expected: &[] })
            }
            ContentType::ALERT => Ok(match self.alert(payload, ESTABLISHED)? {
                Meaning::CloseNotify => Came::Closed,
                Meaning::Warning => Came::Progress,
            }),
            _ => Err(Reason::UnexpectedMessage { got: "application_data", expected: &[] }),
        }
    }

    /// RFC 5246 §7.2: a warning goes by, close_notify ends the peer's direction, and all else is an error.
    pub(super) fn alert(&mut self, payload: &[u8], state: &'static str) -> Result<Meaning, Reason> {
        let alert = Alert::read(payload)?;
        self.observe(Direction::Received, ContentType::ALERT, alert_name(alert.description), payload.len(), state);
        let meaning = alert.meaning()?;
        match meaning {
            Meaning::CloseNotify => {
                self.close_received = true;
                // The rest of a request that is half inside will not come.
                self.requests = None;
            }
            Meaning::Warning => self.incoming.count_warning()?,
        }
        Ok(meaning)
    }

    /// A HelloRequest or ClientHello in traffic, if it is whole: `no_renegotiation` (RFC 5246 §7.2.2).
    #[cold]
    fn request_to_renegotiate(&mut self) -> Result<Option<AlertToken>, Reason> {
        let Some(mut join) = self.requests.take() else { return Ok(None) };
        if let Some(message_type) = join.peek().filter(|message_type| *message_type != self.request) {
            return Err(unexpected(message_type, &[]));
        }
        let request = join.next()?;
        if let Some((message_type, range)) = request.clone() {
            let message = join.bytes(range);
            let body = message.get(HEADER_LEN..).unwrap_or_default();
            let input = Input::Message { message_type, body };
            self.observe(Direction::Received, ContentType::HANDSHAKE, input.name(), message.len(), ESTABLISHED);
            self.hello_requests.count(if message_type == HandshakeType::HELLO_REQUEST { body } else { &[] })?;
            join.renew();
        }
        if !join.is_aligned() {
            self.requests = Some(join);
        }
        Ok(request.map(|_| AlertToken::no_renegotiation()))
    }

    /// Whether no request is inside, and no part of one, so that something else may come.
    pub(super) fn is_aligned(&self) -> bool {
        self.requests.is_none()
    }

    pub(super) fn observe(
        &self,
        direction: Direction,
        content_type: ContentType,
        message: &'static str,
        length: usize,
        state: &'static str,
    ) {
        if let Some(observer) = &self.observer {
            let client_random = &self.facts.client_random;
            observer.message(&Seen { direction, content_type, message, length, state, client_random });
        }
    }
}

#[cold]
fn failure(reason: Reason, consumed: usize) -> Box<Failure> {
    Box::new(Failure { reason, consumed })
}

/// RFC 5246 §7.1: a single byte of value 1. Keys change between messages, not within one.
pub(super) fn check_change_cipher_spec(payload: &[u8], is_aligned: bool) -> Result<(), Reason> {
    match payload {
        [1] if is_aligned => Ok(()),
        [1] => Err(Reason::ExcessHandshakeData),
        _ => Err(Reason::BadChangeCipherSpec),
    }
}

pub(super) fn unexpected(message_type: HandshakeType, expected: &'static [&'static str]) -> Reason {
    Reason::UnexpectedMessage { got: Input::Message { message_type, body: &[] }.name(), expected }
}

pub(super) fn alert_name(description: AlertDescription) -> &'static str {
    description.name().unwrap_or("an unknown alert")
}
