//! What `write` puts out: how much, into how little, and that it comes out whole at the other end.

use proptest::prelude::*;
use tls12::{Connection, MIN_OUTPUT, RecordBuffer, Sent, Step};

use crate::pair::{Drain, Pair};
use crate::recorded::Recorded;

/// Bytes that tell their place.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8).collect()
}

/// An established pair with each of the six suites.
fn established_pairs() -> impl Iterator<Item = Pair> {
    Recorded::six().into_iter().map(|recorded| {
        let mut pair = recorded.pair();
        pair.drive();
        pair.assert_established();
        pair
    })
}

#[test]
fn output_len_is_exactly_what_write_and_write_vec_produce() {
    for mut pair in established_pairs() {
        let client = &mut pair.client.connection;
        for length in [0, 1, 2, 100, 16383, 16384, 16385, 32768, 32769, 100_000] {
            let plaintext = data(length);
            let bound = client.output_len(length);
            let mut out = vec![0; bound];
            let sent = client.write(&plaintext, &mut out).unwrap();
            assert_eq!(sent, Sent { taken: length, produced: bound }, "write of {length} bytes");

            let mut roomy = vec![0; bound + 1000];
            assert_eq!(client.write(&plaintext, &mut roomy), Ok(sent), "more room changes nothing");

            let mut out = Vec::with_capacity(bound + 3);
            out.extend_from_slice(b"abc");
            let before = (out.as_ptr(), out.capacity());
            assert_eq!(client.write_vec(&plaintext, &mut out), Ok(sent), "write_vec of {length} bytes");
            assert_eq!((out.len(), &out[..3]), (3 + bound, &b"abc"[..]), "it appends");
            assert_eq!((out.as_ptr(), out.capacity()), before, "with enough capacity the vector stays where it is");
        }
    }
}

#[test]
fn output_len_counts_what_is_queued() {
    let mut pair = Pair::replayable();
    let queued = pair.client.connection.output_len(1000);
    assert_eq!(pair.client.write(&[]).len(), queued, "a ClientHello, and no data yet");
    assert_eq!(pair.client.connection.output_len(1000), 0);

    let mut pair = Pair::established();
    pair.client.connection.close();
    let queued = pair.client.connection.output_len(1000);
    assert_eq!(pair.client.write(&[]).len(), queued, "a close_notify, and no data any more");
}

#[test]
fn with_min_output_there_is_always_progress() {
    for mut pair in established_pairs() {
        let plaintext = data(100);
        let (mut left, mut wire) = (&plaintext[..], Vec::new());
        while !left.is_empty() {
            let mut out = [0; MIN_OUTPUT];
            let Sent { taken, produced } = pair.client.connection.write(left, &mut out).unwrap();
            assert!(taken > 0 && produced > 0, "{taken} taken, {produced} produced");
            wire.extend_from_slice(&out[..produced]);
            left = &left[taken..];
        }
        pair.server.inbox = wire;
        pair.server.read();
        assert_eq!(pair.server.data(), plaintext);
    }
}

#[test]
fn what_is_queued_goes_before_data_in_the_same_call() {
    // The server's last flight is still queued when it is established.
    let mut pair = Pair::replayable();
    pair.client_says(b"");
    pair.server_says(b"");
    pair.client_says(b"");
    assert!(pair.server.connection.is_established() && pair.server.connection.wants_write());
    let bound = pair.server.connection.output_len(9);
    let mut out = vec![0; bound];
    assert_eq!(pair.server.connection.write(b"right now", &mut out).map(|sent| sent.taken), Ok(9));
    pair.client.inbox = out;
    pair.client.read();
    pair.assert_established();
    assert_eq!(pair.client.data(), b"right now");
}

#[test]
fn each_record_of_data_takes_one_of_records_left() {
    for mut pair in established_pairs() {
        let client = &mut pair.client.connection;
        let before = client.records_left();
        assert!(before > 1 << 24, "at least 2^24 records: {before}");
        let mut out = vec![0; 200_000];
        let _ = client.write(&data(100_000), &mut out).unwrap();
        assert_eq!(client.records_left(), before - 7, "100,000 bytes are 7 records");
        let _ = client.write(b"x", &mut out).unwrap();
        assert_eq!(client.records_left(), before - 8);
        let _ = client.write(b"", &mut out).unwrap();
        assert_eq!(client.records_left(), before - 8, "no data, no record");
    }
}

