//! Limits on the size of records (RFC 6066 §4, RFC 8449): bad ones, and peers that don't hold them.

use alloc::vec;

use crate::alert::AlertDescription;
use crate::error::Reason;
use crate::message::{ContentType, ExtensionType, HandshakeType as H, MaxFragmentLength, ServerHello};
use crate::testing::bench::{Bench, TO_CLIENT, TO_SERVER};
use crate::testing::identities::{P256, client_config, server_config};
use crate::testing::puppet::{Heard, Letter};

/// What AES-GCM adds to the plaintext of a record.
const EXPANSION: usize = 8 + 16;

/// A client that asked for this max_fragment_length.
fn client(length: MaxFragmentLength) -> Bench {
    Bench::client(client_config(false, false).max_fragment_length(length).build().expect("a configuration"))
}

/// A client or server that wants records of this size, with a peer that wants those of that one. Both hellos are out.
fn limited(is_client: bool, ours: u16, peer: u16) -> Bench {
    let mut bench = if is_client {
        Bench::client(client_config(false, false).record_size_limit(ours).build().expect("a configuration"))
    } else {
        Bench::server(server_config(&P256, false).record_size_limit(ours).build().expect("a configuration"))
    };
    let hello = if is_client {
        bench.puppet.server_hello(|hello| hello.extensions.record_size_limit = Some(peer))
    } else {
        bench.puppet.client_hello(|hello| hello.extensions.record_size_limit = Some(peer))
    };
    bench.say_message(&hello).expect("a good limit");
    bench
}

/// A client or server that has agreed on a max_fragment_length. Both hellos are out.
fn fragmented(is_client: bool, length: MaxFragmentLength) -> Bench {
    let (mut bench, hello);
    if is_client {
        bench = client(length);
        hello = bench.puppet.server_hello(|hello| hello.extensions.max_fragment_length = Some(length));
    } else {
        bench = Bench::any_server();
        hello = bench.puppet.client_hello(|hello| hello.extensions.max_fragment_length = Some(length));
    }
    bench.say_message(&hello).expect("a good length");
    bench
}

/// All that follows the peer's hello.
fn rest(is_client: bool) -> &'static [Letter] {
    if is_client { &TO_CLIENT[1..] } else { &TO_SERVER[1..] }
}

