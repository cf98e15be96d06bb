//! What a stranger's certificate can make the default verifier hold: the largest that a client takes, full of names.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::time::Duration;

use allocation_counter::measure;
use tls12::pki_types::{CertificateDer, ServerName, UnixTime};
use tls12::{CertificateError, Decision, Peer, PeerCertificates, VerifyPeer, WebPkiVerifier};

/// 9000 names of one letter, in about 27 KiB.
fn full_of_names(ca: bool) -> CertificateDer<'static> {
    let names: Vec<String> =
        (0..9000).map(|index| char::from(b'a' + u8::try_from(index % 26).unwrap()).into()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    if ca {
        params.distinguished_name.push(rcgen::DnType::CommonName, "another root");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

/// The most bytes on the heap at once while `name` is verified, and the outcome.
fn verify(
    verifier: &WebPkiVerifier,
    certificate: &CertificateDer<'_>,
    name: &str,
) -> (u64, Result<(), CertificateError>) {
    let certificates = PeerCertificates::new([certificate]).unwrap();
    let name = ServerName::try_from(name.to_string()).unwrap();
    let mut peer = Peer::new(&certificates, UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600)));
    peer.server_name = Some(&name);
    let mut outcome = None;
    let memory = measure(|| outcome = Some(verifier.verify(&peer)));
    match outcome.unwrap() {
        Decision::Now(verdict) => (memory.bytes_max, verdict.map(|_| ())),
        Decision::Later => panic!("it decides at once"),
    }
}

#[test]
fn a_certificate_full_of_names_is_not_unfolded() {
    let certificate = full_of_names(false);
    assert!((20_000..32 << 10).contains(&certificate.len()), "{} bytes", certificate.len());
    let trusting = WebPkiVerifier::new([certificate.clone()]).unwrap();
    let other = WebPkiVerifier::new([full_of_names(true)]).unwrap();

    let (held, outcome) = verify(&other, &certificate, "a");
    assert!(matches!(outcome, Err(CertificateError::UnknownIssuer { .. })), "{outcome:?}");
    // Most of it is the list of object identifiers by which an issuer is named.
    assert!(held < 64 << 10, "{held} bytes for a certificate that nobody knows");

    let (held, outcome) = verify(&trusting, &certificate, "a");
    assert_eq!(outcome, Ok(()));
    assert!(held < 4096, "{held} bytes for a good certificate");

    // The library that checks the names lists them all once when none fits; only a trusted root gets that far.
    let (held, outcome) = verify(&trusting, &certificate, "wrong.example");
    let Err(CertificateError::WrongName { names, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(names.len(), 17, "sixteen names, and how many more: {names:?}");
    assert_eq!(names[16], "and 8984 more");
    assert!(held < 1 << 20, "{held} bytes for a certificate of other names");
}
