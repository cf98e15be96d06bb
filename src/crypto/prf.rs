//! The pseudorandom function (RFC 5246 §5).

#[cfg(feature = "aws-lc-rs")]
use alloc::boxed::Box;
use alloc::vec;
use core::iter::once;

#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
#[cfg(feature = "ring")]
use super::ring;
use super::{Backend, HashAlgorithm};

/// Bytes of the longest digest.
const MAX_HASH: usize = 64;

/// Bytes of A(i), a label and a seed that need no allocation: all that TLS itself uses.
const SMALL: usize = 192;

/// The PRF, keyed: the state of the HMAC key is set up once, here, and forked for each HMAC.
pub(crate) struct Prf {
    hmac: Hmac,
    hash: HashAlgorithm,
}

/// The states of AWS-LC are larger than ring's: in a box, so that nobody else moves as many bytes.
enum Hmac {
    #[cfg(feature = "ring")]
    Ring(ring::hmac::Key),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(Box<aws_lc::hmac::Key>),
}

impl Prf {
    pub(crate) fn new(backend: Backend, hash: HashAlgorithm, secret: &[u8]) -> Self {
        let hmac = match backend {
            #[cfg(feature = "ring")]
            Backend::Ring => Hmac::Ring(ring::hmac::Key::new(hash, secret)),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => Hmac::AwsLc(Box::new(aws_lc::hmac::Key::new(hash, secret))),
        };
        Prf { hmac, hash }
    }

    /// Fills `out` with `PRF(secret, label, seed)`; the parts of `seed` stand one behind the other.
    pub(crate) fn fill(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        // One behind the other, A(i) and label + seed are a single piece for HMAC.
        let parts = || once(label).chain(seed.iter().copied());
        let (start, length) = (self.hash.output_len(), parts().map(<[u8]>::len).sum::<usize>());
        let (mut small, mut large) = ([0; SMALL], None);
        let buffer = match small.get_mut(..start + length) {
            Some(buffer) => buffer,
            // For an exporter with a long context.
            None => large.insert(vec![0; start + length]).as_mut_slice(),
        };
        let mut place = buffer.get_mut(start..).unwrap_or_default();
        for part in parts() {
            let Some((to, rest)) = place.split_at_mut_checked(part.len()) else { return };
            to.copy_from_slice(part);
            place = rest;
        }

        // P_hash(secret, label + seed), where A(0) = label + seed and A(i) = HMAC_hash(secret, A(i-1)).
        let mut a = [0; MAX_HASH];
        let Some(a) = a.get_mut(..start) else { return };
        self.hmac(buffer.get(start..).unwrap_or_default(), a);
        let mut blocks = out.chunks_mut(start).peekable();
        while let Some(block) = blocks.next() {
            if let Some(place) = buffer.get_mut(..start) {
                place.copy_from_slice(a);
            }
            self.hmac(buffer, block);
            if blocks.peek().is_some()
                && let Some(last) = buffer.get(..start)
            {
                self.hmac(last, a);
            }
        }
    }

    /// As many bytes of the HMAC as `out` has, or all of it.
    fn hmac(&self, message: &[u8], out: &mut [u8]) {
        on_backend!(&self.hmac, Hmac(key) => key.sign(message, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors from the mailing list of the IETF's TLS working group:
    /// <https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/>
    #[test]
    fn the_prf_gives_the_published_output() {
        for (hash, secret, seed, expected) in [
            (
                HashAlgorithm::Sha256,
                "9bbe436ba940f017b17652849a71db35",
                "a0ba9f936cda311827a6f796ffd5198c",
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
                 6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab\
                 4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                 87347b66",
            ),
            (
                HashAlgorithm::Sha384,
                "b80b733d6ceefcdc71566ea48e5567df",
                "cd665cf6a8447dd6ff8b27555edb7465",
                "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd\
                 e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd\
                 8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425\
                 9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6\
                 91c8f3a26854308d5eaa3be85e0990703d73e56f",
            ),
        ] {
            let seed = hex::decode(seed).expect("hex");
            let expected = hex::decode(expected).expect("hex");
            for backend in Backend::ALL {
                let prf = Prf::new(*backend, hash, &hex::decode(secret).expect("hex"));
                for length in 0..=expected.len() {
                    let mut out = alloc::vec![0; length];
                    prf.fill(b"test label", &[&seed], &mut out);
                    let expected = hex::encode(&expected[..length]);
                    assert_eq!(hex::encode(&out), expected, "{backend:?}, {hash:?}, {length} bytes");
                }
            }
        }
    }

    #[test]
    fn the_parts_of_a_seed_stand_one_behind_the_other() {
        for backend in Backend::ALL {
            let prf = Prf::new(*backend, HashAlgorithm::Sha256, b"secret");
            let (mut whole, mut parts) = ([0; 50], [0; 50]);
            prf.fill(b"label", &[b"seed"], &mut whole);
            prf.fill(b"lab", &[b"el", b"", b"se", b"ed"], &mut parts);
            assert_eq!(whole, parts, "{backend:?}");
        }
    }
}
