//! What a server sends beside its certificate, to the clients that ask.

use std::sync::{Arc, Mutex};

use tls12::dangerous::AcceptAnything;
use tls12::{
    AlertDescription, CertificateError, ClientConfig, Decision, Direction, Identity, OcspPolicy, Peer, Reason,
    ServerConfigBuilder, Verified, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{NOW, Pair, Stopped, Trace, client_config, server_config};

const RESPONSE: &[u8] = b"what the issuer says";
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
