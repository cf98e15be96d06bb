//! How often the library allocates in a handshake that resumes a session.
//!
//! A test binary of its own, because counting needs a global allocator of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics fails, as it should"
)]

mod counting;

use std::sync::Arc;

use tls12::{Backend, ClientCache, MemoryStore, Tickets};

use counting::bare::Bare;
use counting::{Apart, BACKENDS, Credentials, Ends, SUITES};

/// What a resumption may allocate at most on each side, beside the crypto crate. With aws-lc-rs there is one more by ticket: the
/// states of its HMAC are so large that they have a box of their own.
fn most(backend: Backend, by: By) -> u64 {
    match (backend, by) {
        #[cfg(feature = "aws-lc-rs")]
        (Backend::AwsLc, By::Ticket) => 9,
        _ => 8,
    }
}

/// How the session is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Id,
    /// With a new one each time.
    Ticket,
}

/// What both sides of a resumption allocate, with the stores as anybody would use them. What the tickets allocate counts.
///
/// Subtracted is what the same calls of the crypto crate allocate that are made alone, and what the stores allocate in their
/// own maps: nothing, once they know the server and have the room.
fn ours(backend: Backend, by: By, suites: &[tls12::message::CipherSuite]) -> [u64; 2] {
    let credentials = Credentials::new(backend);
    let (cache, store) = (Apart::new(ClientCache::new()), Apart::new(MemoryStore::new(10)));
    let client = credentials.client().sessions(cache.clone());
    let client = if suites.is_empty() { client } else { client.cipher_suites(suites) };
    let server = match by {
        By::Ticket => {
            let tickets = Tickets::with_random(backend, backend.random()).unwrap();
            credentials.server().tickets(Arc::new(tickets))
        }
        By::Id => credentials.server().session_store(store.clone()),
    };
    let (client, server) = (client.build().unwrap(), server.build().unwrap());
    // The first ones also fill what the crypto crate and the stores keep.
    Ends::established(&client, &server);
    Ends::established(&client, &server);
    let Bare { keys, ticket, .. } = credentials.bare();
    let bare = [keys, if by == By::Ticket { keys + ticket } else { keys }];
    _ = (cache.take(), store.take());
    let ends = Ends::established(&client, &server);
    assert!(ends.client.resumed() && ends.server.resumed());
    let [of_client, of_server] = ends.counted.map(|counted| counted.count_total);
    let kept = [cache.take(), store.take()];
    println!(
        "{backend:?}, {by:?}, {suites:?}: {of_client} and {of_server}; the crypto crate {bare:?}, stores {kept:?}"
    );
    [of_client - bare[0] - kept[0], of_server - bare[1] - kept[1]]
}

#[test]
fn a_resumption_allocates_8_times_at_most_on_each_side_and_once_more_by_ticket_on_aws_lc_rs() {
    for backend in BACKENDS {
        for by in [By::Id, By::Ticket] {
            for suites in [&[][..], &SUITES[..1], &SUITES[1..2], &SUITES[2..]] {
                let [client, server] = ours(*backend, by, suites);
                let most = most(*backend, by);
                assert!(client <= most && server <= most, "{backend:?}, {by:?}, {suites:?}: {client} and {server}");
            }
        }
    }
}
