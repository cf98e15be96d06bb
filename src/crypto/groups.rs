//! Key exchange (RFC 8422 §5.10, §5.11).

use alloc::boxed::Box;
use core::fmt::{self, Debug};

use crate::message::NamedGroup;

use super::SharedSecret;

/// A group in which keys can be exchanged. [`Backend::key_exchange_groups`](super::Backend::key_exchange_groups) has the
/// usual ones.
pub trait KeyExchangeGroup: Debug + Send + Sync {
    /// The group's number on the wire.
    fn name(&self) -> NamedGroup;

    /// Draws a fresh key pair for one handshake.
    ///
    /// # Errors
    /// The source of randomness failed.
    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError>;
}

/// Our key pair in one handshake.
pub trait KeyExchange: Send + Sync {
    /// Our public key as it goes over the wire: an uncompressed point (RFC 8422 §5.4.1), or the 32 bytes of X25519.
    fn public_key(&self) -> &[u8];

    /// The secret that we share with the owner of the public key `peer`.
    ///
    /// # Errors
    /// `peer` is not a good public key for this group: its length is wrong, the point is not on the curve, or the
    /// shared secret would be zero.
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError>;
}

/// A key pair could not be drawn, or the peer's public key is not a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupError;

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key exchange failed")
    }
}

