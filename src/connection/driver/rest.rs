//! To rest and to wake: between the driver and [`AtRest`].

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{Driver, Phase, Receiving, Sending};
use crate::client::Client;
use crate::config::{Common, ExtendedMasterSecret};
use crate::connection::export::{ChannelBinding, Source};
use crate::connection::receiving::ESTABLISHED;
use crate::connection::requests::HelloRequests;
use crate::crypto::{KeySource, Suite};
use crate::dormant::{AtRest, Dormant, RefusedWake, WakeError};
use crate::error::{Error, Reason};
use crate::handshake::{Bound, Facts, Own, Role, Woken, long_names};
use crate::proof::{Established, PeerProof};
use crate::record::{Incoming, Outgoing};
use crate::server::Server;
use crate::server::config::ServerConfig;
use crate::session::{ClientAuthPolicy, Names, SessionStore};

/// What waking differs in.
pub(in crate::connection) trait Wakes: Role {
    /// Whether the configuration takes a peer that is known so.
    fn takes(config: &Self::Config, peer: &PeerProof) -> bool;

    /// Where a server's sessions are, to be forgotten when their connections fail.
    fn store(config: &Self::Config) -> Option<&Arc<dyn SessionStore>>;
}

impl Wakes for Client {
    fn takes(_: &Self::Config, _: &PeerProof) -> bool {
        true
    }

    fn store(_: &Self::Config) -> Option<&Arc<dyn SessionStore>> {
        None
    }
}

impl Wakes for Server {
    fn takes(config: &ServerConfig, peer: &PeerProof) -> bool {
        config.client_auth_policy() != ClientAuthPolicy::Required || peer.is_known()
    }

    fn store(config: &ServerConfig) -> Option<&Arc<dyn SessionStore>> {
        config.session_store.as_ref()
    }
}

impl<R: Wakes> Driver<R> {
    /// The connection at rest, or the connection itself and why it cannot rest.
    #[expect(clippy::result_large_err, reason = "who takes it puts it into a box")]
    pub(in crate::connection) fn export(self) -> Result<Dormant, (Self, Error)> {
        let (suite, names) = match self.may_rest() {
            Ok(found) => found,
            Err(error) => return Err((self, error)),
        };
        let error = match self.phase {
            Phase::Established(established) => {
                let at_rest = at_rest(R::IS_CLIENT, suite, names, established, self.receiving, &self.sending);
                return Ok(Dormant::new(at_rest));
            }
            Phase::Failed(ref error) => error.clone(),
            Phase::Handshake(_) => self.refuse(Reason::NotDormant(NOT_DONE)),
        };
        Err((self, error))
    }

    /// The suite and the names that rest.
    fn may_rest(&self) -> Result<(&'static Suite, Names), Error> {
        let facts = self.facts();
        let has_keys = facts.bound.is_some() || facts.woken.as_ref().is_some_and(|woken| woken.keys.is_some());
        let why = match (&self.phase, facts.suite) {
            (Phase::Failed(error), _) => return Err(error.clone()),
            (Phase::Established(_), Some(_)) if self.wants_write() => "output is queued: write it first",
            (Phase::Established(_), Some(_)) if !self.receiving.is_aligned() => {
                "part of a handshake message was received: read on first"
            }
            (Phase::Established(_), Some(suite)) if has_keys => {
                let end_point = self.source().channel_binding(ChannelBinding::TlsServerEndPoint).unwrap_or_default();
                let (name, alpn) = (facts.server_name().unwrap_or_default(), facts.names.alpn().unwrap_or_default());
                return match Names::new(name, alpn, &end_point) {
                    Some(names) => Ok((suite, names)),
                    None => Err(self.refuse(long_names())),
                };
            }
            _ => NOT_DONE,
        };
        Err(self.refuse(Reason::NotDormant(why)))
    }

