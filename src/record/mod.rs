//! The record protocol (RFC 5246 §6): what lies between bytes on the wire and the messages of the protocols above.
//!
//! ```text
//!   received bytes ──> Incoming ──┬─ handshake ────────> Join ──> whole messages
//!                      (decrypts  ├─ change_cipher_spec
//!                       in place) ├─ alert
//!                                 └─ application_data
//!
//!   messages, alerts ─> Outgoing ── flight ── queue ──┬──> bytes to send
//!   application data ─────────────────────────────────┘
//! ```

mod header;
mod incoming;
mod join;
mod outgoing;
mod protect;
mod size;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use header::HEADER_LEN;
pub(crate) use header::MAX_FRAGMENT;
pub(crate) use incoming::{Incoming, MAX_EMPTY_RECORDS, MAX_WARNING_ALERTS, Reached, Taken};
pub(crate) use join::Join;
pub use join::MessageLimits;
pub(crate) use outgoing::{ALERT_RESERVE, Outgoing};
pub use outgoing::{MAX_HEADROOM, Sent, TAG_LEN};
pub(crate) use size::MIN_LIMIT;
pub use size::RecordSize;
