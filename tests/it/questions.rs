//! Questions to the outside: what answers do, and what happens where none comes.

use tls12::message::SignatureScheme;
use tls12::pki_types::ServerName;
use tls12::{AlertDescription, Answer, Ask, CertificateError, Error, Event, Reason, RefusedAnswer, SignError};

use crate::credentials::{Kind, identity};
use crate::deciders::{Deciding, Late};
use crate::every_question::{Handshake, Scene, Topic};
use crate::pair::{End, NAME, NOW, Pair, Stopped};

const ALL_ALONE: [Late; 3] =
    [Late { verify: true, ..Late::NONE }, Late { identity: true, ..Late::NONE }, Late { sign: true, ..Late::NONE }];

/// The question of whichever side has one.
fn take_ask(pair: &mut Pair) -> Option<Ask> {
    pair.client.take_ask().or_else(|| pair.server.take_ask())
}

/// A pair that is driven to its first question.
fn asking(late: Late) -> (Deciding, Pair, Ask) {
    let deciding = Deciding::new(late);
    let mut pair = deciding.pair();
    pair.drive();
    let ask = take_ask(&mut pair).expect("a question");
    (deciding, pair, ask)
}

/// The side that asked, as the one thing that both roles are.
fn asked(pair: &mut Pair, late: Late) -> &mut dyn Asked {
    if late.verify { &mut pair.client } else { &mut pair.server }
}

trait Asked {
    fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer>;
    fn happens(&mut self, input: &mut [u8]) -> Result<(usize, Event), Error>;
    fn state(&self) -> &'static str;
    fn has_output(&self) -> bool;
}

macro_rules! asked {
    ($connection:ty) => {
        impl Asked for End<$connection> {
            fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
                self.connection.answer(answer)
            }

            fn happens(&mut self, input: &mut [u8]) -> Result<(usize, Event), Error> {
                self.connection.read(input).map(|received| (received.consumed, received.event))
            }

            fn state(&self) -> &'static str {
                self.connection.state()
            }

            fn has_output(&self) -> bool {
                self.connection.wants_write()
            }
        }
    };
}

asked!(tls12::ClientConnection);
asked!(tls12::ServerConnection);

/// The answer is refused; it comes back.
#[track_caller]
fn refused(result: Result<(), RefusedAnswer>) -> Answer {
    let refused = result.expect_err("nobody asked this connection");
    assert_eq!(refused.error().reason(), &Reason::UnexpectedAnswer);
    assert!(refused.to_string().starts_with("an answer that no question of this connection waits for"), "{refused}");
    refused.into_answer()
}

/// The wires silent, both ends failed: the asking one with this reason and `internal_error`.
#[track_caller]
fn assert_failed_locally(pair: &mut Pair, late: Late, what: &'static str, why: &str) {
    pair.drive();
    let reason = Reason::Local { what, why: why.into() };
    let alert = Reason::PeerAlert(AlertDescription::INTERNAL_ERROR);
    let (ours, theirs) = if late.verify {
        (pair.client.error().unwrap().clone(), pair.server.error().unwrap().clone())
    } else {
        (pair.server.error().unwrap().clone(), pair.client.error().unwrap().clone())
    };
    assert_eq!(ours.reason(), &reason, "{late:?}");
    assert_eq!(ours.alert(), Some(AlertDescription::INTERNAL_ERROR), "{late:?}");
    assert_eq!(theirs.reason(), &alert, "{late:?}: the peer is told");
}

#[test]
fn while_a_question_is_open_nothing_is_consumed_and_nothing_changes() {
    for late in ALL_ALONE {
        let (deciding, mut pair, ask) = asking(late);
        let side = asked(&mut pair, late);
        let state = side.state();
        let mut input = *b"\x15\x03\x03\x00\x02\x02\x28 more";
        for _ in 0..3 {
            let (consumed, event) = side.happens(&mut input).unwrap();
            assert!(matches!(event, Event::Waiting), "{late:?}: {event:?}");
            assert_eq!((consumed, side.state(), side.has_output()), (0, state, false), "{late:?}");
        }
        assert_eq!(&input, b"\x15\x03\x03\x00\x02\x02\x28 more", "{late:?}: the input is untouched");
        let answer = deciding.answer(ask);
        asked(&mut pair, late).answer(answer).unwrap();
        deciding.drive(&mut pair, 0);
        pair.assert_established();
        deciding.assert_each_ran_once("with reads in vain");
    }
}

#[test]
fn a_server_that_waits_says_whom_its_client_asks_for_and_what_they_will_speak() {
    for handshake in Handshake::ALL {
        for topic in [Topic::FindSession, Topic::OpenTicket, Topic::ServerIdentity, Topic::ServerSignature] {
            if !handshake.topics().contains(&topic) {
                continue;
            }
            let scene = Scene::new(handshake, &[topic]);
            let mut pair = scene.pair(&[]);
            pair.drive();
            assert!(pair.server.take_ask().is_some(), "{handshake:?}, {topic:?}");
            let server = &pair.server.connection;
            assert_eq!(server.server_name(), Some(NAME), "{handshake:?}, {topic:?}");
            assert_eq!(server.alpn_protocol(), Some(&b"h2"[..]), "{handshake:?}, {topic:?}");
        }
    }
}

