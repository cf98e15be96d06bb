use super::library::rand::{SecureRandom, SystemRandom};

use crate::crypto::{Random, RandomError};

/// The operating system's randomness.
#[derive(Debug)]
pub(in crate::crypto) struct System;

impl Random for System {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        SystemRandom::new().fill(out).map_err(|_| RandomError)
    }
}
