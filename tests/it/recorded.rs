//! Connections that can be had again: six, one for each cipher suite, recorded with all that went over their wires.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tls12::message::{CipherSuite, SignatureScheme};
use tls12::pki_types::{CertificateDer, ServerName};
use tls12::{
    Backend, ClientConfig, ClientConnection, Connection, Decision, Identity, PublicKey, ServerConfig, ServerConnection,
    SignError, SigningKey,
};

use crate::credentials::{Kind, authority, backend_groups};
use crate::pair::{Counted, End, NAME, NOW, Pair, Replayable, Stopped};

pub(crate) const CLIENT_SAYS: &[u8] = b"a request by the client";
pub(crate) const SERVER_SAYS: &[u8] = b"and what the server answers";

/// A key whose signature of a message is made once: those of ECDSA and PSS would differ each time.
#[derive(Debug)]
pub(crate) struct Remembering {
    key: Arc<dyn SigningKey>,
    made: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl SigningKey for Remembering {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.key.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        let mut made = self.made.lock().unwrap();
        if let Some(signature) = made.get(message) {
            return Decision::Now(Ok(signature.clone()));
        }
        let Decision::Now(Ok(signature)) = self.key.sign(scheme, message) else { panic!("a local key signs at once") };
        made.insert(message.to_vec(), signature.clone());
        Decision::Now(Ok(signature))
    }
}

/// An identity whose signatures are the same each time.
pub(crate) fn remembering_identity(kind: Kind) -> Identity {
    let certificate: CertificateDer<'static> = authority().certify(&[NAME], kind.key());
    let key = Backend::default().load_key(&kind.private_key()).unwrap();
    let key = Arc::new(Remembering { key, made: Mutex::default() });
    Identity::new(vec![certificate], key).unwrap().with_names([NAME]).unwrap()
}

/// Settings of both sides with which every connection is the same, and what went over the wires of such a one.
pub(crate) struct Recorded {
    pub(crate) kind: Kind,
    pub(crate) suite: CipherSuite,
    client_random: Arc<Counted>,
    server_random: Arc<Counted>,
    client_config: Arc<ClientConfig>,
    server_config: Arc<ServerConfig>,
    /// What each side sent.
    pub(crate) by_client: Vec<u8>,
    pub(crate) by_server: Vec<u8>,
    /// What happened to each side.
    pub(crate) client_outcome: Outcome,
    pub(crate) server_outcome: Outcome,
}

/// All of a connection that its application and its peer see.
#[derive(PartialEq, Eq)]
pub(crate) struct Outcome {
    happened: Vec<String>,
    pub(crate) sent: Vec<u8>,
    state: &'static str,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes sent, state {}", self.happened, self.sent.len(), self.state)
    }
}

impl Outcome {
    pub(crate) fn of<C: Connection>(end: &End<C>, state: &'static str) -> Outcome {
        let happened = end.happened.iter().map(|happened| format!("{happened:?}")).collect();
        Outcome { happened, sent: end.sent.clone(), state }
    }
}

impl Recorded {
    pub(crate) fn new(kind: Kind, suite: CipherSuite) -> Recorded {
        let (client_random, server_random) = (Counted::new(0), Counted::new(0));
        let own = |random: &Arc<Counted>| {
            let mut groups = backend_groups();
            groups[0] = Arc::new(Replayable(random.clone()));
            groups
        };
        let client_config = ClientConfig::builder()
            .roots([authority().root()])
            .random(client_random.clone())
            .groups(own(&client_random))
            .cipher_suites(&[suite])
            .alpn_protocols(["recorded"])
            .clock(Arc::new(Stopped(NOW)))
            .build();
        let server_config = ServerConfig::builder()
            .identity(remembering_identity(kind))
            .random(server_random.clone())
            .groups(own(&server_random))
            .alpn_protocols(["recorded"])
            .clock(Arc::new(Stopped(NOW)))
            .build();
        let (client_config, server_config) = (client_config.unwrap(), server_config.unwrap());
        let nothing = || Outcome { happened: vec![], sent: vec![], state: "" };
        let mut recorded = Recorded {
            kind,
            suite,
            client_random,
            server_random,
            client_config,
            server_config,
            by_client: vec![],
            by_server: vec![],
            client_outcome: nothing(),
            server_outcome: nothing(),
        };
        recorded.record();
        recorded
    }

    /// One for each cipher suite, with certificates of all kinds.
    pub(crate) fn six() -> Vec<Recorded> {
        let [ecdsa128, ecdsa256, ecdsa_chacha] = Kind::P256.suites();
        let kinds = [(Kind::P256, ecdsa128), (Kind::P384, ecdsa256), (Kind::Ed25519, ecdsa_chacha)];
        let rsa = Kind::Rsa2048.suites().map(|suite| (Kind::Rsa2048, suite));
        kinds.into_iter().chain(rsa).map(|(kind, suite)| Recorded::new(kind, suite)).collect()
    }

    /// A client that does the same each time.
    pub(crate) fn client(&self) -> End<ClientConnection> {
        self.client_random.rewind(11);
        let name = ServerName::try_from(NAME).unwrap();
        End::new(ClientConnection::new(self.client_config.clone(), name).unwrap())
    }

    /// A server that does the same each time.
    pub(crate) fn server(&self) -> End<ServerConnection> {
        self.server_random.rewind(12);
        End::new(ServerConnection::new(self.server_config.clone()))
    }

    pub(crate) fn pair(&self) -> Pair {
        Pair { client: self.client(), server: self.server() }
    }

    fn record(&mut self) {
        let mut pair = self.pair();
        for _ in 0..10 {
            let bytes = pair.client.talk(CLIENT_SAYS, true);
            pair.server.inbox.extend(bytes);
            let bytes = pair.server.talk(SERVER_SAYS, false);
            pair.client.inbox.extend(bytes);
        }
        assert!(pair.client.closed() && pair.server.closed(), "both ends close in the end: {pair:?}");
        assert_eq!((pair.client.data(), pair.server.data()), (SERVER_SAYS.into(), CLIENT_SAYS.into()));
        self.client_outcome = Outcome::of(&pair.client, pair.client.connection.state());
        self.server_outcome = Outcome::of(&pair.server, pair.server.connection.state());
        (self.by_client, self.by_server) = (pair.client.sent, pair.server.sent);
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with a certificate of {:?}", self.suite, self.kind)
    }
}
