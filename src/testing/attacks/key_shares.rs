//! Key shares that are none, in both directions, and groups that nobody offered.

use alloc::vec;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::error::Reason;
use crate::message::{CipherSuite, ClientKeyExchange, HandshakeType as H, NamedGroup};
use crate::testing::bench::{Bench, TO_CLIENT};
use crate::testing::identities::{P256, P384, client_config, server_config};
use crate::testing::puppet::{self, Letter, start};

/// Shares of each group that are not good: small order, off the curve, other formats, other lengths.
fn bad_shares() -> Vec<(NamedGroup, Vec<u8>)> {
    let mut shares: Vec<(NamedGroup, Vec<u8>)> = Vec::new();
    // Points of small order: the shared secret is zero with all of them.
    let mut one = vec![0; 32];
    one[0] = 1;
    let mut p = vec![0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    for point in [vec![0; 32], one, p] {
        shares.push((NamedGroup::X25519, point));
    }
    for name in [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1] {
        let good = start(name).public_key().to_vec();
        shares.push((name, good[1..].to_vec()));
        shares.push((name, [&good[..], &[0]].concat()));
        shares.push((name, vec![good[0]]));
        if name == NamedGroup::X25519 {
            continue;
        }
        let mut off_the_curve = good.clone();
        *off_the_curve.last_mut().expect("a coordinate") ^= 1;
        let mut compressed = good[..1 + good.len() / 2].to_vec();
        compressed[0] = 2;
        let mut hybrid = good.clone();
        hybrid[0] = 6;
        let mut too_large = good.clone();
        too_large[1..].fill(0xff);
        let mut zero = good.clone();
        zero[1..].fill(0);
        for share in [off_the_curve, compressed, hybrid, too_large, zero, vec![0]] {
            shares.push((name, share));
        }
    }
    shares
}

#[test]
fn a_client_refuses_bad_key_shares_even_if_they_are_signed() {
    for (group, share) in bad_shares() {
        let mut bench = Bench::any_client();
        bench.go(&TO_CLIENT[..2]);
        let keys = bench.puppet.server_key_exchange(group, &share);
        bench.say_message(&keys).expect("it is used when the certificate is verified");
        let result = bench.say(Letter::Handshake(H::SERVER_HELLO_DONE));
        bench.failed(result, &Reason::BadKeyShare(group), AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_server_refuses_bad_key_shares() {
    for (group, share) in bad_shares() {
        let config = server_config(&P256, false).group_names(&[group]).build().expect("a configuration");
        let mut bench = Bench::server(config);
        bench.tell(H::CLIENT_HELLO);
        let keys = puppet::message(H::CLIENT_KEY_EXCHANGE, |w| ClientKeyExchange { public_key: &share }.write(w));
        let result = bench.say_message(&keys);
        bench.failed(result, &Reason::BadKeyShare(group), AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn an_empty_key_share_is_malformed() {
    let mut bench = Bench::any_client();
    bench.go(&TO_CLIENT[..2]);
    let result = bench.say_message(&bench.puppet.server_key_exchange(NamedGroup::X25519, &[]));
    let reason = Reason::Malformed { message: "ServerKeyExchange", problem: Malformed::Empty("public") };
    bench.failed(result, &reason, AlertDescription::DECODE_ERROR);

    let mut bench = Bench::any_server();
    bench.tell(H::CLIENT_HELLO);
    let result = bench.say_message(&puppet::message(H::CLIENT_KEY_EXCHANGE, |w| w.u8(0)));
    let reason = Reason::Malformed { message: "ClientKeyExchange", problem: Malformed::Empty("ecdh_Yc") };
    bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
}

#[test]
fn a_share_of_another_group_than_the_chosen_one_is_refused() {
    for (chosen, other) in [
        (NamedGroup::X25519, NamedGroup::SECP256R1),
        (NamedGroup::SECP256R1, NamedGroup::SECP384R1),
        (NamedGroup::SECP384R1, NamedGroup::X25519),
    ] {
        let config = server_config(&P256, false).group_names(&[chosen]).build().expect("a configuration");
        let mut bench = Bench::server(config);
        bench.tell(H::CLIENT_HELLO);
        let share = start(other);
        let public_key = share.public_key();
        let result =
            bench.say_message(&puppet::message(H::CLIENT_KEY_EXCHANGE, |w| ClientKeyExchange { public_key }.write(w)));
        bench.failed(result, &Reason::BadKeyShare(chosen), AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_group_that_was_not_offered_is_refused() {
    // X448, secp160k1, ffdhe2048, X25519MLKEM768, GREASE, explicit prime curves.
    for group in [30, 15, 0x0100, 0x11ec, 0x1a1a, 0xff01].map(NamedGroup) {
        let mut bench = Bench::any_client();
        bench.go(&TO_CLIENT[..2]);
        let result = bench.say_message(&bench.puppet.server_key_exchange(group, &[4; 32]));
        bench.failed(result, &Reason::GroupNotOffered(group), AlertDescription::ILLEGAL_PARAMETER);
    }
    // One that the library has, but this client did not offer.
    let config = client_config(false, false).group_names(&[NamedGroup::SECP256R1]).build().expect("a configuration");
    let mut bench = Bench::client(config);
    bench.go(&TO_CLIENT[..2]);
    let result = bench.say(Letter::Handshake(H::SERVER_KEY_EXCHANGE));
    bench.failed(result, &Reason::GroupNotOffered(NamedGroup::X25519), AlertDescription::ILLEGAL_PARAMETER);
}

/// CVE-2020-0601 and the like begin with curves that the peer defines itself.
#[test]
fn a_curve_that_the_server_defines_itself_is_refused() {
    for curve_type in [0, 1, 2, 4, 248, 255] {
        let mut bench = Bench::any_client();
        bench.go(&TO_CLIENT[..2]);
        let mut keys = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        keys[4] = curve_type;
        let result = bench.say_message(&keys);
        let reason = Reason::Malformed { message: "ServerKeyExchange", problem: Malformed::Value("curve_type") };
        bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn a_certificate_on_a_curve_that_was_not_offered_is_refused() {
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let config = client_config(false, false).group_names(&groups).build().expect("a configuration");
    let mut bench = Bench::client(config);
    bench.puppet.identity = P384.clone();
    bench.go(&TO_CLIENT[..3]);
    let result = bench.say(Letter::Handshake(H::SERVER_HELLO_DONE));
    let reason = Reason::CurveNotOffered(NamedGroup::SECP384R1);
    bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_server_whose_curve_the_client_does_not_offer_says_so_instead_of_signing() {
    let mut bench = Bench::server(server_config(&P384, false).build().expect("a configuration"));
    let offered: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1];
    let hello = bench.puppet.client_hello(|hello| hello.extensions.supported_groups = Some(offered.into()));
    let error = bench.say_message(&hello).expect_err("no curve in common");
    let reason = Reason::CurveNotSupported { curve: NamedGroup::SECP384R1, peer: offered.to_vec() };
    assert_eq!(error.reason(), &reason);
    bench.failed_with(&error, AlertDescription::HANDSHAKE_FAILURE);
}

/// RFC 7919 and Logjam: there is no finite-field group to be weak, and no message that could carry one.
#[test]
fn a_finite_field_key_exchange_is_no_message_of_these_suites() {
    let mut bench = Bench::any_client();
    bench.go(&TO_CLIENT[..2]);
    let keys = puppet::message(H::SERVER_KEY_EXCHANGE, |w| {
        for number in [&[0xff; 64][..], &[2], &[7; 64]] {
            w.vector(crate::codec::Prefix::U16, "dh", number);
        }
    });
    let result = bench.say_message(&keys);
    let reason = Reason::Malformed { message: "ServerKeyExchange", problem: Malformed::Value("curve_type") };
    bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    assert!(crate::crypto::Suite::find(CipherSuite(0x009e)).is_none(), "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256");
}
