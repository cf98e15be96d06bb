//! One key: what it seals, it opens.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use zeroize::{Zeroize, Zeroizing};

use crate::codec::{Malformed, Reader};
use crate::crypto::{AeadAlgorithm, AeadKey, Backend, Random, equal};
use crate::error::ConfigError;

const NAME_LEN: usize = 16;
const NONCE_LEN: usize = 12;

/// So many bytes are opened without an allocation.
const SMALL: usize = 512;

/// Of what is in a ticket and how it is sealed. It does not stand in the ticket, but is authenticated with it.
const VERSION: u8 = 1;

/// A key for tickets, from outside: see [`Tickets::with_keys`](super::Tickets::with_keys).
pub struct TicketKey {
    name: [u8; NAME_LEN],
    /// In a box, so that moving it leaves no copy.
    secret: Box<Zeroizing<[u8; AeadKey::LEN]>>,
}

impl TicketKey {
    /// Bytes of a key: 16 are its name, which stands in each ticket and is no secret, and 32 the key for AES-256-GCM.
    pub const LEN: usize = NAME_LEN + AeadKey::LEN;

    /// Takes over a copy of `bytes`, which have to come from a source of randomness that is fit for cryptography.
    ///
    /// # Errors
    /// The name or the key is nothing but zeros: such a key was never made (CVE-2020-13777).
    pub fn new(bytes: &[u8; Self::LEN]) -> Result<Self, ConfigError> {
        Self::unless_zeros(bytes).ok_or_else(|| ConfigError::new("tickets.keys", "a key is nothing but zeros"))
    }

    fn unless_zeros(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (name, secret) = (bytes.first_chunk()?, bytes.last_chunk::<{ AeadKey::LEN }>()?);
        let mut key = TicketKey { name: *name, secret: Box::new(Zeroizing::new([0; AeadKey::LEN])) };
        key.secret.copy_from_slice(secret);
        let is_zeros = equal(name, &[0; NAME_LEN]) || equal(secret, &[0; AeadKey::LEN]);
        (!is_zeros).then_some(key)
    }
}

/// Nothing of the key.
impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

/// A key that is ready to be used.
pub(super) struct Key {
    pub(super) name: [u8; NAME_LEN],
    aead: AeadKey,
    /// Tickets, so far.
    sealed: AtomicU64,
}

impl Key {
    /// Bytes of a ticket that are not what was sealed.
    pub(super) const OVERHEAD: usize = NAME_LEN + NONCE_LEN + AeadAlgorithm::TAG_LEN;

    /// NIST SP 800-38D §8.3: with nonces that are drawn at random, one key seals at most 2^32 times. This is a sixteenth of it,
    /// as the servers of a fleet do not count together.
    pub(super) const MOST_SEALED: u64 = 1 << 28;

    pub(super) fn new(backend: Backend, key: &TicketKey) -> Self {
        Key { name: key.name, aead: AeadKey::new(backend, &key.secret), sealed: AtomicU64::new(0) }
    }

    /// `None` if the source of randomness failed, or gave zeros (CVE-2020-11501).
    pub(super) fn random(backend: Backend, random: &dyn Random) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TicketKey::LEN]);
        random.fill(&mut *bytes).ok()?;
        TicketKey::unless_zeros(&bytes).map(|key| Key::new(backend, &key))
    }

    /// Whether it has sealed as many tickets as it may.
    pub(super) fn is_spent(&self) -> bool {
        self.sealed.load(Ordering::Relaxed) >= Self::MOST_SEALED
    }

    #[cfg(test)]
    pub(super) fn spend(&self) {
        self.sealed.store(Self::MOST_SEALED, Ordering::Relaxed);
    }

    /// A ticket with `length` bytes in it, which `write` appends.
    pub(super) fn seal(
        &self,
        random: &dyn Random,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> Option<Vec<u8>> {
        let count = self.sealed.fetch_add(1, Ordering::Relaxed);
        if count >= Self::MOST_SEALED {
            return None;
        }
        let nonce = nonce(random, count)?;
        // As long as it gets, so that no part of it is left behind where the vector was before it grew.
        let mut ticket = Zeroizing::new(Vec::with_capacity(Self::OVERHEAD + length));
        ticket.extend_from_slice(&self.name);
        ticket.extend_from_slice(&nonce);
        write(&mut ticket)?;
        let plaintext = ticket.get_mut(NAME_LEN + NONCE_LEN..)?;
        let tag = self.aead.seal_in_place(nonce, &self.additional_data(), plaintext).ok()?;
        ticket.extend_from_slice(&tag);
        Some(core::mem::take(&mut *ticket))
    }

    /// Shows `read` what is in a ticket that this key has sealed.
    pub(super) fn open<T>(&self, ticket: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let (name, nonce, sealed) = split(ticket).ok()?;
        if *name != self.name {
            return None;
        }
        // Without certificates of a client, a session is small.
        let (mut small, mut large) = ([0; SMALL], None);
        let opened = match small.get_mut(..sealed.len()) {
            Some(small) => small,
            None => large.insert(vec![0; sealed.len()]).as_mut_slice(),
        };
        opened.copy_from_slice(sealed);
        let length = self.aead.open_in_place(*nonce, &self.additional_data(), opened).ok();
        let found = length.and_then(|length| opened.get(..length)).and_then(read);
        opened.zeroize();
        found
    }

    fn additional_data(&self) -> [u8; 1 + NAME_LEN] {
        let mut aad = [VERSION; 1 + NAME_LEN];
        let [_, name @ ..] = &mut aad;
        *name = self.name;
        aad
    }
}

/// Random, and with the count in it: even a source that is stuck gives no nonce twice.
fn nonce(random: &dyn Random, count: u64) -> Option<[u8; NONCE_LEN]> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce).ok()?;
    if nonce == [0; NONCE_LEN] {
        return None;
    }
    for (byte, count) in nonce.iter_mut().rev().zip(count.to_le_bytes()) {
        *byte ^= count;
    }
    Some(nonce)
}

type Ticket<'a> = (&'a [u8; NAME_LEN], &'a [u8; NONCE_LEN], &'a [u8]);

fn split(ticket: &[u8]) -> Result<Ticket<'_>, Malformed> {
    let mut r = Reader::new(ticket);
    Ok((r.array("key_name")?, r.array("nonce")?, r.rest()))
}
