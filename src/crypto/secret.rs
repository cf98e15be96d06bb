//! Secrets: no `Debug`, no `Clone`, no `PartialEq`, wiped on drop.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// What a key exchange agreed on: the `pre_master_secret` (RFC 8422 §5.10, §5.11).
pub struct SharedSecret {
    bytes: Zeroizing<[u8; Self::MAX]>,
    length: usize,
}

impl SharedSecret {
    /// Bytes of the longest: the x-coordinate of a point on P-521.
    const MAX: usize = 66;

    /// Takes over a copy of `bytes`, 1 to 66 of them. `None` if there are more or none, or if all are zero.
    ///
    /// RFC 8422 §5.11: a receiving party must check for the all-zero value, which a peer without any secret can force on
    /// X25519 and X448; a point of a NIST curve has it with a probability of 2⁻²⁵⁶.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = SharedSecret { bytes: Zeroizing::new([0; Self::MAX]), length: bytes.len() };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let all = secret.bytes.iter().fold(0, |all, byte| all | byte);
        if equal(&[all], &[0]) { None } else { Some(secret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The `master_secret` (RFC 5246 §8.1). It is filled where it stays: moving it would leave a copy.
pub(crate) struct MasterSecret(pub(super) Zeroizing<[u8; Self::LEN]>);

impl MasterSecret {
    /// RFC 5246 §8.1: the master secret is always 48 bytes.
    pub(crate) const LEN: usize = 48;

    /// The place for one.
    pub(crate) fn zero() -> Self {
        MasterSecret(Zeroizing::new([0; Self::LEN]))
    }

    /// One that tests know.
    #[cfg(test)]
    pub(crate) fn of(secret: &[u8; Self::LEN]) -> Self {
        MasterSecret(Zeroizing::new(*secret))
    }

    pub(crate) fn copy_from(&mut self, secret: &[u8; Self::LEN]) {
        self.0.copy_from_slice(secret);
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::crypto::{AeadKey, KeySource, Keys, OpeningKey, Prf, SealingKey, TrafficKey};
    use crate::dormant::{Dormant, KtlsSecret, KtlsSecrets};

    use super::*;

    /// Does not compile if a type has the trait: then there are two candidates for `Lacks<_>`.
    macro_rules! lack {
        ($trait:path: $($type:ty),+) => {{
            trait Lacks<T> {
                fn it() {}
            }
            impl<T: ?Sized> Lacks<()> for T {}
            impl<T: ?Sized + $trait> Lacks<u8> for T {}
            $( <$type as Lacks<_>>::it(); )+
        }};
    }

    #[test]
    fn secrets_cannot_be_printed_copied_or_compared() {
        lack!(core::fmt::Debug: SharedSecret, MasterSecret, Prf, Keys, TrafficKey, KeySource, SealingKey, OpeningKey, AeadKey);
        lack!(Clone: SharedSecret, MasterSecret, Prf, Keys, TrafficKey, KeySource, SealingKey, OpeningKey, AeadKey);
        lack!(Clone: Dormant, KtlsSecret, KtlsSecrets);
        lack!(PartialEq: SharedSecret, MasterSecret, Prf, Keys, TrafficKey, KeySource, SealingKey, OpeningKey, AeadKey);
        lack!(PartialEq: Dormant, KtlsSecret, KtlsSecrets);
    }

    #[test]
    fn a_shared_secret_has_1_to_66_bytes() {
        assert!(SharedSecret::new(&[]).is_none());
        assert!(SharedSecret::new(&[1; 67]).is_none());
        for length in 1..=66 {
            let bytes = alloc::vec![7; length];
            assert_eq!(SharedSecret::new(&bytes).expect("a good length").as_bytes(), bytes);
        }
    }

    #[test]
    fn a_shared_secret_of_zeros_is_none() {
        for length in [1, 32, 48, 56, 66] {
            let mut bytes = alloc::vec![0; length];
            assert!(SharedSecret::new(&bytes).is_none(), "{length} zero bytes");
            bytes[length - 1] = 1;
            assert!(SharedSecret::new(&bytes).is_some(), "{length} bytes, the last one set");
        }
    }

    #[test]
    fn equality_needs_the_same_length() {
        assert!(equal(b"finished", b"finished"));
        assert!(!equal(b"finished", b"finishes"));
        assert!(!equal(b"finished", b"finish"));
        assert!(equal(b"", b""));
    }
}
