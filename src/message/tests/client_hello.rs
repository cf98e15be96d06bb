use alloc::vec;
use alloc::vec::Vec;

use super::super::fuzz::encode;
use super::super::*;
use super::{extension, with_extensions};
use crate::codec::Malformed;

/// A ClientHello up to its extensions: no session, one cipher suite, no compression.
fn bare() -> Vec<u8> {
    hello(&[], &[0xc0, 0x2b], &[0])
}

fn hello(session_id: &[u8], cipher_suites: &[u8], compression_methods: &[u8]) -> Vec<u8> {
    encode(|w| {
        w.u16(0x0303);
        w.bytes(&[7; 32]);
        w.vector(Prefix::U8, "", session_id);
        w.vector(Prefix::U16, "", cipher_suites);
        w.vector(Prefix::U8, "", compression_methods);
    })
}

/// What is wrong with a hello that has this one extension.
#[track_caller]
fn problem(typ: ExtensionType, data: &[u8]) -> Malformed {
    ClientHello::read(&with_extensions(&bare(), &[(typ.0, data)])).expect_err("this extension is malformed")
}

#[test]
fn a_hello_owns_nothing() {
    const fn is_copy<T: Copy>() {}
    is_copy::<ClientHello<'_>>();
    is_copy::<ServerHello<'_>>();
}

#[test]
fn a_hello_may_leave_its_extensions_out() {
    let body = bare();
    let hello = ClientHello::read(&body).unwrap();
    assert_eq!(hello.version, ProtocolVersion::TLS_1_2);
    assert_eq!(hello.random, &[7; 32]);
    assert!(hello.cipher_suites.iter().eq([CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]));
    assert_eq!(hello.compression_methods, [0]);
    assert_eq!(hello.extensions, ClientExtensions::default());
}

#[test]
fn a_hello_may_have_an_empty_block_of_extensions() {
    let body = with_extensions(&bare(), &[]);
    assert_eq!(ClientHello::read(&body).unwrap().extensions, ClientExtensions::default());
}

#[test]
fn a_hello_without_extensions_is_written_without_their_block() {
    let body = bare();
    let hello = ClientHello::read(&body).unwrap();
    assert_eq!(encode(|w| hello.write(w)), body);
}

#[test]
fn a_session_id_has_at_most_32_bytes() {
    assert!(ClientHello::read(&hello(&[1; 32], &[0, 1], &[0])).is_ok());
    assert_eq!(ClientHello::read(&hello(&[1; 33], &[0, 1], &[0])), Err(Malformed::Length("session_id")));
}

#[test]
fn cipher_suites_are_pairs_of_bytes_and_at_least_one() {
    assert_eq!(ClientHello::read(&hello(&[], &[], &[0])), Err(Malformed::Empty("cipher_suites")));
    assert_eq!(ClientHello::read(&hello(&[], &[0, 1, 2], &[0])), Err(Malformed::Length("cipher_suites")));
}

#[test]
fn there_is_at_least_one_compression_method() {
    assert_eq!(ClientHello::read(&hello(&[], &[0, 1], &[])), Err(Malformed::Empty("compression_methods")));
}

#[test]
fn nothing_may_follow_the_extensions() {
    let mut body = with_extensions(&bare(), &[]);
    body.push(0);
    assert_eq!(ClientHello::read(&body), Err(Malformed::Trailing("ClientHello")));
}

#[test]
fn an_extension_may_not_reach_beyond_the_block() {
    let mut body = bare();
    body.extend([0, 5, 0, 23, 0, 2, 9]);
    assert_eq!(ClientHello::read(&body), Err(Malformed::Truncated("extended_master_secret")));
}

#[test]
fn an_extension_may_not_come_twice_known_or_not() {
    for (typ, name) in [(23, "extended_master_secret"), (0xdada, "extension"), (0xffff, "extension")] {
        let body = with_extensions(&bare(), &[(typ, &[]), (21, &[]), (typ, &[])]);
        assert_eq!(ClientHello::read(&body), Err(Malformed::Duplicate(name)), "type {typ}");
    }
}

