//! What a server sends beside its certificate, to the clients that ask.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tls12::dangerous::AcceptAnything;
use tls12::{
    AlertDescription, Backend, CertificateError, ClientConfig, Decision, Direction, Identity, OcspError, OcspPolicy,
    Peer, Reason, ServerConfigBuilder, Verified, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{NAME, NOW, Pair, Stopped, Trace, client_config, server_config};
use crate::sessions::{Kept, Store};
use crate::staple::{SERIAL, Status, response};

/// An OCSPResponse that says nothing.
const RESPONSE: &[u8] = &[0x30, 5, 0x0a, 1, 0, 5, 0];
const DAY: u64 = 24 * 60 * 60;

const SCTS: &[u8] = &[0, 9, 0, 3, 1, 2, 3, 0, 2, 4, 5];

/// What came beside the certificates: the OCSP response, and the timestamps.
type Beside = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Accepts everything, and remembers what came beside the certificates.
#[derive(Debug)]
struct Curious {
    status: bool,
    scts: bool,
    seen: Mutex<Option<Beside>>,
}

impl Curious {
    fn new(status: bool, scts: bool) -> Arc<Self> {
        Arc::new(Curious { status, scts, seen: Mutex::new(None) })
    }
}

impl VerifyPeer for Curious {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        let seen = (peer.ocsp_response.map(Into::into), peer.scts.map(Into::into));
        assert_eq!(self.seen.lock().unwrap().replace(seen), None, "asked once");
        AcceptAnything.verify(peer)
    }

    fn wants_status(&self) -> bool {
        self.status
    }

    fn wants_scts(&self) -> bool {
        self.scts
    }
}

fn stapled() -> Identity {
    identity(Kind::P256).with_ocsp_response(RESPONSE.into()).unwrap().with_scts(SCTS.into()).unwrap()
}

fn server(identity: Identity) -> ServerConfigBuilder {
    server_config(2).identity(identity).groups(backend_groups())
}

/// What a client that asks for so much sees, and the messages of the server up to its key.
fn see(identity: Identity, status: bool, scts: bool) -> (Option<Vec<u8>>, Option<Vec<u8>>, Vec<&'static str>) {
    let (verifier, trace) = (Curious::new(status, scts), Arc::new(Trace::default()));
    let client = ClientConfig::builder().verifier(verifier.clone());
    let pair = Pair::driven(client, server(identity).observer(trace.clone()));
    pair.assert_established();
    let sent = trace.0.lock().unwrap();
    let sent = sent.iter().filter(|(direction, ..)| *direction == Direction::Sent).map(|(_, message, _)| *message);
    let messages = sent.take_while(|message| *message != "ServerKeyExchange").collect();
    let (response, list) = verifier.seen.lock().unwrap().take().unwrap();
    (response, list, messages)
}

#[test]
fn a_client_that_asks_gets_what_the_identity_has() {
    for (status, scts) in [(false, false), (false, true), (true, false), (true, true)] {
        let (response, list, messages) = see(stapled(), status, scts);
        assert_eq!(response.as_deref(), status.then_some(RESPONSE), "only if asked for");
        assert_eq!(list.as_deref(), scts.then_some(SCTS), "only if asked for");
        let expected: &[_] = &["ServerHello", "Certificate", "CertificateStatus"];
        assert_eq!(messages, expected[..if status { 3 } else { 2 }], "RFC 6066 §8: right behind Certificate");
    }
}

#[test]
fn an_identity_that_has_nothing_sends_nothing() {
    assert_eq!(see(identity(Kind::P256), true, true), (None, None, vec!["ServerHello", "Certificate"]));
}

#[test]
fn the_default_verifier_asks_and_refuses_what_is_no_response() {
    let pair = Pair::driven(client_config(authority(), 1).groups(backend_groups()), server(stapled()));
    let alert = AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE;
    let (client, server) = (pair.client.error().unwrap(), pair.server.error().unwrap());
    assert!(matches!(client.reason(), Reason::Certificate(CertificateError::OcspResponse(_))), "{client}");
    assert_eq!(client.alert(), Some(alert), "RFC 6066 §8");
    assert_eq!(server.reason(), &Reason::PeerAlert(alert));
}

