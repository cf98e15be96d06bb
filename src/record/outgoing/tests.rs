use alloc::vec;

use super::super::tests::{AEADS, drain, established, keys, take_all};
use super::*;
use crate::crypto::AeadAlgorithm;

const DATA: ContentType = ContentType::APPLICATION_DATA;

fn server() -> Outgoing {
    Outgoing::new(ProtocolVersion::TLS_1_2)
}

fn finished(outgoing: &mut Outgoing) {
    outgoing.message(HandshakeType::FINISHED, |w| w.bytes(b"verify")).unwrap();
}

#[test]
fn the_messages_of_a_flight_share_a_record_and_are_not_seen_before_it_ends() {
    let mut outgoing = server();
    let message = outgoing.message(HandshakeType::SERVER_HELLO, |w| w.u16(0x0303)).unwrap();
    assert_eq!(message, [2, 0, 0, 2, 3, 3]);
    let message = outgoing.message(HandshakeType::SERVER_HELLO_DONE, |_| {}).unwrap();
    assert_eq!(message, [14, 0, 0, 0]);
    assert_eq!((outgoing.pending(), outgoing.drain(&mut [0; 99])), (0, 0));
    outgoing.flush_flight().unwrap();
    assert_eq!(drain(&mut outgoing), [22, 3, 3, 0, 10, 2, 0, 0, 2, 3, 3, 14, 0, 0, 0]);
    outgoing.flush_flight().unwrap();
    assert_eq!(outgoing.pending(), 0, "a flight without messages sends nothing");
}

#[test]
fn the_records_of_the_first_flight_alone_name_the_version_asked_for() {
    let mut client = Outgoing::new(ProtocolVersion::TLS_1_0);
    client.limit_fragment(3);
    for version in [0x0301u16, 0x0303, 0x0303] {
        let [high, low] = version.to_be_bytes();
        client.message(HandshakeType::CLIENT_HELLO, |w| w.u16(0xabcd)).unwrap();
        client.flush_flight().unwrap();
        let expected = [22, high, low, 0, 3, 1, 0, 0, 22, high, low, 0, 3, 2, 0xab, 0xcd];
        assert_eq!(drain(&mut client), expected);
    }
    let mut client = Outgoing::new(ProtocolVersion::TLS_1_0);
    client.alert(AlertDescription::INTERNAL_ERROR);
    assert_eq!(drain(&mut client), [21, 3, 3, 0, 2, 2, 80]);
}

#[test]
fn change_cipher_spec_ends_the_flight_and_goes_out_under_the_old_keys() {
    for aead in AEADS {
        let (sealing, opening) = keys(aead);
        let mut outgoing = server();
        finished(&mut outgoing);
        outgoing.change_cipher_spec(sealing).unwrap();
        finished(&mut outgoing);
        outgoing.flush_flight().unwrap();
        let mut wire = drain(&mut outgoing);
        let protected = wire.split_off(21);
        assert_eq!(wire, [&[22, 3, 3, 0, 10, 20, 0, 0, 6][..], b"verify", &[20, 3, 3, 0, 1, 1]].concat());
        let (_, mut incoming) = established(aead);
        incoming.set_key(opening);
        let records = take_all(&mut incoming, protected).unwrap();
        assert_eq!(records, [(ContentType::HANDSHAKE, b"\x14\0\0\x06verify".to_vec())]);
    }
}

#[test]
fn a_fatal_alert_takes_the_place_of_an_unfinished_flight_and_a_warning_follows_it() {
    let mut outgoing = server();
    finished(&mut outgoing);
    outgoing.flush_flight().unwrap();
    finished(&mut outgoing);
    outgoing.alert(AlertDescription::CLOSE_NOTIFY);
    finished(&mut outgoing);
    outgoing.alert(AlertDescription::DECODE_ERROR);
    let flight = [&[22, 3, 3, 0, 10, 20, 0, 0, 6][..], b"verify"].concat();
    let expected = [&flight[..], &flight, &[21, 3, 3, 0, 2, 1, 0], &[21, 3, 3, 0, 2, 2, 50]].concat();
    assert_eq!(drain(&mut outgoing), expected);
    outgoing.flush_flight().unwrap();
    assert_eq!(outgoing.pending(), 0, "the flight is gone");
}

