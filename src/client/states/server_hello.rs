use alloc::vec;

use super::{Cx, WaitCertificate, resume};
use crate::client::flow::{AfterServerHello, On};
use crate::client::hello::Offers;
use crate::config::ExtendedMasterSecret;
use crate::crypto::Suite;
use crate::error::{Reason, escape};
use crate::handshake::long_names;
use crate::message::{
    CertificateType, ExtensionType, NO_COMPRESSION, ProtocolVersion, ServerExtensions, ServerHello, UNCOMPRESSED,
};
use crate::observer::NotResumed;
use crate::session::Names;

/// ClientHello is out.
pub(crate) struct WaitServerHello {
    pub(crate) offers: Offers,
}

impl On<ServerHello<'_>> for WaitServerHello {
    type Next = AfterServerHello;

    fn on(self, cx: &mut Cx<'_>, hello: ServerHello<'_>) -> Result<AfterServerHello, Reason> {
        // RFC 5246 §7.4.1.3: the server's version is the one of the connection.
        if hello.version != ProtocolVersion::TLS_1_2 {
            return Err(Reason::Version { peer: hello.version });
        }
        cx.incoming.version_agreed();
        let offered = cx.common().suites.iter().find(|suite| suite.id == hello.cipher_suite);
        let suite = offered.copied().ok_or(Reason::SuiteNotOffered(hello.cipher_suite))?;
        if hello.compression_method != NO_COMPRESSION {
            return Err(Reason::Compression);
        }
        self.check_offered(cx, &hello.extensions)?;
        check_renegotiation_info(cx, &hello.extensions)?;
        check_record_sizes(cx, &hello.extensions)?;
        // RFC 8422 §5.1.2: a list without the uncompressed format is a contradiction.
        if hello.extensions.ec_point_formats.is_some_and(|formats| !formats.contains(&UNCOMPRESSED)) {
            return Err(Reason::PointFormats);
        }
        // RFC 7301 §3.2: the server picks one of the names that we offered.
        if let Some(name) = hello.extensions.alpn {
            if !cx.common().alpn().is_some_and(|offered| offered.iter().any(|offered| offered == name)) {
                return Err(Reason::AlpnNotOffered(escape(name)));
            }
            cx.facts.names = Names::new("", name, &[]).ok_or_else(long_names)?;
        }
        check_certificate_types(cx, &hello.extensions)?;
        cx.facts.extended_master_secret = hello.extensions.extended_master_secret;
        cx.hs.server_random = *hello.random;
        cx.hs.kept.ticket_promised = hello.extensions.session_ticket;
        // RFC 5246 §7.4.1.3: the ID of the session that was offered says that it is resumed.
        match cx.hs.kept.offered.take() {
            Some(offered) if *offered.session_id() == *hello.session_id => resume::start(cx, suite, offered.resumable),
            Some(_) => {
                cx.not_resumed(&NotResumed::Declined);
                cx.facts.forget_session();
                start_full(cx, suite, &hello)
            }
            None => start_full(cx, suite, &hello),
        }
    }
}

fn start_full(cx: &mut Cx<'_>, suite: &'static Suite, hello: &ServerHello<'_>) -> Result<AfterServerHello, Reason> {
    // RFC 7627 §5.2.
    let required = cx.common().extended_master_secret == ExtendedMasterSecret::Required;
    if required && !hello.extensions.extended_master_secret {
        return Err(Reason::NoExtendedMasterSecret);
    }
    // RFC 7250 §4.2: a server that knows nothing of it says nothing.
    let certificate_type = hello.extensions.server_certificate_type.unwrap_or(CertificateType::X509);
    let types = &cx.hs.config.server_types;
    if !types.contains(certificate_type) {
        return Err(Reason::NoCommonCertificateType { ours: types.iter().collect(), peer: vec![certificate_type] });
    }
    cx.hs.kept.certificate_type = hello.extensions.client_certificate_type.unwrap_or(CertificateType::X509);
    let scts = hello.extensions.all.iter().find(|(typ, _)| *typ == ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP);
    cx.hs.kept.scts = scts.map(|(_, list)| list.to_vec());
    cx.hs.kept.session_id = hello.session_id.to_vec();
    cx.facts.suite = Some(suite);
    let backend = cx.common().backend;
    cx.hs.transcript.start(backend, suite.hash);
    let status_promised = hello.extensions.status_request;
    Ok(AfterServerHello::WaitCertificate(WaitCertificate { certificate_type, status_promised }))
}

