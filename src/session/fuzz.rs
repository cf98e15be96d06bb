//! What bytes from outside can do: the entry for fuzzers, and for the tests of this layer.

use alloc::format;

use super::Session;

/// Reads `bytes` as a session and as a ticket, and checks that a session is written with the same bytes again.
///
/// # Panics
///
/// If it is not, or if a ticket opens that nobody sealed, which are defects of this library.
pub fn fuzz_sessions(bytes: &[u8]) {
    if let Ok(session) = Session::from_bytes(bytes) {
        let _ = format!("{session:?}");
        assert_eq!(session.to_bytes().as_slice(), bytes, "{session:?}");
    }
    #[cfg(feature = "std")]
    super::tickets::fuzz_ticket(bytes);
}
