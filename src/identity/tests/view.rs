use alloc::string::ToString;

use pki_types::CertificateDer;
use pki_types::pem::PemObject;
use rcgen::{DnType, SanType, SerialNumber, date_time_ymd};

use super::authority::{Authority, RSA_1024_CERTIFICATE};
use super::{Kind, key, server};
use crate::error::CertificateError;
use crate::identity::{CertificateView, PeerCertificates};

#[test]
fn a_certificate_can_be_read_by_people() {
    let mut params = server(&["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"]);
    params.subject_alt_names.push(SanType::Rfc822Name("me@a.example".try_into().unwrap()));
    params.serial_number = Some(SerialNumber::from_slice(&[1, 0xab]));
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2050, 12, 31);
    let certificate = Authority::root("root").issue(&params, &key(Kind::P256));
    let view = CertificateView::new(&certificate).unwrap();
    assert_eq!((view.not_before, view.not_after), (1_735_689_600, 2_556_057_600));
    let fingerprint = hex::encode(view.sha256);
    assert_eq!(
        view.to_string(),
        [
            "subject:    CN=a server",
            "issuer:     CN=root",
            "names:      a.example, *.b.example, 192.0.2.1, 2001:db8::1, me@a.example",
            "not before: 2025-01-01 00:00:00 UTC",
            "not after:  2050-12-31 00:00:00 UTC",
            "key:        ECDSA secp256r1",
            "serial:     01:ab",
            &("SHA-256:    ".to_string() + &fingerprint),
        ]
        .join("\n")
    );
}

#[test]
fn the_fingerprint_is_the_hash_of_the_whole_certificate() {
    let certificate = CertificateDer::from_pem_slice(RSA_1024_CERTIFICATE).unwrap();
    // By `openssl x509 -fingerprint -sha256`.
    let expected = "20ab11bf46d7e28b9750a0a578e12a44eda6774cbfc8245e329813b76d6a0f76";
    assert_eq!(hex::encode(CertificateView::new(&certificate).unwrap().sha256), expected);
}

#[test]
fn texts_in_a_certificate_cannot_break_the_lines_of_a_log() {
    let mut params = server(&[]);
    params.distinguished_name.push(DnType::CommonName, "a\nroot logged in\u{1b}[2J\u{202e}É");
    let certificate = Authority::root("root").issue(&params, &key(Kind::P256));
    let view = CertificateView::new(&certificate).unwrap();
    assert_eq!(view.subject, "CN=a\\nroot logged in\\u{1b}[2J\\u{202e}É");
}

#[test]
fn garbage_has_no_view() {
    let certificate = Authority::root("root").certificate;
    let mut longer = certificate.to_vec();
    longer.push(0);
    for garbage in [b"garbage".to_vec(), longer] {
        let view = CertificateView::new(&garbage.into());
        assert!(matches!(view, Err(CertificateError::BadEncoding(_))), "{view:?}");
    }
}

#[test]
fn what_a_peer_sent_can_be_read_at_once() {
    let certificate = Authority::root("root").certificate;
    let garbage = CertificateDer::from(b"garbage".as_slice());
    let certificates = PeerCertificates::new([&certificate, &garbage]).unwrap();
    let mut views = certificates.views();
    assert_eq!(views.next(), Some(CertificateView::new(&certificate)));
    assert!(matches!(views.next(), Some(Err(CertificateError::BadEncoding(_)))));
    assert_eq!(views.next(), None);
}