#[test]
fn a_message_that_is_too_long_is_an_error_and_leaves_nothing_behind() {
    let mut outgoing = server();
    finished(&mut outgoing);
    let too_long = outgoing.message(HandshakeType::CERTIFICATE, |w| w.vector(Prefix::U8, "a name", &[0; 256]));
    assert_eq!(too_long, Err(Reason::TooLong("a name")));
    outgoing.flush_flight().unwrap();
    assert_eq!(outgoing.pending(), 15);
}

#[test]
fn an_emptied_queue_holds_no_memory_once_the_handshake_is_done_also_when_drained_byte_by_byte() {
    let mut outgoing = server();
    outgoing.handshake_done();
    finished(&mut outgoing);
    outgoing.flush_flight().unwrap();
    let mut drained = 0;
    while outgoing.drain(&mut [0]) == 1 {
        drained += 1;
    }
    assert_eq!((drained, outgoing.queue.capacity(), outgoing.drained), (15, 0, 0));
}

#[test]
fn the_room_of_a_short_flight_stays_until_the_handshake_is_done_and_that_of_a_long_one_goes() {
    for (length, stays) in [(300, true), (5000, false)] {
        let mut outgoing = server();
        outgoing.message(HandshakeType::CERTIFICATE, |w| w.bytes(&vec![0; length])).unwrap();
        outgoing.flush_flight().unwrap();
        let place = outgoing.queue.as_ptr();
        drain(&mut outgoing);
        let capacity = outgoing.queue.capacity();
        assert_eq!(capacity > 0, stays, "{length} bytes leave room for {capacity}");
        assert!(capacity <= KEPT_CAPACITY);
        assert!(!stays || outgoing.queue.as_ptr() == place, "it is the same");
        outgoing.handshake_done();
        assert_eq!(outgoing.queue.capacity(), 0, "after a flight of {length} bytes");
    }
}

#[test]
fn what_is_still_queued_when_the_handshake_is_done_goes_out_and_then_its_room() {
    let mut outgoing = server();
    finished(&mut outgoing);
    outgoing.flush_flight().unwrap();
    outgoing.handshake_done();
    assert_eq!(drain(&mut outgoing).len(), 15);
    assert_eq!(outgoing.queue.capacity(), 0);
}

#[test]
fn application_data_waits_for_keys_and_for_the_queue() {
    let mut outgoing = server();
    let mut out = [0; 100];
    assert_eq!(outgoing.seal(b"data", &mut out), Ok(Sent { taken: 0, produced: 0 }));
    assert_eq!(outgoing.seal_vec(b"data", &mut Vec::new()), Ok(Sent { taken: 0, produced: 0 }));

    let (mut outgoing, mut incoming) = established(AeadAlgorithm::ChaCha20Poly1305);
    finished(&mut outgoing);
    outgoing.flush_flight().unwrap();
    let queued = outgoing.pending();
    assert_eq!(outgoing.seal(b"data", &mut out[..10]), Ok(Sent { taken: 0, produced: 10 }));
    let rest = queued - 10;
    let sent = outgoing.seal(b"data", &mut out[10..]).unwrap();
    assert_eq!(sent, Sent { taken: 4, produced: rest + outgoing.sealed_len(4) });
    let records = take_all(&mut incoming, out[..10 + sent.produced].to_vec()).unwrap();
    assert_eq!(records[1], (DATA, b"data".to_vec()));
}

#[test]
fn an_output_without_room_for_a_byte_of_data_is_left_alone() {
    for aead in AEADS {
        let (mut outgoing, _) = established(aead);
        for size in 0..=outgoing.overhead() {
            let mut out = vec![0xee; size];
            assert_eq!(outgoing.seal(b"data", &mut out), Ok(Sent { taken: 0, produced: 0 }));
            assert_eq!(out, vec![0xee; size]);
        }
        let size = outgoing.overhead() + 1;
        assert_eq!(outgoing.seal(b"data", &mut vec![0; size]), Ok(Sent { taken: 1, produced: size }));
    }
}

