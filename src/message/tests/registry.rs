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
