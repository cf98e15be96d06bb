//! What a server picks from a ClientHello.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::Server;
use super::config::Preference;
use crate::config::{Common, ExtendedMasterSecret};
use crate::crypto::{AeadAlgorithm, KeyAlgorithm, KeyExchangeGroup, PublicKey, Suite};
use crate::error::{Reason, escape};
use crate::handshake::{Cx, SessionId, long_names};
use crate::identity::Identity;
use crate::message::{
    CertificateType, CipherSuite, ClientExtensions, ClientHello, NO_COMPRESSION, NamedGroup, OpaqueList,
    ProtocolVersion, SignatureScheme, UNCOMPRESSED,
};
use crate::session::{ClientAuthPolicy, Names};

/// The end of the random of a server that speaks TLS 1.3, where it agrees to TLS 1.2 (RFC 8446 §4.1.3).
const DOWNGRADED: [u8; 8] = *b"DOWNGRD\x01";

/// What is chosen once the identity is known.
pub(super) struct Chosen {
    pub(super) suite: &'static Suite,
    pub(super) group: Arc<dyn KeyExchangeGroup>,
    pub(super) scheme: SignatureScheme,
}

/// What does not depend on the identity.
pub(super) fn check_hello(cx: &mut Cx<'_, Server>, hello: &ClientHello<'_>) -> Result<(), Reason> {
    check_version(hello, cx.hs.config.sibling_speaks_tls13)?;
    // RFC 5246 §7.4.1.2: the list must contain the null method.
    if !hello.compression_methods.contains(&NO_COMPRESSION) {
        return Err(Reason::Compression);
    }
    let extensions = &hello.extensions;
    // RFC 8422 §5.1.2: a list without the uncompressed format is a contradiction.
    if extensions.ec_point_formats.is_some_and(|formats| !formats.contains(&UNCOMPRESSED)) {
        return Err(Reason::PointFormats);
    }
    // RFC 5746 §3.6: empty in a first handshake; the signalling cipher suite says the same.
    cx.facts.secure_renegotiation = match extensions.renegotiation_info {
        Some([]) => true,
        Some(_) => return Err(Reason::RenegotiationMismatch),
        None => hello.cipher_suites.contains(CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
    };
    if cx.common().require_secure_renegotiation && !cx.facts.secure_renegotiation {
        return Err(Reason::NoSecureRenegotiation);
    }
    cx.facts.extended_master_secret = extensions.extended_master_secret;
    let required = cx.common().extended_master_secret == ExtendedMasterSecret::Required;
    if required && !extensions.extended_master_secret {
        return Err(Reason::NoExtendedMasterSecret);
    }
    // What it is, is kept once it is known that no session has it, too.
    alpn(cx.common(), extensions.alpn)?;
    check_record_sizes(cx, &hello.extensions)
}

fn check_record_sizes(cx: &mut Cx<'_, Server>, extensions: &ClientExtensions<'_>) -> Result<(), Reason> {
    match (extensions.record_size_limit, extensions.max_fragment_length) {
        // RFC 8449 §5: the other one is ignored.
        (Some(limit), _) => cx.limit_protected_records(limit),
        // RFC 6066 §4.
        (None, Some(peer)) if peer.bytes().is_none() => Err(Reason::MaxFragmentLength { ours: None, peer }),
        (None, length) => {
            cx.facts.max_fragment_length = length;
            Ok(())
        }
    }
}

fn check_version(hello: &ClientHello<'_>, sibling_speaks_tls13: bool) -> Result<(), Reason> {
    let falls_back = hello.cipher_suites.contains(CipherSuite::TLS_FALLBACK_SCSV);
    let offers_more = match hello.extensions.supported_versions {
        // RFC 8446 §4.2.1: where this extension is, it is what counts.
        Some(versions) if !versions.contains(ProtocolVersion::TLS_1_2) => {
            return Err(Reason::VersionsWithout12 { peer: versions.iter().collect() });
        }
        Some(versions) => versions.contains(ProtocolVersion::TLS_1_3),
        // RFC 5246 appendix E.1: a higher version is answered with our own, a lower one refused.
        None if hello.version >= ProtocolVersion::TLS_1_2 => hello.version > ProtocolVersion::TLS_1_2,
        // RFC 7507 §3: a client that falls back to a lower version would not have to, with us.
        None if falls_back => return Err(Reason::InappropriateFallback { peer: hello.version }),
        None => return Err(Reason::Version { peer: hello.version }),
    };
    // Nor to ours, with our sibling.
    if sibling_speaks_tls13 && falls_back && !offers_more {
        return Err(Reason::InappropriateFallback { peer: ProtocolVersion::TLS_1_2 });
    }
    Ok(())
}

/// The random bytes of ServerHello, and a session ID where one is wanted.
pub(super) fn server_random(cx: &Cx<'_, Server>, with_session_id: bool) -> Result<([u8; 32], SessionId), Reason> {
    let (mut random, session_id) = cx.draw_random(with_session_id)?;
    if cx.hs.config.sibling_speaks_tls13
        && let Some(end) = random.last_chunk_mut()
    {
        // RFC 8446 §4.1.3: whatever the client offers; it knows whether that is a downgrade.
        *end = DOWNGRADED;
    }
    Ok((random, session_id))
}

/// The names of this connection, as the hello says them.
pub(super) fn names(common: &Common, hello: &ClientHello<'_>) -> Result<Names, Reason> {
    let alpn = alpn(common, hello.extensions.alpn).ok().flatten();
    Names::new(hello.server_name().unwrap_or_default(), alpn.unwrap_or_default(), &[]).ok_or_else(long_names)
}

/// RFC 7301 §3.2: the first of ours that the client offers.
pub(super) fn alpn<'a>(common: &Common, offered: Option<OpaqueList<'a>>) -> Result<Option<&'a [u8]>, Reason> {
    let (Some(ours), Some(offered)) = (common.alpn(), offered) else { return Ok(None) };
    let found = ours.iter().find_map(|name| offered.iter().find(|offered| *offered == name));
    let none = || Reason::NoCommonAlpnProtocol {
        ours: ours.iter().map(escape).collect(),
        peer: offered.iter().map(escape).collect(),
    };
    found.map(Some).ok_or_else(none)
}

