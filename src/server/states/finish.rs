use alloc::boxed::Box;
use alloc::sync::Arc;

use pki_types::UnixTime;

use super::Cx;
use super::resume::{seal, send_ticket};
use crate::ask::{Ask, SealTicketRequest, Sealed, Token};
use crate::crypto::{FinishedLabel, KeyExchange, SealingKey};
use crate::decision::Decision;
use crate::error::Reason;
use crate::handshake::{MasterReady, long_names};
use crate::machine::ChangeCipherSpec;
use crate::message::{ClientKeyExchange, Finished, NamedGroup};
use crate::proof::{Established, FinishedVerified, KeyExchangeProof, PeerProof};
use crate::server::flow::{AfterChangeCipherSpec, AfterClientKeyExchange, AfterFinished, AfterSealed, Asks, On};
use crate::session::{Handle, Names, Session};

/// Our half of the key exchange, signed.
pub(crate) struct Exchange {
    pub(super) proof: KeyExchangeProof,
    pub(super) group: NamedGroup,
    pub(super) exchange: Box<dyn KeyExchange>,
}

/// The keys of a full handshake are made; ours is for when the client has finished.
pub(crate) struct KeysReady {
    key_exchange: KeyExchangeProof,
    master: MasterReady,
    sealing_key: SealingKey,
}

impl Exchange {
    /// The other half, and what comes of both.
    pub(super) fn complete(self, cx: &mut Cx<'_>, client: &ClientKeyExchange<'_>) -> Result<KeysReady, Reason> {
        let Exchange { proof: key_exchange, group, exchange } = self;
        let pre_master = exchange.complete(client.public_key).map_err(|_| Reason::BadKeyShare(group))?;
        let master = cx.set_master_secret(pre_master)?;
        let sealing_key = cx.expand_keys(master, false)?;
        Ok(KeysReady { key_exchange, master, sealing_key })
    }
}

/// The client claims no certificate: it was not asked for one, or has none.
pub(crate) struct WaitClientKeyExchange {
    pub(super) peer: PeerProof,
    pub(super) exchange: Exchange,
}

impl On<ClientKeyExchange<'_>> for WaitClientKeyExchange {
    type Next = AfterClientKeyExchange;

    fn on(self, cx: &mut Cx<'_>, client: ClientKeyExchange<'_>) -> Result<AfterClientKeyExchange, Reason> {
        let keys = self.exchange.complete(cx, &client)?;
        Ok(AfterClientKeyExchange::WaitChangeCipherSpec(WaitChangeCipherSpec::full(self.peer, keys)))
    }
}

/// How the peer and the key exchange are known.
pub(crate) struct Proofs {
    pub(super) peer: PeerProof,
    pub(super) key_exchange: KeyExchangeProof,
}

/// Our ChangeCipherSpec and Finished.
pub(crate) enum Ours {
    /// In a resumption they come first.
    IsOut,
    Follows(SealingKey),
}

/// The keys are made.
pub(crate) struct WaitChangeCipherSpec {
    pub(super) proofs: Proofs,
    pub(super) master: MasterReady,
    pub(super) ours: Ours,
}

impl WaitChangeCipherSpec {
    pub(super) fn full(peer: PeerProof, keys: KeysReady) -> Self {
        let KeysReady { key_exchange, master, sealing_key } = keys;
        WaitChangeCipherSpec { proofs: Proofs { peer, key_exchange }, master, ours: Ours::Follows(sealing_key) }
    }
}

impl On<ChangeCipherSpec> for WaitChangeCipherSpec {
    type Next = AfterChangeCipherSpec;

    fn on(self, cx: &mut Cx<'_>, _: ChangeCipherSpec) -> Result<AfterChangeCipherSpec, Reason> {
        cx.open_with_new_key()?;
        let WaitChangeCipherSpec { proofs, master, ours } = self;
        Ok(AfterChangeCipherSpec::WaitFinished(WaitFinished { proofs, master, ours }))
    }
}

