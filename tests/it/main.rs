//! Tests of the library from the outside: both roles against each other, against rustls, and against peers that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics fails, as it should"
)]

mod credentials;
mod deciders;
#[cfg(feature = "tokio")]
mod executor;
mod exports;
mod given;
#[cfg(feature = "ring")]
mod kernel;
mod pair;
mod pattern;
mod recorded;
mod sessions;
mod transport;

mod acceptor;
#[cfg(feature = "tokio")]
mod async_output;
#[cfg(feature = "tokio")]
mod async_streams;
mod attacks;
mod backends;
mod client_auth;
mod config;
mod dormant;
mod every_question;
mod forgotten;
mod handshakes;
mod in_place;
mod issuers;
#[cfg(feature = "ring")]
mod ktls;
mod late;
mod lifecycle;
mod misfits;
mod negotiation;
mod output;
mod peer_certificates;
mod questions;
mod raw_keys;
mod replay;
mod resumption;
mod rustls_peer;
mod sibling;
mod sizes;
mod sockets;
mod split;
mod splits;
mod staple;
mod stapling;
mod stream_ends;
mod streams;
mod trust;
mod vanish;