#[test]
fn a_duplicate_is_found_at_any_two_places_among_few_or_many_others() {
    for count in 1..=12_u16 {
        // Types that nobody knows, and every other one a small number.
        for types in [(0x4000..).take(count.into()).collect::<Vec<u16>>(), (0..count).map(mixed).collect()] {
            let read = |types: &[u16]| {
                let extensions: Vec<(u16, &[u8])> = types.iter().map(|typ| (*typ, &[][..])).collect();
                ClientHello::read(&with_extensions(&bare(), &extensions)).map(|_| ())
            };
            assert_eq!(read(&types), Ok(()), "{types:?}");
            for second in 1..types.len() {
                for first in 0..second {
                    let mut types = types.clone();
                    types[second] = types[first];
                    assert!(matches!(read(&types), Err(Malformed::Duplicate(_))), "{types:?}");
                }
            }
        }
    }
}

/// Types without a meaning in TLS 1.2, below 64 and above.
fn mixed(index: u16) -> u16 {
    if index.is_multiple_of(2) { 51 + index } else { 0x6b00 + index }
}

#[test]
fn a_duplicate_is_found_among_as_many_extensions_as_fit() {
    let count = u16::MAX / 4;
    let types = || (0x4000..).take(usize::from(count));
    let block = |types: &mut dyn Iterator<Item = u16>| {
        encode(|w| {
            w.bytes(&bare());
            w.sub(Prefix::U16, "", |w| types.for_each(|typ| extension(w, typ, &[])));
        })
    };
    let body = block(&mut types());
    let hello = ClientHello::read(&body).unwrap();
    assert!(hello.extensions.all.types().map(u16::from).eq(types()));

    let body = block(&mut types().take(usize::from(count) - 1).chain([0x4000]));
    assert_eq!(ClientHello::read(&body), Err(Malformed::Duplicate("extension")));
}

#[test]
fn unknown_extensions_and_grease_are_skipped_but_shown() {
    let extensions: &[(u16, &[u8])] = &[(0x1a1a, &[0]), (35, &[]), (51, &[1, 2, 3]), (0xfafa, &[])];
    let body = with_extensions(&bare(), extensions);
    let hello = ClientHello::read(&body).unwrap();
    assert_eq!(hello.extensions.session_ticket, Some(&[][..]));
    assert!(hello.extensions.all.iter().map(|(typ, data)| (typ.0, data)).eq(extensions.iter().copied()));
    let known = ClientExtensions { all: Extensions::default(), ..hello.extensions };
    assert_eq!(known, ClientExtensions { session_ticket: Some(&[]), ..ClientExtensions::default() });
}

#[test]
fn grease_within_a_list_is_kept_for_the_states_to_skip() {
    let body = with_extensions(&bare(), &[(10, &[0, 4, 0x2a, 0x2a, 0, 29])]);
    let groups = ClientHello::read(&body).unwrap().extensions.supported_groups.unwrap();
    assert!(groups.iter().eq([NamedGroup(0x2a2a), NamedGroup::X25519]));
    assert!(groups.contains(NamedGroup::X25519));
    assert!(!groups.contains(NamedGroup::SECP256R1));
}

