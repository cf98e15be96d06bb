//! What a peer has sent that carries nothing counts on while a connection rests. That a connection which has rested bears all the
//! attacks on an established one is seen where those are tried, in each state.

use super::bench::{Bench, Real};
use super::puppet::Letter;
use crate::alert::{AlertDescription, AlertLevel};
use crate::error::{Error, Reason};
use crate::message::{ContentType, HandshakeType as H};

fn benches() -> [(Bench, H); 2] {
    [(Bench::any_client(), H::HELLO_REQUEST), (Bench::any_server(), H::CLIENT_HELLO)].map(|(mut bench, request)| {
        bench.handshake();
        (bench, request)
    })
}

/// `most` of what `send` sends are borne, also with a rest after each, and not one more.
fn bears(mut bench: Bench, most: u8, send: impl Fn(&mut Bench) -> Result<(), Error>, reason: &Reason) {
    for count in 0..most {
        send(&mut bench).unwrap_or_else(|error| panic!("{count} of {most}: {error}"));
        bench = bench.nap();
    }
    assert_eq!(send(&mut bench).expect_err("one too many").reason(), reason);
}

#[test]
fn what_bounds_a_peer_is_not_forgotten_in_a_rest() {
    for (bench, _) in benches() {
        let send = |bench: &mut Bench| bench.send(ContentType::APPLICATION_DATA, b"");
        bears(bench, 32, send, &Reason::TooManyEmptyRecords { limit: 32 });
    }
    for (bench, _) in benches() {
        let send = |bench: &mut Bench| bench.send_alert(AlertLevel::Warning, AlertDescription::USER_CANCELED);
        bears(bench, 4, send, &Reason::TooManyWarningAlerts { limit: 4 });
    }
    for (bench, request) in benches() {
        let send = |bench: &mut Bench| bench.say(Letter::Handshake(request));
        bears(bench, 8, send, &Reason::TooManyHelloRequests { limit: 8 });
    }
}

#[test]
fn a_connection_within_a_handshake_message_is_not_exported_and_goes_on() {
    const WHY: Reason = Reason::NotDormant("part of a handshake message was received: read on first");
    for (mut bench, request) in benches() {
        let message = bench.puppet.message(request);
        let (start, rest) = message.split_at(3);
        bench.send(ContentType::HANDSHAKE, start).expect("part of a message");
        bench.real = match bench.real {
            Real::Client(client) => {
                let refused = client.export().expect_err("it is not at rest");
                assert_eq!(refused.error().reason(), &WHY);
                Real::Client(refused.into_inner())
            }
            Real::Server(server) => {
                let refused = server.export().expect_err("it is not at rest");
                assert_eq!(refused.error().reason(), &WHY);
                Real::Server(refused.into_inner())
            }
            Real::Halves { .. } => panic!("it is whole"),
        };
        bench.send(ContentType::HANDSHAKE, rest).expect("the rest of it");
        assert_eq!(bench.alerts(), [(1, AlertDescription::NO_RENEGOTIATION)]);
        let mut bench = bench.nap();
        bench.say(Letter::ApplicationData).expect("the connection goes on");
        assert_eq!(bench.data, b"data");
    }
}
