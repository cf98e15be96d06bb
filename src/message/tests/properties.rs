//! What holds for every message.

use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::fuzz::{encode, fuzz_codecs, reencode};
use super::super::*;
use super::parts;

proptest! {
    #[test]
    fn a_client_hello_is_read_as_it_was_written(parts in parts::client_hello()) {
        let written = parts.hello();
        let body = encode(|w| written.write(w));
        let mut read = ClientHello::read(&body).unwrap();
        read.extensions.all = Extensions::default();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn a_server_hello_is_read_as_it_was_written(parts in parts::server_hello()) {
        let written = parts.hello();
        let body = encode(|w| written.write(w));
        let mut read = ServerHello::read(&body).unwrap();
        read.extensions.all = Extensions::default();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn what_was_read_is_written_with_the_same_bytes((typ, body) in parts::message()) {
        prop_assert_eq!(reencode(typ, &body), Ok(body));
    }

    #[test]
    fn a_message_with_one_byte_too_many_is_malformed((typ, mut body) in parts::message(), byte in any::<u8>()) {
        body.push(byte);
        prop_assert!(reencode(typ, &body).is_err());
    }

    #[test]
    fn a_message_with_bytes_changed_is_read_or_refused(
        (typ, mut body) in parts::message(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for (at, value) in changes.into_iter().filter(|_| !body.is_empty()).collect::<Vec<_>>() {
            *at.get_mut(&mut body) = value;
        }
        let _ = reencode(typ, &body);
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in parts::bytes(1..300)) {
        for typ in 0..=25 {
            bytes[0] = typ;
            fuzz_codecs(&bytes);
        }
    }
}

/// The length of a hello without its extensions.
fn bare_hello_len(typ: HandshakeType, body: &[u8]) -> Option<usize> {
    match typ {
        HandshakeType::CLIENT_HELLO => {
            let mut hello = ClientHello::read(body).unwrap();
            hello.extensions = ClientExtensions::default();
            Some(encode(|w| hello.write(w)).len())
        }
        HandshakeType::SERVER_HELLO => {
            let mut hello = ServerHello::read(body).unwrap();
            hello.extensions = ServerExtensions::default();
            Some(encode(|w| hello.write(w)).len())
        }
        _ => None,
    }
}

/// Several messages of each type that the library reads.
fn samples() -> Vec<(HandshakeType, Vec<u8>)> {
    const OF_EACH: usize = 6;
    let mut runner = TestRunner::deterministic();
    let mut samples = Vec::new();
    for of_one_type in parts::each_message() {
        samples.extend((0..OF_EACH).map(|_| of_one_type.new_tree(&mut runner).unwrap().current()));
    }
    let known = |typ: &HandshakeType| reencode(*typ, &[]) != Err(Malformed::Value("msg_type"));
    let bodiless = [HandshakeType::HELLO_REQUEST, HandshakeType::SERVER_HELLO_DONE];
    for typ in (0..=u8::MAX).map(HandshakeType).filter(known) {
        let of_this = || samples.iter().filter(|(sample, _)| *sample == typ);
        assert!(of_this().count() >= OF_EACH, "no samples of {typ}");
        assert_eq!(of_this().any(|(_, body)| !body.is_empty()), !bodiless.contains(&typ), "{typ}");
    }
    samples
}

#[test]
fn a_message_that_ends_early_is_malformed() {
    for (typ, body) in samples() {
        // A hello may end before its extensions.
        let bare = bare_hello_len(typ, &body);
        for length in (0..body.len()).filter(|length| Some(*length) != bare) {
            assert!(reencode(typ, &body[..length]).is_err(), "{typ}: {length} of {} bytes are enough", body.len());
        }
    }
}

#[test]
fn every_change_of_one_byte_is_read_or_refused() {
    for (typ, mut body) in samples() {
        for at in 0..body.len() {
            let right = body[at];
            for wrong in (0..=u8::MAX).filter(|wrong| *wrong != right) {
                body[at] = wrong;
                let _ = reencode(typ, &body);
            }
            body[at] = right;
        }
    }
}
