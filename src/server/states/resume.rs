//! The abbreviated handshake (RFC 5246 §7.3 figure 2, RFC 5077 §3.1 figures 2 and 3).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::str;

use pki_types::UnixTime;

use super::client_auth::{verify, verify_request};
use super::finish::make_session;
use super::hello::{Says, send_hello};
use super::{AskIdentity, Cx, Ours, Proofs, WaitChangeCipherSpec};
use crate::ask::{
    Ask, FindSessionRequest, Found, FoundSession, OpenTicketRequest, SealTicketRequest, Sealed, Token, Verdict,
};
use crate::crypto::{FinishedLabel, Suite};
use crate::decision::Decision;
use crate::error::Reason;
use crate::handshake::{MasterReady, SessionId};
use crate::identity::PeerCertificates;
use crate::message::{ClientHello, HandshakeType, NewSessionTicket};
use crate::observer::NotResumed;
use crate::proof::{Binding, KeyExchangeProof, PeerProof, Resumable};
use crate::server::flow::{AfterFound, AfterRenewal, AfterVerdictAgain, Asks, On};
use crate::server::negotiate;
use crate::session::{Handle, LONGEST_TICKET, Session, Side};

/// The client offers a session.
pub(crate) struct AskSession {
    lookup: Lookup,
    offer: Offer,
    now: UnixTime,
}

/// What a session has to fit, so that nobody reads the ClientHello again for it.
struct Offer {
    /// Which of our cipher suites the client has: a bit for each, from the lowest one on.
    suites: u32,
    server_name: Option<Range<usize>>,
    /// The application protocol that we would choose.
    alpn: Option<Range<usize>>,
    reply: Reply,
}

/// What a ServerHello needs that resumes the session.
#[derive(Clone)]
struct Reply {
    session_id: Range<usize>,
    ec_point_formats: bool,
}

/// By what the session is looked up: where it stands in the ClientHello that is kept.
enum Lookup {
    Ticket(Range<usize>),
    Id(Range<usize>),
}

impl AskSession {
    /// What there is to look up, if anything. RFC 5077 §3.4: with a ticket, the session ID is none to be found.
    pub(super) fn offered(cx: &Cx<'_>, hello: &ClientHello<'_>) -> Option<Self> {
        let (config, common, session_id) = (&cx.hs.config, cx.common(), hello.session_id);
        let lookup = match hello.extensions.session_ticket {
            Some(ticket) if !ticket.is_empty() => {
                config.tickets.as_ref()?;
                Lookup::Ticket(place(cx, ticket)?)
            }
            // All session IDs of ours have 32 bytes.
            _ if session_id.len() == size_of::<SessionId>() => {
                config.session_store.as_ref()?;
                Lookup::Id(place(cx, session_id)?)
            }
            _ => return None,
        };
        let has = |suite: &&Suite| hello.cipher_suites.contains(suite.id);
        let bits = common.suites.iter().zip(0..u32::BITS).filter(|(suite, _)| has(suite));
        let alpn = negotiate::alpn(common, hello.extensions.alpn).ok().flatten();
        let offer = Offer {
            suites: bits.fold(0, |bits, (_, index)| bits | 1 << index),
            server_name: match hello.server_name() {
                Some(name) => Some(place(cx, name.as_bytes())?),
                None => None,
            },
            alpn: match alpn {
                Some(name) => Some(place(cx, name)?),
                None => None,
            },
            reply: Reply {
                session_id: place(cx, session_id)?,
                ec_point_formats: hello.extensions.ec_point_formats.is_some(),
            },
        };
        Some(AskSession { lookup, offer, now: common.clock.now() })
    }
}

/// Where a part of the ClientHello stands in it.
fn place(cx: &Cx<'_>, part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(cx.message.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    cx.message.get(range.clone()).map(|_| range)
}

/// What stands there.
fn part<'a>(cx: &'a Cx<'_>, range: &Range<usize>) -> &'a [u8] {
    cx.client_hello().get(range.clone()).unwrap_or_default()
}

impl Asks for AskSession {
    type Answer = Found;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Found>, Reason> {
        let config = &cx.hs.config;
        Ok(match (&self.lookup, &config.tickets, &config.session_store) {
            (Lookup::Ticket(range), Some(tickets), _) => tickets.open(part(cx, range), self.now).map(Found::in_ticket),
            (Lookup::Id(range), _, Some(store)) => store.find(part(cx, range), self.now).map(Found::in_store),
            _ => Decision::Now(Found::in_store(None)),
        })
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        let now = self.now;
        match &self.lookup {
            Lookup::Ticket(range) => {
                Ask::OpenTicket(Box::new(OpenTicketRequest { token, ticket: part(cx, range).to_vec(), now }))
            }
            Lookup::Id(range) => {
                Ask::FindSession(Box::new(FindSessionRequest { token, id: part(cx, range).to_vec(), now }))
            }
        }
    }

