use super::{AskVerify, Cx};
use crate::client::SignedKeys;
use crate::client::flow::{AfterDone, AfterKeys, AfterRequest, AfterRequestAndDone, On};
use crate::error::Reason;
use crate::message::{CertificateRequest, ServerHelloDone, ServerKeyExchange};

/// The certificate is in, and no status may come any more.
pub(crate) struct WaitKeys;

impl On<ServerKeyExchange<'_>> for WaitKeys {
    type Next = AfterKeys;

    fn on(self, cx: &mut Cx<'_>, keys: ServerKeyExchange<'_>) -> Result<AfterKeys, Reason> {
        keep(cx, &keys)?;
        Ok(AfterKeys::WaitRequestOrDone(WaitRequestOrDone))
    }
}

/// Checks what can be checked without the server's key, and keeps the rest for when that is known to be good.
pub(super) fn keep(cx: &mut Cx<'_>, keys: &ServerKeyExchange<'_>) -> Result<(), Reason> {
    // RFC 8422 §5.4: one of the groups in supported_groups.
    if cx.common().group(keys.params.group).is_none() {
        return Err(Reason::GroupNotOffered(keys.params.group));
    }
    // RFC 5246 §7.4.3: one of the pairs in signature_algorithms.
    if !cx.hs.config.schemes.contains(&keys.scheme) {
        return Err(Reason::SchemeNotOffered(keys.scheme));
    }
    cx.facts.group = Some(keys.params.group);
    cx.facts.scheme = Some(keys.scheme);
    cx.hs.kept.server_key_exchange = SignedKeys::new(&cx.facts.client_random, &cx.hs.server_random, cx.body());
    Ok(())
}

/// The server's keys are in.
pub(crate) struct WaitRequestOrDone;

impl On<CertificateRequest<'_>> for WaitRequestOrDone {
    type Next = AfterRequest;

    fn on(self, cx: &mut Cx<'_>, _: CertificateRequest<'_>) -> Result<AfterRequest, Reason> {
        cx.hs.kept.certificate_request = Some(cx.body().to_vec());
        Ok(AfterRequest::WaitDone(WaitDone))
    }
}

impl On<ServerHelloDone> for WaitRequestOrDone {
    type Next = AfterDone;

    fn on(self, cx: &mut Cx<'_>, _: ServerHelloDone) -> Result<AfterDone, Reason> {
        // No CertificateVerify will be needed.
        cx.hs.transcript.take_messages();
        Ok(AfterDone::AskVerify(AskVerify { now: cx.common().clock.now() }))
    }
}

/// The server asked for a certificate.
pub(crate) struct WaitDone;

impl On<ServerHelloDone> for WaitDone {
    type Next = AfterRequestAndDone;

    fn on(self, cx: &mut Cx<'_>, _: ServerHelloDone) -> Result<AfterRequestAndDone, Reason> {
        Ok(AfterRequestAndDone::AskVerify(AskVerify { now: cx.common().clock.now() }))
    }
}