impl WaitServerHello {
    /// RFC 5246 §7.4.1.4: an extension that was not offered ends the handshake.
    fn check_offered(&self, cx: &Cx<'_>, extensions: &ServerExtensions<'_>) -> Result<(), Reason> {
        for extension in extensions.all.types() {
            let offered = match extension {
                ExtensionType::SERVER_NAME => self.offers.server_name,
                ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => cx.common().alpn().is_some(),
                ExtensionType::STATUS_REQUEST => cx.hs.config.verifier.wants_status(),
                ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => cx.hs.config.verifier.wants_scts(),
                ExtensionType::SESSION_TICKET => self.offers.session_ticket,
                ExtensionType::CLIENT_CERTIFICATE_TYPE => cx.hs.config.client_types.offer().is_some(),
                ExtensionType::SERVER_CERTIFICATE_TYPE => cx.hs.config.server_types.offer().is_some(),
                ExtensionType::MAX_FRAGMENT_LENGTH => cx.hs.config.max_fragment_length.is_some(),
                ExtensionType::EXTENDED_MASTER_SECRET
                | ExtensionType::RENEGOTIATION_INFO
                | ExtensionType::EC_POINT_FORMATS
                | ExtensionType::RECORD_SIZE_LIMIT => true,
                // RFC 8446 §4.2.7: clients tolerate servers that answer with their groups.
                ExtensionType::SUPPORTED_GROUPS => true,
                _ => false,
            };
            if !offered {
                return Err(Reason::ExtensionNotOffered(extension));
            }
        }
        Ok(())
    }
}

/// RFC 7250 §4.2: what the server chooses is one of what we offered.
fn check_certificate_types(cx: &Cx<'_>, extensions: &ServerExtensions<'_>) -> Result<(), Reason> {
    let config = &cx.hs.config;
    for (types, chosen) in [
        (&config.client_types, extensions.client_certificate_type),
        (&config.server_types, extensions.server_certificate_type),
    ] {
        if let Some(chosen) = chosen.filter(|chosen| !types.contains(*chosen)) {
            return Err(Reason::CertificateTypeNotOffered(chosen));
        }
    }
    Ok(())
}

/// RFC 5746 §3.4: empty in a first handshake; absent from servers that know no secure renegotiation.
fn check_renegotiation_info(cx: &mut Cx<'_>, extensions: &ServerExtensions<'_>) -> Result<(), Reason> {
    match extensions.renegotiation_info {
        Some([]) => cx.facts.secure_renegotiation = true,
        Some(_) => return Err(Reason::RenegotiationMismatch),
        None if cx.common().require_secure_renegotiation => return Err(Reason::NoSecureRenegotiation),
        None => {}
    }
    Ok(())
}

fn check_record_sizes(cx: &mut Cx<'_>, extensions: &ServerExtensions<'_>) -> Result<(), Reason> {
    let ours = cx.hs.config.max_fragment_length;
    match (extensions.max_fragment_length, extensions.record_size_limit) {
        (None, None) => Ok(()),
        (None, Some(limit)) => cx.limit_protected_records(limit),
        // RFC 6066 §4: the answer is what was asked for.
        (Some(peer), None) if ours != Some(peer) => Err(Reason::MaxFragmentLength { ours, peer }),
        (Some(length), None) => {
            cx.limit_fragments(length);
            Ok(())
        }
        // RFC 8449 §5.
        (Some(_), Some(_)) => Err(Reason::TwoRecordSizeLimits),
    }
}
