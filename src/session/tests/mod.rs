//! Sessions of every shape, those who keep them, and what must not come out of either.

mod encoding;
#[cfg(feature = "std")]
mod keepers;
#[cfg(feature = "std")]
mod rotation;
#[cfg(feature = "std")]
mod tickets;

use alloc::boxed::Box;
use core::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use zeroize::Zeroizing;

use super::*;
use crate::crypto::SUITES;
use crate::identity::PeerCertificates;

/// A day of 2030, in seconds since 1970-01-01 00:00 UTC.
const THEN: u64 = 1_900_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn certificates() -> PeerCertificates {
    let [own, issuer] = [[0x30, 1, 5].as_slice(), &[0x30, 2, 5, 6]].map(CertificateDer::from);
    PeerCertificates::new([&own, &issuer]).unwrap()
}

/// A server's session with a client that was asked for a certificate, made at [`THEN`] for an hour, with every field set.
fn server() -> Session {
    Session {
        side: Side::Server,
        suite: &SUITES[1],
        master_secret: Box::new(Zeroizing::new([0xa5; 48])),
        extended_master_secret: true,
        context: [0xc0; 32],
        created_at: THEN,
        lifetime: 3600,
        server_name: Some("a.example".into()),
        alpn: Some(b"h2".as_slice().into()),
        client_auth: ClientAuthPolicy::Required,
        peer_certificates: Some(certificates()),
        peer_not_after: Some(THEN + 100_000),
        server_end_point: Some([0xe0; 32].into()),
        max_fragment_length: Some(4),
        handle: Handle::None,
    }
}

/// The client's session of the same connection, if the client was not asked for a certificate.
fn client(handle: Handle) -> Session {
    Session {
        side: Side::Client,
        client_auth: ClientAuthPolicy::NotRequested,
        server_end_point: None,
        handle,
        ..server()
    }
}
