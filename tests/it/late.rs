//! Every decision, at once and late: the same handshake; and decisions that never come.

use tls12::{AlertDescription, Answer, Ask, NotResumed, Reason, RefusedAnswer};

use crate::every_question::{Handshake, Scene, Topic};
use crate::pair::Pair;

/// A connection with data both ways and its end: what each side sent, and what the observer saw.
fn run(handshake: Handshake, late: &[Topic], patience: usize) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let what = format!("{handshake:?}, late {late:?}");
    let scene = Scene::new(handshake, late);
    let mut pair = scene.pair(late);
    scene.drive(&mut pair, patience);
    pair.assert_established();
    assert_eq!(pair.server.connection.resumed(), handshake != Handshake::Full, "{what}");
    scene.assert_each_ran_once(&what);
    pair.client_says(b"the same");
    pair.server_says(b"each time");
    pair.client.connection.close();
    pair.server.connection.close();
    pair.drive();
    assert!(pair.client.closed() && pair.server.closed(), "{what}: {pair:?}");
    (pair.client.sent, pair.server.sent, scene.take_trace())
}

/// All choices among some topics.
fn choices(topics: &[Topic]) -> impl Iterator<Item = Vec<Topic>> {
    (0..1_usize << topics.len()).map(|bits| {
        let chosen = topics.iter().enumerate().filter(|(index, _)| bits >> index & 1 != 0);
        chosen.map(|(_, topic)| *topic).collect()
    })
}

#[test]
fn each_decision_comes_late_and_all_choices_of_them_and_the_bytes_are_the_same() {
    for handshake in Handshake::ALL {
        let expected = run(handshake, &[], 0);
        for late in choices(&handshake.topics()) {
            assert!(run(handshake, &late, 0) == expected, "{handshake:?}, late {late:?}");
        }
    }
}

#[test]
fn reading_in_vain_while_decisions_are_open_changes_nothing() {
    for handshake in Handshake::ALL {
        let expected = run(handshake, &[], 0);
        for patience in [1, 3] {
            assert!(
                run(handshake, &handshake.topics(), patience) == expected,
                "{handshake:?}, {patience} reads in vain"
            );
        }
    }
}

/// A pair that has a question of this topic open.
fn asking(handshake: Handshake, topic: Topic) -> (Scene, Pair, Ask) {
    let scene = Scene::new(handshake, &[topic]);
    let mut pair = scene.pair(&[]);
    pair.drive();
    let ask = pair.client.take_ask().or_else(|| pair.server.take_ask()).expect("a question");
    (scene, pair, ask)
}

/// How an answer fails to come.
#[derive(Clone, Copy, Debug)]
enum Failure {
    QuestionDropped,
    AnswerDropped,
    Failed,
    Skipped,
}

impl Failure {
    const ALL: [Failure; 4] = [Failure::QuestionDropped, Failure::AnswerDropped, Failure::Failed, Failure::Skipped];

    /// What the observer is told.
    fn why(self) -> &'static str {
        match self {
            Failure::QuestionDropped | Failure::AnswerDropped => "the question was dropped without an answer",
            Failure::Failed => "the database is away",
            Failure::Skipped => "the answer was not waited for any longer",
        }
    }
}

/// The answer is refused; it comes back.
#[track_caller]
fn refused(result: Result<(), RefusedAnswer>) -> Answer {
    let refused = result.expect_err("nobody waits for this answer");
    assert_eq!(refused.error().reason(), &Reason::UnexpectedAnswer);
    refused.into_answer()
}

/// Lets the server's question about a session go wrong, and drives on; an answer that comes too late is refused.
fn goes_wrong(scene: &Scene, pair: &mut Pair, ask: Ask, failure: Failure) {
    let server = &mut pair.server.connection;
    match failure {
        Failure::QuestionDropped => drop(ask),
        Failure::AnswerDropped => drop(scene.answer_server(ask)),
        Failure::Failed => {
            let answer = match ask {
                Ask::FindSession(request) => request.fail(failure.why()),
                Ask::OpenTicket(request) => request.fail(failure.why()),
                Ask::SealTicket(request) => request.fail(failure.why()),
                Ask::Verify(request) => request.fail(failure.why()),
                other => panic!("not about a session: {other:?}"),
            };
            server.answer(answer).unwrap();
        }
        Failure::Skipped => {
            assert!(server.skip_answer());
            assert!(!server.skip_answer(), "there is nothing more to skip");
            let answer = refused(server.answer(scene.answer_server(ask)));
            pair.drive();
            refused(pair.server.connection.answer(answer));
        }
    }
    pair.drive();
}

