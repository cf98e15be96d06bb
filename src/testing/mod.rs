//! Both roles against a peer that does as it is told: the order check, and the known attacks.
//!
//! ```text
//!   order ── attacks          what is tried, and what has to come of it
//!      └──┬──┘
//!       bench                 one real connection and one puppet, and the wire between them
//!      ┌──┴────┬────────┐
//!   identities puppet sessions   messages with real keys, signatures and Finished, at any point of a handshake
//!                └─ wire      records, framed and protected by these tests' own reading of RFC 5246 §6
//! ```

mod attacks;
mod bench;
mod identities;
mod issuers;
mod order;
mod puppet;
mod rest;
mod rules;
mod sessions;
mod split;
mod twin;
mod wire;