#[test]
fn server_name_is_one_host_name() {
    let body = with_extensions(&bare(), &[(0, b"\0\x0c\0\0\x09localhost")]);
    assert_eq!(ClientHello::read(&body).unwrap().extensions.server_name, Some(&b"localhost"[..]));

    let typ = ExtensionType::SERVER_NAME;
    assert_eq!(problem(typ, &[]), Malformed::Truncated("server_name_list"));
    assert_eq!(problem(typ, &[0, 0]), Malformed::Truncated("name_type"), "an empty list");
    assert_eq!(problem(typ, &[0, 4, 1, 0, 1, b'a']), Malformed::Value("name_type"), "a name of another type");
    assert_eq!(problem(typ, &[0, 3, 0, 0, 0]), Malformed::Empty("host_name"));
    assert_eq!(
        problem(typ, &[0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b']),
        Malformed::Trailing("server_name_list"),
        "two names of one type"
    );
    assert_eq!(problem(typ, &[0, 4, 0, 0, 1, b'a', 0]), Malformed::Trailing("server_name"));
}

#[test]
fn extensions_that_are_flags_have_no_content() {
    assert_eq!(problem(ExtensionType::EXTENDED_MASTER_SECRET, &[0]), Malformed::Trailing("extended_master_secret"));
    let typ = ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP;
    assert_eq!(problem(typ, &[0, 0]), Malformed::Trailing("signed_certificate_timestamp"));
}

#[test]
fn lists_of_codes_have_at_least_one_and_whole_ones() {
    for (typ, name) in [(10, "named_group_list"), (13, "supported_signature_algorithms")] {
        let typ = ExtensionType(typ);
        assert_eq!(problem(typ, &[0, 0]), Malformed::Empty(name));
        assert_eq!(problem(typ, &[0, 1, 9]), Malformed::Length(name));
        assert_eq!(problem(typ, &[0, 4, 0, 23]), Malformed::Truncated(name));
        assert_eq!(problem(typ, &[0, 2, 0, 23, 0]), Malformed::Trailing(typ.name().unwrap()));
    }
    let typ = ExtensionType::SUPPORTED_VERSIONS;
    assert_eq!(problem(typ, &[0]), Malformed::Empty("versions"));
    assert_eq!(problem(typ, &[3, 3, 4, 3]), Malformed::Length("versions"));
}

#[test]
fn there_is_at_least_one_point_format() {
    assert_eq!(problem(ExtensionType::EC_POINT_FORMATS, &[0]), Malformed::Empty("ec_point_format_list"));
}

#[test]
fn types_of_certificates_are_lists_and_without_them_it_is_x509_alone() {
    let body = with_extensions(&bare(), &[(19, &[1, 2]), (20, &[3, 2, 0, 77])]);
    let extensions = ClientHello::read(&body).unwrap().extensions;
    assert!(extensions.client_certificate_types().eq([CertificateType::RAW_PUBLIC_KEY]));
    let known = [CertificateType::RAW_PUBLIC_KEY, CertificateType::X509, CertificateType(77)];
    assert!(extensions.server_certificate_types().eq(known), "best first");

    let extensions = ClientExtensions::default();
    assert!(extensions.client_certificate_types().eq([CertificateType::X509]));
    assert!(extensions.server_certificate_types().eq([CertificateType::X509]));
    assert_eq!(problem(ExtensionType::CLIENT_CERTIFICATE_TYPE, &[0]), Malformed::Empty("client_certificate_types"));
    assert_eq!(problem(ExtensionType::SERVER_CERTIFICATE_TYPE, &[0]), Malformed::Empty("server_certificate_types"));
    let typ = ExtensionType::SERVER_CERTIFICATE_TYPE;
    assert_eq!(problem(typ, &[1, 0, 2]), Malformed::Trailing("server_certificate_type"));
    assert_eq!(problem(typ, &[2, 0]), Malformed::Truncated("server_certificate_types"));
}

#[test]
fn alpn_is_a_list_of_names_that_are_not_empty() {
    let body = with_extensions(&bare(), &[(16, b"\0\x06\x02h2\x02h3")]);
    let names = ClientHello::read(&body).unwrap().extensions.alpn.unwrap();
    assert!(names.iter().eq([b"h2", b"h3"]));
    assert_eq!(names.raw(), b"\x02h2\x02h3");

    let typ = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
    let what = "protocol_name_list";
    assert_eq!(problem(typ, &[0, 0]), Malformed::Empty(what));
    assert_eq!(problem(typ, &[0, 3, 0, 1, b'a']), Malformed::Empty(what), "an empty name");
    assert_eq!(problem(typ, &[0, 2, 2, b'a']), Malformed::Truncated(what), "a name beyond the list");
}

#[test]
fn renegotiation_info_is_a_vector() {
    assert_eq!(problem(ExtensionType::RENEGOTIATION_INFO, &[]), Malformed::Truncated("renegotiated_connection"));
    assert_eq!(problem(ExtensionType::RENEGOTIATION_INFO, &[0, 0]), Malformed::Trailing("renegotiation_info"));
    let body = with_extensions(&bare(), &[(0xff01, &[0])]);
    assert_eq!(ClientHello::read(&body).unwrap().extensions.renegotiation_info, Some(&[][..]));
}

#[test]
fn a_status_request_of_another_type_is_kept_without_a_look_inside() {
    let body = with_extensions(&bare(), &[(5, &[9, 1, 2, 3])]);
    let request = ClientHello::read(&body).unwrap().extensions.status_request;
    assert_eq!(request, Some(StatusRequest::Other { status_type: 9, request: &[1, 2, 3] }));
}

#[test]
fn an_ocsp_status_request_has_responders_and_extensions() {
    let body = with_extensions(&bare(), &[(5, &[1, 0, 0, 0, 0])]);
    assert_eq!(ClientHello::read(&body).unwrap().extensions.status_request, Some(StatusRequest::OCSP));

    let typ = ExtensionType::STATUS_REQUEST;
    assert_eq!(problem(typ, &[]), Malformed::Truncated("status_type"));
    assert_eq!(problem(typ, &[1, 0, 0]), Malformed::Truncated("request_extensions"));
    assert_eq!(problem(typ, &[1, 0, 2, 0, 0, 0, 0]), Malformed::Empty("responder_id_list"));
    assert_eq!(problem(typ, &[1, 0, 0, 0, 0, 0]), Malformed::Trailing("status_request"));
}

#[test]
fn trusted_authorities_are_named_in_four_ways() {
    let digest = [7; 20];
    let list = [&[0, 1][..], &digest, &[2, 0, 2, 0x30, 0], &[3], &digest].concat();
    let body = with_extensions(&bare(), &[(3, &[&[0, 48][..], &list].concat()), (47, &[0, 4, 0, 2, 0x30, 1])]);
    let extensions = ClientHello::read(&body).unwrap().extensions;
    let authorities: Vec<_> = extensions.trusted_ca_keys.unwrap().iter().collect();
    let expected = [
        TrustedAuthority::PreAgreed,
        TrustedAuthority::KeySha1Hash(&digest),
        TrustedAuthority::X509Name(&[0x30, 0]),
        TrustedAuthority::CertSha1Hash(&digest),
    ];
    assert_eq!(authorities, expected);
    assert!(extensions.authorities().eq([[0x30, 0], [0x30, 1]]), "those of both extensions");

    let body = with_extensions(&bare(), &[(3, &[0, 0])]);
    assert_eq!(ClientHello::read(&body).unwrap().extensions.trusted_ca_keys.unwrap().iter().count(), 0);

    let typ = ExtensionType::TRUSTED_CA_KEYS;
    assert_eq!(problem(typ, &[]), Malformed::Truncated("trusted_authorities_list"));
    assert_eq!(problem(typ, &[0, 2, 0]), Malformed::Truncated("trusted_authorities_list"));
    assert_eq!(problem(typ, &[0, 0, 0]), Malformed::Trailing("trusted_ca_keys"));
    assert_eq!(problem(typ, &[0, 1, 4]), Malformed::Value("identifier_type"), "of an unknown length");
    assert_eq!(problem(typ, &[0, 3, 2, 0, 0]), Malformed::Empty("x509_name"));
    assert_eq!(problem(typ, &[0, 3, 2, 0, 1]), Malformed::Truncated("x509_name"));
    let short = |identifier| [&[0, 20, identifier][..], &digest[1..]].concat();
    assert_eq!(problem(typ, &short(1)), Malformed::Truncated("key_sha1_hash"));
    assert_eq!(problem(typ, &short(3)), Malformed::Truncated("cert_sha1_hash"));
}

#[test]
fn certificate_authorities_are_at_least_one_name() {
    let typ = ExtensionType::CERTIFICATE_AUTHORITIES;
    assert_eq!(problem(typ, &[0, 0]), Malformed::Empty("authorities"));
    assert_eq!(problem(typ, &[0, 2, 0, 0]), Malformed::Empty("authorities"), "an empty name");
    assert_eq!(problem(typ, &[0, 3, 0, 2, 0x30]), Malformed::Truncated("authorities"), "a name beyond the list");
    assert_eq!(problem(typ, &[0, 3, 0, 1, 0x30, 0]), Malformed::Trailing("certificate_authorities"));
}

#[test]
fn limits_have_the_size_of_their_number() {
    assert_eq!(problem(ExtensionType::MAX_FRAGMENT_LENGTH, &[]), Malformed::Truncated("max_fragment_length"));
    assert_eq!(problem(ExtensionType::MAX_FRAGMENT_LENGTH, &[1, 1]), Malformed::Trailing("max_fragment_length"));
    assert_eq!(problem(ExtensionType::RECORD_SIZE_LIMIT, &[1]), Malformed::Truncated("record_size_limit"));
    assert_eq!(problem(ExtensionType::RECORD_SIZE_LIMIT, &[1, 1, 1]), Malformed::Trailing("record_size_limit"));
}

#[test]
fn extensions_are_written_in_their_fixed_order() {
    let suites = [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    let groups = [NamedGroup::X25519];
    let schemes = [SignatureScheme::ED25519];
    let hello = ClientHello {
        version: ProtocolVersion::TLS_1_2,
        random: &[0; 32],
        session_id: &[],
        cipher_suites: List::from(&suites[..]),
        compression_methods: &[0],
        extensions: ClientExtensions {
            server_name: Some(b"localhost"),
            extended_master_secret: true,
            renegotiation_info: Some(&[]),
            supported_groups: Some(List::from(&groups[..])),
            ec_point_formats: Some(&[0]),
            signature_algorithms: Some(List::from(&schemes[..])),
            alpn: Some(OpaqueList::from_encoded(Prefix::U8, b"\x02h2")),
            status_request: Some(StatusRequest::OCSP),
            signed_certificate_timestamp: true,
            session_ticket: Some(&[]),
            ..ClientExtensions::default()
        },
    };
    let body = encode(|w| hello.write(w));
    let types: Vec<u16> = ClientHello::read(&body).unwrap().extensions.all.types().map(u16::from).collect();
    assert_eq!(types, vec![0, 23, 0xff01, 16, 5, 18, 35, 10, 11, 13]);
}

/// RFC 8448 §3, the body of the ClientHello.
const RFC_8448: &str = "0303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7\
    000006130113031302010000910000000b0009000006736572766572ff01000100\
    000a00140012001d00170018001901000101010201030104002300000033002600\
    24001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e\
    529aaf2c002b0003020304000d0020001e04030503060302030804080508060401\
    0501060102010402050206020202002d00020101001c00024001";

#[test]
fn the_hello_of_rfc_8448_is_read() {
    let body = hex::decode(RFC_8448).unwrap();
    let hello = ClientHello::read(&body).unwrap();
    assert!(hello.cipher_suites.iter().eq([0x1301, 0x1303, 0x1302].map(CipherSuite)));
    let extensions = hello.extensions;
    assert_eq!(extensions.server_name, Some(&b"server"[..]));
    assert_eq!(extensions.renegotiation_info, Some(&[][..]));
    assert_eq!(extensions.supported_groups.unwrap().iter().next(), Some(NamedGroup::X25519));
    assert_eq!(extensions.session_ticket, Some(&[][..]));
    assert!(extensions.supported_versions.unwrap().iter().eq([ProtocolVersion::TLS_1_3]));
    assert!(extensions.signature_algorithms.unwrap().contains(SignatureScheme::RSA_PSS_RSAE_SHA256));
    assert_eq!(extensions.record_size_limit, Some(0x4001));
    assert!(!extensions.extended_master_secret);
    assert_eq!(extensions.all.types().count(), 9);
}
