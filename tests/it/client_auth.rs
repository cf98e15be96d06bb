//! Clients that show a certificate, and such that don't.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use tls12::message::{CertificateRequest, NamedGroup, SignatureScheme};
use tls12::{
    AlertDescription, Backend, CertificateError, ClientAuthPolicy, ClientConfigBuilder, Decision, Error, Identity,
    PeerProof, Reason, ResolveClientIdentity, ServerConfigBuilder, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{Authority, NAME, NOW, Pair, client_config, server_config};

fn verifier() -> Arc<dyn VerifyPeer> {
    Arc::new(WebPkiVerifier::for_clients([authority().root()]).unwrap())
}

fn server(policy: ClientAuthPolicy) -> ServerConfigBuilder {
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    server.client_authentication(policy, verifier())
}

#[test]
fn a_client_is_authenticated_with_each_kind_of_key() {
    for kind in Kind::ALL {
        for policy in [ClientAuthPolicy::Optional, ClientAuthPolicy::Required] {
            let client = client_config(authority(), 1).groups(backend_groups()).identity(identity(kind));
            let pair = Pair::driven(client, server(policy));
            pair.assert_established();
            let server = &pair.server.connection;
            assert!(matches!(server.peer_proof(), Some(PeerProof::Verified(_))), "{kind:?}");
            let shown = server.peer_certificates().and_then(|chain| chain.end_entity().map(|leaf| leaf.to_vec()));
            assert_eq!(shown.as_deref(), Some(identity(kind).chain()[0].as_ref()), "{kind:?}");
        }
    }
}

#[test]
fn a_client_without_a_certificate_is_refused_only_where_one_is_required() {
    let client = || client_config(authority(), 1).groups(backend_groups());
    let pair = Pair::driven(client(), server(ClientAuthPolicy::Optional));
    pair.assert_established();
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Declined(_))));
    let pair = Pair::driven(client(), server(ClientAuthPolicy::Required));
    assert_eq!(pair.server.error().map(|error| error.reason()), Some(&Reason::NoClientCertificate));
    let heard = Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(pair.client.error().map(|error| error.reason()), Some(&heard));
}

/// What a server asked its client for: certificate types, schemes, names of authorities.
type Asked = (Vec<u8>, Vec<SignatureScheme>, Vec<Vec<u8>>);

/// Shows the same identity to everybody, and remembers what it was asked for.
#[derive(Debug, Default)]
struct Always {
    identity: Option<Arc<Identity>>,
    asked: Mutex<Vec<Asked>>,
}

impl Always {
    fn new(identity: Identity) -> Arc<Self> {
        Arc::new(Always { identity: Some(Arc::new(identity)), asked: Mutex::default() })
    }
}

impl ResolveClientIdentity for Always {
    fn resolve(&self, request: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        let authorities = request.authorities.iter().map(<[u8]>::to_vec).collect();
        let asked = (request.certificate_types.to_vec(), request.schemes.iter().collect(), authorities);
        self.asked.lock().unwrap().push(asked);
        Decision::Now(self.identity.clone())
    }
}

fn client() -> ClientConfigBuilder {
    client_config(authority(), 1).groups(backend_groups())
}

/// The body of the first message of this type in what a side has sent, which is in one record and not encrypted.
fn body_of(sent: &[u8], message_type: u8) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some([content_type, _, _, high, low]) = sent.get(at..at + 5) {
        let end = at + 5 + usize::from(u16::from_be_bytes([*high, *low]));
        if *content_type != 22 {
            return None;
        }
        let mut message = at + 5;
        while message < end {
            let length = u32::from_be_bytes([0, sent[message + 1], sent[message + 2], sent[message + 3]]) as usize;
            if sent[message] == message_type {
                return Some(message + 4..message + 4 + length);
            }
            message += 4 + length;
        }
        at = end;
    }
    None
}

/// All that the backend verifies.
const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;

#[test]
fn a_client_signs_by_a_scheme_of_the_server_that_its_key_can_and_shows_nothing_if_there_is_none() {
    for kind in Kind::ALL {
        let able = identity(kind);
        for scheme in SCHEMES {
            let server = server(ClientAuthPolicy::Optional).client_signature_schemes(&[scheme]);
            let pair = Pair::driven(client().identity(identity(kind)), server);
            pair.assert_established();
            let proof = pair.server.connection.peer_proof().unwrap();
            let can = able.key().schemes().contains(&scheme);
            let certificate = body_of(&pair.client.sent, CERTIFICATE).unwrap();
            if can {
                assert!(matches!(proof, PeerProof::Verified(_)), "{kind:?}, {scheme}: {proof:?}");
                let verify = body_of(&pair.client.sent, CERTIFICATE_VERIFY).unwrap();
                assert_eq!(pair.client.sent[verify][..2], scheme.0.to_be_bytes(), "{kind:?}, {scheme}");
            } else {
                assert!(matches!(proof, PeerProof::Declined(_)), "{kind:?}, {scheme}: {proof:?}");
                assert_eq!(pair.client.sent[certificate], [0, 0, 0], "{kind:?}, {scheme}: an empty list");
                assert_eq!(body_of(&pair.client.sent, CERTIFICATE_VERIFY), None, "{kind:?}, {scheme}");
            }
        }
    }
}

