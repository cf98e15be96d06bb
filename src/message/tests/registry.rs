use alloc::string::ToString;

use super::super::*;

#[test]
fn grease_values_are_the_sixteen_of_rfc_8701() {
    let values = (0..=u16::MAX).filter(|value| is_grease(*value));
    // RFC 8701 §2: 0x0a0a, 0x1a1a, and so on to 0xfafa.
    assert!(values.eq((0..16).map(|n| 0x0a0a + 0x1010 * n)));
}

#[test]
fn code_points_are_shown_by_name_or_else_by_number() {
    assert_eq!(NamedGroup::X25519.to_string(), "x25519");
    assert_eq!(NamedGroup(0x0a0a).to_string(), "0x0a0a");
    assert_eq!(HandshakeType::FINISHED.to_string(), "Finished");
    assert_eq!(HandshakeType(99).name(), None);
}

#[test]
fn code_points_are_found_by_their_names() {
    assert_eq!("X25519".parse(), Ok(NamedGroup::X25519));
    let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(suite.to_string().parse(), Ok(suite));
    let unknown = "TLS_".parse::<CipherSuite>().unwrap_err();
    assert_eq!(unknown.to_string(), "no CipherSuite of this name is known");
}

#[test]
fn four_lengths_of_fragments_are_known_and_named_by_their_bytes() {
    for code in 0..=u8::MAX {
        let length = MaxFragmentLength(code);
        // RFC 6066 §4: 2^9 to 2^12.
        let bytes = (1..=4).contains(&code).then(|| 1 << (8 + code));
        assert_eq!(length.bytes(), bytes, "{code}");
        assert_eq!(length.name().map(|name| name.parse().unwrap()), bytes, "{code}");
    }
}