    fn without_answer(&self, why: &str) -> Option<Found> {
        Some(Found(Err(why.into())))
    }
}

impl On<Found> for AskSession {
    type Next = AfterFound;

    fn on(self, cx: &mut Cx<'_>, found: Found) -> Result<AfterFound, Reason> {
        match self.accept(cx, found) {
            Ok((resumable, renew)) => {
                let verify = cx.common().verify_on_resumption && resumable.session().peer_certificates.is_some();
                let accepted = Accepted { resumable, renew, reply: self.offer.reply, now: self.now };
                if verify { Ok(AskVerifyAgain(accepted).into()) } else { resume(cx, accepted) }
            }
            Err(Refused::Session(why)) => {
                cx.not_resumed(&why);
                Ok(AfterFound::AskIdentity(AskIdentity))
            }
            Err(Refused::Client(reason)) => Err(reason),
        }
    }
}

/// Why there is no resumption.
enum Refused {
    /// The handshake goes on in full.
    Session(NotResumed),
    /// It ends.
    Client(Reason),
}

impl From<NotResumed> for Refused {
    fn from(why: NotResumed) -> Self {
        Refused::Session(why)
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Refused::Client(reason)
    }
}

impl AskSession {
    /// Whether what was found fits this client and this configuration.
    fn accept(&self, cx: &Cx<'_>, found: Found) -> Result<(Resumable, bool), Refused> {
        let (id, none) = match &self.lookup {
            Lookup::Ticket(_) => (None, NotResumed::TicketDeclined),
            Lookup::Id(range) => (Some(part(cx, range)), NotResumed::UnknownSession),
        };
        let FoundSession { session, renew } = found.0.map_err(NotResumed::NoAnswer)?.ok_or(none)?;
        let common = cx.common();
        let offered_name = self.offer.server_name.as_ref().map(|range| part(cx, range));
        let binding = Binding {
            side: Side::Server,
            now: self.now,
            context: &common.session_context,
            lifetime: common.session_lifetime,
            server_name: offered_name.and_then(|name| str::from_utf8(name).ok()),
            id,
            client_auth: cx.hs.config.client_auth_policy(),
            certificate_types: &cx.hs.config.client_types,
            without_ems: common.resumes_without_ems && !cx.facts.extended_master_secret,
        };
        // RFC 5246 §7.4.1.2: the client's list has the suite of the session.
        let has = |index: u32| self.offer.suites & 1 << index != 0;
        let fits = |id| common.suites.iter().zip(0..u32::BITS).any(|(suite, index)| suite.id == id && has(index));
        let resumable = Resumable::check(session, &binding, |suite| fits(suite.id))?;
        let session = resumable.session();
        if session.names.alpn() != self.offer.alpn.as_ref().map(|range| part(cx, range)) {
            return Err(NotResumed::OtherApplicationProtocol.into());
        }
        // RFC 6066 §4: the length stays with the session.
        if session.max_fragment_length != cx.facts.max_fragment_length.map(|length| length.0) {
            return Err(NotResumed::OtherFragmentLength.into());
        }
        // RFC 7627 §5.3.
        if session.extended_master_secret && !cx.facts.extended_master_secret {
            return Err(Reason::ResumedWithoutExtendedMasterSecret.into());
        }
        Ok((resumable, renew))
    }
}

/// A session that is about to be resumed.
struct Accepted {
    resumable: Resumable,
    /// The client is to get a new ticket.
    renew: bool,
    reply: Reply,
    now: UnixTime,
}

impl Accepted {
    fn certificates(&self) -> Option<&PeerCertificates> {
        self.resumable.session().peer_certificates.as_ref()
    }
}

/// The session fits; the client's certificates are to be looked at again.
pub(crate) struct AskVerifyAgain(Accepted);

impl Asks for AskVerifyAgain {
    type Answer = Verdict;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Verdict>, Reason> {
        verify(cx, self.0.certificates(), true, self.0.now)
    }

    fn request(&self, _: &Cx<'_>, token: Token) -> Ask {
        verify_request(self.0.certificates(), true, self.0.now, token)
    }

    fn without_answer(&self, why: &str) -> Option<Verdict> {
        Some(Verdict::Missing(why.into()))
    }
}

impl On<Verdict> for AskVerifyAgain {
    type Next = AfterVerdictAgain;

    fn on(self, cx: &mut Cx<'_>, verdict: Verdict) -> Result<AfterVerdictAgain, Reason> {
        let why = match verdict {
            Verdict::Given(Ok(verified)) => {
                cx.hs.peer_not_after = verified.not_after();
                return resume(cx, self.0);
            }
            Verdict::Given(Err(error)) => {
                if let (Handle::Id(id), Some(store)) = (&self.0.resumable.session().handle, &cx.hs.config.session_store)
                {
                    store.remove(id);
                }
                NotResumed::CertificateRefused(error.to_string())
            }
            Verdict::Missing(why) => NotResumed::NoAnswer(why),
        };
        cx.not_resumed(&why);
        Ok(AfterVerdictAgain::AskIdentity(AskIdentity))
    }
}

