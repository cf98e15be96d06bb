//! Requests for a new handshake.

use crate::error::Reason;
use crate::message::HelloRequest;

/// How many of them a connection puts up with, within its handshake and after it.
const LIMIT: u8 = 8;

/// How many there were. Only a new connection starts to count anew.
#[derive(Default)]
pub(super) struct HelloRequests(u8);

impl HelloRequests {
    /// One more, and what it says: HelloRequest has no content (RFC 5246 §7.4.1.1).
    pub(super) fn count(&mut self, body: &[u8]) -> Result<(), Reason> {
        HelloRequest::read(body).map_err(|problem| Reason::Malformed { message: "HelloRequest", problem })?;
        self.0 = self.0.saturating_add(1);
        if self.0 > LIMIT { Err(Reason::TooManyHelloRequests { limit: LIMIT }) } else { Ok(()) }
    }
}
