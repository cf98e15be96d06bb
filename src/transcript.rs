//! The hash of all handshake messages so far (`handshake_messages`, RFC 5246 §7.4.9).

use alloc::vec::Vec;
use core::mem;

use crate::crypto::{Backend, Digest, HashAlgorithm, Hasher};

/// The running hash of the PRF over the handshake messages, headers included.
///
/// Until ServerHello names the cipher suite, nobody knows which hash that is: messages wait in a buffer.
#[derive(Default)]
pub(crate) struct Transcript {
    /// The messages before `start`.
    raw: Vec<u8>,
    hasher: Option<Hasher>,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        Transcript::default()
    }

    /// Adds handshake messages, as they go over the wire: header and body.
    pub(crate) fn add(&mut self, messages: &[u8]) {
        match &mut self.hasher {
            Some(hasher) => hasher.update(messages),
            None => self.raw.extend_from_slice(messages),
        }
    }

    /// Hashes with the PRF's hash from here on, what waits in the buffer first, and frees the buffer.
    pub(crate) fn start(&mut self, backend: Backend, hash: HashAlgorithm) {
        let mut hasher = Hasher::new(backend, hash);
        hasher.update(&mem::take(&mut self.raw));
        self.hasher = Some(hasher);
    }

    /// The hash of all messages so far. Before `start` there is none: the digest is empty then, and matches nobody's.
    pub(crate) fn current(&self) -> Digest {
        self.hasher.as_ref().map_or(Digest::EMPTY, Hasher::fork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(message: &[u8]) -> Digest {
        let mut hasher = Hasher::new(Backend::Ring, HashAlgorithm::Sha256);
        hasher.update(message);
        hasher.finish()
    }

    #[test]
    fn messages_before_and_after_the_choice_of_the_hash_count_alike() {
        let mut transcript = Transcript::new();
        transcript.add(b"ClientHello");
        transcript.start(Backend::Ring, HashAlgorithm::Sha256);
        assert_eq!(transcript.raw.capacity(), 0, "the buffer is freed");
        transcript.add(b"ServerHello");
        assert_eq!(transcript.current().as_ref(), sha256(b"ClientHelloServerHello").as_ref());
    }

    #[test]
    fn asking_for_the_hash_does_not_end_it() {
        let mut transcript = Transcript::new();
        transcript.start(Backend::Ring, HashAlgorithm::Sha256);
        transcript.add(b"a");
        assert_eq!(transcript.current().as_ref(), sha256(b"a").as_ref());
        transcript.add(b"b");
        assert_eq!(transcript.current().as_ref(), sha256(b"ab").as_ref());
    }

    #[test]
    fn before_the_choice_there_is_no_hash() {
        let mut transcript = Transcript::new();
        transcript.add(b"ClientHello");
        assert!(transcript.current().as_ref().is_empty(), "no hash was chosen, so there can be no digest");
    }
}