#[test]
fn a_server_asks_for_what_it_can_verify_and_by_the_names_of_its_roots() {
    const ECDSA: u8 = 64;
    const RSA: u8 = 1;
    let lists: [(&[SignatureScheme], &[u8]); 4] = [
        (&[SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256], &[ECDSA, RSA]),
        (&[SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::RSA_PKCS1_SHA256], &[RSA]),
        // RFC 8422 §5.5: ecdsa_sign stands for EdDSA, too.
        (&[SignatureScheme::ED25519], &[ECDSA]),
        (&[SignatureScheme::ECDSA_SECP384R1_SHA384], &[ECDSA]),
    ];
    let other = Authority::named("another root", 98);
    for (schemes, types) in lists {
        let always = Arc::new(Always::default());
        let verifier = WebPkiVerifier::for_clients([authority().root(), other.root()]).unwrap();
        let server = server(ClientAuthPolicy::Optional).client_signature_schemes(schemes);
        let server = server.client_authentication(ClientAuthPolicy::Optional, Arc::new(verifier));
        let pair = Pair::driven(client().identity_resolver(always.clone()), server);
        pair.assert_established();
        assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Declined(_))));
        let asked = always.asked.lock().unwrap();
        let [(asked_types, asked_schemes, names)] = &asked[..] else { panic!("asked once: {asked:?}") };
        assert_eq!((asked_types.as_slice(), asked_schemes.as_slice()), (types, schemes));
        assert_eq!(names.len(), 2);
        for (name, (root, common_name)) in
            names.iter().zip([(authority().root(), "tls12 test root"), (other.root(), "another root")])
        {
            assert!(name.starts_with(&[0x30]) && name.ends_with(common_name.as_bytes()), "{name:02x?}");
            assert!(root.windows(name.len()).any(|part| part == name), "the subject of the root, as it stands there");
        }
    }
}

#[test]
fn a_client_with_several_identities_shows_the_first_that_fits_by_type_scheme_and_issuer() {
    let other = Authority::named("another root", 98);
    let by_other = |kind: Kind| other.identity_with(&[NAME], kind.key(), &kind.private_key());
    // All of the first authority come first.
    let all = || {
        let ours = Kind::ALL.map(identity).into_iter();
        client_with(ours.chain(Kind::ALL.map(by_other)))
    };
    let issuers: [(_, &dyn Fn(Kind) -> Identity); 2] = [(authority().root(), &identity), (other.root(), &by_other)];
    for (root, of) in issuers {
        for (schemes, expected) in [
            (&[SignatureScheme::RSA_PSS_RSAE_SHA256][..], Kind::Rsa2048),
            (&[SignatureScheme::RSA_PKCS1_SHA384], Kind::Rsa2048),
            (&[SignatureScheme::ED25519], Kind::Ed25519),
            (&[SignatureScheme::ECDSA_SECP384R1_SHA384], Kind::P384),
            (&[SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::ECDSA_SECP256R1_SHA256], Kind::P256),
        ] {
            let verifier = Arc::new(WebPkiVerifier::for_clients([root.clone()]).unwrap());
            let server = server(ClientAuthPolicy::Required).client_signature_schemes(schemes);
            let pair = Pair::driven(all(), server.client_authentication(ClientAuthPolicy::Required, verifier));
            pair.assert_established();
            let shown = pair.server.connection.peer_certificates().unwrap().end_entity().unwrap().to_vec();
            assert_eq!(shown, of(expected).chain()[0].as_ref(), "{schemes:?}");
        }
    }
    // Nobody has issued any.
    let stranger = Authority::named("a stranger", 97);
    let verifier = Arc::new(WebPkiVerifier::for_clients([stranger.root()]).unwrap());
    let server = server(ClientAuthPolicy::Optional).client_authentication(ClientAuthPolicy::Optional, verifier);
    let pair = Pair::driven(all(), server);
    pair.assert_established();
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Declined(_))));
}

fn client_with(identities: impl IntoIterator<Item = Identity>) -> ClientConfigBuilder {
    identities.into_iter().fold(client(), ClientConfigBuilder::identity)
}

/// The server fails by this reason, and the client is told.
#[track_caller]
fn assert_refused(pair: &Pair, reason: &Reason) {
    let (client, server) = (pair.client.error().unwrap(), pair.server.error().unwrap());
    assert_eq!(server.reason(), reason);
    assert_eq!(client.reason(), &Reason::PeerAlert(reason.alert().unwrap()));
    assert!(pair.server.connection.peer_proof().is_none());
}

