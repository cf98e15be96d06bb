//! Sessions and how they are resumed (RFC 5246 §7.3 figure 2, RFC 5077): the value ([`Session`]), who keeps it on a server
//! ([`SessionStore`], by session ID; [`TicketSealer`], in the client's hands) and on a client ([`ClientSessions`]).
//!
//! Whether a session that was found is resumed is for the states to say: they hold it against all that it is bound to.

mod encoding;
mod traits;
mod value;

#[cfg(test)]
mod tests;

pub use encoding::SessionError;
pub use traits::{ClientSessions, NewTicket, OpenedTicket, SessionStore, TicketSealer};
pub use value::{ClientAuthPolicy, Session};
pub(crate) use value::{Handle, Side};
