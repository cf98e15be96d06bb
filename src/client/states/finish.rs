use alloc::sync::Arc;

use super::Cx;
use crate::client::flow::{AfterChangeCipherSpec, AfterFinished, AfterNewTicket, On};
use crate::client::text_of;
use crate::crypto::{FinishedLabel, SealingKey};
use crate::error::Reason;
use crate::handshake::{MasterReady, long_names};
use crate::machine::ChangeCipherSpec;
use crate::message::{Finished, NewSessionTicket};
use crate::proof::{Established, KeyExchangeProof, PeerProof};
use crate::session::{ClientAuthPolicy, Handle, LONGEST_TICKET, Names};

/// How the server and the key exchange are known.
pub(crate) struct Proofs {
    pub(super) peer: PeerProof,
    pub(super) key_exchange: KeyExchangeProof,
}

/// Our ChangeCipherSpec and Finished.
pub(crate) enum Ours {
    IsOut,
    /// In a resumption they come last.
    Follows(SealingKey),
}

/// A NewSessionTicket comes first, exactly if ServerHello said so (RFC 5077 §3.3).
pub(super) fn await_end<N: From<WaitNewTicket> + From<WaitChangeCipherSpec>>(
    cx: &Cx<'_>,
    next: WaitChangeCipherSpec,
) -> N {
    if cx.hs.kept.ticket_promised { WaitNewTicket(next).into() } else { next.into() }
}
/// The server said that it sends a ticket.
pub(crate) struct WaitNewTicket(WaitChangeCipherSpec);

impl On<NewSessionTicket<'_>> for WaitNewTicket {
    type Next = AfterNewTicket;

    fn on(self, cx: &mut Cx<'_>, new: NewSessionTicket<'_>) -> Result<AfterNewTicket, Reason> {
        // RFC 5077 §3.3: an empty one is none.
        if !new.ticket.is_empty() && new.ticket.len() <= LONGEST_TICKET {
            cx.hs.kept.new_ticket = Some((new.ticket.into(), new.lifetime_hint));
        }
        Ok(AfterNewTicket::WaitChangeCipherSpec(self.0))
    }
}

/// The keys are made.
pub(crate) struct WaitChangeCipherSpec {
    pub(super) proofs: Proofs,
    pub(super) master: MasterReady,
    pub(super) ours: Ours,
}

impl On<ChangeCipherSpec> for WaitChangeCipherSpec {
    type Next = AfterChangeCipherSpec;

    fn on(self, cx: &mut Cx<'_>, _: ChangeCipherSpec) -> Result<AfterChangeCipherSpec, Reason> {
        cx.open_with_new_key()?;
        let WaitChangeCipherSpec { proofs, master, ours } = self;
        Ok(AfterChangeCipherSpec::WaitFinished(WaitFinished { proofs, master, ours }))
    }
}

/// The server's records are encrypted from here on.
pub(crate) struct WaitFinished {
    proofs: Proofs,
    master: MasterReady,
    ours: Ours,
}

impl On<Finished<'_>> for WaitFinished {
    type Next = AfterFinished;

    fn on(self, cx: &mut Cx<'_>, received: Finished<'_>) -> Result<AfterFinished, Reason> {
        let WaitFinished { proofs, master, ours } = self;
        let finished = cx.check_finished(master, FinishedLabel::Server, &received)?;
        if let Ours::Follows(sealing_key) = ours {
            cx.send_finished(master, FinishedLabel::Client, sealing_key)?;
        }
        store(cx)?;
        cx.bind(master)?;
        Ok(AfterFinished::Established(Established::new(proofs.peer, proofs.key_exchange, finished)))
    }
}

/// Keeps the session, if there is something to resume it by that is not known yet.
fn store(cx: &mut Cx<'_>) -> Result<(), Reason> {
    let Some(sessions) = cx.hs.config.sessions.clone().filter(|_| cx.may_leave_session()) else { return Ok(()) };
    let Some(server) = cx.facts.own.server() else { return Ok(()) };
    let kept = &mut cx.hs.kept;
    let (handle, hint) = match (kept.new_ticket.take(), core::mem::take(&mut kept.session_id)) {
        (Some((ticket, hint)), _) => (Handle::Ticket(ticket), Some(hint)),
        (None, id) if !id.is_empty() => (Handle::Id(id.into()), None),
        _ => return Ok(()),
    };
    let alpn = cx.facts.names.alpn();
    let names = match &cx.hs.resumed {
        Some(session) if session.names.alpn() == alpn => session.names.clone(),
        _ => Names::new(&text_of(server), alpn.unwrap_or_default(), &[]).ok_or_else(long_names)?,
    };
    let session = cx.make_session(ClientAuthPolicy::NotRequested, names, handle, hint)?;
    sessions.put(server, Arc::clone(&session));
    cx.facts.own.store(sessions, session);
    Ok(())
}
