//! Sessions: what a handshake leaves behind, so that a later one can be shorter.

use alloc::boxed::Box;
use alloc::sync::Arc;

use pki_types::ServerName;

use super::{Cx, Facts, Role, SessionId, no_master_secret};
use crate::crypto::MasterSecret;
use crate::error::Reason;
use crate::identity::Identity;
use crate::observer::NotResumed;
use crate::session::{ClientAuthPolicy, ClientSessions, Handle, Names, Session, SessionStore, Side};

/// What a client's connection has, or a server's, and not both: among it where its session is kept, for as long as that may have to
/// be forgotten.
#[derive(Default)]
pub(crate) enum Own {
    /// A server's, at first; and of a connection that was dormant, if its session is kept nowhere.
    #[default]
    Nothing,
    Client {
        server: ServerName<'static>,
        stored: Option<(Arc<dyn ClientSessions>, Arc<Session>)>,
    },
    Server {
        identity: Option<Arc<Identity>>,
        stored: Option<(Arc<dyn SessionStore>, SessionId)>,
    },
}

impl Own {
    /// On a client: to which server it connects.
    pub(crate) fn server(&self) -> Option<&ServerName<'static>> {
        match self {
            Own::Client { server, .. } => Some(server),
            _ => None,
        }
    }

    /// The server's, unless it resumes a session.
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Own::Server { identity, .. } => identity.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn set_identity(&mut self, own: Arc<Identity>) {
        match self {
            Own::Server { identity, .. } => *identity = Some(own),
            _ => *self = Own::Server { identity: Some(own), stored: None },
        }
    }

    /// The ID of a server's session.
    pub(crate) fn session_id(&self) -> Option<&SessionId> {
        match self {
            Own::Server { stored: Some((_, id)), .. } => Some(id),
            _ => None,
        }
    }

    /// A server's session is kept by its ID.
    pub(crate) fn store_by_id(&mut self, store: &Arc<dyn SessionStore>, id: SessionId) {
        let kept = Some((Arc::clone(store), id));
        match self {
            Own::Server { stored, .. } => *stored = kept,
            _ => *self = Own::Server { identity: None, stored: kept },
        }
    }

    /// The client keeps this session, or offers it.
    pub(crate) fn store(&mut self, sessions: Arc<dyn ClientSessions>, session: Arc<Session>) {
        if let Own::Client { stored, .. } = self {
            *stored = Some((sessions, session));
        }
    }

    /// What a connection needs of it that is dormant, if anything.
    pub(crate) fn at_rest(self) -> Option<Box<Self>> {
        match self {
            Own::Client { stored: Some(_), .. } => Some(Box::new(self)),
            Own::Server { stored: stored @ Some(_), .. } => Some(Box::new(Own::Server { identity: None, stored })),
            _ => None,
        }
    }
}

impl Facts {
    /// RFC 5246 §7.2.2: a session whose connection failed is not resumed.
    pub(crate) fn forget_session(&mut self) {
        match &mut self.own {
            Own::Server { stored, .. } => {
                if let Some((store, id)) = stored.take() {
                    store.remove(&id);
                }
            }
            Own::Client { server, stored } => {
                if let Some((sessions, session)) = stored.take() {
                    sessions.remove(server, &session);
                }
            }
            Own::Nothing => {}
        }
    }
}

impl<R: Role> Cx<'_, R> {
    /// A session was offered, and the handshake goes on in full.
    pub(crate) fn not_resumed(&self, why: &NotResumed) {
        if let Some(observer) = &self.common().observer {
            observer.not_resumed(&self.facts.client_random, why);
        }
    }

    /// RFC 7627 §5.3: whether this handshake may leave a session behind.
    pub(crate) fn may_leave_session(&self) -> bool {
        self.facts.extended_master_secret || self.common().resumes_without_ems
    }

    /// What a session brings along, known before the hellos are done.
    pub(crate) fn take_over(&mut self, session: &Arc<Session>) {
        self.facts.resumed = true;
        self.facts.suite = Some(session.suite);
        self.facts.peer_certificates.clone_from(&session.peer_certificates);
        // A verdict that was just given may end sooner.
        let both = [self.hs.peer_not_after, session.peer_not_after];
        self.hs.peer_not_after = both.into_iter().flatten().min();
        self.hs.resumed = Some(Arc::clone(session));
    }

    /// The session of this handshake, which is done but for the Finished of ours. A renewed session is as old as it was: its
    /// master secret stays the same. `hint` is what the server says of its ticket (RFC 5077 §3.3), in seconds.
    pub(crate) fn make_session(
        &self,
        client_auth: ClientAuthPolicy,
        names: Names,
        handle: Handle,
        hint: Option<u32>,
    ) -> Result<Arc<Session>, Reason> {
        let secret = self.hs.master.as_ref().ok_or_else(no_master_secret)?.bound.master_secret.as_bytes();
        let now = self.common().clock.now().as_secs();
        let created_at = self.hs.resumed.as_ref().map_or(now, |session| session.created_at);
        let age = u32::try_from(now.saturating_sub(created_at)).unwrap_or(u32::MAX);
        let hint = hint.filter(|hint| *hint != 0).map_or(u32::MAX, |hint| age.saturating_add(hint));
        let session = Session {
            side: if R::IS_CLIENT { Side::Client } else { Side::Server },
            suite: self.suite()?,
            master_secret: MasterSecret::zero(),
            extended_master_secret: self.facts.extended_master_secret,
            context: self.common().session_context,
            created_at,
            lifetime: self.common().session_lifetime.min(hint),
            names,
            client_auth,
            peer_certificates: self.facts.peer_certificates.clone(),
            peer_not_after: self.hs.peer_not_after,
            max_fragment_length: self.facts.max_fragment_length.map(|length| length.0),
            handle,
        };
        Ok(session.with_secret(secret))
    }
}
