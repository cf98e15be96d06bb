//! The hash of all handshake messages so far (`handshake_messages`, RFC 5246 §7.4.9).

use alloc::vec::Vec;
use core::mem;

use crate::crypto::{Backend, Digest, HashAlgorithm, Hasher};

/// Bytes reserved behind the ClientHello, so that a short ServerHello needs no allocation of its own.
const HELLO_CAPACITY: usize = 256;

/// The running hash of the PRF over the handshake messages, headers included.
///
/// Until ServerHello names the cipher suite, a client that offers suites of several hashes does not know which one that is: its
/// ClientHello waits in a buffer. (A server adds the ClientHello when it has chosen.) There all messages stay as long as the client
/// may be authenticated, since CertificateVerify signs them by a hash that need not be the PRF's (RFC 5246 §7.4.8).
#[derive(Default)]
pub(crate) struct Transcript {
    /// The messages before `start`, or all.
    raw: Vec<u8>,
    keeps_messages: bool,
    hasher: Option<Hasher>,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        Transcript::default()
    }

    /// Adds handshake messages, as they go over the wire: header and body.
    pub(crate) fn add(&mut self, messages: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(messages);
        }
        if self.hasher.is_none() || self.keeps_messages {
            if self.raw.is_empty() {
                self.raw.reserve(messages.len() + HELLO_CAPACITY);
            }
            self.raw.extend_from_slice(messages);
        }
    }

    /// Hashes with the PRF's hash from here on, what waits in the buffer first, and frees the buffer. Where the hash was known
    /// before, nothing happens.
    pub(crate) fn start(&mut self, backend: Backend, hash: HashAlgorithm) {
        if self.hasher.is_some() {
            return;
        }
        let mut hasher = Hasher::new(backend, hash);
        hasher.update(&self.raw);
        self.hasher = Some(hasher);
        if !self.keeps_messages {
            self.raw = Vec::new();
        }
    }

    /// From the beginning on, all messages are kept.
    pub(crate) fn keep_messages(&mut self) {
        self.keeps_messages = true;
    }

    /// All messages so far. From here on none is kept.
    pub(crate) fn take_messages(&mut self) -> Vec<u8> {
        self.keeps_messages = false;
        mem::take(&mut self.raw)
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
        let mut hasher = Hasher::new(Backend::default(), HashAlgorithm::Sha256);
        hasher.update(message);
        hasher.finish()
    }

    #[test]
    fn messages_before_and_after_the_choice_of_the_hash_count_alike() {
        let mut transcript = Transcript::new();
        transcript.add(b"ClientHello");
        transcript.start(Backend::default(), HashAlgorithm::Sha256);
        assert_eq!(transcript.raw.capacity(), 0, "the buffer is freed");
        transcript.add(b"ServerHello");
        assert_eq!(transcript.current().as_ref(), sha256(b"ClientHelloServerHello").as_ref());
    }

    #[test]
    fn messages_can_be_kept_until_they_are_taken() {
        let mut transcript = Transcript::new();
        transcript.keep_messages();
        transcript.add(b"ClientHello");
        transcript.start(Backend::default(), HashAlgorithm::Sha256);
        transcript.add(b"ServerHello");
        assert_eq!(transcript.take_messages(), b"ClientHelloServerHello");
        transcript.add(b"Finished");
        assert_eq!(transcript.raw.capacity(), 0, "nothing is kept any more");
        assert_eq!(transcript.current().as_ref(), sha256(b"ClientHelloServerHelloFinished").as_ref());
    }

    #[test]
    fn asking_for_the_hash_does_not_end_it() {
        let mut transcript = Transcript::new();
        transcript.start(Backend::default(), HashAlgorithm::Sha256);
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