/// The client's records are encrypted from here on.
pub(crate) struct WaitFinished {
    proofs: Proofs,
    master: MasterReady,
    ours: Ours,
}

impl On<Finished<'_>> for WaitFinished {
    type Next = AfterFinished;

    fn on(self, cx: &mut Cx<'_>, received: Finished<'_>) -> Result<AfterFinished, Reason> {
        let WaitFinished { proofs, master, ours } = self;
        let finished = cx.check_finished(master, FinishedLabel::Client, &received)?;
        match ours {
            Ours::Follows(sealing_key) if cx.hs.kept.ticket_promised => {
                let session = make_session(cx, Handle::None)?;
                let now = cx.common().clock.now();
                Ok(AfterFinished::AskNewTicket(AskNewTicket { proofs, master, finished, sealing_key, session, now }))
            }
            Ours::Follows(sealing_key) => {
                cx.send_finished(master, FinishedLabel::Server, sealing_key)?;
                store(cx)?;
                Ok(AfterFinished::Established(establish(cx, proofs, master, finished)?))
            }
            Ours::IsOut => Ok(AfterFinished::Established(establish(cx, proofs, master, finished)?)),
        }
    }
}

/// The handshake is done on the client's side, and we owe it a ticket.
pub(crate) struct AskNewTicket {
    proofs: Proofs,
    master: MasterReady,
    finished: FinishedVerified,
    sealing_key: SealingKey,
    session: Arc<Session>,
    now: UnixTime,
}

impl Asks for AskNewTicket {
    type Answer = Sealed;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Sealed>, Reason> {
        Ok(seal(cx, &self.session, self.now))
    }

    fn request(&self, _: &Cx<'_>, token: Token) -> Ask {
        Ask::SealTicket(Box::new(SealTicketRequest { token, session: Arc::clone(&self.session), now: self.now }))
    }

    fn without_answer(&self, why: &str) -> Option<Sealed> {
        Some(Sealed(Err(why.into())))
    }
}

impl On<Sealed> for AskNewTicket {
    type Next = AfterSealed;

    fn on(self, cx: &mut Cx<'_>, sealed: Sealed) -> Result<AfterSealed, Reason> {
        let AskNewTicket { proofs, master, finished, sealing_key, .. } = self;
        send_ticket(cx, sealed)?;
        cx.send_finished(master, FinishedLabel::Server, sealing_key)?;
        Ok(AfterSealed::Established(establish(cx, proofs, master, finished)?))
    }
}

fn establish(
    cx: &mut Cx<'_>,
    proofs: Proofs,
    master: MasterReady,
    finished: FinishedVerified,
) -> Result<Established, Reason> {
    cx.bind(master)?;
    Ok(Established::new(proofs.peer, proofs.key_exchange, finished))
}

/// Stores the session, if ServerHello gave it an ID.
fn store(cx: &mut Cx<'_>) -> Result<(), Reason> {
    let (Some(store), Some(id)) = (cx.hs.config.session_store.clone(), cx.hs.kept.session_id) else { return Ok(()) };
    let session = make_session(cx, Handle::Id(id.into()))?;
    store.put(&id, session);
    cx.facts.own.store_by_id(&store, id);
    Ok(())
}

pub(super) fn make_session(cx: &Cx<'_>, handle: Handle) -> Result<Arc<Session>, Reason> {
    let names = &cx.facts.names;
    let names = match cx.facts.own.identity() {
        // In a resumption it has the digest.
        None => names.clone(),
        Some(own) => {
            let end_point = own.server_end_point().unwrap_or_default();
            let (name, alpn) = (names.server_name().unwrap_or_default(), names.alpn().unwrap_or_default());
            Names::new(name, alpn, end_point).ok_or_else(long_names)?
        }
    };
    cx.make_session(cx.hs.config.client_auth_policy(), names, handle, None)
}