#[test]
fn data_stops_at_the_limit_of_the_key_and_alerts_may_follow_until_the_reserve_is_spent() {
    for (aead, limit) in AEADS.into_iter().zip([23_726_566, 23_726_566, u64::MAX]) {
        let (mut outgoing, mut incoming) = established(aead);
        assert_eq!(outgoing.records_left(), limit - 16);
        outgoing.limit_fragment(2);
        outgoing.state.sequence = limit - 18;
        incoming.state.sequence = limit - 18;
        assert_eq!(outgoing.records_left(), 2);

        let mut out = vec![0; 200];
        let sent = outgoing.seal(b"12345", &mut out).unwrap();
        assert_eq!((sent.taken, outgoing.records_left()), (4, 0));
        assert_eq!(outgoing.seal(b"5", &mut [0; 99]), Err(Reason::KeyLimit));
        assert_eq!(outgoing.seal_vec(b"5", &mut Vec::new()), Err(Reason::KeyLimit));
        assert_eq!(outgoing.seal(b"", &mut [0; 99]), Ok(Sent { taken: 0, produced: 0 }));

        let mut wire = out[..sent.produced].to_vec();
        for _ in 0..17 {
            outgoing.alert(AlertDescription::CLOSE_NOTIFY);
        }
        wire.extend(drain(&mut outgoing));
        let records = take_all(&mut incoming, wire).unwrap();
        let alert = (ContentType::ALERT, vec![1, 0]);
        assert_eq!(records[..3], [(DATA, b"12".to_vec()), (DATA, b"34".to_vec()), alert]);
        assert_eq!((records.len(), outgoing.state.sequence), (2 + 16, limit), "sixteen alerts and no more");
    }
}

#[test]
fn a_record_in_place_that_is_refused_changes_nothing() {
    const QUEUED: Reason = Reason::NotSealed("output is queued, and has to be written before");
    const NO_ROOM: Reason = Reason::NotSealed("13 bytes are needed before the plaintext, and 16 behind it");
    const TOO_LONG: Reason = Reason::NotSealed("the plaintext is longer than the peer takes in a record");
    let refused = |outgoing: &mut Outgoing, size: usize, plaintext: Range<usize>| {
        let mut buffer = vec![0xee; size];
        let reason = outgoing.seal_in_place(&mut buffer, plaintext).unwrap_err();
        assert!(buffer.iter().all(|byte| *byte == 0xee));
        reason
    };
    let handshake = Reason::NotSealed("the handshake is not done");
    assert_eq!(refused(&mut server(), 100, 13..17), handshake, "never without a key");
    for aead in AEADS {
        let (mut outgoing, mut incoming) = established(aead);
        outgoing.limit_fragment(50);
        #[expect(clippy::reversed_empty_ranges, reason = "a mistake that can be made")]
        let reversed = 20..14;
        for (size, plaintext) in [
            (100, 12..17),
            (100, 0..0),
            (32, 13..17),
            (12 + 16, 13..13),
            (100, 85..85),
            (100, 13..usize::MAX),
            (100, reversed),
        ] {
            assert_eq!(refused(&mut outgoing, size, plaintext.clone()), NO_ROOM, "{aead:?}, {plaintext:?} of {size}");
        }
        assert_eq!(refused(&mut outgoing, 100, 13..64), TOO_LONG);
        assert_eq!(outgoing.seal_in_place(&mut [0xee; 100], 13..13).map(|place| place.len()), Ok(0));
        outgoing.alert(AlertDescription::NO_RENEGOTIATION);
        assert_eq!(refused(&mut outgoing, 100, 13..17), QUEUED);
        let mut wire = drain(&mut outgoing);

        let mut buffer = *b"13 bytes herewhat the record carries, no more, in fifty bytes....16 bytes of tag";
        assert_eq!(outgoing.seal_in_place(&mut buffer, 13..63).map(|place| place.end), Ok(79));
        wire.extend_from_slice(&buffer[63 + 16 - 50 - outgoing.overhead()..79]);
        let records = take_all(&mut incoming, wire).unwrap();
        assert_eq!(records[1], (DATA, b"what the record carries, no more, in fifty bytes..".to_vec()), "{aead:?}");

        outgoing.state.sequence = aead.record_limit() - 16;
        assert_eq!(refused(&mut outgoing, 100, 13..17), Reason::KeyLimit);
    }
}

#[test]
fn a_flight_of_more_records_than_are_left_is_refused_whole_and_an_alert_may_follow() {
    let (mut outgoing, _) = established(AeadAlgorithm::Aes256Gcm);
    outgoing.limit_fragment(5);
    outgoing.state.sequence = 23_726_566 - 17;
    finished(&mut outgoing);
    assert_eq!(outgoing.flush_flight(), Err(Reason::KeyLimit), "ten bytes are two records, and one is left");
    assert_eq!(outgoing.pending(), 0);
    outgoing.alert(AlertDescription::INTERNAL_ERROR);
    assert_eq!(outgoing.pending(), 2 + outgoing.overhead());
}