/// The real server's answer.
#[track_caller]
fn with_server_hello(bench: &Bench, look: impl FnOnce(ServerHello<'_>)) {
    let Heard::Message(H::SERVER_HELLO, hello) = &bench.puppet.heard[0] else { panic!("a ServerHello") };
    look(ServerHello::read(&hello[4..]).expect("a ServerHello"));
}

#[test]
fn a_record_size_limit_below_64_is_refused() {
    for limit in [0, 1, 63] {
        let reason = Reason::RecordSizeLimit(limit);
        let mut server = Bench::any_server();
        let hello = server.puppet.client_hello(|hello| hello.extensions.record_size_limit = Some(limit));
        let result = server.say_message(&hello);
        server.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);

        let mut client = Bench::any_client();
        let hello = client.puppet.server_hello(|hello| hello.extensions.record_size_limit = Some(limit));
        let result = client.say_message(&hello);
        client.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// RFC 8449 §4: it may be meant for another version of the protocol.
#[test]
fn a_record_size_limit_beyond_the_protocol_s_own_changes_nothing() {
    for is_client in [true, false] {
        for limit in [16_385, u16::MAX] {
            let mut bench = limited(is_client, 16_384, limit);
            bench.go(rest(is_client));
            let output = bench.real.write_all(&[7; 20_000]);
            bench.puppet.hear(&output);
            assert_eq!(bench.puppet.longest_heard, 16_384);
        }
    }
}

#[test]
fn a_client_that_asks_for_a_max_fragment_length_that_does_not_exist_is_refused() {
    for code in [0, 5, 255] {
        let peer = MaxFragmentLength(code);
        let mut bench = Bench::any_server();
        let hello = bench.puppet.client_hello(|hello| hello.extensions.max_fragment_length = Some(peer));
        let result = bench.say_message(&hello);
        let reason = Reason::MaxFragmentLength { ours: None, peer };
        bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_max_fragment_length_other_than_the_one_asked_for_is_refused() {
    for code in [0, 1, 3, 4, 5, 255] {
        let (ours, peer) = (MaxFragmentLength::BYTES_1024, MaxFragmentLength(code));
        let mut bench = client(ours);
        let hello = bench.puppet.server_hello(|hello| hello.extensions.max_fragment_length = Some(peer));
        let result = bench.say_message(&hello);
        let reason = Reason::MaxFragmentLength { ours: Some(ours), peer };
        bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_server_that_answers_both_limits_is_refused() {
    let length = MaxFragmentLength::BYTES_1024;
    let mut bench = client(length);
    let hello = bench.puppet.server_hello(|hello| {
        hello.extensions.max_fragment_length = Some(length);
        hello.extensions.record_size_limit = Some(1024);
    });
    let result = bench.say_message(&hello);
    bench.failed(result, &Reason::TwoRecordSizeLimits, AlertDescription::ILLEGAL_PARAMETER);
}

/// RFC 8449 §5: also if the other one does not exist.
#[test]
fn a_client_that_offers_both_limits_gets_record_size_limit_alone() {
    for code in [1, 4, 9] {
        let mut bench = Bench::any_server();
        let hello = bench.puppet.client_hello(|hello| {
            hello.extensions.max_fragment_length = Some(MaxFragmentLength(code));
            hello.extensions.record_size_limit = Some(1000);
        });
        bench.say_message(&hello).expect("a client that knows old servers and new ones");
        with_server_hello(&bench, |hello| {
            assert_eq!(hello.extensions.record_size_limit, Some(16_384));
            assert!(hello.extensions.all.types().all(|extension| extension != ExtensionType::MAX_FRAGMENT_LENGTH));
        });
        assert!(bench.puppet.longest_heard > 512, "the handshake is not in short records");
    }
}

#[test]
fn a_record_beyond_record_size_limit_is_refused_as_soon_as_records_are_protected() {
    for is_client in [true, false] {
        let limit = 64 + EXPANSION;
        let overflow = Reason::RecordOverflow { length: limit + 1, limit };

        // What came in the clear was longer: a ClientHello, a Certificate.
        let (change_cipher_spec, finished) = rest(is_client).split_at(rest(is_client).len() - 1);
        let mut bench = limited(is_client, 64, 16_384);
        bench.go(change_cipher_spec);
        let result = bench.send(ContentType::HANDSHAKE, &[0; 65]);
        bench.failed(result, &overflow, AlertDescription::RECORD_OVERFLOW);

        let mut bench = limited(is_client, 64, 16_384);
        bench.go(change_cipher_spec);
        bench.go(finished);
        bench.send(ContentType::APPLICATION_DATA, &[7; 64]).expect("a record of the largest size");
        let result = bench.send(ContentType::APPLICATION_DATA, &[7; 65]);
        bench.failed(result, &overflow, AlertDescription::RECORD_OVERFLOW);
        assert_eq!(bench.data, [7; 64]);
    }
}

#[test]
fn a_record_beyond_max_fragment_length_is_refused_in_the_handshake_already() {
    for is_client in [true, false] {
        let mut bench = fragmented(is_client, MaxFragmentLength::BYTES_512);
        let result = bench.send(ContentType::HANDSHAKE, &[0; 513]);
        let overflow = Reason::RecordOverflow { length: 513, limit: 512 };
        bench.failed(result, &overflow, AlertDescription::RECORD_OVERFLOW);

        let mut bench = fragmented(is_client, MaxFragmentLength::BYTES_4096);
        bench.go(rest(is_client));
        bench.send(ContentType::APPLICATION_DATA, &[7; 4096]).expect("a record of the largest size");
        let result = bench.send(ContentType::APPLICATION_DATA, &[7; 4097]);
        let overflow = Reason::RecordOverflow { length: 4097 + EXPANSION, limit: 4096 + EXPANSION };
        bench.failed(result, &overflow, AlertDescription::RECORD_OVERFLOW);
        assert_eq!(bench.data, [7; 4096]);
    }
}

#[test]
fn max_fragment_length_holds_for_all_that_is_sent_from_server_hello_on() {
    for is_client in [true, false] {
        let length = MaxFragmentLength::BYTES_512;
        let mut bench = fragmented(is_client, length);
        if !is_client {
            with_server_hello(&bench, |hello| assert_eq!(hello.extensions.max_fragment_length, Some(length)));
            assert_eq!(bench.puppet.longest_heard, 512, "a flight of several records");
        }
        bench.go(rest(is_client));
        let output = bench.real.write_all(&[7; 10_000]);
        bench.puppet.hear(&output);
        assert_eq!(bench.puppet.longest_heard, 512);
        assert_eq!(bench.puppet.heard.last(), Some(&Heard::Data(vec![7; 10_000 % 512])));
    }
}

#[test]
fn record_size_limit_holds_for_all_that_is_sent_under_keys_and_for_nothing_before() {
    for is_client in [true, false] {
        let mut bench = limited(is_client, 16_384, 64);
        if !is_client {
            assert!(bench.puppet.longest_heard > 512, "the server's first flight is one record");
        }
        let (in_the_clear, protected) = rest(is_client).split_at(rest(is_client).len() - 1);
        bench.go(in_the_clear);
        bench.puppet.longest_heard = 0;
        bench.go(protected);
        let output = bench.real.write_all(&[7; 1000]);
        bench.puppet.hear(&output);
        assert_eq!(bench.puppet.longest_heard, 64);
        let data = bench.puppet.heard.iter().filter(|heard| matches!(heard, Heard::Data(_)));
        assert_eq!(data.count(), 1000_usize.div_ceil(64));
    }
}
