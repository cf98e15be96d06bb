use alloc::boxed::Box;
use core::hint::black_box;
use core::mem;

use ::ring::agreement::{self, EphemeralPrivateKey, PublicKey, UnparsedPublicKey};
use ::ring::rand::SystemRandom;

use crate::crypto::{GroupError, KeyExchange, KeyExchangeGroup, SharedSecret};
use crate::message::NamedGroup;

/// The groups that ring has.
#[derive(Clone, Copy, Debug)]
pub(in crate::crypto) enum Group {
    X25519,
    P256,
    P384,
}

impl KeyExchangeGroup for Group {
    fn name(&self) -> NamedGroup {
        match self {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::SECP256R1,
            Group::P384 => NamedGroup::SECP384R1,
        }
    }

    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
        let private = generate(match self {
            Group::X25519 => &agreement::X25519,
            Group::P256 => &agreement::ECDH_P256,
            Group::P384 => &agreement::ECDH_P384,
        })?;
        let public = private.compute_public_key().map_err(|_| GroupError)?;
        Ok(Box::new(KeyPair { private, public, is_taken: false }))
    }
}

struct KeyPair {
    private: EphemeralPrivateKey,
    public: PublicKey,
    is_taken: bool,
}

impl KeyExchange for KeyPair {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(mut self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError> {
        let private = self.take().ok_or(GroupError)?;
        // ring refuses points that are not on the curve or not uncompressed, and zero as the outcome of X25519.
        let peer = UnparsedPublicKey::new(private.algorithm(), peer);
        agreement::agree_ephemeral(private, &peer, SharedSecret::new).map_err(|_| GroupError)?.ok_or(GroupError)
    }
}

impl KeyPair {
    /// ring's keys don't wipe themselves, and moving one out of a box leaves it there: another one goes over it.
    fn take(&mut self) -> Option<EphemeralPrivateKey> {
        let dummy = generate(&agreement::X25519).ok()?;
        let private = mem::replace(&mut self.private, dummy);
        black_box(&mut self.private);
        self.is_taken = true;
        Some(private)
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        if !self.is_taken {
            _ = self.take();
        }
    }
}

fn generate(algorithm: &'static agreement::Algorithm) -> Result<EphemeralPrivateKey, GroupError> {
    EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(|_| GroupError)
}
