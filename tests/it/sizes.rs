//! Sizes of records: those that the two sides agree on, and those that the application wants.

use std::sync::Arc;

use proptest::prelude::*;
use tls12::message::MaxFragmentLength;
use tls12::{Connection, MIN_OUTPUT, RecordSize, Sent};

use crate::given::Ed25519Key;
use crate::pair::{Authority, Drain, End, Manner, Pair, Timing, client_config, server_config};

/// What AES-128-GCM adds to the plaintext of a record.
const EXPANSION: usize = 8 + 16;

/// The settings of both sides that these tests are about.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    client: (RecordSize, u16),
    server: (RecordSize, u16),
}

const DEFAULT: (RecordSize, u16) = (RecordSize::Fixed(16_384), 16_384);

fn pair(Sizes { client, server }: Sizes) -> Pair {
    let authority = Authority::new();
    let identity = authority.replayable(Arc::new(Ed25519Key::new(7)));
    let client = client_config(&authority, 1).record_size(client.0).record_size_limit(client.1);
    let server = server_config(2).identity(identity).record_size(server.0).record_size_limit(server.1);
    Pair::new(client.build().unwrap(), server.build().unwrap())
}

fn established(sizes: Sizes) -> Pair {
    let mut pair = pair(sizes);
    pair.drive();
    pair.assert_established();
    // So that the records of data depend on nothing but the sizes.
    (pair.client.manner.drain, pair.server.manner.drain) = (Drain::Vector, Drain::Vector);
    pair
}

/// Content type and length of the fragment of each record.
fn records(mut wire: &[u8]) -> Vec<(u8, usize)> {
    let mut records = Vec::new();
    while let [content_type, 3, _, high, low, rest @ ..] = wire {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        records.push((*content_type, length));
        wire = &rest[length..];
    }
    assert!(wire.is_empty());
    records
}

/// The sizes of the plaintexts of all records of data among what one end sent.
fn data_sizes<C>(end: &End<C>) -> Vec<usize> {
    let data = records(&end.sent).into_iter().filter(|(content_type, _)| *content_type == 23);
    data.map(|(_, length)| length - EXPANSION).collect()
}

/// What it sent under keys: all behind ChangeCipherSpec.
fn protected_sizes<C>(end: &End<C>) -> Vec<usize> {
    let behind = records(&end.sent).into_iter().skip_while(|(content_type, _)| *content_type != 20).skip(1);
    behind.map(|(_, length)| length - EXPANSION).collect()
}

#[test]
fn each_side_holds_the_limit_of_the_other_and_not_its_own() {
    for (client, server) in [(64, 16_384), (16_384, 64), (100, 3000), (512, 512), (16_384, 16_384)] {
        let mut pair = established(Sizes { client: (DEFAULT.0, client), server: (DEFAULT.0, server) });
        let (ours, theirs) = (&pair.client.connection, &pair.server.connection);
        assert_eq!(ours.max_plaintext_received(), client.into());
        assert_eq!(ours.max_plaintext_sent(), server.into());
        assert_eq!(theirs.max_plaintext_received(), server.into());
        assert_eq!(theirs.max_plaintext_sent(), client.into());

        let data = vec![7; 40_000];
        pair.client_says(&data);
        pair.server_says(&data);
        assert!(pair.client.data() == data && pair.server.data() == data, "client: {client}, server: {server}");
        assert_eq!(protected_sizes(&pair.client).into_iter().max(), Some(server.into()));
        assert_eq!(protected_sizes(&pair.server).into_iter().max(), Some(client.into()));
        let first_flight = records(&pair.server.sent)[0].1;
        assert!(first_flight > 400, "what comes before the keys is not limited: {first_flight}");
    }
}

#[test]
fn a_limit_holds_from_the_first_record_under_keys() {
    let mut pair = pair(Sizes { client: (DEFAULT.0, 64), server: (DEFAULT.0, 100) });
    assert_eq!(pair.client.connection.max_plaintext_sent(), 16_384, "ClientHello is not limited");
    pair.step();
    assert_eq!(pair.client.connection.max_plaintext_sent(), 100, "its Finished is out");
    assert_eq!(pair.client.connection.max_plaintext_received(), 16_384, "the server's is not here");
    pair.drive();
    assert_eq!(pair.client.connection.max_plaintext_received(), 64);
}

#[test]
fn a_client_that_asks_for_max_fragment_length_names_it_as_its_record_size_limit() {
    let authority = Authority::new();
    let server = || server_config(2).identity(authority.replayable(Arc::new(Ed25519Key::new(7))));
    for (limit, expected) in [(None, 2048), (Some(600), 600), (Some(5000), 5000)] {
        let mut client = client_config(&authority, 1).max_fragment_length(MaxFragmentLength::BYTES_2048);
        if let Some(limit) = limit {
            client = client.record_size_limit(limit);
        }
        // The server knows both, and takes the better one.
        let pair = Pair::driven(client, server());
        pair.assert_established();
        assert_eq!(pair.server.connection.max_plaintext_sent(), expected);
        assert_eq!(pair.client.connection.max_plaintext_received(), expected);
        assert_eq!(pair.client.connection.max_plaintext_sent(), 16_384);
    }
}

