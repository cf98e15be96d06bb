//! What a session is bound to: one difference, and it is a full handshake or the alert that the RFC names.

use alloc::string::ToString;
use alloc::sync::Arc;

use super::{By, Server, WAYS, asks, changed, client, of_client, offered, with_certificate};
use crate::alert::AlertDescription;
use crate::client::config::ClientConfigBuilder;
use crate::config::ExtendedMasterSecret;
use crate::error::{CertificateError, Reason};
use crate::identity::PeerCertificates;
use crate::message::{CipherSuite, ProtocolVersion};
use crate::observer::NotResumed;
use crate::proof::PeerProof;
use crate::session::{self, ClientAuthPolicy, Handle, Names, Session};
use crate::testing::bench::TO_CLIENT;
use crate::testing::identities::{NAME, P256, Refusing, server_config};
use crate::testing::puppet::{Letter, Side, suite};
use crate::testing::sessions::{ID, Keeper, Kept, MASTER_SECRET, NOW, TICKET, session};

/// Virtual hosts confused (CVE-2025-23419, and before).
#[test]
fn a_session_of_one_host_is_not_resumed_under_the_name_of_another() {
    for by in WAYS {
        for name in [Some(&b"other.example"[..]), Some(b"example"), None] {
            let mut server = Server::new(by, session(Side::Server), |config| config);
            server.is_full(|hello| hello.extensions.server_name = name, Some(NotResumed::OtherServerName));
        }
        let nameless = changed(|session| session.names = Names::default());
        Server::new(by, nameless, |config| config).is_full(|_| (), Some(NotResumed::OtherServerName));
    }
}

#[test]
fn a_session_of_one_host_is_not_offered_to_another() {
    for name in ["other.example", ""] {
        let names = Names::new(name, b"", b"").unwrap();
        let (bench, _) = client(of_client(|session| session.names = names), |config| config);
        assert_ne!(offered(&bench).0, ID);
    }
}

#[test]
fn a_session_without_client_authentication_is_not_resumed_where_it_is_required() {
    use ClientAuthPolicy::{NotRequested, Optional, Required};
    for by in WAYS {
        for session in [
            session(Side::Server),
            changed(|session| session.client_auth = Optional),
            with_certificate(NotRequested),
            with_certificate(Optional),
            // What no handshake leaves behind.
            changed(|session| session.client_auth = Required),
        ] {
            let mut server = Server::new(by, session, asks(Required));
            server.goes_on_in_full(|_| (), Some(NotResumed::OtherClientAuthentication));
            assert_eq!(server.bench.real.state(), "WaitCertificate");
            let result = server.bench.say(Letter::EmptyCertificate);
            server.bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);
        }
    }
}

#[test]
fn a_session_with_client_authentication_is_not_resumed_where_nobody_is_asked() {
    for by in WAYS {
        let mut server = Server::new(by, with_certificate(ClientAuthPolicy::Required), |config| config);
        server.is_full(|_| (), Some(NotResumed::OtherClientAuthentication));
        assert!(matches!(server.bench.real.peer_proof(), Some(PeerProof::NotRequested(_))));
        assert!(server.bench.real.peer_certificates().is_none());
    }
}

/// RFC 7250: a verifier of certificates alone has never judged a raw public key.
#[test]
fn a_session_with_a_raw_public_key_is_not_resumed_where_none_is_taken() {
    let shown = || Some(PeerCertificates::of_raw_public_key(P256.public_key()));
    for by in WAYS {
        let session = Session { peer_certificates: shown(), ..with_certificate(ClientAuthPolicy::Required) };
        let mut server = Server::new(by, session, asks(ClientAuthPolicy::Required));
        server.goes_on_in_full(|_| (), Some(NotResumed::OtherCertificateType));
        assert_eq!(server.bench.real.state(), "WaitCertificate");
    }
    let (bench, _) = client(of_client(|session| session.peer_certificates = shown()), |config| config);
    assert_ne!(offered(&bench).0, ID);
}

/// The triple handshake (RFC 7627 §5.3).
#[test]
fn a_session_with_extended_master_secret_is_not_offered_without_it() {
    for by in WAYS {
        let mut server = Server::new(by, session(Side::Server), |config| config);
        let hello = server.bench.puppet.client_hello(|hello| hello.extensions.extended_master_secret = false);
        let result = server.bench.say_message(&hello);
        let reason = Reason::ResumedWithoutExtendedMasterSecret;
        server.bench.failed(result, &reason, AlertDescription::HANDSHAKE_FAILURE);
    }
}

#[test]
fn a_session_without_extended_master_secret_is_not_resumed_by_a_hello_with_it() {
    for by in WAYS {
        let mut server = Server::new(by, changed(|session| session.extended_master_secret = false), |config| config);
        server.is_full(|_| (), Some(NotResumed::NoExtendedMasterSecret));
    }
    let required = |config: ClientConfigBuilder| config.extended_master_secret(ExtendedMasterSecret::Required);
    let (bench, _) = client(of_client(|session| session.extended_master_secret = false), required);
    assert_ne!(offered(&bench).0, ID, "a client that has to have it does not even offer the session");
}