/// What depends on the identity: a signature scheme, a cipher suite and a group that both sides have.
pub(super) fn choose(cx: &Cx<'_, Server>, hello: &ClientHello<'_>, identity: &Identity) -> Result<Chosen, Reason> {
    check_certificate_type(hello, identity)?;
    let key = identity.public_key();
    Ok(Chosen {
        suite: choose_suite(cx.common(), cx.hs.config.preference, hello, key)?,
        group: choose_group(cx.common(), cx.hs.config.preference, hello, key)?,
        scheme: choose_scheme(hello, identity)?,
    })
}

/// RFC 7250 §4.2: of a type that the client takes.
fn check_certificate_type(hello: &ClientHello<'_>, identity: &Identity) -> Result<(), Reason> {
    let own = identity.certificate_type();
    let mut taken = hello.extensions.server_certificate_types();
    if taken.any(|typ| typ == own) {
        return Ok(());
    }
    let peer = hello.extensions.server_certificate_types().collect();
    Err(Reason::NoCommonCertificateType { ours: vec![own], peer })
}

/// The type of certificate that the client is asked for: the verifier's first that the client has. RFC 7250 §4.2: where there is
/// none, it is not asked.
pub(super) fn client_certificate_type(
    cx: &Cx<'_, Server>,
    hello: &ClientHello<'_>,
) -> Result<Option<CertificateType>, Reason> {
    let config = &cx.hs.config;
    let offered = || hello.extensions.client_certificate_types();
    let common = config.client_types.iter().find(|typ| offered().any(|offered| offered == *typ));
    match (config.client_auth_policy(), common) {
        (ClientAuthPolicy::NotRequested, _) => Ok(None),
        (ClientAuthPolicy::Required, None) => {
            let (ours, peer) = (config.client_types.iter().collect(), offered().collect());
            Err(Reason::NoCommonCertificateType { ours, peer })
        }
        (ClientAuthPolicy::Required | ClientAuthPolicy::Optional, common) => Ok(common),
    }
}

