use pki_types::ServerName;

use super::flow::Machine;
use super::states::WaitServerHello;
use super::{Client, Kept};
use crate::error::Reason;
use crate::handshake::Cx;
use crate::message::{ClientOffer, HandshakeType};

/// The first flight: ClientHello (RFC 5246 §7.4.1.2).
pub(crate) fn start(cx: &mut Cx<'_, Client>) -> Result<Machine, Reason> {
    let random = cx.draw_random()?;
    cx.hs.client_random = random;
    let config = alloc::sync::Arc::clone(&cx.hs.config);
    let (suites, groups) = (config.common.suite_ids(), config.common.group_names());
    let name = config.send_server_name.then(|| host_name(&cx.hs.kept.server_name)).flatten();
    let offer = ClientOffer {
        random: &random,
        cipher_suites: &suites,
        server_name: name,
        supported_groups: &groups,
        signature_algorithms: &config.schemes,
        alpn: &config.common.alpn,
        status_request: config.verifier.wants_status(),
        signed_certificate_timestamp: config.verifier.wants_scts(),
    };
    let offered_server_name = name.is_some();
    if let Some(name) = name {
        cx.facts.server_name = core::str::from_utf8(name).ok().map(Into::into);
    }
    cx.send(HandshakeType::CLIENT_HELLO, |w| offer.write(w))?;
    cx.outgoing.flush_flight()?;
    Ok(Machine::WaitServerHello(WaitServerHello { offered_server_name }))
}

/// RFC 6066 §3: a DNS name without its trailing dot; an address is not sent.
fn host_name<'a>(name: &'a ServerName<'_>) -> Option<&'a [u8]> {
    match name {
        ServerName::DnsName(name) => {
            let name: &str = name.as_ref();
            Some(name.strip_suffix('.').unwrap_or(name).as_bytes())
        }
        _ => None,
    }
}