#[test]
fn a_server_that_changes_extended_master_secret_when_it_resumes_is_refused() {
    for was_used in [true, false] {
        let (mut bench, keeper) =
            client(of_client(|session| session.extended_master_secret = was_used), |config| config);
        bench.puppet.session = Some(MASTER_SECRET);
        let hello = bench.puppet.server_hello(|hello| hello.extensions.extended_master_secret = !was_used);
        let result = bench.say_message(&hello);
        let reason = Reason::ResumedWithoutExtendedMasterSecret;
        bench.failed(result, &reason, AlertDescription::HANDSHAKE_FAILURE);
        assert!(matches!(keeper.seen.lock().expect("nobody panics here").last(), Some(Kept::Removed)));
    }
}

/// RFC 7627 §5.3: such sessions are for those who ask for them by name.
#[test]
fn a_session_that_never_had_extended_master_secret_is_not_resumed() {
    for by in WAYS {
        let session = changed(|session| session.extended_master_secret = false);
        let mut server =
            Server::new(by, session, |config| config.dangerous_resumption_without_extended_master_secret(false));
        let without = |hello: &mut crate::message::ClientHello<'_>| hello.extensions.extended_master_secret = false;
        server.is_full(without, Some(NotResumed::NoExtendedMasterSecret));
    }
    let (bench, _) = client(of_client(|session| session.extended_master_secret = false), |config| {
        config.dangerous_resumption_without_extended_master_secret(false)
    });
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
}

