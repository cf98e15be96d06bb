use alloc::boxed::Box;

use ::aws_lc_rs::agreement::{self, EphemeralPrivateKey, PublicKey, UnparsedPublicKey};
use ::aws_lc_rs::rand::SystemRandom;

use crate::crypto::{GroupError, KeyExchange, KeyExchangeGroup, SharedSecret};
use crate::message::NamedGroup;

/// The first byte of an uncompressed point (RFC 8422 §5.4.1).
const UNCOMPRESSED: u8 = 4;

/// The groups that aws-lc-rs has.
#[derive(Clone, Copy, Debug)]
pub(in crate::crypto) enum Group {
    X25519,
    P256,
    P384,
    P521,
}

impl KeyExchangeGroup for Group {
    fn name(&self) -> NamedGroup {
        match self {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::SECP256R1,
            Group::P384 => NamedGroup::SECP384R1,
            Group::P521 => NamedGroup::SECP521R1,
        }
    }

    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
        let algorithm = match self {
            Group::X25519 => &agreement::X25519,
            Group::P256 => &agreement::ECDH_P256,
            Group::P384 => &agreement::ECDH_P384,
            Group::P521 => &agreement::ECDH_P521,
        };
        let private = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(|_| GroupError)?;
        let public = private.compute_public_key().map_err(|_| GroupError)?;
        Ok(Box::new(KeyPair { private, public }))
    }
}

/// The private key is a pointer to what AWS-LC wipes when it frees it, so that moving it leaves no copy.
struct KeyPair {
    private: EphemeralPrivateKey,
    public: PublicKey,
}

impl KeyExchange for KeyPair {
    fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError> {
        let algorithm = self.private.algorithm();
        // AWS-LC refuses points that are not on the curve, and zero as the outcome of X25519. But it takes compressed and
        // hybrid points, too, and whole SubjectPublicKeyInfos.
        let has_form = *algorithm == agreement::X25519 || peer.first() == Some(&UNCOMPRESSED);
        if peer.len() != self.public.as_ref().len() || !has_form {
            return Err(GroupError);
        }
        let peer = UnparsedPublicKey::new(algorithm, peer);
        agreement::agree_ephemeral(self.private, peer, GroupError, |secret| SharedSecret::new(secret).ok_or(GroupError))
    }
}
