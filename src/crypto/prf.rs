//! The pseudorandom function (RFC 5246 §5).

use core::iter::once;

use zeroize::Zeroize;

use super::{Backend, Digest, HashAlgorithm, ring};

/// The PRF, keyed: the state of the HMAC key is set up once, here, and forked for each HMAC.
pub(crate) struct Prf {
    hmac: Hmac,
    hash: HashAlgorithm,
}

enum Hmac {
    Ring(ring::hmac::Key),
}

impl Prf {
    pub(crate) fn new(backend: Backend, hash: HashAlgorithm, secret: &[u8]) -> Self {
        let hmac = match backend {
            Backend::Ring => Hmac::Ring(ring::hmac::Key::new(hash, secret)),
        };
        Prf { hmac, hash }
    }

    /// Fills `out` with `PRF(secret, label, seed)`; the parts of `seed` stand one behind the other.
    pub(crate) fn fill(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        // P_hash(secret, label + seed), where A(0) = label + seed and A(i) = HMAC_hash(secret, A(i-1)).
        let label_and_seed = || once(label).chain(seed.iter().copied());
        let mut a = self.hmac(label_and_seed());
        let mut blocks = out.chunks_mut(self.hash.output_len()).peekable();
        while let Some(block) = blocks.next() {
            let mut output = self.hmac(once(a.as_ref()).chain(label_and_seed()));
            block.iter_mut().zip(output.as_ref()).for_each(|(to, from)| *to = *from);
            output.zeroize();
            if blocks.peek().is_some() {
                a = self.hmac(once(a.as_ref()));
            }
        }
    }

    fn hmac<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
        match &self.hmac {
            Hmac::Ring(key) => key.sign(parts),
        }
    }
}