#[test]
fn a_session_is_not_resumed_under_another_cipher_suite() {
    const OTHERS: &[CipherSuite] = &[
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    for by in WAYS {
        // RFC 5246 §7.4.1.2: the client has to offer the suite of its session. One that does not is not resumed under another.
        let mut server = Server::new(by, session(Side::Server), |config| config);
        server.is_full(|hello| hello.cipher_suites = OTHERS.into(), Some(NotResumed::OtherCipherSuite));
        let mut server = Server::new(by, session(Side::Server), |config| config.cipher_suites(OTHERS));
        server.is_full(|_| (), Some(NotResumed::OtherCipherSuite));
    }
    let (bench, _) = client(session(Side::Client), |config| config.cipher_suites(OTHERS));
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
    for other in OTHERS {
        let (mut bench, _) = client(session(Side::Client), |config| config);
        bench.puppet.session = Some(MASTER_SECRET);
        bench.puppet.suite = suite(*other);
        let result = bench.say(TO_CLIENT[0]);
        // RFC 5246 §7.4.1.3: the suite of the session.
        let reason = Reason::ResumedWithOtherSuite { session: session(Side::Client).suite.id, peer: *other };
        bench.failed(result, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_session_is_not_resumed_under_another_version() {
    for version in [0x0301, 0x0302] {
        let peer = ProtocolVersion(version);
        for by in WAYS {
            let mut server = Server::new(by, session(Side::Server), |config| config);
            let hello = server.bench.puppet.client_hello(|hello| hello.version = peer);
            let result = server.bench.say_message(&hello);
            server.bench.failed(result, &Reason::Version { peer }, AlertDescription::PROTOCOL_VERSION);
        }
        let (mut bench, _) = client(session(Side::Client), |config| config);
        bench.puppet.session = Some(MASTER_SECRET);
        let hello = bench.puppet.server_hello(|hello| hello.version = peer);
        let result = bench.say_message(&hello);
        bench.failed(result, &Reason::Version { peer }, AlertDescription::PROTOCOL_VERSION);
    }
}

#[test]
fn a_session_is_not_resumed_under_another_application_protocol() {
    for by in WAYS {
        let with = |alpn: &[u8]| changed(|session| session.names = Names::new(NAME, alpn, b"").unwrap());
        for alpn in [&b""[..], b"http/1.1"] {
            let mut server = Server::new(by, with(alpn), |config| config.alpn_protocols(["h2", "http/1.1"]));
            let names = crate::message::OpaqueList::from_encoded(crate::codec::Prefix::U8, b"\x02h2");
            server.is_full(|hello| hello.extensions.alpn = Some(names), Some(NotResumed::OtherApplicationProtocol));
        }
        let mut server = Server::new(by, with(b"h2"), |config| config);
        server.is_full(|_| (), Some(NotResumed::OtherApplicationProtocol));
    }
}

#[test]
fn an_expired_session_is_not_resumed() {
    for by in WAYS {
        let server = |session, lifetime: u64| {
            let lifetime = core::time::Duration::from_secs(lifetime);
            Server::new(by, session, |config| config.session_lifetime(lifetime))
        };
        let aged = |age: u64| changed(|session| session.created_at = NOW - age);
        server(aged(3599), 7200).resumes(|_| ());
        // Its own lifetime, and that of the configuration, which may have become shorter.
        server(aged(3601), 7200).is_full(|_| (), Some(NotResumed::Expired));
        server(aged(1801), 1800).is_full(|_| (), Some(NotResumed::Expired));
        server(aged(NOW), 7200).is_full(|_| (), Some(NotResumed::Expired));
    }
    let (bench, _) = client(of_client(|session| session.created_at = NOW - 3601), |config| config);
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
}

#[test]
fn a_session_from_the_future_is_not_resumed() {
    for by in WAYS {
        for created_at in [NOW + 61, u64::MAX] {
            let session = changed(|session| session.created_at = created_at);
            Server::new(by, session, |config| config).is_full(|_| (), Some(NotResumed::FromTheFuture));
        }
    }
    let (bench, _) = client(of_client(|session| session.created_at = NOW + 61), |config| config);
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
}

/// Chains that were not checked again.
#[test]
fn a_session_whose_certificates_have_expired_is_not_resumed() {
    let policy = ClientAuthPolicy::Required;
    for by in WAYS {
        let until = |not_after| {
            let mut session = with_certificate(policy);
            session.peer_not_after = Some(not_after);
            Server::new(by, session, asks(policy))
        };
        until(NOW).resumes(|_| ());
        let mut server = until(NOW - 1);
        server.goes_on_in_full(|_| (), Some(NotResumed::CertificateExpired));
        let result = server.bench.say(Letter::EmptyCertificate);
        server.bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);
    }
    let (bench, _) = client(of_client(|session| session.peer_not_after = Some(NOW - 1)), |config| config);
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
}

#[test]
fn a_session_of_another_configuration_is_not_resumed() {
    for by in WAYS {
        let foreign = || changed(|session| session.context = [7; 32]);
        Server::new(by, foreign(), |config| config).is_full(|_| (), Some(NotResumed::OtherConfiguration));
        let mut renamed = Server::new(by, session(Side::Server), |config| config.session_context("another fleet"));
        renamed.is_full(|_| (), Some(NotResumed::OtherConfiguration));
    }
    let (bench, _) = client(of_client(|session| session.context = [7; 32]), |config| config);
    assert_ne!(offered(&bench).0, ID, "a client does not even offer it");
}

/// A store, or whoever can write to it, answers with what belongs to somebody else.
#[test]
fn a_session_of_another_client_out_of_the_store_is_not_resumed() {
    for handle in [Handle::Id([7; 32].into()), Handle::Id(ID[..31].into()), Handle::None, Handle::Ticket(TICKET.into())]
    {
        let mut server = Server::new(By::Id, changed(|session| session.handle = handle), |config| config);
        server.is_full(|_| (), Some(NotResumed::OtherSession));
    }
}

#[test]
fn a_session_of_a_client_is_not_resumed_by_a_server_and_the_other_way_round() {
    for by in WAYS {
        let mut server = Server::new(by, changed(|session| session.side = session::Side::Client), |config| config);
        server.is_full(|_| (), Some(NotResumed::OtherSession));
    }
    let (bench, _) = client(of_client(|session| session.side = session::Side::Server), |config| config);
    assert_ne!(offered(&bench).0, ID);
}

/// Copied configurations shared what sealed their sessions (CVE-2025-68121).
#[test]
fn configurations_without_a_name_share_no_sessions() {
    let context = || {
        let keeper = Arc::new(Keeper::default());
        let config = server_config(&P256, false).session_store(keeper).build().expect("a configuration");
        config.common.session_context
    };
    let (one, other) = (context(), context());
    assert!(one != other && ![one, other].contains(&[0; 32]));
}

/// A verifier that is asked again, and has come to know better.
#[test]
fn certificates_that_are_refused_by_now_resume_nothing() {
    let policy = ClientAuthPolicy::Required;
    for by in WAYS {
        let mut server = Server::new(by, with_certificate(policy), |config| {
            config.client_authentication(policy, Arc::new(Refusing)).verify_on_resumption(true)
        });
        let why = NotResumed::CertificateRefused(CertificateError::Revoked.to_string());
        server.goes_on_in_full(|_| (), Some(why));
        let result = server.bench.say(Letter::EmptyCertificate);
        server.bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);
    }
    // The server of a client has said already that it resumes.
    let (mut bench, _) =
        client(session(Side::Client), |config| config.verifier(Arc::new(Refusing)).verify_on_resumption(true));
    bench.puppet.session = Some(MASTER_SECRET);
    let result = bench.say(TO_CLIENT[0]);
    bench.failed(result, &CertificateError::Revoked.into(), AlertDescription::CERTIFICATE_REVOKED);
}
