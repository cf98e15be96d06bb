//! Tickets under keys that rotate.

mod key;
mod keys;

use alloc::format;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use std::sync::{PoisonError, RwLock};

use pki_types::UnixTime;

use self::key::Key;
pub use self::key::TicketKey;
use self::keys::Keys;
use super::value::CLOCK_SKEW;
use super::{NewTicket, OpenedTicket, Session, Side, TicketSealer};
use crate::codec::{Malformed, Reader};
use crate::crypto::{Backend, Random};
use crate::decision::Decision;
use crate::error::ConfigError;

/// Seals sessions into tickets with AES-256-GCM (RFC 5077), under keys of its own that rotate, or under keys that a fleet shares.
///
/// A ticket is `key name[16] || nonce[12] || ciphertext || tag[16]`; in it are the time of the sealing and
/// [`Session::to_bytes`]. A ticket of another key, of another version or with a bit changed is not opened.
///
/// # Keys of its own
///
/// [`Tickets::new`] makes them, different ones in each process. By the clock of the configuration:
///
/// | what                    | how long                          | default  | why                                                       |
/// | ----------------------- | --------------------------------- | -------- | --------------------------------------------------------- |
/// | a key seals             | one period                        | 12 hours | RFC 9325 §3.4: keys must be changed regularly             |
/// | a key opens             | two periods, and is then wiped    | 24 hours | RFC 9325 §3.4: old keys must be destroyed                 |
/// | a ticket is opened      | its lifetime, at most one period  | 12 hours | RFC 9325 §3.4: half as long as its key is valid           |
/// | a session is resumed    | two periods, or its own lifetime  | 24 hours | RFC 9325 §3.4: two rotations; RFC 5246 §F.1.4: 24 hours   |
///
/// There is no thread behind it: keys change when a ticket is sealed or opened, and a server to which nobody comes keeps the
/// last one until somebody does. A clock that is set back by less than a period changes nothing; by more, it makes a new key.
/// What is gone does not come back.
///
/// A ticket is renewed each time it is shown, so that clients can show each one once. A renewed ticket holds the same master
/// secret, and so the session stays as old as it was: no renewal takes it beyond its end.
///
/// # Keys of a fleet
///
/// [`Tickets::with_keys`] takes them from outside, and [`Tickets::set_keys`] exchanges them at run time; then nothing rotates by
/// itself. All servers behind one name get the same 48 random bytes for each period, from a KMS or by `openssl rand 48`, over
/// a channel and at rest as the private key of the certificate. For each new key, in this order:
///
/// 1. give it to every server as one of the `others`, so that each can open what the first one seals with it;
/// 2. a while later, as `current`, with the one before among the `others`;
/// 3. a period later leave the old one out, everywhere, and destroy it.
///
/// Their clocks have to agree to a minute: a ticket from a later future is declined.
///
/// Give [`Tickets::with_period`] the period of these exchanges: it limits tickets and sessions as above. Who holds a key can
/// decrypt every connection whose ticket is under it, whenever it was recorded, so the period is how far forward secrecy reaches.
pub struct Tickets {
    backend: Backend,
    random: Arc<dyn Random>,
    /// In seconds.
    period: u32,
    /// Of a ticket, in seconds: at most a period.
    lifetime: u32,
    /// Cloned by each call, so that nobody waits for anybody's cryptography.
    keys: RwLock<Arc<Keys>>,
}

impl Tickets {
    /// 12 hours, in seconds.
    const PERIOD: u32 = 12 * 60 * 60;

    /// Tickets under keys of its own, with the defaults.
    ///
    /// # Errors
    /// The operating system's source of randomness failed.
    pub fn new() -> Result<Self, ConfigError> {
        let backend = Backend::default();
        Self::with_random(backend, backend.random())
    }

    /// Tickets under keys of its own, with `random` for the keys and nonces.
    ///
    /// # Errors
    /// The source of randomness failed, or gives zeros.
    pub fn with_random(backend: Backend, random: Arc<dyn Random>) -> Result<Self, ConfigError> {
        let key = Key::random(backend, &*random)
            .ok_or_else(|| ConfigError::new("tickets.random", "it failed, or gave nothing but zeros"))?;
        Ok(Self::with(backend, random, Keys::rotating(key)))
    }

    /// Tickets under keys from outside: `current` seals and opens, the `others` open.
    ///
    /// # Errors
    /// Two keys have the same name.
    pub fn with_keys(current: TicketKey, others: impl IntoIterator<Item = TicketKey>) -> Result<Self, ConfigError> {
        Self::with_keys_on(Backend::default(), current, others)
    }