#[test]
fn after_an_answer_an_empty_input_is_enough_to_go_on() {
    for late in ALL_ALONE {
        let (deciding, mut pair, ask) = asking(late);
        let answer = deciding.answer(ask);
        let side = asked(&mut pair, late);
        let before = side.state();
        side.answer(answer).unwrap();
        assert_eq!(side.state(), before, "{late:?}: the answer itself runs nothing");
        let (consumed, event) = side.happens(&mut []).unwrap();
        assert!(matches!(event, Event::Progress), "{late:?}: {event:?}");
        assert_eq!(consumed, 0);
        assert_ne!(side.state(), before, "{late:?}");
        assert!(side.has_output(), "{late:?}: the flight goes out");
    }
}

#[test]
fn an_answer_for_another_connection_is_refused_and_changes_nothing_there() {
    for late in ALL_ALONE {
        let (deciding, mut pair, ask) = asking(late);
        let (other_deciding, mut other, other_ask) = asking(late);
        let state = asked(&mut other, late).state();
        let answer = refused(asked(&mut other, late).answer(deciding.answer(ask)));
        assert_eq!(asked(&mut other, late).state(), state, "{late:?}");
        asked(&mut other, late).answer(other_deciding.answer(other_ask)).unwrap();
        // It came back as good as it was.
        asked(&mut pair, late).answer(answer).unwrap();
        for (deciding, pair) in [(&deciding, &mut pair), (&other_deciding, &mut other)] {
            deciding.drive(pair, 0);
            pair.assert_established();
            deciding.assert_each_ran_once("after an answer to the wrong one");
        }
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused_in_every_phase() {
    let (deciding, _, ask) = asking(ALL_ALONE[0]);
    let mut pair = Pair::replayable();
    refused(pair.client.connection.answer(deciding.answer(ask)));
    pair.drive();
    pair.assert_established();

    let (deciding, _, ask) = asking(ALL_ALONE[1]);
    refused(pair.server.connection.answer(deciding.answer(ask)));
    pair.client_says(b"still there");
    assert_eq!(pair.server.data(), b"still there");

    let (deciding, _, ask) = asking(ALL_ALONE[2]);
    pair.client.inbox.extend_from_slice(b"\x17\x03\x03\x00\x20 this is no record under our key");
    pair.client.inbox.resize(5 + 32, 0);
    pair.client.read();
    let error = pair.client.error().cloned();
    assert!(matches!(error.as_ref().map(Error::reason), Some(Reason::BadRecordMac { .. })), "{error:?}");
    refused(pair.client.connection.answer(deciding.answer(ask)));
    pair.client.read();
    assert_eq!(pair.client.error(), error.as_ref(), "and it stays failed as it was");
}

#[test]
fn a_second_answer_to_the_same_question_cannot_be_made_and_an_answer_to_the_one_before_is_refused() {
    // Both of a server's questions: the answer to one does not fit the other.
    let late = Late { identity: true, sign: true, verify: false };
    let (deciding, mut pair, first) = asking(late);
    let (other, _, of_another) = asking(late);
    pair.server.connection.answer(deciding.answer(first)).unwrap();
    refused(pair.server.connection.answer(other.answer(of_another)));
    pair.drive();
    let second = take_ask(&mut pair).expect("the second question");
    assert!(matches!(second, Ask::Sign(_)), "{second:?}");
    pair.server.connection.answer(deciding.answer(second)).unwrap();
    pair.drive();
    pair.assert_established();
}

#[test]
fn a_question_that_is_dropped_fails_the_handshake_with_internal_error() {
    for late in ALL_ALONE {
        let (_, mut pair, ask) = asking(late);
        drop(ask);
        pair.drive();
        let failed = if late.verify { pair.client.error() } else { pair.server.error() };
        let Some(Reason::Local { what, why }) = failed.map(Error::reason) else { panic!("{late:?}: {failed:?}") };
        let (what, why) = (*what, why.clone());
        assert_failed_locally(&mut pair, late, what, &why);
    }
}

#[test]
fn an_answer_that_is_dropped_fails_the_handshake_as_a_dropped_question_does() {
    for late in ALL_ALONE {
        let (deciding, mut pair, ask) = asking(late);
        drop(deciding.answer(ask));
        pair.drive();
        let failed = if late.verify { pair.client.error() } else { pair.server.error() };
        assert_eq!(failed.and_then(Error::alert), Some(AlertDescription::INTERNAL_ERROR), "{late:?}: {failed:?}");
    }
}

#[test]
fn a_question_that_fails_says_why_and_sends_internal_error() {
    for late in ALL_ALONE {
        let (_, mut pair, ask) = asking(late);
        let (what, answer) = match ask {
            Ask::Verify(request) => ("the verifier", request.fail("the database is away")),
            Ask::ResolveIdentity(request) => ("the resolver of identities", request.fail("the database is away")),
            Ask::Sign(request) => ("the signing key", request.fail("the database is away")),
            other => panic!("{other:?}"),
        };
        asked(&mut pair, late).answer(answer).unwrap();
        assert_failed_locally(&mut pair, late, what, "the database is away");
        let complaint = format!("{}{}", pair.client.complaint(), pair.server.complaint());
        assert!(complaint.contains(&format!("{what} failed: the database is away (in state Ask")), "{complaint}");
    }
}

#[test]
fn a_question_of_any_kind_can_fail_without_a_look_at_it() {
    for (late, what) in ALL_ALONE.into_iter().zip(["the verifier", "the resolver of identities", "the signing key"]) {
        let (_, mut pair, ask) = asking(late);
        asked(&mut pair, late).answer(ask.fail("nobody is there")).unwrap();
        assert_failed_locally(&mut pair, late, what, "nobody is there");
    }
}

#[test]
fn a_bad_answer_fails_the_handshake_with_the_alert_of_its_reason() {
    let bad = |ask| match ask {
        Ask::Verify(request) => request.respond(Err(CertificateError::Revoked)),
        Ask::ResolveIdentity(request) => request.respond(None),
        Ask::Sign(request) => request.respond(Err(SignError::new("the card is out"))),
        other => panic!("{other:?}"),
    };
    let expected = [
        Reason::Certificate(CertificateError::Revoked),
        Reason::NoIdentity { server_name: Some(NAME.into()) },
        Reason::Local { what: "the signing key", why: "the card is out".into() },
    ];
    for (late, reason) in ALL_ALONE.into_iter().zip(expected) {
        let (_, mut pair, ask) = asking(late);
        asked(&mut pair, late).answer(bad(ask)).unwrap();
        pair.drive();
        let (ours, theirs) = (pair.client.error().cloned().unwrap(), pair.server.error().cloned().unwrap());
        let (ours, theirs) = if late.verify { (ours, theirs) } else { (theirs, ours) };
        assert_eq!(ours.reason(), &reason, "{late:?}");
        assert_eq!(theirs.reason(), &Reason::PeerAlert(reason.alert().unwrap()), "{late:?}");
    }
}

#[test]
fn a_wrong_signature_by_the_outside_is_found_out_before_it_is_sent() {
    let (_, mut pair, ask) = asking(ALL_ALONE[2]);
    let Ask::Sign(request) = ask else { panic!("{ask:?}") };
    pair.server.connection.answer(request.respond(Ok(vec![0; 64]))).unwrap();
    assert_failed_locally(&mut pair, ALL_ALONE[2], "the signing key", "its signature is wrong");
}

#[test]
fn a_question_says_all_that_its_answer_needs_and_may_go_to_another_thread() {
    let (_, _pair, ask) = asking(ALL_ALONE[0]);
    let Ask::Verify(request) = std::thread::spawn(move || ask).join().unwrap() else { panic!("not a verification") };
    let peer = request.peer();
    assert_eq!(peer.certificates.len(), 1);
    assert_eq!(peer.server_name, Some(&ServerName::try_from(NAME).unwrap()));
    assert_eq!((peer.ocsp_response, peer.scts), (None, None));
    assert_eq!(peer.now, tls12::Clock::now(&Stopped(NOW)));

    let (_, _pair, ask) = asking(ALL_ALONE[1]);
    let Ask::ResolveIdentity(request) = ask else { panic!("{ask:?}") };
    assert_eq!(request.client_hello().server_name(), Some(NAME));
    assert!(identity(Kind::Ed25519).usable_by(&request.client_hello(), &Kind::Ed25519.suites()));
    let bytes = request.client_hello_bytes();
    assert_eq!(bytes[..2], [3, 3], "the body of a ClientHello starts with its version");

    let (_, pair, ask) = asking(ALL_ALONE[2]);
    let Ask::Sign(request) = ask else { panic!("{ask:?}") };
    assert_eq!((request.scheme(), request.digest()), (SignatureScheme::ED25519, None), "Ed25519 signs messages");
    // RFC 8422 §5.4: client_random, server_random, and the parameters: named_curve, x25519, a point of 32 bytes.
    assert_eq!(request.message().len(), 32 + 32 + 4 + 32);
    assert_eq!(request.message()[..32], pair.client.sent[11..43], "the client's random");
    assert_eq!(request.message()[64..68], [3, 0, 29, 32]);
}

#[test]
fn closing_while_a_question_is_open_ends_the_connection_and_the_answer_is_refused() {
    for late in ALL_ALONE {
        let (deciding, mut pair, ask) = asking(late);
        if late.verify {
            pair.client.connection.close();
        } else {
            pair.server.connection.close();
        }
        refused(asked(&mut pair, late).answer(deciding.answer(ask)));
        pair.drive();
        let (client, server) = (pair.client.error().unwrap(), pair.server.error().unwrap());
        let (ours, theirs) = if late.verify { (client, server) } else { (server, client) };
        assert_eq!((ours.reason(), theirs.reason()), (&Reason::Closed, &Reason::ClosedInHandshake), "{late:?}");
    }
}
