//! The backend on the crate `ring`.

pub(super) mod aead;
pub(super) mod agreement;
pub(super) mod hash;
pub(super) mod hmac;
pub(super) mod random;
pub(super) mod signing;
pub(super) mod verify;
