//! Clients that claim a certificate: CertificateVerify left out (CVE-2015-0205), misplaced (CVE-2026-2645), or wrong.

use alloc::sync::Arc;

use crate::alert::AlertDescription;
use crate::error::{CertificateError, Reason};
use crate::identity::Identity;
use crate::message::{HandshakeType as H, SignatureScheme};
use crate::proof::PeerProof;
use crate::session::ClientAuthPolicy;
use crate::testing::bench::{Bench, TO_SERVER};
use crate::testing::identities::{ED25519, P256, P384, RSA, Refusing, Trusting, server_config};
use crate::testing::puppet::{Heard, Letter};

const CERTIFICATE: Letter = Letter::Handshake(H::CERTIFICATE);
const KEYS: Letter = Letter::Handshake(H::CLIENT_KEY_EXCHANGE);
const VERIFY: Letter = Letter::Handshake(H::CERTIFICATE_VERIFY);

/// Both ways to ask.
const POLICIES: [ClientAuthPolicy; 2] = [ClientAuthPolicy::Optional, ClientAuthPolicy::Required];

/// A server that has asked its client for a certificate; the client has this one.
fn asked(policy: ClientAuthPolicy, identity: &Identity) -> Bench {
    let verifier = Arc::new(Trusting { later: false, wants_status: false });
    let config = server_config(&P256, false).client_authentication(policy, verifier);
    let mut bench = Bench::server(config.build().expect("a configuration"));
    bench.puppet.identity = identity.clone();
    bench.go(&TO_SERVER[..1]);
    assert!(bench.puppet.heard.iter().any(|heard| matches!(heard, Heard::Message(H::CERTIFICATE_REQUEST, _))));
    bench
}

/// The letters, each of which is taken but the last, which is out of order.
#[track_caller]
fn out_of_order(mut bench: Bench, letters: &[Letter]) {
    let (last, before) = letters.split_last().expect("a letter");
    bench.go(before);
    let error = bench.say(*last).expect_err("out of order");
    assert!(matches!(error.reason(), Reason::UnexpectedMessage { .. }), "{error}");
    bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
    assert!(bench.real.peer_proof().is_none());
}

/// What follows would be refused for the wrong reasons if this did not work.
#[test]
fn a_client_that_signs_with_the_key_of_its_certificate_is_verified() {
    for policy in POLICIES {
        for identity in [&*P256, &*P384, &*ED25519, &*RSA] {
            let mut bench = asked(policy, identity);
            assert!(bench.real.peer_certificates().is_none());
            bench.go(&[CERTIFICATE, KEYS, VERIFY, TO_SERVER[2], TO_SERVER[3]]);
            assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Verified(_))));
            let certificates = bench.real.peer_certificates().expect("the client's certificate");
            assert_eq!(certificates.end_entity().as_ref(), identity.chain().first());
        }
    }
}

/// CVE-2015-0205, CVE-2020-24613, CVE-2022-25640.
#[test]
fn a_client_certificate_without_certificate_verify_is_refused() {
    for policy in POLICIES {
        out_of_order(asked(policy, &P256), &[CERTIFICATE, KEYS, TO_SERVER[2]]);
        out_of_order(asked(policy, &P256), &[CERTIFICATE, KEYS, TO_SERVER[3]]);
    }
}

/// CVE-2026-2645.
#[test]
fn a_certificate_verify_before_client_key_exchange_is_refused() {
    for policy in POLICIES {
        out_of_order(asked(policy, &P256), &[CERTIFICATE, VERIFY]);
        out_of_order(asked(policy, &P256), &[VERIFY]);
    }
}

#[test]
fn a_client_that_says_nothing_of_a_certificate_when_it_is_asked_is_refused() {
    for policy in POLICIES {
        out_of_order(asked(policy, &P256), &[KEYS]);
        out_of_order(asked(policy, &P256), &[TO_SERVER[2]]);
    }
}

#[test]
fn a_second_certificate_or_certificate_verify_is_refused() {
    for policy in POLICIES {
        for second in [CERTIFICATE, Letter::EmptyCertificate] {
            out_of_order(asked(policy, &P256), &[CERTIFICATE, second]);
            out_of_order(asked(policy, &P256), &[CERTIFICATE, KEYS, second]);
            out_of_order(asked(policy, &P256), &[CERTIFICATE, KEYS, VERIFY, second]);
        }
        out_of_order(asked(policy, &P256), &[CERTIFICATE, KEYS, VERIFY, VERIFY]);
    }
    out_of_order(asked(ClientAuthPolicy::Optional, &P256), &[Letter::EmptyCertificate, CERTIFICATE]);
}

