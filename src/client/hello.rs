use alloc::boxed::Box;
use alloc::sync::Arc;

use pki_types::ServerName;

use super::Client;
use super::flow::Machine;
use super::states::WaitServerHello;
use crate::error::Reason;
use crate::handshake::Cx;
use crate::message::{
    ClientExtensions, ClientHello, HandshakeType, NO_COMPRESSION, ProtocolVersion, StatusRequest, UNCOMPRESSED,
};

/// The first flight: ClientHello (RFC 5246 §7.4.1.2).
pub(crate) fn start(cx: &mut Cx<'_, Client>) -> Result<Machine, Reason> {
    let random = cx.draw_random()?;
    cx.facts.client_random = random;
    let config = Arc::clone(&cx.hs.config);
    let common = &config.common;
    let name: Option<Box<str>> = host_name(&cx.hs.kept.server_name).filter(|_| config.send_server_name).map(Into::into);
    let offer = ClientHello {
        version: ProtocolVersion::TLS_1_2,
        random: &random,
        session_id: &[],
        cipher_suites: common.suite_ids.as_slice().into(),
        compression_methods: &[NO_COMPRESSION],
        extensions: ClientExtensions {
            server_name: name.as_deref().map(str::as_bytes),
            extended_master_secret: true,
            // RFC 5746 §3.4: empty in a first handshake.
            renegotiation_info: Some(&[]),
            supported_groups: Some(common.group_names.as_slice().into()),
            ec_point_formats: Some(&[UNCOMPRESSED]),
            signature_algorithms: Some(config.schemes.as_slice().into()),
            alpn: common.alpn(),
            status_request: config.verifier.wants_status().then_some(StatusRequest::OCSP),
            signed_certificate_timestamp: config.verifier.wants_scts(),
            max_fragment_length: config.max_fragment_length,
            record_size_limit: Some(common.record_size_limit),
            ..ClientExtensions::default()
        },
    };
    let offered_server_name = name.is_some();
    cx.send(HandshakeType::CLIENT_HELLO, |w| offer.write(w))?;
    cx.outgoing.flush_flight()?;
    cx.facts.server_name = name;
    Ok(Machine::WaitServerHello(WaitServerHello { offered_server_name }))
}

/// RFC 6066 §3: a DNS name without its trailing dot; an address is not sent.
fn host_name<'a>(name: &'a ServerName<'_>) -> Option<&'a str> {
    match name {
        ServerName::DnsName(name) => {
            let name: &str = name.as_ref();
            Some(name.strip_suffix('.').unwrap_or(name))
        }
        _ => None,
    }
}
