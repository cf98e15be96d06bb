//! What bytes from outside can do: the entry for fuzzers, and for the tests of this layer.

use alloc::format;

use super::Dormant;

/// Reads `bytes` as a dormant connection, and checks that it is written with the same bytes again.
///
/// # Panics
///
/// If it is not, which is a defect of this library.
pub fn fuzz_dormant(bytes: &[u8]) {
    if let Ok(dormant) = Dormant::from_bytes(bytes) {
        let shown = format!("{dormant:?}");
        assert_eq!(dormant.to_bytes().as_slice(), bytes, "{shown}");
    }
}
