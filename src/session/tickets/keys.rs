//! Which key seals and which open, and until when.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::key::{Key, TicketKey};
use crate::crypto::Backend;
use crate::error::ConfigError;

/// The keys of one time. They are not changed but exchanged, all at once.
pub(super) struct Keys {
    /// Whether they are our own and rotate; keys from outside are good for as long as they are there.
    rotate: bool,
    /// Seals and opens; none if no new one could be made when the last one's time was over.
    newest: Option<Dated>,
    /// These only open, the newer ones first.
    older: Vec<Dated>,
}

#[derive(Clone)]
struct Dated {
    key: Arc<Key>,
    /// When it began to seal, in seconds since 1970-01-01 00:00 UTC. The first of our own begins when it is first needed: before
    /// that nobody has told the time.
    since: Option<u64>,
}

impl Dated {
    /// Whether less than `most` seconds have gone by since it began. A clock that was set back by less than that does not
    /// matter; if by more, nobody knows how old the key is.
    fn is_younger(&self, now: u64, most: u64) -> bool {
        self.since.is_some_and(|since| now.abs_diff(since) < most)
    }

    fn can_seal(&self, now: u64, period: u32) -> bool {
        self.is_younger(now, period.into()) && !self.key.is_spent()
    }

    fn can_open(&self, now: u64, period: u32) -> bool {
        self.is_younger(now, 2 * u64::from(period))
    }
}

impl Keys {
    /// How many of our own only open, at most: one by time, and one more should the newest be spent early.
    const MOST_OLDER: usize = 2;

    pub(super) fn rotating(first: Key) -> Self {
        Keys { rotate: true, newest: Some(Dated { key: Arc::new(first), since: None }), older: Vec::new() }
    }

    pub(super) fn given(
        backend: Backend,
        current: TicketKey,
        others: impl IntoIterator<Item = TicketKey>,
    ) -> Result<Self, ConfigError> {
        let given = |key: TicketKey| Dated { key: Arc::new(Key::new(backend, &key)), since: None };
        let keys = Keys { rotate: false, newest: Some(given(current)), older: others.into_iter().map(given).collect() };
        let names: BTreeSet<_> = keys.iter().map(|dated| dated.key.name).collect();
        if names.len() < keys.iter().count() {
            return Err(ConfigError::new("tickets.keys", "two keys have the same name"));
        }
        Ok(keys)
    }

    fn iter(&self) -> impl Iterator<Item = &Dated> {
        self.newest.iter().chain(&self.older)
    }

    /// Whether these are the keys for this time: the newest can seal, and none is there that may not even open.
    pub(super) fn are_right(&self, now: u64, period: u32) -> bool {
        !self.rotate
            || self.newest.as_ref().is_some_and(|newest| newest.can_seal(now, period))
                && self.older.iter().all(|older| older.can_open(now, period))
    }

    /// The keys for this time, with a `new` one if the newest can no longer seal. A key that was replaced never seals again,
    /// whatever the clock says.
    pub(super) fn rotated(&self, now: u64, period: u32, new: impl FnOnce() -> Option<Key>) -> Self {
        let (mut newest, mut older) = (self.newest.clone(), self.older.clone());
        if let Some(Dated { since: since @ None, .. }) = &mut newest {
            *since = Some(now);
        }
        if !newest.as_ref().is_some_and(|newest| newest.can_seal(now, period)) {
            older = newest.into_iter().chain(older).collect();
            // A source that repeats itself has made this key before.
            let key = new().filter(|new| self.iter().all(|dated| dated.key.name != new.name));
            newest = key.map(|key| Dated { key: Arc::new(key), since: Some(now) });
        }
        older.retain(|older| older.can_open(now, period));
        older.truncate(Self::MOST_OLDER);
        Keys { rotate: self.rotate, newest, older }
    }

    /// The key that seals at this time.
    pub(super) fn sealing(&self, now: u64, period: u32) -> Option<&Arc<Key>> {
        let newest = self.newest.as_ref().filter(|newest| !self.rotate || newest.can_seal(now, period));
        newest.map(|newest| &newest.key)
    }

    /// The key that opens this ticket, if it still opens any at this time.
    pub(super) fn opening(&self, ticket: &[u8], now: u64, period: u32) -> Option<&Arc<Key>> {
        let name = ticket.first_chunk()?;
        let named = self.iter().find(|dated| dated.key.name == *name)?;
        (!self.rotate || named.can_open(now, period)).then_some(&named.key)
    }
}