/// ServerHello, with the client's session ID: by that it knows that its session is resumed.
fn resume<N>(cx: &mut Cx<'_>, accepted: Accepted) -> Result<N, Reason>
where
    N: From<AskRenewal> + From<WaitChangeCipherSpec>,
{
    let Accepted { resumable, renew, reply, now } = accepted;
    let session = resumable.session();
    let proofs =
        Proofs { peer: PeerProof::from_session(&resumable), key_exchange: KeyExchangeProof::from_session(&resumable) };
    if let (Handle::Id(id), Some(store)) = (&session.handle, &cx.hs.config.session_store)
        && let Ok(id) = SessionId::try_from(&**id)
    {
        cx.facts.own.store_by_id(store, id);
    }
    let message = cx.take_client_hello();
    let master = cx.resume_master_secret(session);
    cx.take_over(session);
    cx.facts.names = session.names.clone();
    let (random, _) = negotiate::server_random(cx, false)?;
    let says = Says {
        suite: session.suite,
        random,
        session_id: message.get(reply.session_id).unwrap_or_default(),
        session_ticket: renew,
        ec_point_formats: reply.ec_point_formats,
        identity: None,
    };
    send_hello(cx, &message, &says)?;
    // No CertificateVerify can come.
    cx.hs.transcript.take_messages();
    if renew {
        // A verdict that ends sooner than the one before goes into the new ticket.
        let session = if cx.hs.peer_not_after == session.peer_not_after {
            Arc::clone(session)
        } else {
            make_session(cx, Handle::None)?
        };
        return Ok(AskRenewal { proofs, master, session, now }.into());
    }
    Ok(finish(cx, proofs, master)?.into())
}

/// The rest of our flight: ChangeCipherSpec and Finished.
fn finish(cx: &mut Cx<'_>, proofs: Proofs, master: MasterReady) -> Result<WaitChangeCipherSpec, Reason> {
    let sealing_key = cx.expand_keys(master, false)?;
    cx.send_finished(master, FinishedLabel::Server, sealing_key)?;
    Ok(WaitChangeCipherSpec { proofs, master, ours: Ours::IsOut })
}

/// The session is resumed, and the client is to get a new ticket for it.
pub(crate) struct AskRenewal {
    proofs: Proofs,
    master: MasterReady,
    session: Arc<Session>,
    now: UnixTime,
}

impl Asks for AskRenewal {
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

impl On<Sealed> for AskRenewal {
    type Next = AfterRenewal;

    fn on(self, cx: &mut Cx<'_>, sealed: Sealed) -> Result<AfterRenewal, Reason> {
        send_ticket(cx, sealed)?;
        Ok(AfterRenewal::WaitChangeCipherSpec(finish(cx, self.proofs, self.master)?))
    }
}

/// The sealer's answer, at once or later.
pub(super) fn seal(cx: &Cx<'_>, session: &Arc<Session>, now: UnixTime) -> Decision<Sealed> {
    match &cx.hs.config.tickets {
        Some(tickets) => tickets.seal(session, now).map(|ticket| Sealed(Ok(ticket))),
        None => Decision::Now(Sealed(Ok(None))),
    }
}

/// What a ClientHello may say beside its ticket, and the rest of its flight, in bytes.
const REST_OF_HELLO: usize = 2 << 10;

/// NewSessionTicket, which was promised: without a ticket it is an empty one (RFC 5077 §3.3).
pub(super) fn send_ticket(cx: &mut Cx<'_>, sealed: Sealed) -> Result<(), Reason> {
    // The ticket comes back in a ClientHello, which has to be within our own limit.
    let limit = cx.common().message_limits.other.saturating_sub(REST_OF_HELLO).min(LONGEST_TICKET);
    let sealed = match sealed.0 {
        Ok(Some(new)) if new.ticket.len() > limit => {
            Err(format!("its ticket has {} bytes, and no more than {limit} come back", new.ticket.len()))
        }
        Ok(None) => Err("the sealer made none".into()),
        sealed => sealed,
    };
    let ticket = sealed.unwrap_or_else(|why| {
        if let Some(observer) = &cx.common().observer {
            observer.no_ticket(&cx.facts.client_random, &why);
        }
        None
    });
    let (ticket, lifetime_hint) = ticket.map_or((Vec::new(), 0), |new| (new.ticket, new.lifetime_hint));
    cx.send(HandshakeType::NEW_SESSION_TICKET, |w| NewSessionTicket { lifetime_hint, ticket: &ticket }.write(w))
}
