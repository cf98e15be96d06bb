//! Sessions of every shape, those who keep them, and what must not come out of either.

mod encoding;
#[cfg(feature = "std")]
mod keepers;
#[cfg(feature = "std")]
mod rotation;
#[cfg(feature = "std")]
mod tickets;

use core::time::Duration;

use pki_types::{CertificateDer, UnixTime};

use super::*;
use crate::crypto::{MasterSecret, SUITES};
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

/// Those of these sessions; only a server's has a digest.
fn names(end_point: &[u8]) -> Names {
    Names::new("a.example", b"h2", end_point).unwrap()
}

/// A server's session with a client that was asked for a certificate, made at [`THEN`] for an hour, with every field set.
fn server() -> Session {
    Session {
        side: Side::Server,
        suite: &SUITES[1],
        master_secret: MasterSecret::of(&[0xa5; 48]),
        extended_master_secret: true,
        context: [0xc0; 32],
        created_at: THEN,
        lifetime: 3600,
        client_auth: ClientAuthPolicy::Required,
        peer_certificates: Some(certificates()),
        peer_not_after: Some(THEN + 100_000),
        names: names(&[0xe0; 32]),
        max_fragment_length: Some(4),
        handle: Handle::None,
    }
}

/// The client's session of the same connection, if the client was not asked for a certificate.
fn client(handle: Handle) -> Session {
    Session { side: Side::Client, client_auth: ClientAuthPolicy::NotRequested, names: names(b""), handle, ..server() }
}