#[test]
fn a_session_that_is_not_looked_up_is_a_full_handshake() {
    for (handshake, topic) in [
        (Handshake::ById, Topic::FindSession),
        (Handshake::ByTicket, Topic::OpenTicket),
        (Handshake::Full, Topic::OpenTicket),
    ] {
        for failure in Failure::ALL {
            let (scene, mut pair, ask) = asking(handshake, topic);
            goes_wrong(&scene, &mut pair, ask, failure);
            pair.assert_established();
            assert!(!pair.client.connection.resumed() && !pair.server.connection.resumed(), "{failure:?}");
            // Who asked for it is told, and the client of course.
            let expected = [NotResumed::NoAnswer(failure.why().into()), NotResumed::Declined];
            assert_eq!(scene.watch.refusals.take(), expected, "{handshake:?}, {failure:?}");
            assert_eq!(scene.watch.refusals.take_tickets(), [""; 0]);
            assert_eq!(scene.kept.count(), 1, "{handshake:?}, {failure:?}: the new session, for the old one");
            let mut next = scene.pair(&[]);
            scene.drive(&mut next, 0);
            next.assert_established();
            assert!(next.server.connection.resumed(), "{handshake:?}, {failure:?}: by the new session");
        }
    }
}

#[test]
fn without_an_answer_about_a_ticket_the_client_gets_an_empty_one() {
    for (handshake, kept) in [(Handshake::Full, 0), (Handshake::ByTicket, 1)] {
        for failure in Failure::ALL {
            let (scene, mut pair, ask) = asking(handshake, Topic::SealTicket);
            scene.watch.refusals.take();
            goes_wrong(&scene, &mut pair, ask, failure);
            pair.assert_established();
            assert_eq!(pair.server.connection.resumed(), handshake == Handshake::ByTicket);
            assert_eq!(scene.watch.refusals.take(), []);
            assert_eq!(scene.watch.refusals.take_tickets(), [failure.why()], "{handshake:?}, {failure:?}");
            assert_eq!(scene.kept.count(), kept, "{handshake:?}, {failure:?}: nothing new to keep");
            pair.client_says(b"goes on");
            assert_eq!(pair.server.data(), b"goes on");
        }
    }
}

#[test]
fn an_answer_that_nobody_has_is_no_failure() {
    for (handshake, topic) in [
        (Handshake::ById, Topic::FindSession),
        (Handshake::ByTicket, Topic::OpenTicket),
        (Handshake::ByTicket, Topic::SealTicket),
        (Handshake::Full, Topic::SealTicket),
    ] {
        let (scene, mut pair, ask) = asking(handshake, topic);
        scene.watch.refusals.take();
        let (answer, expected) = match ask {
            Ask::FindSession(request) => (request.respond(None), Some(NotResumed::UnknownSession)),
            Ask::OpenTicket(request) => (request.respond(None), Some(NotResumed::TicketDeclined)),
            Ask::SealTicket(request) => (request.respond(None), None),
            other => panic!("{other:?}"),
        };
        pair.server.connection.answer(answer).unwrap();
        pair.drive();
        pair.assert_established();
        assert_eq!(scene.watch.refusals.take().into_iter().next(), expected);
        let no_ticket: &[&str] = if topic == Topic::SealTicket { &["the sealer made none"] } else { &[] };
        assert_eq!(scene.watch.refusals.take_tickets(), no_ticket, "{topic:?}: nothing has failed");
    }
}

/// The questions that are not about a session: each is of one side.
const NEEDED: [(Handshake, Topic); 6] = [
    (Handshake::Full, Topic::ServerIdentity),
    (Handshake::Full, Topic::ServerSignature),
    (Handshake::Full, Topic::VerifyServer),
    (Handshake::Full, Topic::ClientIdentity),
    (Handshake::Full, Topic::ClientSignature),
    (Handshake::Full, Topic::VerifyClient),
];

fn is_of_client(topic: Topic) -> bool {
    matches!(topic, Topic::VerifyServer | Topic::ClientIdentity | Topic::ClientSignature)
}

#[test]
fn a_question_that_has_to_be_answered_cannot_be_skipped_and_fails_the_handshake_when_dropped() {
    let again = [(Handshake::ById, Topic::VerifyServer), (Handshake::ByTicket, Topic::VerifyServer)];
    for (handshake, topic) in NEEDED.into_iter().chain(again) {
        for dropped in [false, true] {
            let (_, mut pair, ask) = asking(handshake, topic);
            let of_client = is_of_client(topic);
            assert!(!pair.client.connection.skip_answer() && !pair.server.connection.skip_answer());
            if dropped {
                drop(ask);
            } else {
                let answer = match ask {
                    Ask::Verify(request) => request.fail("away"),
                    Ask::ResolveIdentity(request) => request.fail("away"),
                    Ask::ResolveClientIdentity(request) => request.fail("away"),
                    Ask::Sign(request) => request.fail("away"),
                    other => panic!("{other:?}"),
                };
                if of_client {
                    pair.client.connection.answer(answer).unwrap();
                } else {
                    pair.server.connection.answer(answer).unwrap();
                }
            }
            pair.drive();
            let (client, server) = (pair.client.error().unwrap(), pair.server.error().unwrap());
            let (ours, theirs) = if of_client { (client, server) } else { (server, client) };
            assert!(matches!(ours.reason(), Reason::Local { .. }), "{handshake:?}, {topic:?}: {ours}");
            let alert = Reason::PeerAlert(AlertDescription::INTERNAL_ERROR);
            assert_eq!(theirs.reason(), &alert, "{handshake:?}, {topic:?}: the peer is told");
        }
    }
}

