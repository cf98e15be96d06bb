//! Outgoing and Incoming against each other, and against vectors.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::protect::{ReadState, WriteState};
use super::{HEADER_LEN, Incoming, MAX_FRAGMENT, MAX_HEADROOM, Outgoing, RecordSize, TAG_LEN, Taken};
use crate::alert::AlertDescription;
use crate::crypto::{AeadAlgorithm, Backend, MasterSecret, OpeningKey, SUITES, SealingKey};
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType, ProtocolVersion};

pub(super) const AEADS: [AeadAlgorithm; 3] =
    [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305];

/// Full records.
const FULL: usize = 1 << 14;

/// What the peer takes.
fn limits() -> impl Strategy<Value = u16> {
    prop_oneof![1u16..600, 600u16..3000, Just(MAX_FRAGMENT)]
}

fn sizes() -> impl Strategy<Value = RecordSize> {
    prop_oneof![(64..=MAX_FRAGMENT).prop_map(RecordSize::Fixed), Just(RecordSize::default()), Just(RecordSize::Growing)]
}

/// The client's write key, for both ends.
pub(super) fn keys(aead: AeadAlgorithm) -> (SealingKey, OpeningKey) {
    let suite = SUITES.iter().find(|suite| suite.aead == aead).unwrap();
    let client = || {
        let prf = MasterSecret::of(&[0x4d; 48]).prf(Backend::default(), suite);
        prf.keys(suite, &[0xc1; 32], &[0x5e; 32]).client
    };
    (client().sealing(Backend::default()), client().opening(Backend::default()))
}

/// Both ends behind ChangeCipherSpec.
pub(super) fn established(aead: AeadAlgorithm) -> (Outgoing, Incoming) {
    let (sealing, opening) = keys(aead);
    let mut outgoing = Outgoing::new(ProtocolVersion::TLS_1_2);
    let mut incoming = Incoming::new();
    outgoing.change_cipher_spec(sealing).unwrap();
    assert_eq!(drain(&mut outgoing), [20, 3, 3, 0, 1, 1]);
    incoming.version_agreed();
    incoming.set_key(opening);
    (outgoing, incoming)
}

pub(super) fn drain(outgoing: &mut Outgoing) -> Vec<u8> {
    let mut bytes = vec![0; outgoing.pending()];
    assert_eq!(outgoing.drain(&mut bytes), bytes.len());
    bytes
}

/// Takes all records, which have to be whole.
pub(super) fn take_all(incoming: &mut Incoming, mut bytes: Vec<u8>) -> Result<Vec<(ContentType, Vec<u8>)>, Reason> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match incoming.take(&mut bytes[at..])? {
            Taken::Record { content_type, payload, consumed } => {
                records.push((content_type, bytes[at..][payload].to_vec()));
                at += consumed;
            }
            Taken::NeedInput { missing } => panic!("{missing} bytes are missing to a whole record"),
        }
    }
    Ok(records)
}

fn content_of(records: Vec<(ContentType, Vec<u8>)>, expected: ContentType) -> Vec<u8> {
    records
        .into_iter()
        .flat_map(|(content_type, payload)| {
            assert_eq!(content_type, expected);
            payload
        })
        .collect()
}

