use alloc::vec::Vec;

use super::super::fuzz::encode;
use super::super::*;
use super::with_extensions;
use crate::codec::Malformed;

/// A ServerHello up to its extensions.
fn bare() -> Vec<u8> {
    with_session_id(&[])
}

fn with_session_id(session_id: &[u8]) -> Vec<u8> {
    encode(|w| {
        w.u16(0x0303);
        w.bytes(&[7; 32]);
        w.vector(Prefix::U8, "", session_id);
        w.u16(0xc02b);
        w.u8(0);
    })
}

/// What is wrong with a hello that has this one extension.
#[track_caller]
fn problem(typ: ExtensionType, data: &[u8]) -> Malformed {
    ServerHello::read(&with_extensions(&bare(), &[(typ.0, data)])).expect_err("this extension is malformed")
}

#[test]
fn a_server_hello_may_leave_its_extensions_out() {
    let body = bare();
    let hello = ServerHello::read(&body).unwrap();
    assert_eq!(hello.cipher_suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    assert_eq!(hello.extensions, ServerExtensions::default());
    assert_eq!(encode(|w| hello.write(w)), body);
}

#[test]
fn the_session_id_of_a_server_has_at_most_32_bytes() {
    assert!(ServerHello::read(&with_session_id(&[1; 32])).is_ok());
    assert_eq!(ServerHello::read(&with_session_id(&[1; 33])), Err(Malformed::Length("session_id")));
}

#[test]
fn nothing_may_follow_the_extensions_of_a_server() {
    let mut body = with_extensions(&bare(), &[]);
    body.push(0);
    assert_eq!(ServerHello::read(&body), Err(Malformed::Trailing("ServerHello")));
}

#[test]
fn a_server_may_not_send_an_extension_twice() {
    let body = with_extensions(&bare(), &[(35, &[]), (35, &[])]);
    assert_eq!(ServerHello::read(&body), Err(Malformed::Duplicate("session_ticket")));
}

#[test]
fn what_a_server_should_not_send_is_shown_to_the_state() {
    let body = with_extensions(&bare(), &[(10, &[0, 2, 0, 23]), (0x1234, &[]), (23, &[])]);
    let hello = ServerHello::read(&body).unwrap();
    assert!(hello.extensions.extended_master_secret);
    let types: Vec<_> = hello.extensions.all.types().collect();
    let group = ExtensionType::SUPPORTED_GROUPS;
    assert_eq!(types, [group, ExtensionType(0x1234), ExtensionType::EXTENDED_MASTER_SECRET]);
}

#[test]
fn flags_of_a_server_have_no_content() {
    for typ in [
        ExtensionType::SERVER_NAME,
        ExtensionType::EXTENDED_MASTER_SECRET,
        ExtensionType::TRUSTED_CA_KEYS,
        ExtensionType::STATUS_REQUEST,
        ExtensionType::SESSION_TICKET,
    ] {
        assert_eq!(problem(typ, &[0]), Malformed::Trailing(typ.name().unwrap()));
    }
}

#[test]
fn a_server_chooses_exactly_one_type_of_certificate_for_each_side() {
    let body = with_extensions(&bare(), &[(19, &[0]), (20, &[2])]);
    let extensions = ServerHello::read(&body).unwrap().extensions;
    assert_eq!(extensions.client_certificate_type, Some(CertificateType::X509));
    assert_eq!(extensions.server_certificate_type, Some(CertificateType::RAW_PUBLIC_KEY));
    for typ in [ExtensionType::CLIENT_CERTIFICATE_TYPE, ExtensionType::SERVER_CERTIFICATE_TYPE] {
        let name = typ.name().unwrap();
        assert_eq!(problem(typ, &[]), Malformed::Truncated(name), "none");
        assert_eq!(problem(typ, &[1, 2]), Malformed::Trailing(name), "a list, as a client sends it");
    }
}

#[test]
fn a_server_chooses_exactly_one_protocol() {
    let body = with_extensions(&bare(), &[(16, b"\0\x03\x02h2")]);
    assert_eq!(ServerHello::read(&body).unwrap().extensions.alpn, Some(&b"h2"[..]));

    let typ = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
    let what = "protocol_name_list";
    assert_eq!(problem(typ, b"\0\x06\x02h2\x02h3"), Malformed::Trailing(what), "two names");
    assert_eq!(problem(typ, &[0, 0]), Malformed::Truncated(what), "no name");
    assert_eq!(problem(typ, &[0, 1, 0]), Malformed::Empty(what), "an empty name");
}

#[test]
fn signed_certificate_timestamps_are_at_least_one_and_none_is_empty() {
    let body = with_extensions(&bare(), &[(18, &[0, 6, 0, 1, 7, 0, 1, 8])]);
    let scts = ServerHello::read(&body).unwrap().extensions.signed_certificate_timestamp.unwrap();
    assert!(scts.iter().eq([[7], [8]]));

    let typ = ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP;
    assert_eq!(problem(typ, &[]), Malformed::Truncated("sct_list"));
    assert_eq!(problem(typ, &[0, 0]), Malformed::Empty("sct_list"));
    assert_eq!(problem(typ, &[0, 2, 0, 0]), Malformed::Empty("sct_list"));
}

#[test]
fn a_server_names_at_least_one_point_format() {
    assert_eq!(problem(ExtensionType::EC_POINT_FORMATS, &[0]), Malformed::Empty("ec_point_format_list"));
}

#[test]
fn renegotiation_info_of_a_server_is_a_vector() {
    assert_eq!(problem(ExtensionType::RENEGOTIATION_INFO, &[]), Malformed::Truncated("renegotiated_connection"));
    assert_eq!(problem(ExtensionType::RENEGOTIATION_INFO, &[1, 0, 0]), Malformed::Trailing("renegotiation_info"));
}