#[test]
fn an_answer_fits_the_connection_and_the_question_that_it_is_for_and_no_other() {
    let about_sessions = [
        (Handshake::ById, Topic::FindSession),
        (Handshake::ByTicket, Topic::OpenTicket),
        (Handshake::ByTicket, Topic::SealTicket),
        (Handshake::Full, Topic::SealTicket),
        (Handshake::ById, Topic::VerifyClient),
        (Handshake::ByTicket, Topic::VerifyClient),
    ];
    for (handshake, topic) in NEEDED.into_iter().chain(about_sessions) {
        let (scene, mut pair, ask) = asking(handshake, topic);
        let (other_scene, mut other, other_ask) = asking(handshake, topic);
        let (answer, of_other) = if is_of_client(topic) {
            (scene.answer_client(ask), other_scene.answer_client(other_ask))
        } else {
            (scene.answer_server(ask), other_scene.answer_server(other_ask))
        };
        // To the same side of another connection, and to the other side of its own.
        let answer = refused(other.client.connection.answer(answer));
        let answer = refused(other.server.connection.answer(answer));
        let wrong_side = if is_of_client(topic) {
            pair.server.connection.answer(answer)
        } else {
            pair.client.connection.answer(answer)
        };
        let answer = refused(wrong_side);
        for (pair, answer, of_another) in [(&mut pair, answer, None), (&mut other, of_other, Some(()))] {
            let (client, server) = (&mut pair.client.connection, &mut pair.server.connection);
            if is_of_client(topic) {
                client.answer(answer).unwrap()
            } else {
                server.answer(answer).unwrap()
            }
            assert!(!client.skip_answer() && !server.skip_answer(), "it is answered: {of_another:?}");
            pair.drive();
            pair.assert_established();
        }
        scene.assert_each_ran_once("after refusals");
        other_scene.assert_each_ran_once("after refusals");
    }
}

/// A session in the store that nobody vouches for is not offered a second time.
#[test]
fn a_client_that_is_not_looked_at_again_gets_a_full_handshake() {
    for handshake in [Handshake::ById, Handshake::ByTicket] {
        for failure in Failure::ALL {
            let (scene, mut pair, ask) = asking(handshake, Topic::VerifyClient);
            let ids = || scene.store.inside.0.lock().unwrap().iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
            let before = ids();
            goes_wrong(&scene, &mut pair, ask, failure);
            // Asked again, in the full handshake.
            scene.drive(&mut pair, 0);
            pair.assert_established();
            assert!(!pair.client.connection.resumed() && !pair.server.connection.resumed(), "{failure:?}");
            let refusals = scene.watch.refusals.take();
            let [NotResumed::NoAnswer(why), NotResumed::Declined] = &refusals[..] else {
                panic!("{handshake:?}, {failure:?}: {refusals:?}");
            };
            assert!(why.contains(failure.why()), "{handshake:?}, {failure:?}: {why}");
            let by_id = usize::from(handshake == Handshake::ById);
            assert_eq!((before.len(), ids().len()), (by_id, 2 * by_id), "{failure:?}: the old one stays");
        }
    }
}

#[test]
fn a_client_that_is_no_longer_accepted_gets_a_full_handshake_and_a_server_that_is_not_gets_an_alert() {
    for handshake in [Handshake::ById, Handshake::ByTicket] {
        let (scene, mut pair, ask) = asking(handshake, Topic::VerifyClient);
        let Ask::Verify(request) = ask else { panic!("{ask:?}") };
        assert!(request.peer().resumed);
        let answer = request.respond(Err(tls12::CertificateError::Revoked));
        pair.server.connection.answer(answer).unwrap();
        // Asked again, in the full handshake.
        scene.drive(&mut pair, 0);
        pair.assert_established();
        assert!(!pair.server.connection.resumed(), "{handshake:?}");
        let refusals = scene.watch.refusals.take();
        assert!(matches!(refusals[0], NotResumed::CertificateRefused(_)), "{refusals:?}");

        let (scene, mut pair, ask) = asking(handshake, Topic::VerifyServer);
        let Ask::Verify(request) = ask else { panic!("{ask:?}") };
        assert!(request.peer().resumed);
        let answer = request.respond(Err(tls12::CertificateError::Revoked));
        pair.client.connection.answer(answer).unwrap();
        pair.drive();
        let alert = Reason::PeerAlert(AlertDescription::CERTIFICATE_REVOKED);
        assert_eq!(pair.server.error().map(tls12::Error::reason), Some(&alert));
        assert_eq!(scene.kept.count(), 0, "{handshake:?}: and it is not offered again");
    }
}