fn choose_suite(
    common: &Common,
    preference: Preference,
    hello: &ClientHello<'_>,
    key: &PublicKey,
) -> Result<&'static Suite, Reason> {
    let ours = || common.suites.iter().copied().filter(|suite| key.fits(suite.auth));
    let offered = |suite: &&'static Suite| hello.cipher_suites.contains(suite.id);
    let is_chacha = |suite: &&'static Suite| suite.aead == AeadAlgorithm::ChaCha20Poly1305;
    let known = |id: CipherSuite| Suite::find(id);
    let found = match preference {
        Preference::Client => {
            hello.cipher_suites.iter().filter_map(known).find(|suite| ours().any(|own| own.id == suite.id))
        }
        Preference::Server => {
            let prefers_chacha = hello.cipher_suites.iter().find_map(first_choice).is_some_and(|chacha| chacha);
            let chacha = || ours().filter(is_chacha).find(offered);
            prefers_chacha.then(chacha).flatten().or_else(|| ours().find(offered))
        }
    };
    found.ok_or_else(|| Reason::NoCommonCipherSuite {
        ours: ours().map(|suite| suite.id).collect(),
        peer: hello.cipher_suites.iter().collect(),
    })
}

/// Whether a suite that a client puts first says that it has no AES in hardware. A client that also speaks TLS 1.3
/// puts its suites of that version before ours.
fn first_choice(id: CipherSuite) -> Option<bool> {
    match id {
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256 => Some(true),
        CipherSuite::TLS_AES_128_GCM_SHA256 | CipherSuite::TLS_AES_256_GCM_SHA384 => Some(false),
        _ => Suite::find(id).map(|suite| suite.aead == AeadAlgorithm::ChaCha20Poly1305),
    }
}

fn choose_group(
    common: &Common,
    preference: Preference,
    hello: &ClientHello<'_>,
    key: &PublicKey,
) -> Result<Arc<dyn KeyExchangeGroup>, Reason> {
    let peer =
        || -> Vec<NamedGroup> { hello.extensions.supported_groups.into_iter().flat_map(|list| list.iter()).collect() };
    let offers = |name: NamedGroup| hello.extensions.supported_groups.is_none_or(|list| list.contains(name));
    let found = match preference {
        // RFC 8422 §4: a client without the extension leaves the choice to us. It is an old one; P-256 is what it knows.
        _ if hello.extensions.supported_groups.is_none() => {
            common.group(NamedGroup::SECP256R1).or_else(|| common.groups.first())
        }
        Preference::Server => common.groups.iter().find(|group| offers(group.name())),
        Preference::Client => peer().into_iter().find_map(|name| common.group(name)),
    };
    // RFC 8422 §5.1.1: the curve of the certificate has to be one of the client's, too.
    if let KeyAlgorithm::Ecdsa(curve) = key.algorithm()
        && !offers(curve)
    {
        return Err(Reason::CurveNotSupported { curve, peer: peer() });
    }
    found.cloned().ok_or_else(|| Reason::NoCommonGroup { ours: common.group_names.clone(), peer: peer() })
}

/// RFC 5246 §7.4.3: one of the client's signature_algorithms, in the order of our key. A client that names none
/// would mean SHA-1 (§7.4.1.4.1), which nobody gets.
fn choose_scheme(hello: &ClientHello<'_>, identity: &Identity) -> Result<SignatureScheme, Reason> {
    let accepted = hello.extensions.signature_algorithms;
    let ours = identity.key().schemes();
    let found = accepted.and_then(|accepted| identity.scheme_among(accepted));
    found.ok_or_else(|| Reason::NoCommonSignatureScheme {
        ours: ours.to_vec(),
        peer: accepted.into_iter().flat_map(|list| list.iter()).collect(),
    })
}

/// For errors.
pub(super) fn name_of(hello: &ClientHello<'_>) -> Option<String> {
    hello.server_name().map(ToString::to_string)
}