/// Made with Python's `cryptography` 48 and a PRF of its own from the same master secret and randoms, as RFC 5246
/// §6.2.3.3, RFC 5288 §3 and RFC 7905 §2 say.
#[test]
fn records_are_byte_for_byte_those_of_an_independent_program() {
    #[rustfmt::skip]
    let vectors = [
        (AeadAlgorithm::Aes128Gcm, 0, "170303002f0000000000000000a5984f9db42a6ce47c0ea840a0a7db883fab4b3ecfa673d7c900dbc1551d37e56bab0cb101a17b"),
        (AeadAlgorithm::Aes128Gcm, 0x01_0203, "170303002f000000000001020305d692f092f22929c90359c1daa78d58fa62a42252be67738e63d06979ad2e75800d3a76756791"),
        (AeadAlgorithm::Aes256Gcm, 0, "170303002f0000000000000000e3981cf0c0f88d9a74411968a370f21e65a48d803ccaa9995a492804dd10531343fa8b58f3dbb4"),
        (AeadAlgorithm::Aes256Gcm, 0x01_0203, "170303002f000000000001020393aada9d176e6920b4b8612368568d6d909cc1085d105b2ee25f473e9dc4e13eed1fa5e89e5a72"),
        (AeadAlgorithm::ChaCha20Poly1305, 0, "1703030027315d653f991dab2f0d5cbd9031028f39bd62725517041a1e769cba8d7707995e6423e87dbaf953"),
        (AeadAlgorithm::ChaCha20Poly1305, 0x01_0203, "17030300270453be3ad0c89c0a4ff4f5daef64048b51e1e6b767b82fb1e3b83a0902b0506291ded4c46d7bfc"),
    ];
    for (aead, sequence, expected) in vectors {
        let content = b"what the record carries";
        let (sealing, opening) = keys(aead);
        let mut record = Vec::new();
        let mut write = WriteState { key: Some(sealing), sequence };
        write.append(ContentType::APPLICATION_DATA, content, &mut record).unwrap();
        assert_eq!(hex::encode(&record), expected, "{aead:?}");

        let mut incoming = Incoming::new();
        incoming.version_agreed();
        incoming.state = ReadState { key: Some(opening), sequence };
        let records = take_all(&mut incoming, record).unwrap();
        assert_eq!(records, [(ContentType::APPLICATION_DATA, content.to_vec())]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn application_data_arrives_through_any_fragments_and_any_buffers(
        aead in prop::sample::select(AEADS.to_vec()),
        plaintext in prop::collection::vec(any::<u8>(), 0..6 * FULL),
        max_fragment in limits(),
        size in sizes(),
        buffers in prop::collection::vec(prop_oneof![0usize..100, 0usize..40_000], 1..20),
    ) {
        let (outgoing, mut incoming) = established(aead);
        let mut outgoing = outgoing.with_record_size(size);
        outgoing.limit_fragment(max_fragment);
        incoming.limit_plaintext(max_fragment);
        let (mut left, mut wire) = (&plaintext[..], Vec::new());
        // A buffer for all the rest makes an end.
        for size in buffers.into_iter().chain([2 * outgoing.sealed_len(plaintext.len())]) {
            let mut out = vec![0xee; size];
            let sent = outgoing.seal(left, &mut out).unwrap();
            prop_assert!(sent.taken > 0 || sent.produced == 0);
            // Where there is room for a scrap only, it may stay empty.
            let room = size - sent.produced;
            prop_assert!(sent.taken == left.len() || room <= outgoing.overhead() + 512, "room was left: {room}");
            prop_assert!(out[sent.produced..].iter().all(|byte| *byte == 0xee), "bytes behind the records were changed");
            left = &left[sent.taken..];
            wire.extend_from_slice(&out[..sent.produced]);
        }
        prop_assert!(left.is_empty());
        let records = take_all(&mut incoming, wire).unwrap();
        prop_assert!(records.iter().all(|(_, payload)| (1..=max_fragment.into()).contains(&payload.len())));
        prop_assert_eq!(content_of(records, ContentType::APPLICATION_DATA), plaintext);
    }

    #[test]
    fn a_vector_gets_the_same_records_as_a_large_buffer_and_no_byte_more_than_announced(
        aead in prop::sample::select(AEADS.to_vec()),
        plaintext in prop::collection::vec(any::<u8>(), 0..6 * FULL),
        max_fragment in limits(),
        size in sizes(),
        before in 0usize..100_000,
        alert in any::<bool>(),
    ) {
        let new = || established(aead).0.with_record_size(size);
        let (mut one, mut other) = (new(), new());
        for outgoing in [&mut one, &mut other] {
            outgoing.limit_fragment(max_fragment);
            _ = outgoing.seal_vec(&vec![0; before], &mut Vec::new()).unwrap();
            if alert {
                outgoing.alert(AlertDescription::NO_RENEGOTIATION);
            }
        }
        let expected = one.pending() + one.sealed_len(plaintext.len());
        let mut buffer = vec![0; expected];
        let sent = one.seal(&plaintext, &mut buffer).unwrap();
        prop_assert_eq!((sent.taken, sent.produced), (plaintext.len(), expected));

        let mut vector = Vec::with_capacity(3 + expected);
        vector.extend_from_slice(b"old");
        let place = vector.as_ptr();
        prop_assert_eq!(other.seal_vec(&plaintext, &mut vector).unwrap(), sent);
        prop_assert_eq!(&vector[..3], b"old");
        prop_assert_eq!(&vector[3..], &buffer[..]);
        prop_assert_eq!(vector.as_ptr(), place, "the capacity sufficed");
    }

    #[test]
    fn records_made_in_place_and_others_arrive_in_the_order_in_which_they_were_made(
        aead in prop::sample::select(AEADS.to_vec()),
        pieces in prop::collection::vec((any::<bool>(), prop_oneof![0usize..100, 0..=FULL], 0usize..40, 0usize..40), 1..20),
        max_fragment in limits(),
        size in sizes(),
    ) {
        let new = || established(aead).0.with_record_size(size);
        let (mut outgoing, mut incoming, mut model) = (new(), established(aead).1, new());
        outgoing.limit_fragment(max_fragment);
        model.limit_fragment(max_fragment);
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        for (number, (in_place, length, before, behind)) in (1u8..).zip(pieces) {
            let length = length.min(max_fragment.into());
            let content = vec![number; length];
            if in_place {
                let plaintext = MAX_HEADROOM + before..MAX_HEADROOM + before + length;
                let mut buffer = vec![0xee; plaintext.end + TAG_LEN + behind];
                buffer[plaintext.clone()].copy_from_slice(&content);
                let record = outgoing.seal_in_place(&mut buffer, plaintext.clone()).unwrap();
                prop_assert_eq!(record.len(), if length == 0 { 0 } else { length + outgoing.overhead() });
                prop_assert!(record.is_empty() || record.end == plaintext.end + TAG_LEN);
                wire.extend_from_slice(&buffer[record.clone()]);
                buffer.drain(record);
                prop_assert!(buffer.iter().all(|byte| *byte == 0xee), "bytes around the record were changed");
            } else {
                _ = outgoing.seal_vec(&content, &mut wire).unwrap();
            }
            sent.extend_from_slice(&content);
        }
        // Records grow by the data that was sent, however that was.
        _ = model.seal_vec(&sent, &mut Vec::new()).unwrap();
        prop_assert_eq!(outgoing.sealed_len(100_000), model.sealed_len(100_000));
        let records = take_all(&mut incoming, wire).unwrap();
        prop_assert_eq!(content_of(records, ContentType::APPLICATION_DATA), sent);
    }

    #[test]
    fn handshake_messages_arrive_and_draining_changes_nothing(
        aead in prop::sample::select(AEADS.to_vec()),
        flights in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 1..5), 1..4),
        max_fragment in limits(),
        size in sizes(),
        step in 1usize..50,
    ) {
        let (at_once, mut incoming) = established(aead);
        // The size for data is not that of handshake messages.
        let (mut at_once, mut in_steps) = (at_once.with_record_size(size), established(aead).0);
        let (mut messages, mut slowly, mut plaintext_len) = (Vec::new(), Vec::new(), 0);
        at_once.limit_fragment(max_fragment);
        in_steps.limit_fragment(max_fragment);
        let mut drain_some = |outgoing: &mut Outgoing| {
            let mut out = vec![0; step];
            let count = outgoing.drain(&mut out);
            slowly.extend_from_slice(&out[..count]);
            count
        };
        let mut expected_records = 0;
        for flight in &flights {
            for body in flight {
                let message = at_once.message(HandshakeType::CERTIFICATE, |w| w.bytes(body)).unwrap().to_vec();
                prop_assert_eq!(message.len(), body.len() + 4);
                in_steps.message(HandshakeType::CERTIFICATE, |w| w.bytes(body)).unwrap();
                plaintext_len += message.len();
                messages.extend_from_slice(&message);
                drain_some(&mut in_steps);
            }
            at_once.flush_flight().unwrap();
            in_steps.flush_flight().unwrap();
            drain_some(&mut in_steps);
            expected_records += plaintext_len.div_ceil(max_fragment.into());
            plaintext_len = 0;
        }
        while drain_some(&mut in_steps) > 0 {}
        let wire = drain(&mut at_once);
        prop_assert_eq!(&wire, &slowly);
        let records = take_all(&mut incoming, wire).unwrap();
        prop_assert_eq!(records.len(), expected_records);
        prop_assert_eq!(content_of(records, ContentType::HANDSHAKE), messages);
    }

    #[test]
    fn a_truncated_record_says_how_much_is_missing_and_is_not_touched(
        aead in prop::sample::select(AEADS.to_vec()),
        length in prop_oneof![1usize..100, 1..FULL],
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut outgoing, mut incoming) = established(aead);
        let mut wire = Vec::new();
        _ = outgoing.seal_vec(&vec![0x5a; length], &mut wire).unwrap();
        let have = cut.index(wire.len());
        let whole = if have < HEADER_LEN { HEADER_LEN } else { wire.len() };
        let mut part = wire[..have].to_vec();
        prop_assert_eq!(incoming.take(&mut part).unwrap(), Taken::NeedInput { missing: whole - have });
        prop_assert_eq!(&part[..], &wire[..have]);
        let records = take_all(&mut incoming, wire).unwrap();
        prop_assert_eq!(content_of(records, ContentType::APPLICATION_DATA), vec![0x5a; length]);
    }
}

