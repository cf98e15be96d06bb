//! A server's sessions in memory.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::hash::BuildHasher;
use std::collections::hash_map::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use pki_types::UnixTime;

use super::{Session, SessionStore};
use crate::decision::Decision;

/// Keeps the sessions of one process in its memory, up to a number of them: the one that was not used for longest goes first.
///
/// A session takes some 400 bytes, and the certificates of its client if there are any. An expired one is given to nobody, and
/// goes when it is asked for or when it is the one that was not used for longest.
pub struct MemoryStore {
    /// Each with a lock of its own, and with its part of the capacity.
    shards: Box<[Mutex<Shard>]>,
    /// Keyed at random, so that nobody can choose IDs that all fall into one shard.
    chooser: RandomState,
}

type Shard = LruCache<Box<[u8]>, Arc<Session>, RandomState>;

impl MemoryStore {
    const SHARDS: usize = 16;

    /// A store for at most `capacity` sessions. With more than a few, each sixteenth of it fills up by itself.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // A shard of a handful would lose a session that a store of that capacity keeps.
        let shards = if capacity < 64 * Self::SHARDS { 1 } else { Self::SHARDS };
        Self::with_shards(capacity, shards)
    }

    pub(super) fn with_shards(capacity: usize, shards: usize) -> Self {
        // As many as are left over have one more, so that all of them together have `capacity`.
        let capacity_of = |index| capacity / shards + usize::from(index < capacity % shards);
        let shard = |index| Mutex::new(Shard::with_hasher(capacity_of(index), RandomState::new()));
        MemoryStore { shards: (0..shards).map(shard).collect(), chooser: RandomState::new() }
    }

    /// How many sessions there are, expired ones among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The locks, for a test of what happens to whoever panics with one.
    #[cfg(test)]
    pub(super) fn hold(&self) -> alloc::vec::Vec<impl Sized + '_> {
        self.shards.iter().map(lock).collect()
    }

    fn shard(&self, id: &[u8]) -> Option<MutexGuard<'_, Shard>> {
        let hash = usize::try_from(self.chooser.hash_one(id) >> 32).unwrap_or_default();
        self.shards.get(hash % self.shards.len().max(1)).map(lock)
    }
}

/// A thread that panicked did so outside of the shard, which is whole.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SessionStore for MemoryStore {
    fn find(&self, id: &[u8], now: UnixTime) -> Decision<Option<Arc<Session>>> {
        let Some(mut shard) = self.shard(id) else { return Decision::Now(None) };
        let found = shard.get(id).cloned();
        if found.as_ref().is_some_and(|session| session.is_expired(now)) {
            shard.remove(id);
            return Decision::Now(None);
        }
        Decision::Now(found)
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        if let Some(mut shard) = self.shard(id) {
            shard.insert(id.into(), session);
        }
    }

    fn remove(&self, id: &[u8]) {
        if let Some(mut shard) = self.shard(id) {
            shard.remove(id);
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} sessions)", self.len())
    }
}
