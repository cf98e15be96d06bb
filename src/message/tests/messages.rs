//! The messages that are no hello.

use alloc::vec;
use alloc::vec::Vec;

use super::super::fuzz::encode;
use super::super::*;
use crate::codec::Malformed;

#[test]
fn messages_without_content_have_none() {
    assert!(HelloRequest::read(&[]).is_ok());
    assert_eq!(HelloRequest::read(&[0]), Err(Malformed::Trailing("HelloRequest")));
    assert!(ServerHelloDone::read(&[]).is_ok());
    assert_eq!(ServerHelloDone::read(&[0]), Err(Malformed::Trailing("ServerHelloDone")));
}

#[test]
fn a_chain_may_be_empty_but_a_certificate_may_not() {
    let empty = Certificate::read(&[0, 0, 0]).unwrap();
    assert!(empty.is_empty() && empty.chain().unwrap().is_empty());
    let body = [0, 0, 3, 0, 0, 0];
    assert_eq!(Certificate::read(&body).unwrap().chain(), Err(Malformed::Empty("certificate_list")));
}

#[test]
fn certificates_come_in_the_order_of_the_chain() {
    let body = [0, 0, 9, 0, 0, 1, 7, 0, 0, 2, 8, 9];
    let chain = Certificate::read(&body).unwrap().chain().unwrap();
    assert!(chain.iter().eq([&[7][..], &[8, 9]]));
    assert_eq!(chain.raw(), &body[3..]);
}

#[test]
fn a_certificate_may_not_reach_beyond_the_chain_nor_the_chain_beyond_the_message() {
    let what = "certificate_list";
    let chain = |body: &[u8]| Certificate::read(body).and_then(|message| message.chain().map(|_| ()));
    assert_eq!(chain(&[0, 0, 4, 0, 0, 2, 7]), Err(Malformed::Truncated(what)), "a certificate");
    assert_eq!(chain(&[0, 0, 5, 0, 0, 1, 7]), Err(Malformed::Truncated(what)), "the chain");
    assert_eq!(chain(&[0, 0, 5, 0, 0, 1, 7, 0]), Err(Malformed::Truncated(what)), "a length");
    assert_eq!(chain(&[0, 0, 0, 0]), Err(Malformed::Trailing("Certificate")));
}

#[test]
fn a_raw_public_key_is_all_that_its_message_holds_and_not_empty() {
    assert_eq!(Certificate::read(&[0, 0, 3, 7, 8, 9]).unwrap().raw_public_key(), Ok(&[7, 8, 9][..]));
    let empty = Certificate::read(&[0, 0, 0]).unwrap();
    assert_eq!(empty.raw_public_key(), Err(Malformed::Empty("subjectPublicKeyInfo")));
}

#[test]
fn a_certificate_status_is_an_ocsp_response() {
    assert_eq!(CertificateStatus::read(&[1, 0, 0, 1, 7]), Ok(CertificateStatus { response: &[7] }));
    assert_eq!(CertificateStatus::read(&[2, 0, 0, 1, 7]), Err(Malformed::Value("status_type")));
    assert_eq!(CertificateStatus::read(&[1, 0, 0, 0]), Err(Malformed::Empty("response")));
}

#[test]
fn an_ecdh_key_is_of_a_named_group_and_not_empty() {
    let read = ServerKeyExchange::read(&[3, 0, 29, 2, 7, 8, 8, 7, 0, 1, 9]).unwrap();
    assert_eq!(read.params, EcdhParams { group: NamedGroup::X25519, public_key: &[7, 8] });
    assert_eq!((read.scheme, read.signature), (SignatureScheme::ED25519, &[9][..]));

    for curve_type in [0, 1, 2, 4, 255] {
        let body = [curve_type, 0, 29, 2, 7, 8, 8, 7, 0, 1, 9];
        assert_eq!(ServerKeyExchange::read(&body), Err(Malformed::Value("curve_type")));
    }
    assert_eq!(ServerKeyExchange::read(&[3, 0, 29, 0, 8, 7, 0, 1, 9]), Err(Malformed::Empty("public")));
}

