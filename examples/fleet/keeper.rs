//! The thread that talks to Redis, so that nobody else has to wait for it.
//!
//! | in Redis            | under                    | for how long                   |
//! | ------------------- | ------------------------ | ------------------------------ |
//! | a session, sealed   | `fleet:session:` and ID  | as long as it can be resumed   |
//! | a period's seed     | `fleet:seed:` and number | three periods                  |
//!
//! Time is divided into periods. For each one a server draws a random seed, whoever comes first, and all of them derive the
//! same keys from it and the fleet's secret: one for tickets, one for what is stored. A seed is there one period ahead,
//! so that every server can open what the first one seals, and for one period more, for what was sealed last.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, FromRedisValue, cmd};
use sha2::{Digest, Sha384};
use tls12::pki_types::UnixTime;
use tls12::{
    Answer, Backend, Clock, Decision, FindSessionRequest, Session, SessionStore, SystemClock, TicketKey, TicketSealer,
    Tickets,
};
use zeroize::Zeroizing;

use crate::{Problem, now};

/// How long a key seals, in seconds: the period that `Tickets` has by default.
const PERIOD: u64 = 12 * 60 * 60;

/// How often the seeds are looked at.
const REFRESH: Duration = Duration::from_secs(60);

/// How long Redis may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long Redis is left alone after it failed.
const RETRY: Duration = Duration::from_millis(500);

/// Jobs that wait for the thread at most. What comes beyond that is dropped: see [`Keeper`].
const MOST_JOBS: usize = 1024;

/// What is public of a key; with the fleet's secret it gives the key.
type Seed = [u8; 16];

/// Hands jobs to the thread. It never waits: when too many jobs wait already, a session is not looked up, which is a full
/// handshake, or not stored, which is one later, or not removed, and then expires.
pub(crate) struct Keeper {
    jobs: SyncSender<Job>,
}

enum Job {
    Find(FindSessionRequest, Sender<Answer>),
    Put(Vec<u8>, Arc<Session>),
    Remove(Vec<u8>),
}

impl Keeper {
    /// Starts the thread; the tickets get their keys from it. Redis need not be there.
    pub(crate) fn start(url: &str, secret: Zeroizing<[u8; 32]>) -> Result<(Arc<Keeper>, Arc<Tickets>), Problem> {
        let mut shelf = Shelf::new(redis::Client::open(url)?, secret)?;
        let tickets = Arc::clone(&shelf.tickets);
        // Here and now, so that the first client finds the fleet's keys.
        shelf.refresh();
        let (jobs, inbox) = sync_channel(MOST_JOBS);
        thread::spawn(move || shelf.run(&inbox));
        Ok((Arc::new(Keeper { jobs }), tickets))
    }

    /// Looks a session up. The answer may never come.
    pub(crate) fn look_up(&self, request: FindSessionRequest) -> Receiver<Answer> {
        let (reply, answer) = mpsc::channel();
        if let Err(mpsc::TrySendError::Full(Job::Find(request, reply))) = self.jobs.try_send(Job::Find(request, reply))
        {
            _ = reply.send(request.fail("too many look-ups wait already"));
        }
        answer
    }
}

impl SessionStore for Keeper {
    /// The connection asks by `Ask::FindSession`, which goes to [`Keeper::look_up`].
    fn find(&self, _: &[u8], _: UnixTime) -> Decision<Option<Arc<Session>>> {
        Decision::Later
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        _ = self.jobs.try_send(Job::Put(id.to_vec(), session));
    }