#[test]
fn data_goes_out_in_records_of_the_size_that_is_set() {
    for (size, limit, expected) in [(64, 16_384, 64), (5000, 16_384, 5000), (16_384, 16_384, 16_384), (5000, 600, 600)]
    {
        let server = (RecordSize::Fixed(size), 16_384);
        let mut pair = established(Sizes { client: (DEFAULT.0, limit), server });
        pair.server_says(&[7; 40_000]);
        let expected: Vec<usize> = [7; 40_000].chunks(expected).map(<[u8]>::len).collect();
        assert_eq!(data_sizes(&pair.server), expected);
        let first_flight = records(&pair.server.sent)[0].1;
        assert!(first_flight > 400, "the size for data is not for handshake messages: {first_flight}");
    }
}

#[test]
fn records_grow_and_start_small_again_when_told_to() {
    let mut pair = established(Sizes { client: DEFAULT, server: (RecordSize::Growing, 16_384) });
    let small = 1208 - 5 - EXPANSION;
    pair.server_says(&[7; 100_000]);
    let sizes = data_sizes(&pair.server);
    let (first, then) = sizes.split_at((64_usize << 10).div_ceil(small));
    assert!(first.iter().all(|size| *size == small), "{first:?}");
    assert_eq!(then[..2], [16_384, 16_384]);

    pair.server.sent.clear();
    pair.server_says(&[7; 16_384]);
    assert_eq!(data_sizes(&pair.server), [16_384], "it stays so from one call to the next");

    pair.server.sent.clear();
    pair.server.connection.start_small_again();
    pair.server_says(&[7; 2 * 1179]);
    assert_eq!(data_sizes(&pair.server), [small, small]);

    pair.client.sent.clear();
    pair.client.connection.start_small_again();
    pair.client_says(&[7; 16_384]);
    assert_eq!(data_sizes(&pair.client), [16_384], "the client's do not grow");
}

#[test]
fn with_min_output_there_is_always_progress_whatever_the_size() {
    for (size, limit) in [(RecordSize::Growing, 16_384), (RecordSize::Fixed(64), 16_384), (RecordSize::Growing, 64)] {
        let mut pair = established(Sizes { client: (size, 16_384), server: (DEFAULT.0, limit) });
        let (mut left, mut wire) = (&[7; 200][..], Vec::new());
        while !left.is_empty() {
            let mut out = [0; MIN_OUTPUT];
            let Sent { taken, produced } = pair.client.connection.write(left, &mut out).unwrap();
            assert!(taken > 0 && produced > 0, "{size:?}: {taken} taken, {produced} produced");
            wire.extend_from_slice(&out[..produced]);
            left = &left[taken..];
        }
        pair.server.inbox = wire;
        pair.server.read();
        assert_eq!(pair.server.data(), [7; 200]);
    }
}

/// `output_len` is what a call produces, however far the records have grown.
fn says_exactly<C: Connection>(connection: &mut C, plaintext: &[u8], by_vector: bool) -> Vec<u8> {
    let bound = connection.output_len(plaintext.len());
    let mut out = Vec::with_capacity(bound);
    let sent = if by_vector {
        connection.write_vec(plaintext, &mut out).unwrap()
    } else {
        out.resize(bound, 0);
        connection.write(plaintext, &mut out).unwrap()
    };
    assert_eq!(sent, Sent { taken: plaintext.len(), produced: bound });
    out
}

fn any_sizes() -> impl Strategy<Value = (RecordSize, u16)> {
    let size = prop_oneof![Just(RecordSize::Growing), (64u16..=16_384).prop_map(RecordSize::Fixed)];
    (size, prop_oneof![64u16..3000, Just(16_384)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn whatever_the_sizes_data_comes_whole_and_output_len_is_exact(
        client in any_sizes(),
        server in any_sizes(),
        lengths in prop::collection::vec((0usize..50_000, any::<bool>()), 1..5),
    ) {
        let mut pair = established(Sizes { client, server });
        for (length, by_vector) in lengths {
            pair.server.happened.clear();
            let plaintext: Vec<u8> = (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8).collect();
            pair.server.inbox = says_exactly(&mut pair.client.connection, &plaintext, by_vector);
            pair.server.read();
            prop_assert!(pair.server.data() == plaintext, "{} bytes", length);
        }
    }

    #[test]
    fn how_a_handshake_in_small_records_is_drained_changes_nothing(piece in 1usize..100, each_event in any::<bool>()) {
        let sizes = Sizes { client: (RecordSize::Growing, 64), server: (RecordSize::Growing, 64) };
        let (plain, mut other) = (established(sizes), pair(sizes));
        let timing = if each_event { Timing::OnePieceEachEvent } else { Timing::AtTheEnd };
        let manner = Manner { drain: Drain::Pieces(piece), timing };
        (other.client.manner, other.server.manner) = (manner, manner);
        other.drive();
        other.assert_established();
        prop_assert!(other.client.sent == plain.client.sent && other.server.sent == plain.server.sent);
    }
}
