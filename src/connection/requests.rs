//! Requests for a new handshake.

use crate::error::Reason;
use crate::message::HelloRequest;

/// How many of them a connection puts up with before data comes.
pub(crate) const LIMIT: u8 = 8;

/// How many there were since the connection last got on.
#[derive(Default)]
pub(super) struct HelloRequests(pub(super) u8);

impl HelloRequests {
    /// Data came, at least a byte of it: empty records would let the requests go on for ever.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.0 = 0;
    }

    /// One more, and what it says: HelloRequest has no content (RFC 5246 §7.4.1.1).
    pub(super) fn count(&mut self, body: &[u8]) -> Result<(), Reason> {
        HelloRequest::read(body).map_err(|problem| Reason::Malformed { message: "HelloRequest", problem })?;
        self.0 = self.0.saturating_add(1);
        if self.0 > LIMIT { Err(Reason::TooManyHelloRequests { limit: LIMIT }) } else { Ok(()) }
    }
}
