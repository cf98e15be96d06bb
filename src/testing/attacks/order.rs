//! Messages dropped, doubled, swapped and put in: EarlyCCS (CVE-2014-0224), SMACK, SKIP-TLS, FREAK, and their kin.

use alloc::vec;
use alloc::vec::Vec;

use crate::alert::{AlertDescription, AlertLevel};
use crate::codec::Malformed;
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType as H};
use crate::testing::bench::{Bench, Start, TO_CLIENT, TO_SERVER, each_state};
use crate::testing::puppet::{Heard, Letter};

/// Says the letters one by one; whether one was out of order, and then the connection is dead.
#[track_caller]
fn out_of_order(mut bench: Bench, letters: &[Letter]) {
    for letter in letters {
        if let Err(error) = bench.say(*letter) {
            assert!(matches!(error.reason(), Reason::UnexpectedMessage { .. }), "{letters:?}: {error}");
            bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
            return;
        }
        assert!(!bench.real.is_established(), "{letters:?}");
    }
    panic!("{letters:?} is as good as any handshake");
}

/// Both roles, their handshake, and a letter of traffic behind it.
fn handshakes() -> [(Start, Vec<Letter>); 2] {
    let with_traffic = |letters: &[Letter]| [letters, &[Letter::ApplicationData]].concat();
    [(Bench::any_client, with_traffic(TO_CLIENT)), (Bench::any_server, with_traffic(TO_SERVER))]
}

#[test]
fn a_handshake_with_any_message_left_out_fails() {
    for (bench, letters) in handshakes() {
        for left_out in 0..letters.len() - 1 {
            let mut letters = letters.clone();
            letters.remove(left_out);
            out_of_order(bench(), &letters);
        }
    }
}

#[test]
fn a_handshake_with_several_messages_left_out_fails() {
    for (bench, letters) in handshakes() {
        let handshake = letters.len() - 1;
        for first in 0..handshake {
            for end in first + 2..=handshake {
                let mut letters = letters.clone();
                letters.drain(first..end);
                out_of_order(bench(), &letters);
            }
        }
    }
}

#[test]
fn a_handshake_with_any_message_twice_fails() {
    for (bench, letters) in handshakes() {
        // A second ClientHello behind the whole handshake would be a request to renegotiate: another matter.
        for doubled in 0..letters.len() - 2 {
            let mut letters = letters.clone();
            letters.insert(doubled, letters[doubled]);
            out_of_order(bench(), &letters);
        }
    }
}

#[test]
fn a_handshake_with_any_two_messages_swapped_fails() {
    for (bench, letters) in handshakes() {
        for one in 0..letters.len() - 1 {
            for other in one + 1..letters.len() {
                let mut letters = letters.clone();
                letters.swap(one, other);
                out_of_order(bench(), &letters);
            }
        }
    }
}

#[test]
fn a_message_out_of_order_is_refused_at_its_header_wherever_that_is_cut() {
    // Long enough for any limit, so that it can be seen which comes first.
    let header = [99, 0xff, 0xff, 0xff];
    for cut in 0..=header.len() {
        for mut bench in each_state() {
            let (start, rest) = header.split_at(cut);
            let error = match bench.send(ContentType::HANDSHAKE, start) {
                Ok(()) => bench.send(ContentType::HANDSHAKE, rest).expect_err("nobody waits for it"),
                Err(error) => error,
            };
            assert!(matches!(error.reason(), Reason::UnexpectedMessage { .. }), "cut at {cut}: {error}");
            bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
        }
    }
}

#[test]
fn change_cipher_spec_is_taken_at_its_slot_alone() {
    let mut taken = Vec::new();
    for mut bench in each_state() {
        let state = bench.real.state();
        match bench.say(Letter::ChangeCipherSpec) {
            Ok(()) => taken.push(state),
            Err(error) => {
                assert!(
                    matches!(error.reason(), Reason::UnexpectedMessage { got: "ChangeCipherSpec", .. }),
                    "{state}: {error}"
                );
                bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
            }
        }
    }
    assert_eq!(taken, ["WaitChangeCipherSpec"; 2], "once by the client, once by the server");
}

#[test]
fn a_change_cipher_spec_of_another_content_is_refused_in_every_state() {
    for content in [&[][..], &[0], &[2], &[1, 1], &[1, 0], &[0xff; 100]] {
        for mut bench in each_state() {
            let result = bench.send(ContentType::CHANGE_CIPHER_SPEC, content);
            bench.failed(result, &Reason::BadChangeCipherSpec, AlertDescription::ILLEGAL_PARAMETER);
        }
    }
}

#[test]
fn application_data_before_finished_is_refused_in_every_state() {
    for mut bench in each_state().filter(|bench| !bench.real.is_established()) {
        let error = bench.say(Letter::ApplicationData).expect_err("no data yet");
        assert!(matches!(error.reason(), Reason::UnexpectedMessage { got: "application_data", .. }), "{error}");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
        assert!(bench.data.is_empty());
    }
}

/// CVE-2026-2645.
#[test]
fn a_certificate_verify_around_client_key_exchange_is_refused_by_a_server_that_asked_for_nothing() {
    const VERIFY: Letter = Letter::Handshake(H::CERTIFICATE_VERIFY);
    for place in 1..=3 {
        let mut letters = TO_SERVER.to_vec();
        letters.insert(place, VERIFY);
        out_of_order(Bench::any_server(), &letters);
        letters.insert(place, Letter::Handshake(H::CERTIFICATE));
        out_of_order(Bench::any_server(), &letters);
    }
}