#[test]
fn a_verifier_that_does_not_ask_is_told_nothing() {
    let verifier = WebPkiVerifier::new([authority().root()]).unwrap().with_ocsp(OcspPolicy::Ignore);
    let client = ClientConfig::builder().verifier(Arc::new(verifier)).clock(Arc::new(Stopped(NOW)));
    Pair::driven(client, server(stapled())).assert_established();
}

/// What a client with the default verifier makes of this response; the server hears of it.
fn refusal(response: Vec<u8>) -> Option<OcspError> {
    let server = server(identity(Kind::P256).with_ocsp_response(response).unwrap());
    let pair = Pair::driven(client_config(authority(), 1).groups(backend_groups()), server);
    let Some(error) = pair.client.error() else {
        pair.assert_established();
        return None;
    };
    let heard = Reason::PeerAlert(AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE);
    assert_eq!(pair.server.error().map(|error| error.reason()), Some(&heard), "RFC 6066 §8: {error}");
    match error.reason() {
        Reason::Certificate(CertificateError::OcspResponse(why)) => Some(why.clone()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_response_that_is_not_good_ends_the_handshake_and_the_server_hears_why() {
    assert_eq!(refusal(response(SERIAL, Status::Good)), None);
    assert_eq!(refusal(response(SERIAL, Status::Revoked)), Some(OcspError::Revoked));
    assert_eq!(refusal(response(SERIAL + 1, Status::Good)), Some(OcspError::OtherCertificate));
    let mut altered = response(SERIAL, Status::Good);
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(altered), Some(OcspError::BadSignature));
}

/// An identity whose certificate promises a response, and which has this one.
fn promising(response: Option<Vec<u8>>) -> Identity {
    let certificate = authority().certify_with(&[NAME], Kind::P256.key(), |params| {
        // RFC 7633 §4: the feature status_request.
        let features = vec![0x30, 3, 2, 1, 5];
        let extension = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], features);
        params.custom_extensions.push(extension);
    });
    let key = Backend::default().load_key(&Kind::P256.private_key()).unwrap();
    let identity = Identity::new(vec![certificate], key).unwrap().with_names([NAME]).unwrap();
    match response {
        Some(response) => identity.with_ocsp_response(response).unwrap(),
        None => identity,
    }
}

#[test]
fn a_session_that_rests_on_a_response_is_resumed_without_one_and_ends_with_it() {
    let (kept, store) = (Arc::new(Kept::default()), Arc::new(Store::default()));
    let connect = |seed: u64, now: u64, stapled: bool| {
        let (clock, week) = (Arc::new(Stopped(now)), Duration::from_secs(7 * DAY));
        let client = client_config(authority(), seed).groups(backend_groups()).clock(clock.clone());
        let client =
            client.sessions(kept.clone()).session_context("test").verify_on_resumption(true).session_lifetime(week);
        let server = server_config(seed + 1).groups(backend_groups()).clock(clock).session_context("test");
        let server = server.session_store(store.clone()).session_lifetime(week);
        Pair::driven(client, server.identity(promising(stapled.then(|| response(SERIAL, Status::Good)))))
    };
    let refused = |pair: &Pair| pair.client.error().map(|error| error.reason().clone());
    let missing = Reason::Certificate(CertificateError::MissingOcspResponse);
    assert_eq!(refused(&connect(1, NOW, false)), Some(missing.clone()), "RFC 7633 §4.3.3");
    let first = connect(3, NOW, true);
    first.assert_established();
    assert!(!first.client.connection.resumed());
    // The response counts for three days.
    let second = connect(5, NOW + 2 * DAY, false);
    second.assert_established();
    assert!(second.client.connection.resumed());
    assert_eq!(refused(&connect(7, NOW + 4 * DAY, false)), Some(missing), "a whole handshake");
}
