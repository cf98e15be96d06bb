//! Signatures and Finished: goto fail (CVE-2014-1266), SLOTH, skipped authentication.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::error::Reason;
use crate::identity::Identity;
use crate::message::{CipherSuite, ContentType, HandshakeType as H, SignatureScheme};
use crate::testing::bench::{Bench, Start, TO_CLIENT, TO_SERVER};
use crate::testing::identities::{ED25519, P256, P384, RSA, client_config};
use crate::testing::puppet::{self, suite};

const ECDSA_SUITE: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const RSA_SUITE: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;

/// A client whose server has this identity; ServerHello and Certificate were taken.
fn after_certificate(identity: &Identity, suite_id: CipherSuite) -> Bench {
    let mut bench = Bench::any_client();
    bench.puppet.identity = identity.clone();
    bench.puppet.suite = suite(suite_id);
    bench.go(&TO_CLIENT[..2]);
    bench
}

/// Where in a ServerKeyExchange, header included, the scheme stands: behind the curve type, the group and the key.
fn scheme_at(message: &[u8]) -> usize {
    4 + 1 + 2 + 1 + usize::from(message[7])
}

#[test]
fn a_key_exchange_with_any_byte_of_its_signature_changed_is_refused() {
    for (identity, suite) in [(&*P256, ECDSA_SUITE), (&*ED25519, ECDSA_SUITE), (&*RSA, RSA_SUITE)] {
        let mut bench = after_certificate(identity, suite);
        let message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        let first = scheme_at(&message) + 4;
        for at in first..message.len() {
            let mut bench = after_certificate(identity, suite);
            let mut message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
            // ECDSA signatures differ in length.
            let Some(byte) = message.get_mut(at) else { break };
            *byte ^= 1;
            bench.say_message(&message).expect("it is verified when the certificate is");
            let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
            let scheme = identity.key().schemes()[0];
            bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
        }
    }
}

#[test]
fn a_key_exchange_with_any_byte_of_the_signed_key_changed_is_refused() {
    for at in 8..8 + 32 {
        let mut bench = after_certificate(&P256, ECDSA_SUITE);
        let mut message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        message[at] ^= 1;
        bench.say_message(&message).expect("it is verified when the certificate is");
        let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
        let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
        bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
    }
}

#[test]
fn a_signature_over_the_randoms_of_another_handshake_is_refused() {
    let mut other = after_certificate(&P256, ECDSA_SUITE);
    let message = other.puppet.message(H::SERVER_KEY_EXCHANGE);
    let mut bench = after_certificate(&P256, ECDSA_SUITE);
    bench.say_message(&message).expect("it is verified when the certificate is");
    let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
}

#[test]
fn an_empty_or_cut_signature_is_refused() {
    for keep in [0, 1, 8, 40] {
        let mut bench = after_certificate(&P256, ECDSA_SUITE);
        let whole = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        let at = scheme_at(&whole);
        let message = puppet::message(H::SERVER_KEY_EXCHANGE, |w| {
            w.bytes(&whole[4..at + 2]);
            w.vector(crate::codec::Prefix::U16, "signature", &whole[at + 4..at + 4 + keep]);
        });
        bench.say_message(&message).expect("it is verified when the certificate is");
        let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
        let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
        bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
    }
}