#[test]
fn every_change_of_one_byte_is_refused() {
    for aead in AEADS {
        let mut wire = Vec::new();
        _ = established(aead).0.seal_vec(b"what the record carries", &mut wire).unwrap();
        for at in 0..wire.len() {
            for change in 1..=255 {
                let mut changed = wire.clone();
                changed[at] ^= change;
                let mut incoming = established(aead).1;
                let mut result = incoming.take(&mut changed);
                if let Ok(Taken::NeedInput { missing }) = result {
                    assert!((3..5).contains(&at), "byte {at} is not of the length, but {missing} bytes are missing");
                    changed.resize(changed.len() + missing, 0);
                    result = incoming.take(&mut changed);
                }
                let reason = result.expect_err("a changed record was accepted");
                let fits = match at {
                    0 => matches!(reason, Reason::ContentType(_) | Reason::NotTls(_) | Reason::BadRecordMac { .. }),
                    1 | 2 => matches!(reason, Reason::RecordVersion(_)),
                    3 | 4 => matches!(reason, Reason::RecordOverflow { .. } | Reason::BadRecordMac { sequence: 0 }),
                    _ => reason == Reason::BadRecordMac { sequence: 0 },
                };
                assert!(fits, "{aead:?}: byte {at} changed by {change:#04x}: {reason:?}");
            }
        }
    }
}