    fn remove(&self, id: &[u8]) {
        _ = self.jobs.try_send(Job::Remove(id.to_vec()));
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

/// What the thread has.
struct Shelf {
    redis: Redis,
    secret: Zeroizing<[u8; 32]>,
    /// Those that this process knows, by the number of their period.
    seeds: BTreeMap<u64, Seed>,
    tickets: Arc<Tickets>,
    /// What seals tickets can seal sessions for a store as well, under keys of its own.
    sealer: Tickets,
    refresh_at: Instant,
}

impl Shelf {
    fn new(client: redis::Client, secret: Zeroizing<[u8; 32]>) -> Result<Self, Problem> {
        let redis = Redis { client, connection: None, rests_until: now() };
        // Their keys are exchanged by `refresh`.
        let (tickets, sealer) = (Arc::new(Tickets::new()?), Tickets::new()?);
        Ok(Shelf { redis, secret, seeds: BTreeMap::new(), tickets, sealer, refresh_at: now() })
    }

    fn run(mut self, inbox: &Receiver<Job>) {
        loop {
            match inbox.recv_timeout(self.refresh_at.saturating_duration_since(now())) {
                Ok(Job::Find(request, reply)) => {
                    let answer = match self.find(request.id(), request.now()) {
                        Ok(session) => request.respond(session),
                        Err(why) => request.fail(why),
                    };
                    // Nobody listens if the connection has lost its patience.
                    _ = reply.send(answer);
                }
                Ok(Job::Put(id, session)) => self.put(&id, &session),
                Ok(Job::Remove(id)) => _ = self.redis.run::<()>(cmd("DEL").arg(session_name(&id))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if now() >= self.refresh_at {
                self.refresh();
            }
        }
    }

    fn find(&mut self, id: &[u8], now: UnixTime) -> Result<Option<Arc<Session>>, String> {
        let Some(sealed) = self.redis.run::<Option<Vec<u8>>>(cmd("GET").arg(session_name(id)))? else {
            return Ok(None);
        };
        match self.sealer.open(&sealed, now) {
            Decision::Now(opened) => Ok(opened.map(|opened| opened.session)),
            Decision::Later => Err("the sealer decides later".into()),
        }
    }

    fn put(&mut self, id: &[u8], session: &Arc<Session>) {
        if let Decision::Now(Some(sealed)) = self.sealer.seal(session, SystemClock.now()) {
            let seconds = sealed.lifetime_hint;
            _ = self.redis.run::<()>(cmd("SET").arg(session_name(id)).arg(sealed.ticket).arg("EX").arg(seconds));
        }
    }

    /// Looks at the seeds of this period and its neighbours, and derives the keys. Without Redis, it goes on with those that are
    /// known; if this server never saw one, with one of its own.
    fn refresh(&mut self) {
        let current = SystemClock.now().as_secs() / PERIOD;
        self.seeds.retain(|period, _| period + 1 >= current);
        let mut reached = true;
        for period in current.saturating_sub(1)..=current + 1 {
            reached &= self.share(period).is_ok();
        }
        if let Err(why) = self.exchange_keys(current) {
            eprintln!("the keys stay as they are: {why}");
        }
        self.refresh_at = now() + if reached { REFRESH } else { RETRY };
    }

    /// Offers our seed of a period, and takes the one that is there: that of whoever came first.
    fn share(&mut self, period: u64) -> Result<(), String> {
        let mut ours = [0; 16];
        Backend::default().random().fill(&mut ours).map_err(|error| error.to_string())?;
        // A Redis that was started anew gets back what we knew.
        let ours = *self.seeds.entry(period).or_insert(ours);
        let name = format!("fleet:seed:{period}");
        self.redis.run::<()>(cmd("SET").arg(&name).arg(&ours).arg("NX").arg("EX").arg(3 * PERIOD))?;
        let shared: Vec<u8> = self.redis.run(cmd("GET").arg(&name))?;
        let shared = shared.try_into().map_err(|_| format!("{name} is no seed"))?;
        self.seeds.insert(period, shared);
        Ok(())
    }

    fn exchange_keys(&self, current: u64) -> Result<(), Problem> {
        for (tickets, label) in [(&*self.tickets, b"tickets "), (&self.sealer, b"sessions")] {
            let key = |seed| derive(&self.secret, label, seed);
            let seals = self.seeds.get(&current).ok_or("there is no seed")?;
            let others = self.seeds.iter().filter(|(period, _)| **period != current);
            let others = others.map(|(_, seed)| key(seed)).collect::<Result<Vec<_>, _>>()?;
            tickets.set_keys(key(seals)?, others)?;
        }
        Ok(())
    }
}

fn session_name(id: &[u8]) -> Vec<u8> {
    [b"fleet:session:", id].concat()
}

/// NIST SP 800-56C §4, with one round of a hash that is as long as a key: a counter, the secret, and what the key is for. All
/// parts have a fixed length, and so cannot be taken for each other.
fn derive(secret: &[u8; 32], label: &[u8; 8], seed: &Seed) -> Result<TicketKey, Problem> {
    let mut hash = Sha384::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(secret);
    hash.update(label);
    hash.update(seed);
    let mut key = Zeroizing::new([0; TicketKey::LEN]);
    key.copy_from_slice(&hash.finalize());
    Ok(TicketKey::new(&key)?)
}

/// A connection that comes back.
struct Redis {
    client: redis::Client,
    connection: Option<Connection>,
    /// Until then everything fails at once: a queue of jobs must not wait for one timeout after the other.
    rests_until: Instant,
}

impl Redis {
    fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, String> {
        if now() < self.rests_until {
            return Err("Redis failed a moment ago".into());
        }
        self.try_run(command).map_err(|error| {
            // An answer that is late must not be taken for that to the next command.
            self.connection = None;
            self.rests_until = now() + RETRY;
            format!("Redis: {error}")
        })
    }

    fn try_run<T: FromRedisValue>(&mut self, command: &Cmd) -> redis::RedisResult<T> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let connection = self.client.get_connection_with_timeout(TIMEOUT)?;
                connection.set_read_timeout(Some(TIMEOUT))?;
                connection.set_write_timeout(Some(TIMEOUT))?;
                none.insert(connection)
            }
        };
        command.query(connection)
    }
}