    /// As [`Self::with_keys`], with the cryptography of `backend`. All backends open what any of them sealed.
    ///
    /// # Errors
    /// Two keys have the same name.
    pub fn with_keys_on(
        backend: Backend,
        current: TicketKey,
        others: impl IntoIterator<Item = TicketKey>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::with(backend, backend.random(), Keys::given(backend, current, others)?))
    }

    fn with(backend: Backend, random: Arc<dyn Random>, keys: Keys) -> Self {
        let keys = RwLock::new(Arc::new(keys));
        Tickets { backend, random, period: Self::PERIOD, lifetime: Self::PERIOD, keys }
    }

    /// How long a key seals, in whole seconds. It sets the lifetime of the tickets to the same.
    ///
    /// # Errors
    /// It is less than a second or more than a week, which is the example of RFC 9325 §3.4.
    pub fn with_period(self, period: Duration) -> Result<Self, ConfigError> {
        const WEEK: u32 = 7 * 24 * 60 * 60;
        let period = seconds("tickets.period", period, WEEK)?;
        Ok(Tickets { period, lifetime: period, ..self })
    }

    /// How long a ticket is opened, in whole seconds.
    ///
    /// # Errors
    /// It is less than a second or more than the period: set that first.
    pub fn with_lifetime(self, lifetime: Duration) -> Result<Self, ConfigError> {
        let lifetime = seconds("tickets.lifetime", lifetime, self.period)?;
        Ok(Tickets { lifetime, ..self })
    }

    /// Exchanges all keys for keys from outside: `current` seals and opens, the `others` open. The keys that are not among them
    /// are wiped when the last call that uses them is done.
    ///
    /// # Errors
    /// Two keys have the same name; then nothing has changed.
    pub fn set_keys(&self, current: TicketKey, others: impl IntoIterator<Item = TicketKey>) -> Result<(), ConfigError> {
        let keys = Keys::given(self.backend, current, others)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The keys as they have to be at `now`.
    fn keys(&self, now: u64) -> Arc<Keys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        if keys.are_right(now, self.period) {
            return keys;
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        if !keys.are_right(now, self.period) {
            *keys = Arc::new(keys.rotated(now, self.period, || Key::random(self.backend, &*self.random)));
        }
        keys.clone()
    }

    /// As if the key that seals had sealed all the tickets that it may.
    #[cfg(test)]
    pub(super) fn spend_key(&self, now: u64) {
        let keys = self.keys(now);
        keys.sealing(now, self.period).into_iter().for_each(|key| key.spend());
    }

    /// The last second in which a session is resumed by a ticket.
    fn end(&self, session: &Session) -> u64 {
        // RFC 9325 §3.4: not longer than two rotations.
        session.expires_at().min(session.created_at.saturating_add(2 * u64::from(self.period)))
    }

    fn try_open(&self, ticket: &[u8], now: u64) -> Option<OpenedTicket> {
        let keys = self.keys(now);
        let key = keys.opening(ticket, now, self.period)?;
        let (sealed_at, session) = key.open(ticket, |opened| {
            let (sealed_at, session) = read(opened).ok()?;
            Some((sealed_at, Session::from_bytes(session).ok()?))
        })?;
        if session.side != Side::Server {
            return None;
        }
        // A ticket from the future has no age; but clocks differ.
        let age = now.saturating_add(CLOCK_SKEW).checked_sub(sealed_at)?.saturating_sub(CLOCK_SKEW);
        if age > self.lifetime.into() || now > self.end(&session) {
            return None;
        }
        // Always: a client that shows a ticket once, for the sake of privacy, needs one for the next time.
        Some(OpenedTicket { session, renew: true })
    }

    fn try_seal(&self, session: &Session, now: u64) -> Option<NewTicket> {
        let left = self.end(session).checked_sub(now)?;
        // A hint of 0 would leave it to the client how long that is (RFC 5077 §5.6).
        let lifetime_hint = u32::try_from(left).unwrap_or(u32::MAX).min(self.lifetime);
        if lifetime_hint == 0 {
            return None;
        }
        let (keys, sealed_at) = (self.keys(now), now.to_be_bytes());
        let length = sealed_at.len() + session.encoded_len();
        let ticket = keys.sealing(now, self.period)?.seal(&*self.random, length, |out| {
            out.extend_from_slice(&sealed_at);
            session.append_to(out).ok()
        })?;
        Some(NewTicket { ticket, lifetime_hint })
    }
}

/// The time of the sealing, and the session.
fn read(opened: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut r = Reader::new(opened);
    Ok((u64::from_be_bytes(*r.array("sealed_at")?), r.rest()))
}

fn seconds(field: &'static str, duration: Duration, most: u32) -> Result<u32, ConfigError> {
    let seconds = u32::try_from(duration.as_secs()).ok().filter(|seconds| (1..=most).contains(seconds));
    seconds.ok_or_else(|| ConfigError::new(field, format!("it is {duration:?}, and has to be 1 to {most} seconds")))
}

impl TicketSealer for Tickets {
    fn open(&self, ticket: &[u8], now: UnixTime) -> Decision<Option<OpenedTicket>> {
        Decision::Now(self.try_open(ticket, now.as_secs()))
    }

    fn seal(&self, session: &Arc<Session>, now: UnixTime) -> Decision<Option<NewTicket>> {
        Decision::Now(self.try_seal(session, now.as_secs()))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets")
            .field("period", &self.period)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// A ticket that nobody sealed is not opened, and what is sealed by whoever has the key is a session or declined.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz_ticket(bytes: &[u8]) {
    let fixed = || TicketKey::new(&[1; TicketKey::LEN]);
    let tickets = fixed().and_then(|key| Tickets::with_keys(key, []));
    let (Ok(tickets), Ok(key)) = (tickets, fixed()) else { return };
    assert!(tickets.try_open(bytes, 0).is_none(), "nobody sealed it");
    let sealed = Key::new(tickets.backend, &key).seal(&*tickets.random, bytes.len(), |out| {
        out.extend_from_slice(bytes);
        Some(())
    });
    let _ = sealed.map(|ticket| tickets.try_open(&ticket, u64::MAX));
}