#[test]
fn a_certificate_that_is_not_for_this_is_refused_with_the_alert_that_says_why() {
    let key = || Backend::default().load_key(&Kind::P256.private_key()).unwrap();
    let with = |change: fn(&mut rcgen::CertificateParams)| {
        Identity::new(vec![authority().certify_with(&[NAME], Kind::P256.key(), change)], key()).unwrap()
    };
    let stranger = Authority::named("a stranger", 97);
    let expired = rcgen::date_time_ymd(2025, 12, 31);
    let cases = [
        (
            with(|params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth]),
            CertificateError::ExtendedKeyUsage,
            AlertDescription::BAD_CERTIFICATE,
        ),
        (
            with(|params| params.not_after = rcgen::date_time_ymd(2025, 12, 31)),
            CertificateError::Expired { now: NOW, not_after: u64::try_from(expired.unix_timestamp()).unwrap() },
            AlertDescription::CERTIFICATE_EXPIRED,
        ),
        (
            stranger.identity_with(&[NAME], Kind::P256.key(), &Kind::P256.private_key()),
            CertificateError::UnknownIssuer { issuer: "CN=a stranger".into() },
            AlertDescription::UNKNOWN_CA,
        ),
    ];
    for (identity, error, alert) in cases {
        for policy in [ClientAuthPolicy::Optional, ClientAuthPolicy::Required] {
            let pair = Pair::driven(client().identity_resolver(Always::new(identity_of(&identity))), server(policy));
            let reason = pair.server.error().unwrap().reason().clone();
            assert_eq!(reason, Reason::Certificate(error.clone()), "{policy:?}");
            assert_eq!(reason.alert(), Some(alert));
            assert_refused(&pair, &reason);
        }
    }
}

/// The same identity once more.
fn identity_of(identity: &Identity) -> Identity {
    Identity::new(identity.chain().to_vec(), identity.key().clone()).unwrap()
}

/// Drives to the end, with the client's CertificateVerify changed on its way.
fn with_changed_verify(kind: Kind, schemes: &[SignatureScheme], change: impl Fn(&mut [u8])) -> Pair {
    let server = server(ClientAuthPolicy::Required).client_signature_schemes(schemes);
    let mut pair = Pair::new(client().identity(identity(kind)).build().unwrap(), server.build().unwrap());
    pair.step();
    let mut flight = pair.client.write(&[]);
    let verify = body_of(&flight, CERTIFICATE_VERIFY).expect("a CertificateVerify");
    change(&mut flight[verify]);
    pair.server.inbox.extend_from_slice(&flight);
    pair.server.read();
    pair.drive();
    pair
}

#[test]
fn a_client_that_does_not_have_its_certificates_key_is_refused() {
    for kind in Kind::ALL {
        let scheme = kind.scheme();
        let pair = with_changed_verify(kind, &[scheme], |verify| *verify.last_mut().unwrap() ^= 1);
        assert_refused(&pair, &Reason::BadSignature { scheme });
        assert_eq!(Reason::BadSignature { scheme }.alert(), Some(AlertDescription::DECRYPT_ERROR));
        // The signature of another handshake.
        let other = Pair::driven(client().identity(identity(kind)), server(ClientAuthPolicy::Required));
        let recorded = other.client.sent[body_of(&other.client.sent, CERTIFICATE_VERIFY).unwrap()].to_vec();
        let pair = with_changed_verify(kind, &SCHEMES, |verify| {
            if verify.len() == recorded.len() {
                verify.copy_from_slice(&recorded);
            } else {
                *verify.last_mut().unwrap() ^= 1;
            }
        });
        assert_eq!(pair.server.error().and_then(Error::alert), Some(AlertDescription::DECRYPT_ERROR), "{kind:?}");
    }
}

#[test]
fn a_signature_by_a_scheme_that_was_not_asked_for_or_not_of_the_key_is_refused() {
    let [asked, other] = [SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256];
    let set = |scheme: SignatureScheme| move |verify: &mut [u8]| verify[..2].copy_from_slice(&scheme.0.to_be_bytes());
    let pair = with_changed_verify(Kind::P256, &[asked], set(other));
    assert_refused(&pair, &Reason::SchemeNotOffered(other));
    let pair = with_changed_verify(Kind::P256, &[asked, other], set(other));
    let reason = pair.server.error().unwrap().reason().clone();
    assert!(matches!(reason, Reason::WrongKeyType { .. }), "{reason}");
    assert_refused(&pair, &reason);
    let sha1 = SignatureScheme(0x0203);
    let pair = with_changed_verify(Kind::P256, &[asked], set(sha1));
    assert_refused(&pair, &Reason::SchemeNotOffered(sha1));
}

#[test]
fn a_client_with_an_identity_shows_it_to_nobody_who_does_not_ask() {
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    let pair = Pair::driven(client().identity(identity(Kind::P256)), server);
    pair.assert_established();
    assert_eq!(body_of(&pair.client.sent, CERTIFICATE), None);
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::NotRequested(_))));
    assert!(pair.server.connection.peer_certificates().is_none());
}

/// RFC 8422 §5.1.1: the curves in the hello are the client's; the server's own list is for the key exchange.
#[test]
fn the_curve_of_a_clients_certificate_need_not_be_a_group_of_the_server() {
    let server = server(ClientAuthPolicy::Required).group_names(&[NamedGroup::X25519]);
    let pair = Pair::driven(client().identity(identity(Kind::P384)), server);
    pair.assert_established();
    assert_eq!(pair.server.connection.key_exchange_group(), Some(NamedGroup::X25519));
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Verified(_))));
}
