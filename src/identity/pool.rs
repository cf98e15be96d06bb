//! Certificates of peers, each chain in memory once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::hash::BuildHasher;
use std::collections::hash_map::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;

/// The certificates of peers that connections hold at the moment, so that equal ones are in memory once
/// ([`PeerCertificatesPolicy::Shared`](crate::PeerCertificatesPolicy::Shared)).
///
/// It holds those of peers that were authenticated alone, and at most so many different chains as it was made for. With each
/// new chain it looks at two that were not asked for lately, and lets go of those that no connection or session holds any more;
/// [`Self::release_unused`] does so with all. Of those two, one that is held goes to the front, as if it had been asked for. When it is
/// full, the chain is forgotten, held or not, that was neither asked for nor so moved for longest: who has it keeps it, and the next
/// connection of that peer brings its own.
pub struct CertificatePool {
    /// Each with a lock of its own, and with its part of the capacity.
    shards: Box<[Mutex<Shard>]>,
    /// Keyed at random, so that nobody can make chains of equal hash.
    hasher: RandomState,
}

/// By the hash of all bytes.
type Shard = LruCache<u64, Arc<[u8]>, RandomState>;

impl CertificatePool {
    const SHARDS: usize = 16;

    /// How many chains are looked at for each new one: more than one, so that those that nobody holds become fewer.
    const LOOKS: usize = 2;

    /// A pool for at most `capacity` different chains. With more than a few, each sixteenth of it fills up by itself.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // A shard of a handful would forget a chain that a pool of that capacity keeps.
        let shards = if capacity < 64 * Self::SHARDS { 1 } else { Self::SHARDS };
        // As many as are left over have one more, so that all of them together have `capacity`.
        let capacity_of = |index| capacity / shards + usize::from(index < capacity % shards);
        let shard = |index| Mutex::new(Shard::with_hasher(capacity_of(index), RandomState::new()));
        CertificatePool { shards: (0..shards).map(shard).collect(), hasher: RandomState::new() }
    }

    /// How many different chains there are, those that nobody holds any more among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets go of what no connection and no session holds any more.
    pub fn release_unused(&self) {
        for shard in &self.shards {
            lock(shard).retain(|_, chain| is_held(chain));
        }
    }

    /// The same bytes, in the memory that others have them in.
    pub(super) fn share(&self, chain: &Arc<[u8]>) -> Arc<[u8]> {
        self.share_as(self.hasher.hash_one(chain), chain)
    }

    fn share_as(&self, hash: u64, chain: &Arc<[u8]>) -> Arc<[u8]> {
        let index = usize::try_from(hash >> 32).unwrap_or_default() % self.shards.len().max(1);
        let Some(shard) = self.shards.get(index) else { return Arc::clone(chain) };
        // All bytes are hashed before and compared after the shard is locked.
        let found = lock(shard).get(&hash).cloned();
        if let Some(found) = found.filter(|found| found == chain) {
            return found;
        }
        let mut shard = lock(shard);
        for _ in 0..Self::LOOKS {
            match shard.remove_lru() {
                Some((hash, chain)) if is_held(&chain) => _ = shard.insert(hash, chain),
                Some(_) => {}
                None => break,
            }
        }
        // Another thread may have been faster: then there are two of them, until one of its connections ends.
        shard.insert(hash, Arc::clone(chain));
        Arc::clone(chain)
    }

    /// The locks, for a test of what happens to whoever panics with one.
    #[cfg(test)]
    fn hold(&self) -> alloc::vec::Vec<impl Sized + '_> {
        self.shards.iter().map(lock).collect()
    }
}

/// Whether anybody has it beside the pool.
fn is_held(chain: &Arc<[u8]>) -> bool {
    Arc::strong_count(chain) > 1
}

/// A thread that panicked did so outside of the shard, which is whole.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CertificatePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificatePool({} chains)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn chain(byte: u8) -> Arc<[u8]> {
        [byte; 100].into()
    }

    #[test]
    fn equal_chains_are_in_memory_once() {
        for capacity in [1, 10, 5000] {
            let pool = CertificatePool::new(capacity);
            let (first, second) = (pool.share(&chain(1)), pool.share(&chain(1)));
            assert!(Arc::ptr_eq(&first, &second), "capacity {capacity}");
            assert_eq!((pool.len(), Arc::strong_count(&first)), (1, 3), "the pool and two others");
        }
    }

    #[test]
    fn chains_of_one_hash_are_told_apart_by_their_bytes() {
        let pool = CertificatePool::new(10);
        let first = pool.share_as(7, &chain(1));
        let second = pool.share_as(7, &chain(2));
        assert_eq!((&*first, &*second), (&*chain(1), &*chain(2)));
        assert!(Arc::ptr_eq(&second, &pool.share_as(7, &chain(2))));
    }

    #[test]
    fn a_pool_holds_no_more_than_its_capacity_even_if_all_are_in_use() {
        for capacity in [0, 1, 3] {
            let pool = CertificatePool::new(capacity);
            let held: Vec<_> = (0..10).map(|byte| pool.share(&chain(byte))).collect();
            assert_eq!(pool.len(), capacity);
            assert!(held.iter().zip(0..).all(|(held, byte)| *held == chain(byte)), "nobody loses what he has");
        }
    }

    #[test]
    fn what_nobody_holds_goes_as_others_come() {
        let pool = CertificatePool::new(1000);
        let held: Vec<_> = (0..200).map(|byte| pool.share(&chain(byte))).collect();
        let (kept, gone) = held.split_at(50);
        let kept = kept.to_vec();
        let watched: Vec<_> = gone.iter().map(Arc::downgrade).collect();
        drop(held);
        assert_eq!(pool.len(), 200, "nothing new has come");
        let new: Vec<_> = (200..=255).map(|byte| pool.share(&chain(byte))).collect();
        assert!(pool.len() < 200, "two are looked at for each: {pool:?}");
        pool.release_unused();
        assert!(watched.iter().all(|chain| chain.strong_count() == 0));
        assert_eq!(pool.len(), kept.len() + new.len());
        for held in kept.iter().chain(&new) {
            assert!(Arc::ptr_eq(held, &pool.share(&held.to_vec().into())), "what somebody holds stays");
        }
    }

    #[test]
    fn a_panic_elsewhere_leaves_the_pool_as_it_is() {
        let pool = CertificatePool::new(10);
        let first = pool.share(&chain(1));
        let panics = || {
            let _held = pool.hold();
            panic!("with all locks");
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(Arc::ptr_eq(&first, &pool.share(&chain(1))));
    }
}
