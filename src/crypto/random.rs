//! Where randomness comes from.

use core::fmt::{self, Debug};

/// A source of randomness, fit for cryptography: for hello randoms, session IDs and the keys of tickets.
///
/// Key pairs and signatures draw their own, inside [`KeyExchangeGroup`](super::KeyExchangeGroup) and
/// [`SigningKey`](super::SigningKey).
pub trait Random: Debug + Send + Sync {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// The source failed; `out` is not used then.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of randomness failed")
    }
}

impl core::error::Error for RandomError {}

#[cfg(test)]
mod tests {
    use crate::crypto::Backend;

    #[test]
    fn the_systems_randomness_fills_all_and_does_not_repeat_itself() {
        for backend in Backend::ALL {
            let random = backend.random();
            let (mut a, mut b) = ([0; 32], [0; 32]);
            random.fill(&mut a).expect("randomness");
            random.fill(&mut b).expect("randomness");
            assert_ne!(a, b);
            assert!(
                a.iter().filter(|byte| **byte == 0).count() < 8,
                "{backend:?}: 32 random bytes are hardly ever a quarter zeros: {a:?}"
            );
        }
    }
}