#[test]
fn records_that_are_dropped_repeated_or_swapped_are_refused() {
    for aead in AEADS {
        let (mut outgoing, _) = established(aead);
        let [first, second] = [b"1", b"2"].map(|content| {
            let mut record = Vec::new();
            _ = outgoing.seal_vec(content, &mut record).unwrap();
            record
        });
        for (wire, sequence) in
            [(second.clone(), 0), ([&first[..], &first].concat(), 1), ([&second[..], &first].concat(), 0)]
        {
            let (_, mut incoming) = established(aead);
            assert_eq!(take_all(&mut incoming, wire), Err(Reason::BadRecordMac { sequence }), "{aead:?}");
        }
    }
}

#[test]
fn explicit_nonces_are_the_sequence_number_and_start_again_with_each_key() {
    for aead in [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm] {
        let (mut outgoing, _) = established(aead);
        for sequence in 0..300u64 {
            // All ways to send count alike.
            let mut record = vec![0; 64];
            match sequence % 5 {
                0 => _ = outgoing.seal(b"data", &mut record).unwrap(),
                1 => {
                    record.clear();
                    _ = outgoing.seal_vec(b"data", &mut record).unwrap();
                }
                2 => {
                    let place = outgoing.seal_in_place(&mut record, MAX_HEADROOM..MAX_HEADROOM + 4).unwrap();
                    assert_eq!(place, 0..MAX_HEADROOM + 4 + TAG_LEN);
                }
                3 => outgoing.alert(AlertDescription::NO_RENEGOTIATION),
                _ => {
                    outgoing.message(HandshakeType::FINISHED, |w| w.bytes(b"data")).unwrap();
                    outgoing.flush_flight().unwrap();
                }
            }
            outgoing.drain(&mut record);
            assert_eq!(record[HEADER_LEN..HEADER_LEN + 8], sequence.to_be_bytes());
        }
        outgoing.change_cipher_spec(keys(aead).0).unwrap();
        drain(&mut outgoing);
        outgoing.alert(AlertDescription::CLOSE_NOTIFY);
        assert_eq!(drain(&mut outgoing)[HEADER_LEN..HEADER_LEN + 8], [0; 8]);
    }
}

#[test]
fn every_change_of_one_byte_of_a_header_is_read_or_refused() {
    for content_type in [ContentType::ALERT, ContentType::HANDSHAKE] {
        let record = [&[content_type.0, 3, 3, 0, 4][..], &[2, 40, 0, 0]].concat();
        for (at, wrong) in (0..HEADER_LEN).flat_map(|at| (0..=u8::MAX).map(move |wrong| (at, wrong))) {
            let mut changed = record.clone();
            changed[at] = wrong;
            let length = usize::from(u16::from_be_bytes([changed[3], changed[4]]));
            let looks_like_tls = (20..=23).contains(&changed[0]) && changed[1] == 3;
            match Incoming::new().take(&mut changed) {
                Ok(Taken::Record { content_type, payload, consumed }) => {
                    assert!(looks_like_tls, "byte {at} is {wrong}");
                    assert_eq!((content_type.0, payload, consumed), (changed[0], 5..5 + length, 5 + length));
                }
                Ok(Taken::NeedInput { missing }) => {
                    assert_eq!(missing, HEADER_LEN + length - record.len(), "byte {at} is {wrong}");
                    assert!(looks_like_tls && length <= FULL, "byte {at} is {wrong}");
                }
                Err(reason) => {
                    assert!(!looks_like_tls || length > FULL || length == 0, "byte {at} is {wrong}: {reason:?}")
                }
            }
        }
    }
}
