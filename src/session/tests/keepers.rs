//! [`MemoryStore`] and [`ClientCache`].

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::ServerName;
use proptest::collection::vec as list_of;
use proptest::prelude::*;

use super::*;
use crate::decision::Decision;

/// A server's session that ends at that time.
fn ends(at: u64) -> Arc<Session> {
    Arc::new(Session { created_at: at - 10, lifetime: 10, peer_not_after: None, ..server() })
}

fn by_ticket(name: u8) -> Arc<Session> {
    by(Handle::Ticket([name; 40].into()), name)
}

fn by_id(name: u8) -> Arc<Session> {
    by(Handle::Id([name; 32].into()), name)
}

/// Each is of a handshake of its own.
fn by(handle: Handle, secret: u8) -> Arc<Session> {
    Arc::new(Session { master_secret: MasterSecret::of(&[secret; 48]), ..client(handle) })
}

fn name(name: &str) -> ServerName<'_> {
    ServerName::try_from(name).unwrap()
}

fn found(store: &MemoryStore, id: &[u8], now: u64) -> Option<Arc<Session>> {
    match store.find(id, at(now)) {
        Decision::Now(found) => found,
        Decision::Later => panic!("memory is there at once"),
    }
}

fn is_same(a: Option<&Arc<Session>>, b: Option<&Arc<Session>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// What is done to a store; IDs are one byte long.
#[derive(Clone, Debug)]
enum Act {
    Put(u8, u64),
    Find(u8),
    Remove(u8),
    Pass(u64),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0_u8..12, 0_u64..30).prop_map(|(id, left)| Act::Put(id, left)),
        3 => (0_u8..12).prop_map(Act::Find),
        1 => (0_u8..12).prop_map(Act::Remove),
        1 => (1_u64..10).prop_map(Act::Pass),
    ]
}

/// The store as a list, what was used last at its end.
#[derive(Default)]
struct Model(Vec<(u8, Arc<Session>)>);

impl Model {
    fn remove(&mut self, id: u8) -> Option<Arc<Session>> {
        let at = self.0.iter().position(|(kept, _)| *kept == id)?;
        Some(self.0.remove(at).1)
    }

    fn put(&mut self, id: u8, session: Arc<Session>, capacity: usize) {
        self.remove(id);
        self.0.push((id, session));
        if self.0.len() > capacity {
            self.0.remove(0);
        }
    }

    fn find(&mut self, id: u8, now: u64) -> Option<Arc<Session>> {
        let session = self.remove(id).filter(|session| !session.is_expired(at(now)))?;
        self.0.push((id, session.clone()));
        Some(session)
    }
}

proptest! {
    #[test]
    fn a_store_keeps_what_was_used_last(capacity in 0_usize..8, acts in list_of(any_act(), 0..200)) {
        let (store, mut model, mut now) = (MemoryStore::with_shards(capacity, 1), Model::default(), THEN);
        for act in acts {
            match act {
                Act::Put(id, left) => {
                    let session = ends(now + left);
                    store.put(&[id], session.clone());
                    model.put(id, session, capacity);
                }
                Act::Find(id) => {
                    let (found, expected) = (found(&store, &[id], now), model.find(id, now));
                    prop_assert!(is_same(found.as_ref(), expected.as_ref()), "{id}: {found:?} and not {expected:?}");
                }
                Act::Remove(id) => {
                    store.remove(&[id]);
                    model.remove(id);
                }
                Act::Pass(seconds) => now += seconds,
            }
            prop_assert_eq!(store.len(), model.0.len());
        }
    }

    #[test]
    fn a_store_of_any_capacity_and_shards_stays_within_it(
        capacity in 0_usize..40,
        shards in 1_usize..9,
        ids in list_of(any::<[u8; 4]>(), 0..200),
    ) {
        let store = MemoryStore::with_shards(capacity, shards);
        for id in ids {
            store.put(&id, ends(THEN));
            prop_assert!(store.len() <= capacity);
        }
    }
}

#[test]
fn a_store_for_many_sessions_can_be_filled_to_its_capacity() {
    let store = MemoryStore::new(5000);
    for id in 0_u32..50_000 {
        store.put(&id.to_be_bytes(), ends(THEN));
    }
    assert_eq!(store.len(), 5000);
    assert!(found(&store, &49_999_u32.to_be_bytes(), THEN).is_some(), "the last one is there");
}

#[test]
fn an_expired_session_is_not_found_and_goes() {
    let store = MemoryStore::new(10);
    store.put(b"id", ends(THEN));
    assert!(found(&store, b"id", THEN).is_some());
    assert_eq!(store.len(), 1);
    assert!(found(&store, b"id", THEN + 1).is_none());
    assert!(store.is_empty());
    assert!(found(&store, b"id", THEN).is_none(), "a clock that is set back does not bring it back");
}

