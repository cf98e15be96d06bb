//! The abbreviated handshake (RFC 5246 §7.3 figure 2, RFC 5077 §3.1 figures 2 and 3).

use pki_types::UnixTime;

use super::finish::{Ours, Proofs, await_end};
use super::verify::{verify, verify_request};
use super::{Cx, WaitChangeCipherSpec};
use crate::ask::{Ask, Token, Verdict};
use crate::client::flow::{AfterServerHello, AfterVerdictAgain, Asks, On};
use crate::crypto::Suite;
use crate::decision::Decision;
use crate::error::Reason;
use crate::message::MaxFragmentLength;
use crate::proof::{KeyExchangeProof, PeerProof, Resumable};

/// The server took up the session that we offered.
pub(super) fn start(cx: &mut Cx<'_>, suite: &'static Suite, resumable: Resumable) -> Result<AfterServerHello, Reason> {
    let session = resumable.session();
    // RFC 5246 §7.4.1.3: the session's suite.
    if suite.id != session.suite.id {
        return Err(Reason::ResumedWithOtherSuite { session: session.suite.id, peer: suite.id });
    }
    // RFC 7627 §5.3: as in the session.
    if session.extended_master_secret != cx.facts.extended_master_secret {
        return Err(Reason::ResumedWithoutExtendedMasterSecret);
    }
    let backend = cx.common().backend;
    cx.hs.transcript.start(backend, suite.hash);
    // No CertificateRequest can come.
    cx.hs.transcript.take_messages();
    // RFC 6066 §4: the length stays with the session, whatever ServerHello says of it.
    if let (None, None, Some(code)) = (cx.facts.max_fragment_length, cx.hs.record_limits, session.max_fragment_length) {
        cx.limit_fragments(MaxFragmentLength(code));
    }
    cx.take_over(session);
    if cx.common().verify_on_resumption {
        return Ok(AfterServerHello::AskVerifyAgain(AskVerifyAgain { resumable, now: cx.common().clock.now() }));
    }
    let ours = expand(cx, &resumable)?;
    Ok(await_end(cx, ours))
}

/// The keys: ours waits until the server has finished.
fn expand(cx: &mut Cx<'_>, resumable: &Resumable) -> Result<WaitChangeCipherSpec, Reason> {
    let proofs =
        Proofs { peer: PeerProof::from_session(resumable), key_exchange: KeyExchangeProof::from_session(resumable) };
    let master = cx.resume_master_secret(resumable.session());
    let sealing_key = cx.expand_keys(master, true)?;
    Ok(WaitChangeCipherSpec { proofs, master, ours: Ours::Follows(sealing_key) })
}

/// The session is resumed; the server's certificates are to be looked at again.
pub(crate) struct AskVerifyAgain {
    resumable: Resumable,
    now: UnixTime,
}

impl Asks for AskVerifyAgain {
    type Answer = Verdict;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Verdict>, Reason> {
        verify(cx, self.now)
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        verify_request(cx, self.now, token)
    }
}

impl On<Verdict> for AskVerifyAgain {
    type Next = AfterVerdictAgain;

    fn on(self, cx: &mut Cx<'_>, verdict: Verdict) -> Result<AfterVerdictAgain, Reason> {
        let not_after = [verdict.given()?.not_after(), cx.hs.peer_not_after];
        cx.hs.peer_not_after = not_after.into_iter().flatten().min();
        let ours = expand(cx, &self.resumable)?;
        Ok(await_end(cx, ours))
    }
}