#[test]
fn the_signed_content_is_both_randoms_and_the_parameters_as_sent() {
    let body = [3, 0, 29, 2, 7, 8, 8, 7, 0, 1, 9];
    let read = ServerKeyExchange::read(&body).unwrap();
    let expected = [&[1; 32][..], &[2; 32], &body[..6]].concat();
    let content = read.params.signed_content(&[1; 32], &[2; 32]);
    assert_eq!(content, expected);
    assert_eq!(content.capacity(), content.len(), "one allocation of the right size");
}

#[test]
fn the_key_of_a_client_is_not_empty() {
    assert_eq!(ClientKeyExchange::read(&[1, 7]), Ok(ClientKeyExchange { public_key: &[7] }));
    assert_eq!(ClientKeyExchange::read(&[0]), Err(Malformed::Empty("ecdh_Yc")));
    assert_eq!(ClientKeyExchange::read(&[]), Err(Malformed::Truncated("ecdh_Yc")), "a key within the certificate");
    assert_eq!(ClientKeyExchange::read(&[1, 7, 0]), Err(Malformed::Trailing("ClientKeyExchange")));
}

#[test]
fn a_certificate_request_names_types_and_schemes() {
    let read = CertificateRequest::read(&[1, 64, 0, 2, 4, 3, 0, 3, 0, 1, 7]).unwrap();
    assert_eq!(read.certificate_types, [64]);
    assert!(read.schemes.iter().eq([SignatureScheme::ECDSA_SECP256R1_SHA256]));
    assert!(read.authorities.iter().eq([[7]]));

    let what = "supported_signature_algorithms";
    assert!(CertificateRequest::read(&[1, 64, 0, 2, 4, 3, 0, 0]).unwrap().authorities.is_empty());
    assert_eq!(CertificateRequest::read(&[0, 0, 2, 4, 3, 0, 0]), Err(Malformed::Empty("certificate_types")));
    assert_eq!(CertificateRequest::read(&[1, 64, 0, 0, 0, 0]), Err(Malformed::Empty(what)));
    assert_eq!(CertificateRequest::read(&[1, 64, 0, 1, 4, 0, 0]), Err(Malformed::Length(what)));
    let body = [1, 64, 0, 2, 4, 3, 0, 2, 0, 0];
    assert_eq!(CertificateRequest::read(&body), Err(Malformed::Empty("certificate_authorities")));
}

#[test]
fn a_ticket_may_be_empty() {
    let read = NewSessionTicket::read(&[0, 1, 2, 3, 0, 0]);
    assert_eq!(read, Ok(NewSessionTicket { lifetime_hint: 0x0001_0203, ticket: &[] }));
    assert_eq!(NewSessionTicket::read(&[0, 0, 0, 0, 0, 2, 7]), Err(Malformed::Truncated("ticket")));
}

#[test]
fn verify_data_has_twelve_bytes() {
    assert!(Finished::read(&[0; 12]).is_ok());
    assert_eq!(Finished::read(&[0; 11]), Err(Malformed::Truncated("verify_data")));
    assert_eq!(Finished::read(&[0; 13]), Err(Malformed::Trailing("Finished")));
}

#[test]
fn an_encoded_list_has_elements_of_the_right_length_alone() {
    let encode = |elements: &[Vec<u8>]| OpaqueList::encode(Prefix::U8, "names", elements.iter().map(Vec::as_slice));
    assert_eq!(encode(&[]), Ok(vec![]));
    assert_eq!(encode(&[vec![7], vec![8, 9]]), Ok(vec![1, 7, 2, 8, 9]));
    assert_eq!(encode(&[vec![7], vec![]]), Err(Malformed::Empty("names")));
    assert_eq!(encode(&[vec![7; 256]]), Err(Malformed::Length("names")));
}

#[test]
fn a_list_is_equal_to_the_values_that_it_was_written_from() {
    let values = [0x0a0a, 29, 23].map(NamedGroup);
    let written = List::from(&values[..]);
    let bytes = encode(|w| written.write(w, Prefix::U16, "groups"));
    let read = List::read(&mut Reader::new(&bytes), Prefix::U16, "groups").unwrap();
    assert_eq!(read, written);
    assert_ne!(read, List::from(&values[1..]));
}