#[test]
fn an_empty_certificate_list_of_a_client_is_refused_where_one_is_required() {
    let mut bench = asked(ClientAuthPolicy::Required, &P256);
    let result = bench.say(Letter::EmptyCertificate);
    bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);
}

#[test]
fn a_client_that_shows_no_certificate_proves_nothing() {
    let mut bench = asked(ClientAuthPolicy::Optional, &P256);
    bench.go(&[Letter::EmptyCertificate, KEYS, TO_SERVER[2], TO_SERVER[3]]);
    assert!(matches!(bench.real.peer_proof(), Some(PeerProof::Declined(_))));
    assert!(bench.real.peer_certificates().is_none());
    // And it has nothing to sign with.
    out_of_order(asked(ClientAuthPolicy::Optional, &P256), &[Letter::EmptyCertificate, KEYS, VERIFY]);
}

/// A server that waits for the CertificateVerify of this client.
fn waiting(identity: &Identity) -> Bench {
    let mut bench = asked(ClientAuthPolicy::Required, identity);
    bench.go(&[CERTIFICATE, KEYS]);
    bench
}

#[test]
fn a_certificate_verify_with_any_byte_of_its_signature_changed_is_refused() {
    for identity in [&*P256, &*ED25519, &*RSA] {
        let scheme = identity.key().schemes()[0];
        let length = waiting(identity).puppet.message(H::CERTIFICATE_VERIFY).len();
        for at in 8..length {
            let mut bench = waiting(identity);
            let mut message = bench.puppet.message(H::CERTIFICATE_VERIFY);
            // ECDSA signatures differ in length.
            let Some(byte) = message.get_mut(at) else { break };
            *byte ^= 1;
            let result = bench.say_message(&message);
            bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
        }
    }
}

#[test]
fn a_certificate_verify_of_another_handshake_is_refused() {
    let message = waiting(&P256).puppet.message(H::CERTIFICATE_VERIFY);
    let mut bench = waiting(&P256);
    let result = bench.say_message(&message);
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
}

#[test]
fn a_certificate_verify_by_another_key_is_refused() {
    let another = || {
        let mut bench = waiting(&P256);
        bench.puppet.identity = ED25519.clone();
        bench
    };
    let mut bench = another();
    let error = bench.say(VERIFY).expect_err("a scheme for another key");
    bench.failed_with(&error, AlertDescription::ILLEGAL_PARAMETER);

    // The right scheme by its name.
    let mut bench = another();
    let mut message = bench.puppet.message(H::CERTIFICATE_VERIFY);
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    message[4..6].copy_from_slice(&scheme.0.to_be_bytes());
    let result = bench.say_message(&message);
    bench.failed(result, &Reason::BadSignature { scheme }, AlertDescription::DECRYPT_ERROR);
}

/// SLOTH, and schemes that CertificateRequest did not name (RFC 5246 §7.4.8).
#[test]
fn a_certificate_verify_by_a_scheme_that_was_not_offered_is_refused() {
    for scheme in [0x0203, 0x0201, 0x0101, 0x0301, 0x0202, 0xfefe].map(SignatureScheme) {
        let mut bench = waiting(&P256);
        let mut message = bench.puppet.message(H::CERTIFICATE_VERIFY);
        message[4..6].copy_from_slice(&scheme.0.to_be_bytes());
        let result = bench.say_message(&message);
        bench.failed(result, &Reason::SchemeNotOffered(scheme), AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// The verdict on the certificate comes before anything is made of it.
#[test]
fn a_client_certificate_that_is_not_trusted_is_refused_at_once() {
    let mut bench = {
        let config = server_config(&P256, false).client_authentication(ClientAuthPolicy::Optional, Arc::new(Refusing));
        let mut bench = Bench::server(config.build().expect("a configuration"));
        bench.go(&TO_SERVER[..1]);
        bench
    };
    let result = bench.say(CERTIFICATE);
    bench.failed(result, &CertificateError::Revoked.into(), AlertDescription::CERTIFICATE_REVOKED);
}