#[test]
fn sha1_md5_and_other_schemes_that_were_not_offered_are_refused() {
    // rsa_pkcs1_sha1, ecdsa_sha1, rsa_pkcs1_md5, ecdsa with SHA-224, anonymous, Ed448, GREASE.
    for scheme in [0x0201, 0x0203, 0x0101, 0x0303, 0x0400, 0x0000, 0x0808, 0x0a0a].map(SignatureScheme) {
        let mut bench = after_certificate(&P256, ECDSA_SUITE);
        let mut message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        let at = scheme_at(&message);
        message[at..at + 2].copy_from_slice(&scheme.0.to_be_bytes());
        let result = bench.say_message(&message);
        bench.failed(result, &Reason::SchemeNotOffered(scheme), AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_good_signature_with_a_scheme_that_this_client_did_not_offer_is_refused() {
    let offered = [SignatureScheme::ED25519, SignatureScheme::RSA_PSS_RSAE_SHA256];
    let config = client_config(false, false).signature_schemes(&offered).build().expect("a configuration");
    let mut bench = Bench::client(config);
    bench.go(&TO_CLIENT[..2]);
    let result = bench.say(puppet::Letter::Handshake(H::SERVER_KEY_EXCHANGE));
    let reason = Reason::SchemeNotOffered(SignatureScheme::ECDSA_SECP256R1_SHA256);
    bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
}

/// The hash is the scheme's, never one that fits the signature (CVE-2026-5194).
#[test]
fn a_signature_under_the_name_of_another_hash_is_refused() {
    for (identity, suite, named) in [
        (&*P256, ECDSA_SUITE, SignatureScheme::ECDSA_SECP384R1_SHA384),
        (&*P384, ECDSA_SUITE, SignatureScheme::ECDSA_SECP256R1_SHA256),
        (&*RSA, RSA_SUITE, SignatureScheme::RSA_PKCS1_SHA512),
        (&*RSA, RSA_SUITE, SignatureScheme::RSA_PSS_RSAE_SHA512),
    ] {
        let mut bench = after_certificate(identity, suite);
        assert_ne!(identity.key().schemes()[0], named);
        let mut message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        let at = scheme_at(&message);
        message[at..at + 2].copy_from_slice(&named.0.to_be_bytes());
        bench.say_message(&message).expect("it is verified when the certificate is");
        let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
        bench.failed(result, &Reason::BadSignature { scheme: named }, AlertDescription::DECRYPT_ERROR);
    }
}

#[test]
fn a_scheme_of_another_type_of_key_is_refused() {
    for (identity, suite, named, key) in [
        (&*P256, ECDSA_SUITE, SignatureScheme::ED25519, "ECDSA secp256r1"),
        (&*P256, ECDSA_SUITE, SignatureScheme::RSA_PKCS1_SHA256, "ECDSA secp256r1"),
        (&*ED25519, ECDSA_SUITE, SignatureScheme::ECDSA_SECP256R1_SHA256, "Ed25519"),
        (&*RSA, RSA_SUITE, SignatureScheme::ECDSA_SECP256R1_SHA256, "RSA 2048 bits"),
    ] {
        let mut bench = after_certificate(identity, suite);
        let mut message = bench.puppet.message(H::SERVER_KEY_EXCHANGE);
        let at = scheme_at(&message);
        message[at..at + 2].copy_from_slice(&named.0.to_be_bytes());
        bench.say_message(&message).expect("it is verified when the certificate is");
        let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
        let reason = Reason::WrongKeyType { key: key.to_string(), wanted: named.to_string() };
        bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_certificate_whose_key_does_not_fit_the_cipher_suite_is_refused() {
    for (identity, suite_id, key) in [
        (&*P256, RSA_SUITE, "ECDSA secp256r1"),
        (&*ED25519, RSA_SUITE, "Ed25519"),
        (&*RSA, ECDSA_SUITE, "RSA 2048 bits"),
    ] {
        let mut bench = after_certificate(identity, suite_id);
        bench.tell(H::SERVER_KEY_EXCHANGE);
        let result = bench.say(puppet::Letter::Handshake(H::SERVER_HELLO_DONE));
        let reason = Reason::WrongKeyType { key: key.to_string(), wanted: suite_id.to_string() };
        bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// Both roles with their handshake but for Finished.
fn before_finished() -> [Bench; 2] {
    [(Bench::any_client(), TO_CLIENT), (Bench::any_server(), TO_SERVER)].map(|(mut bench, letters)| {
        bench.go(&letters[..letters.len() - 1]);
        bench
    })
}

#[test]
fn a_finished_that_is_wrong_by_one_bit_is_refused() {
    for bit in 0..96 {
        for mut bench in before_finished() {
            let mut finished = bench.puppet.message(H::FINISHED);
            finished[4 + bit / 8] ^= 1 << (bit % 8);
            let result = bench.say_message(&finished);
            bench.failed(result, &Reason::BadFinished, AlertDescription::DECRYPT_ERROR);
        }
    }
}

#[test]
fn a_finished_of_zeros_is_refused() {
    for mut bench in before_finished() {
        let result = bench.say_message(&puppet::message(H::FINISHED, |w| w.bytes(&[0; 12])));
        bench.failed(result, &Reason::BadFinished, AlertDescription::DECRYPT_ERROR);
    }
}

#[test]
fn a_finished_of_another_length_is_refused() {
    for (length, problem) in [
        (0, Malformed::Truncated("verify_data")),
        (11, Malformed::Truncated("verify_data")),
        (13, Malformed::Trailing("Finished")),
        (36, Malformed::Trailing("Finished")),
    ] {
        for mut bench in before_finished() {
            let whole = bench.puppet.message(H::FINISHED);
            let body: Vec<u8> = whole[4..].iter().copied().cycle().take(length).collect();
            let result = bench.say_message(&puppet::message(H::FINISHED, |w| w.bytes(&body)));
            bench.failed(result, &Reason::Malformed { message: "Finished", problem }, AlertDescription::DECODE_ERROR);
        }
    }
}

/// CVE-2020-24613 and its kin: a Finished in the clear is no Finished.
#[test]
fn a_finished_before_the_keys_changed_is_refused() {
    let starts: [(Start, _); 2] = [(Bench::any_client, TO_CLIENT), (Bench::any_server, TO_SERVER)];
    for (start, letters) in starts {
        let mut bench = start();
        bench.go(&letters[..letters.len() - 2]);
        let finished = bench.puppet.message(H::FINISHED);
        let result = bench.send(ContentType::HANDSHAKE, &finished);
        let reason = Reason::UnexpectedMessage { got: "Finished", expected: &["ChangeCipherSpec"] };
        bench.failed(result, &reason, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

/// Our own Finished, sent back to us.
#[test]
fn a_finished_reflected_is_refused() {
    // The client's Finished covers less than the server's, so the same bytes never fit.
    let mut bench = Bench::any_client();
    bench.go(&TO_CLIENT[..5]);
    let ours = bench.puppet.heard.iter().find_map(|heard| match heard {
        puppet::Heard::Message(H::FINISHED, message) => Some(message.clone()),
        _ => None,
    });
    let result = bench.say_message(&ours.expect("the client's Finished"));
    bench.failed(result, &Reason::BadFinished, AlertDescription::DECRYPT_ERROR);
}