impl core::error::Error for GroupError {}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use pki_types::alg_id;

    use super::*;
    use crate::crypto::{Backend, PublicKey};

    /// X25519 with a fixed key, as an application would bring it.
    #[derive(Debug)]
    struct FixedX25519([u8; 32]);

    struct FixedKeyPair {
        private: x25519_dalek::StaticSecret,
        public: x25519_dalek::PublicKey,
    }

    impl KeyExchangeGroup for FixedX25519 {
        fn name(&self) -> NamedGroup {
            NamedGroup::X25519
        }

        fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
            let private = x25519_dalek::StaticSecret::from(self.0);
            Ok(Box::new(FixedKeyPair { public: (&private).into(), private }))
        }
    }

    impl KeyExchange for FixedKeyPair {
        fn public_key(&self) -> &[u8] {
            self.public.as_bytes()
        }

        fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError> {
            let peer = <[u8; 32]>::try_from(peer).map_err(|_| GroupError)?;
            SharedSecret::new(self.private.diffie_hellman(&peer.into()).as_bytes()).ok_or(GroupError)
        }
    }

    /// All groups of all backends.
    fn groups() -> impl Iterator<Item = (Backend, Arc<dyn KeyExchangeGroup>)> {
        let of = |backend: Backend| backend.key_exchange_groups().into_iter().map(move |group| (backend, group));
        Backend::ALL.iter().copied().flat_map(of)
    }

    fn complete(group: &dyn KeyExchangeGroup, peer: &[u8]) -> Result<SharedSecret, GroupError> {
        group.start().expect("randomness").complete(peer)
    }

    #[test]
    fn the_preferred_groups_are_x25519_then_p256_then_p384() {
        for backend in Backend::ALL {
            let names: Vec<_> = backend.key_exchange_groups().iter().map(|group| group.name()).collect();
            assert!(names.starts_with(&[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1]));
            let further: &[NamedGroup] = match backend {
                #[cfg(feature = "ring")]
                Backend::Ring => &[],
                #[cfg(feature = "aws-lc-rs")]
                Backend::AwsLc => &[NamedGroup::SECP521R1],
            };
            assert_eq!(&names[3..], further, "{backend:?}");
        }
    }

    #[test]
    fn both_sides_get_the_same_secret_whichever_backends_they_have() {
        for (backend, group) in groups() {
            let name = group.name();
            for (other, theirs) in groups().filter(|(_, other)| other.name() == name) {
                let (ours, theirs) = (group.start().expect("randomness"), theirs.start().expect("randomness"));
                let (our_public, their_public) = (ours.public_key().to_vec(), theirs.public_key().to_vec());
                let (public_len, secret_len) = match name {
                    NamedGroup::X25519 => (32, 32),
                    NamedGroup::SECP256R1 => (65, 32),
                    NamedGroup::SECP384R1 => (97, 48),
                    NamedGroup::SECP521R1 => (133, 66),
                    _ => panic!("{name}"),
                };
                assert_eq!(our_public.len(), public_len, "{backend:?}, {name}");
                assert_ne!(our_public, their_public, "{backend:?}, {name}: each handshake has its own key");
                let ours = ours.complete(&their_public).expect("a good key");
                let theirs = theirs.complete(&our_public).expect("a good key");
                assert_eq!(ours.as_bytes(), theirs.as_bytes(), "{backend:?} and {other:?}, {name}");
                let length = ours.as_bytes().len();
                assert_eq!(length, secret_len, "{backend:?}, {name}: leading zeros stay (RFC 8422 §5.10)");
            }
        }
    }

    /// RFC 7748 §6.1
    #[test]
    fn a_group_from_outside_can_replay_a_handshake() {
        let private = |hex| FixedX25519(hex::decode(hex).expect("hex").try_into().expect("32 bytes"));
        let alice = private("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = private("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let bob_public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
        assert_eq!(hex::encode(bob.start().expect("a fixed key").public_key()), bob_public);
        let secret = alice.start().expect("a fixed key").complete(&hex::decode(bob_public).expect("hex"));
        assert_eq!(
            hex::encode(secret.expect("a good key").as_bytes()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        );

        for (backend, x25519) in groups().filter(|(_, group)| group.name() == NamedGroup::X25519) {
            let ours = x25519.start().expect("randomness");
            let our_public = ours.public_key().to_vec();
            let ours = ours.complete(&hex::decode(bob_public).expect("hex")).expect("a good key");
            let theirs = bob.start().expect("a fixed key").complete(&our_public).expect("a good key");
            assert_eq!(ours.as_bytes(), theirs.as_bytes(), "with a key of {backend:?} on the other side");
        }
    }

    /// The points of small order, from <https://cr.yp.to/ecdh.html>: with each of them the shared secret is zero.
    #[test]
    fn x25519_keys_that_force_a_zero_secret_are_refused() {
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let peer = hex::decode(point).expect("hex");
            for (backend, x25519) in groups().filter(|(_, group)| group.name() == NamedGroup::X25519) {
                assert!(complete(&*x25519, &peer).is_err(), "{backend:?}: {point}");
            }
            let fixed = FixedX25519([1; 32]).start().expect("a fixed key");
            assert!(fixed.complete(&peer).is_err(), "a group from outside: {point}");
        }
    }

    #[test]
    fn points_that_are_not_on_the_curve_are_refused() {
        for (backend, group) in groups().filter(|(_, group)| group.name() != NamedGroup::X25519) {
            let name = group.name();
            let good = group.start().expect("randomness").public_key().to_vec();
            assert!(complete(&*group, &good).is_ok(), "{backend:?}, {name}");
            for position in [1, good.len() / 2, good.len() - 1] {
                let mut off = good.clone();
                off[position] ^= 1;
                assert!(complete(&*group, &off).is_err(), "{backend:?}, {name}: byte {position} changed");
            }
            let mut origin = good.clone();
            origin[1..].fill(0);
            assert!(complete(&*group, &origin).is_err(), "{backend:?}, {name}: (0, 0)");
            let mut too_large = good.clone();
            too_large[1..].fill(0xff);
            assert!(complete(&*group, &too_large).is_err(), "{backend:?}, {name}: coordinates beyond the field");
        }
    }

    #[test]
    fn keys_of_a_wrong_length_or_form_are_refused() {
        for (backend, group) in groups() {
            let name = group.name();
            let good = group.start().expect("randomness").public_key().to_vec();
            assert!(complete(&*group, &[]).is_err(), "{backend:?}, {name}: nothing");
            assert!(complete(&*group, &good[..good.len() - 1]).is_err(), "{backend:?}, {name}: a byte less");
            assert!(complete(&*group, &[&good[..], &[0]].concat()).is_err(), "{backend:?}, {name}: a byte more");
            if name != NamedGroup::X25519 {
                assert!(complete(&*group, &[0]).is_err(), "{backend:?}, {name}: the point at infinity");
                // RFC 8422 §5.4.1: only uncompressed points (4).
                for form in [0, 2, 3, 5, 6, 7] {
                    let mut other = good.clone();
                    other[0] = form;
                    assert!(complete(&*group, &other).is_err(), "{backend:?}, {name}: form {form}");
                    assert!(
                        complete(&*group, &other[..1 + good.len() / 2]).is_err(),
                        "{backend:?}, {name}: form {form}, x alone"
                    );
                }
            }
            // As a SubjectPublicKeyInfo, which AWS-LC would read.
            let algorithm = match name {
                NamedGroup::X25519 => continue,
                NamedGroup::SECP256R1 => alg_id::ECDSA_P256,
                NamedGroup::SECP384R1 => alg_id::ECDSA_P384,
                _ => alg_id::ECDSA_P521,
            };
            let spki = PublicKey::from_parts(algorithm, &good).expect("a good key");
            assert!(complete(&*group, spki.spki()).is_err(), "{backend:?}, {name}: with what stands around a key");
        }
    }
}