    /// The connection of `dormant`, under this configuration.
    pub(in crate::connection) fn wake(dormant: Dormant, config: &R::Config) -> Result<Self, RefusedWake> {
        let common: &Common = config.as_ref();
        if let Some(why) = unfit::<R>(dormant.at_rest(), config) {
            return Err(RefusedWake::new(dormant, why));
        }
        let at_rest = dormant.into_at_rest();
        let (sealing, opening) = at_rest.with_keys(common.backend, |keys| {
            let (ours, theirs) = keys.of(R::IS_CLIENT);
            (ours.sealing(common.backend), theirs.opening(common.backend))
        });
        let outgoing = Outgoing::awake(sealing, at_rest.sequence, at_rest.max_fragment);
        let mut sending = Sending::new(outgoing.with_record_size(common.record_size));
        sending.outgoing.is_closed = at_rest.close_sent;
        let mut receiving = Receiving::new(R::IS_CLIENT, &common.message_limits, common.observer.clone());
        receiving.incoming = Incoming::awake(opening, at_rest.reached);
        receiving.hello_requests = HelloRequests(at_rest.hello_requests);
        receiving.close_received = at_rest.close_received;
        let mut by_id = Own::default();
        if let Some((id, store)) = at_rest.session_id.as_deref().zip(R::store(config)) {
            by_id.store_by_id(store, *id);
        }
        let (bound, keys) = match &at_rest.source {
            KeySource::Master { secret, server_random, tls_unique } => {
                let mut bound = Bound::new::<R>(common);
                bound.master_secret.copy_from(secret.as_bytes());
                bound.server_random = *server_random;
                bound.tls_unique = *tls_unique;
                (Some(bound), None)
            }
            KeySource::Traffic(keys) => (None, Some(keys.boxed())),
        };
        // The secrets stay where they are, and are wiped there.
        let AtRest { established, names, own, ref peer_digest, .. } = *at_rest;
        receiving.facts = Facts {
            client_random: at_rest.client_random,
            suite: Some(at_rest.suite),
            group: at_rest.group,
            scheme: at_rest.scheme,
            asks_by_name: names.server_name().is_some(),
            names,
            own: own.map_or(by_id, |own| *own),
            extended_master_secret: at_rest.extended_master_secret,
            secure_renegotiation: at_rest.secure_renegotiation,
            resumed: at_rest.resumed,
            bound,
            woken: Some(Box::new(Woken { peer_digest: peer_digest.as_deref().copied(), keys })),
            ..Facts::default()
        };
        Ok(Driver {
            phase: Phase::Established(established),
            receiving,
            sending,
            #[cfg(test)]
            planted: None,
        })
    }
}

const NOT_DONE: &str = "the handshake is not done";

/// The secrets are copied straight to where they stay.
fn at_rest(
    is_client: bool,
    suite: &'static Suite,
    names: Names,
    established: Established,
    receiving: Receiving,
    sending: &Sending,
) -> Box<AtRest> {
    let facts = receiving.facts;
    let source = Source { facts: &facts, is_established: true, state: ESTABLISHED };
    let peer_digest = source.peer_digest().map(Box::new);
    let keys = facts.woken.as_deref().and_then(|woken| woken.keys.as_deref());
    let mut at_rest = Box::new(AtRest {
        is_client,
        suite,
        established,
        source: if keys.is_some() { KeySource::empty_traffic(suite.aead) } else { KeySource::empty_master() },
        client_random: facts.client_random,
        sequence: sending.outgoing.sequence(),
        max_fragment: sending.outgoing.fragment_limit(),
        reached: receiving.incoming.reached(),
        hello_requests: receiving.hello_requests.0,
        group: facts.group,
        scheme: facts.scheme,
        extended_master_secret: facts.extended_master_secret,
        secure_renegotiation: facts.secure_renegotiation,
        resumed: facts.resumed,
        close_sent: sending.outgoing.is_closed,
        close_received: receiving.close_received,
        names,
        peer_digest,
        own: facts.own.at_rest(),
        session_id: None,
    });
    if let Some(keys) = keys {
        at_rest.source.set_traffic(keys);
    }
    if let Some(bound) = facts.bound.as_deref() {
        at_rest.source.set_master(bound.master_secret.as_bytes(), &bound.server_random, &bound.tls_unique);
    }
    at_rest
}

/// Why the configuration would not have made such a connection.
fn unfit<R: Wakes>(at_rest: &AtRest, config: &R::Config) -> Option<WakeError> {
    let common: &Common = config.as_ref();
    let needs_ems = common.extended_master_secret == ExtendedMasterSecret::Required;
    if at_rest.is_client != R::IS_CLIENT {
        Some(WakeError::OtherRole)
    } else if !common.suites.iter().any(|suite| suite.id == at_rest.suite.id) {
        Some(WakeError::CipherSuite(at_rest.suite.id))
    } else if needs_ems && !at_rest.extended_master_secret {
        Some(WakeError::NoExtendedMasterSecret)
    } else if !R::takes(config, at_rest.established.peer()) {
        Some(WakeError::NoClientCertificate)
    } else {
        None
    }
}