#[test]
fn an_empty_certificate_list_of_a_server_is_refused() {
    let mut bench = Bench::any_client();
    bench.tell(H::SERVER_HELLO);
    let result = bench.say(Letter::EmptyCertificate);
    let reason = Reason::Malformed { message: "Certificate", problem: Malformed::Empty("certificate_list") };
    bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
}

/// The first bytes of a message that is due, then something else.
fn half_said(bench: &mut Bench) -> (H, Vec<u8>) {
    let due = if bench.is_client() { H::SERVER_HELLO } else { H::CLIENT_HELLO };
    let message = bench.puppet.message(due);
    bench.send(ContentType::HANDSHAKE, &message[..20]).expect("the beginning of a message");
    (due, message)
}

#[test]
fn application_data_within_a_handshake_message_is_refused() {
    for start in [Bench::any_client, Bench::any_server] {
        let mut bench = start();
        half_said(&mut bench);
        let error = bench.say(Letter::ApplicationData).expect_err("no data yet");
        assert!(matches!(error.reason(), Reason::UnexpectedMessage { got: "application_data", .. }), "{error}");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);

        let mut bench = start();
        bench.handshake();
        bench.send(ContentType::HANDSHAKE, &[0, 0]).expect("the beginning of a message");
        let result = bench.say(Letter::ApplicationData);
        let reason = Reason::UnexpectedMessage { got: "application_data", expected: &[] };
        bench.failed(result, &reason, AlertDescription::UNEXPECTED_MESSAGE);
        assert!(bench.data.is_empty());
    }
}

#[test]
fn a_warning_within_a_handshake_message_stays_out_of_it() {
    for start in [Bench::any_client, Bench::any_server] {
        let mut bench = start();
        let (due, message) = half_said(&mut bench);
        bench.send_alert(AlertLevel::Warning, AlertDescription::USER_CANCELED).expect("a warning");
        bench.puppet.note(due, &message);
        bench.send(ContentType::HANDSHAKE, &message[20..]).expect("the rest of the message");
        let rest = if bench.is_client() { &TO_CLIENT[1..] } else { &TO_SERVER[1..] };
        bench.go(rest);
        assert!(bench.real.is_established());
    }
}

#[test]
fn a_fatal_alert_within_a_handshake_message_ends_the_connection() {
    for start in [Bench::any_client, Bench::any_server] {
        let mut bench = start();
        half_said(&mut bench);
        let error = bench.send_alert(AlertLevel::Fatal, AlertDescription::INTERNAL_ERROR).expect_err("it is over");
        assert_eq!(error.reason(), &Reason::PeerAlert(AlertDescription::INTERNAL_ERROR));
        bench.stays_failed(&error);
    }
}

/// At the end of a flight the peer has to wait for us: what it says before, it cannot mean for what comes after.
#[test]
fn nothing_may_follow_the_end_of_a_flight_in_its_record() {
    let ends: [(Start, &[Letter], H); 4] = [
        (Bench::any_client, &TO_CLIENT[..3], H::SERVER_HELLO_DONE),
        (Bench::any_client, &TO_CLIENT[..5], H::FINISHED),
        (Bench::any_server, &TO_SERVER[..0], H::CLIENT_HELLO),
        (Bench::any_server, &TO_SERVER[..3], H::FINISHED),
    ];
    for (start, before, last) in ends {
        for behind in [&[0][..], &[0; 4], &[20, 0, 0], &[20, 0, 0, 12], &[16, 0, 0, 1, 0], &[1; 100]] {
            let mut bench = start();
            bench.go(before);
            let message = bench.puppet.message(last);
            let result = bench.send(ContentType::HANDSHAKE, &[&message[..], behind].concat());
            bench.failed(result, &Reason::ExcessHandshakeData, AlertDescription::UNEXPECTED_MESSAGE);
            assert!(!bench.puppet.heard.contains(&Heard::ChangeCipherSpec) || last == H::FINISHED);
        }
    }
}

/// What has no place is not even waited for.
#[test]
fn a_message_out_of_order_is_refused_at_its_header() {
    for (start, sequence) in handshakes() {
        for count in 0..sequence.len() {
            for message in [H::CERTIFICATE, H::CERTIFICATE_VERIFY, H::NEW_SESSION_TICKET, H::FINISHED, H(255)] {
                let mut bench = start();
                bench.go(&sequence[..count]);
                if sequence[count] == Letter::Handshake(message) {
                    continue;
                }
                let error = bench.send(ContentType::HANDSHAKE, &[message.0, 0xff, 0xff, 0xff]).expect_err("no place");
                assert!(matches!(error.reason(), Reason::UnexpectedMessage { .. }), "{error}");
                bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
            }
        }
    }
}

#[test]
fn a_hello_request_to_a_server_is_refused_in_every_state() {
    for mut bench in each_state().filter(|bench| !bench.is_client()) {
        let error = bench.say(Letter::Handshake(H::HELLO_REQUEST)).expect_err("servers say that, not clients");
        assert!(matches!(error.reason(), Reason::UnexpectedMessage { got: "HelloRequest", .. }), "{error}");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn the_error_says_what_came_and_what_was_expected() {
    let mut bench = Bench::any_client();
    bench.go(&TO_CLIENT[..3]);
    let result = bench.say(Letter::Handshake(H::FINISHED));
    let expected: &[&str] = &["CertificateRequest", "ServerHelloDone"];
    let reason = Reason::UnexpectedMessage { got: "Finished", expected };
    let text = alloc::format!("{reason}");
    assert!(["Finished", "CertificateRequest", "ServerHelloDone"].iter().all(|name| text.contains(name)), "{text}");
    bench.failed(result, &reason, AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(bench.alerts(), vec![(2, AlertDescription::UNEXPECTED_MESSAGE)]);
}