#[test]
fn a_thread_that_panicked_takes_no_store_with_it() {
    let store = Arc::new(MemoryStore::new(10));
    let cache = Arc::new(ClientCache::new());
    store.put(b"id", ends(THEN));
    cache.put(&name("a.example"), by_id(1));
    for shard in 0..2 {
        let (store, cache) = (store.clone(), cache.clone());
        let panicked = std::thread::spawn(move || {
            let _held = (shard == 0).then(|| store.hold());
            let _held = (shard == 1).then(|| cache.hold());
            panic!("with the lock");
        });
        assert!(panicked.join().is_err());
    }
    assert!(found(&store, b"id", THEN).is_some());
    assert!(cache.find(&name("a.example"), at(THEN)).is_some());
}

#[test]
fn the_newest_session_of_a_server_is_offered() {
    let cache = ClientCache::new();
    let (a, b) = (name("a.example"), name("192.0.2.1"));
    let sessions = [by_id(1), by_id(2), by_id(3)];
    cache.put(&a, sessions[0].clone());
    cache.put(&a, sessions[1].clone());
    cache.put(&b, sessions[2].clone());
    assert!(is_same(cache.find(&a, at(THEN)).as_ref(), Some(&sessions[1])));
    assert!(is_same(cache.find(&b, at(THEN)).as_ref(), Some(&sessions[2])));
    assert!(cache.find(&name("c.example"), at(THEN)).is_none());
    cache.remove(&b, &sessions[1]);
    assert_eq!(cache.len(), 3, "a session of another server is not removed");
    cache.remove(&a, &sessions[1]);
    assert!(is_same(cache.find(&a, at(THEN)).as_ref(), Some(&sessions[0])));
    assert!(cache.find(&a, at(THEN + 3601)).is_none(), "it is expired");
    cache.remove(&b, &sessions[2]);
    assert!(cache.is_empty());
}

#[test]
fn with_a_session_all_its_tickets_are_forgotten() {
    let (a, cache) = (name("a.example"), ClientCache::new());
    let [first, renewed] = [1, 2].map(|ticket| by(Handle::Ticket([ticket; 40].into()), 7));
    for session in [&first, &by_ticket(3), &renewed] {
        cache.put(&a, session.clone());
    }
    cache.remove(&a, &renewed);
    assert_eq!(cache.len(), 1, "the one of another handshake");
}

#[test]
fn a_ticket_is_offered_once_unless_it_may_be_used_again() {
    let a = name("a.example");
    let cache = ClientCache::new();
    let sessions = [by_ticket(1), by_id(2), by_ticket(3)];
    sessions.iter().for_each(|session| cache.put(&a, session.clone()));
    for expected in [&sessions[2], &sessions[1], &sessions[1]] {
        assert!(is_same(cache.find(&a, at(THEN)).as_ref(), Some(expected)));
    }
    let cache = ClientCache::new().single_use_tickets(false);
    cache.put(&a, sessions[0].clone());
    for _ in 0..2 {
        assert!(is_same(cache.find(&a, at(THEN)).as_ref(), Some(&sessions[0])));
    }
}

#[test]
fn a_session_that_comes_again_takes_the_place_of_the_old_one() {
    let a = name("a.example");
    let cache = ClientCache::new();
    let (first, again) = (by_id(1), by_id(1));
    cache.put(&a, first);
    cache.put(&a, again.clone());
    assert_eq!(cache.len(), 1);
    assert!(is_same(cache.find(&a, at(THEN)).as_ref(), Some(&again)));
}

#[test]
fn a_cache_keeps_so_many_servers_and_so_many_sessions_of_each() {
    let cache = ClientCache::with_capacity(2, 3);
    let servers = ["a.example", "b.example", "c.example"];
    for server in servers {
        (0..10).for_each(|session| cache.put(&name(server), by_id(session)));
    }
    assert_eq!(cache.len(), 6);
    assert!(cache.find(&name("a.example"), at(THEN)).is_none(), "it was not used for longest");
    assert!(cache.find(&name("b.example"), at(THEN)).is_some());
    cache.put(&name("a.example"), by_id(1));
    assert!(cache.find(&name("c.example"), at(THEN)).is_none(), "b.example was used since");
    for (servers, sessions) in [(0, 3), (2, 0)] {
        let cache = ClientCache::with_capacity(servers, sessions);
        cache.put(&name("a.example"), by_id(1));
        assert!(cache.is_empty());
    }
}

#[test]
fn keepers_are_printed_without_what_they_keep() {
    let (store, cache) = (MemoryStore::new(10), ClientCache::new());
    store.put(b"id", ends(THEN));
    cache.put(&name("a.example"), by_ticket(1));
    assert_eq!(format!("{store:?}"), "MemoryStore(1 sessions)");
    assert_eq!(format!("{cache:?}"), "ClientCache { sessions: 1, single_use_tickets: true, .. }");
}
