//! Requests for a new handshake, to a connection in two halves. That the halves bear all the attacks on an established
//! connection is seen where those are tried, in each state.

use alloc::vec;
use alloc::vec::Vec;

use super::bench::{Bench, Real};
use super::puppet::{Heard, Letter};
use crate::alert::AlertDescription;
use crate::connection::{AlertToken, Event, Received, Receiver};
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType as H};

const REFUSAL: (u8, AlertDescription) = (1, AlertDescription::NO_RENEGOTIATION);

fn benches() -> [(Bench, H); 2] {
    [(Bench::any_client(), H::HELLO_REQUEST), (Bench::any_server(), H::CLIENT_HELLO)].map(|(mut bench, request)| {
        bench.handshake();
        (bench, request)
    })
}

/// All tokens that come of these records, and whether an error followed.
fn tokens(receiver: &mut Receiver, mut input: Vec<u8>) -> (Vec<AlertToken>, Option<Reason>) {
    let mut tokens = Vec::new();
    loop {
        match receiver.read(&mut input) {
            Ok(Received { event: Event::NeedInput { .. }, .. }) => return (tokens, None),
            Ok(Received { consumed, event }) => {
                input.drain(..consumed);
                if let Event::SendAlert(token) = event {
                    tokens.push(token);
                }
            }
            Err(error) => return (tokens, Some(error.reason().clone())),
        }
    }
}

#[test]
fn each_request_to_renegotiate_has_its_token_and_one_refusal_waits_at_a_time() {
    for (bench, request) in benches() {
        let mut bench = bench.split();
        let records: Vec<u8> = (0..8).flat_map(|_| bench.puppet.say(Letter::Handshake(request))).collect();
        let one_more = bench.puppet.say(Letter::Handshake(request));
        let Real::Halves { receiver, sender, .. } = &mut bench.real else { panic!("two halves") };
        let (asked, error) = tokens(receiver, records);
        assert_eq!((asked.len(), error), (8, None));
        for token in asked {
            assert_eq!((token.description(), token.error()), (Some(AlertDescription::NO_RENEGOTIATION), None));
            sender.alert(token);
        }
        let (asked, error) = tokens(receiver, one_more);
        assert_eq!(error, Some(Reason::TooManyHelloRequests { limit: 8 }));
        let descriptions: Vec<_> = asked.iter().map(AlertToken::description).collect();
        assert_eq!(descriptions, [Some(AlertDescription::UNEXPECTED_MESSAGE)]);
        asked.into_iter().for_each(|token| sender.alert(token));
        bench.listen();
        assert_eq!(bench.alerts(), [REFUSAL, (2, AlertDescription::UNEXPECTED_MESSAGE)]);
    }
}

#[test]
fn a_request_that_came_in_part_before_the_split_is_whole_behind_it() {
    for (mut bench, request) in benches() {
        let message = bench.puppet.message(request);
        let (start, rest) = message.split_at(3);
        bench.send(ContentType::HANDSHAKE, start).expect("part of a message");
        let mut bench = bench.split();
        bench.send(ContentType::HANDSHAKE, rest).expect("the rest of it");
        assert_eq!(bench.alerts(), [REFUSAL]);
        bench.say(Letter::ApplicationData).expect("the connection goes on");
        assert_eq!(bench.data, b"data");
    }
}

#[test]
fn a_request_to_renegotiate_is_not_answered_behind_our_close_notify() {
    for (bench, request) in benches() {
        let mut bench = bench.split();
        bench.real.close();
        bench.listen();
        bench.say(Letter::Handshake(request)).expect("no error");
        let closed = vec![Heard::Alert { level: 1, description: AlertDescription::CLOSE_NOTIFY }];
        assert!(bench.puppet.heard.ends_with(&closed), "{:?}", bench.puppet.heard);
    }
}