#[test]
fn data_of_every_length_near_the_borders_of_records_comes_whole() {
    let mut pair = Pair::established();
    pair.client.manner.drain = Drain::Pieces(100_000);
    for length in [1, 16383, 16384, 16385, 32767, 32768, 32769] {
        pair.server.happened.clear();
        let plaintext = data(length);
        pair.client_says(&plaintext);
        assert_eq!(pair.server.data(), plaintext, "{length} bytes");
        assert_eq!(pair.server.happened.len(), length.div_ceil(16384), "{length} bytes in full records");
    }
}

/// Sends `plaintext` with outputs of these sizes, receives it through a record buffer in pieces of these sizes.
fn transfer<A: Connection, B: Connection>(from: &mut A, to: &mut B, plaintext: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut sizes = sizes.iter().copied().cycle();
    let (mut left, mut wire) = (plaintext, Vec::new());
    while !left.is_empty() {
        let size = sizes.next().unwrap();
        let Sent { taken, .. } = if size % 5 == 0 {
            let some = &left[..left.len().min(size)];
            from.write_vec(some, &mut wire).unwrap()
        } else {
            let mut out = vec![0; MIN_OUTPUT + size];
            let sent = from.write(left, &mut out).unwrap();
            wire.extend_from_slice(&out[..sent.produced]);
            sent
        };
        left = &left[taken..];
    }
    let (mut buffer, mut received) = (RecordBuffer::new(), Vec::new());
    let mut wire = &wire[..];
    loop {
        match buffer.step(to).unwrap() {
            Step::Data(data) => received.extend_from_slice(data),
            Step::NeedInput if wire.is_empty() => break,
            Step::NeedInput => {
                let room = buffer.room();
                let count = sizes.next().unwrap().min(room.len()).min(wire.len());
                let (now, later) = wire.split_at(count);
                room[..count].copy_from_slice(now);
                buffer.received(count);
                wire = later;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(buffer.unread().is_empty());
    received
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn big_data_comes_whole_both_ways_through_buffers_of_odd_sizes(
        suite in 0usize..6,
        lengths in prop::collection::vec(0usize..70_000, 1..4),
        sizes in prop::collection::vec(prop_oneof![1usize..40, 1usize..3000, 15_000usize..40_000], 1..20),
    ) {
        thread_local! {
            static SIX: Vec<Recorded> = Recorded::six();
        }
        let mut pair = SIX.with(|six| six[suite].pair());
        pair.drive();
        for length in lengths {
            let plaintext = data(length);
            let (client, server) = (&mut pair.client.connection, &mut pair.server.connection);
            prop_assert!(transfer(client, server, &plaintext, &sizes) == plaintext, "to the server: {} bytes", length);
            prop_assert!(transfer(server, client, &plaintext, &sizes) == plaintext, "to the client: {} bytes", length);
        }
    }
}

#[test]
fn a_record_buffer_gives_its_memory_back_and_loses_nothing() {
    let mut pair = Pair::established();
    let wire = pair.client.write(&data(40_000));
    let (front, back) = wire.split_at(20_000);
    let (mut buffer, mut received) = (RecordBuffer::new(), Vec::new());
    for mut piece in [front, back] {
        loop {
            match buffer.step(&mut pair.server.connection).unwrap() {
                Step::Data(data) => received.extend_from_slice(data),
                Step::NeedInput if piece.is_empty() => break,
                Step::NeedInput => drop(buffer.fill_from(&mut piece).unwrap()),
                other => panic!("{other:?}"),
            }
        }
        let unread = buffer.unread().to_vec();
        buffer.shrink();
        assert_eq!(buffer.unread(), unread);
    }
    assert!(received == data(40_000), "{} bytes", received.len());
}
