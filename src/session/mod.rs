//! Sessions and how they are resumed (RFC 5246 §7.3 figure 2, RFC 5077): the value ([`Session`]), who keeps it on a server
//! ([`SessionStore`], by session ID; [`TicketSealer`], in the client's hands) and on a client ([`ClientSessions`]).
//!
//! Whether a session that was found is resumed is for the states to say: they hold it against all that it is bound to.

#[cfg(feature = "std")]
mod client_cache;
mod encoding;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod names;
#[cfg(feature = "std")]
mod store;
#[cfg(feature = "std")]
mod tickets;
mod traits;
mod value;

#[cfg(test)]
mod tests;

#[cfg(feature = "std")]
pub use client_cache::ClientCache;
pub use encoding::SessionError;
pub(crate) use encoding::{read_bool, read_digest, read_name};
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub use fuzz::fuzz_sessions;
pub(crate) use names::Names;
#[cfg(feature = "std")]
pub use store::MemoryStore;
#[cfg(feature = "std")]
pub use tickets::{TicketKey, Tickets};
pub use traits::{ClientSessions, NewTicket, OpenedTicket, SessionStore, TicketSealer};
pub use value::{ClientAuthPolicy, Session};
pub(crate) use value::{Handle, LONGEST_TICKET, Side};
