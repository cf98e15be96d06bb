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
        let algorithm = match self {
            Group::X25519 => &agreement::X25519,
            Group::P256 => &agreement::ECDH_P256,
            Group::P384 => &agreement::ECDH_P384,
        };
        let private = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(|_| GroupError)?;
        let public = private.compute_public_key().map_err(|_| GroupError)?;
        Ok(Box::new(KeyPair { private: Private::Key(private), public }))
    }
}

struct KeyPair {
    private: Private,
    public: PublicKey,
}

/// ring's keys don't wipe themselves, and moving one out of a box leaves it there: zeros go over it. In C's representation both
/// stand in the same place.
#[repr(C)]
enum Private {
    Key(EphemeralPrivateKey),
    #[allow(dead_code, reason = "it is there to be written")]
    Wiped([u8; size_of::<EphemeralPrivateKey>()]),
}

impl KeyExchange for KeyPair {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(mut self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError> {
        let private = self.private.take().ok_or(GroupError)?;
        // ring refuses points that are not on the curve or not uncompressed, and zero as the outcome of X25519.
        let peer = UnparsedPublicKey::new(private.algorithm(), peer);
        agreement::agree_ephemeral(private, &peer, SharedSecret::new).map_err(|_| GroupError)?.ok_or(GroupError)
    }
}

impl Private {
    const WIPED: Self = Private::Wiped([0; size_of::<EphemeralPrivateKey>()]);

    fn take(&mut self) -> Option<EphemeralPrivateKey> {
        let private = mem::replace(self, Private::WIPED);
        black_box(self);
        match private {
            Private::Key(key) => Some(key),
            Private::Wiped(_) => None,
        }
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        // In its place: nothing is moved out, and no copy made.
        self.private = Private::WIPED;
        black_box(&mut self.private);
    }
}
