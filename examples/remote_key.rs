//! Private keys that are somewhere else: in an HSM, or with a key service. Here that is a thread, and nobody but it has the keys.
//! The handshake pauses when it needs a signature (`Decision::Later`), and goes on when that is there.
//!
//! ```text
//! cargo run --example remote_key
//! ```
//!
//! Both sides have such a key: the server signs its key exchange, and the client, which the server asks for a certificate, the
//! handshake so far. They stand in the same program and speak through byte buffers: no socket is needed.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use tls12::message::SignatureScheme;
use tls12::pki_types::{CertificateDer, PrivateKeyDer};
use tls12::{
    Answer, Ask, Backend, ClientAuthPolicy, ClientConfig, ClientConnection, Connection, Decision, Identity, PublicKey,
    RecordBuffer, ServerConfig, ServerConnection, SignError, SignRequest, SigningKey, Step, WebPkiVerifier,
};

/// What we know of a key that is elsewhere. What it signs is checked before it is sent: see
/// [`SigningKey::is_trusted_to_sign_well`].
#[derive(Debug)]
struct RemoteKey {
    public_key: PublicKey,
    schemes: Vec<SignatureScheme>,
}

impl SigningKey for RemoteKey {
    fn public_key(&self) -> PublicKey {
        self.public_key.clone()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// The connection asks by [`Ask::Sign`].
    fn sign(&self, _: SignatureScheme, _: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        Decision::Later
    }
}

/// The stand-in for a key service: a thread that keeps the keys, by their public halves.
struct KeyService {
    requests: Sender<(SignRequest, Sender<Answer>)>,
}

impl KeyService {
    fn start(keys: impl IntoIterator<Item = Arc<dyn SigningKey>>) -> Self {
        let keys: HashMap<_, _> = keys.into_iter().map(|key| (key.public_key().sha256(), key)).collect();
        let (requests, inbox) = mpsc::channel::<(SignRequest, Sender<Answer>)>();
        thread::spawn(move || {
            for (request, reply) in inbox {
                let answer = match keys.get(&request.public_key().sha256()) {
                    Some(key) => sign(&**key, request),
                    None => request.fail("the key service does not have that key"),
                };
                // Nobody listens if the connection has ended meanwhile.
                _ = reply.send(answer);
            }
        });
        KeyService { requests }
    }

    /// Comes back at once. The answer will be in the receiver; if the service is gone, it never will.
    fn ask(&self, request: SignRequest) -> Receiver<Answer> {
        let (reply, answer) = mpsc::channel();
        _ = self.requests.send((request, reply));
        answer
    }
}

/// A service that signs digests needs [`SignRequest::digest`] and its algorithm; one that hashes by itself, or signs with
/// Ed25519, the whole message.
fn sign(key: &dyn SigningKey, request: SignRequest) -> Answer {
    println!("  key service: a signature by {} for {} bytes", request.scheme(), request.message().len());
    match request.digest() {
        Some(digest) => println!("               their digest: {}", hex::encode(digest)),
        None => println!("               no digest: this scheme signs the message itself"),
    }
    match key.sign(request.scheme(), request.message()) {
        Decision::Now(signature) => request.respond(signature),
        Decision::Later => request.fail("the key is not here either"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (server_certificate, server_key) = make("server.example", ExtendedKeyUsagePurpose::ServerAuth, true)?;
    let (client_certificate, client_key) = make("client.example", ExtendedKeyUsagePurpose::ClientAuth, false)?;
    let server_identity = remote_identity(&server_certificate, &*server_key)?;
    let client_identity = remote_identity(&client_certificate, &*client_key)?;
    // From here on only the thread has the keys.
    let service = KeyService::start([server_key, client_key]);

    let clients = WebPkiVerifier::for_clients([client_certificate])?;
    let server_config = ServerConfig::builder()
        .identity(server_identity)
        .client_authentication(ClientAuthPolicy::Required, Arc::new(clients))
        .build()?;
    let client_config = ClientConfig::builder().roots([server_certificate]).identity(client_identity).build()?;
    let server = ServerConnection::new(server_config);
    let client = ClientConnection::new(client_config, "server.example".try_into()?)?;
    handshake(client, server, &service)
}

/// A certificate that is its own root, and its key.
fn make(
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
    with_digest: bool,
) -> Result<(CertificateDer<'static>, Arc<dyn SigningKey>), Box<dyn Error>> {
    let pair = KeyPair::generate_for(if with_digest { &PKCS_ECDSA_P256_SHA256 } else { &PKCS_ED25519 })?;
    let mut params = CertificateParams::new([name.to_string()])?;
    params.extended_key_usages = vec![purpose];
    let certificate = params.self_signed(&pair)?.der().clone();
    Ok((certificate, Backend::default().load_key(&PrivateKeyDer::try_from(pair.serialize_der())?)?))
}

/// The identity needs of the key what is public, and nothing else.
fn remote_identity(certificate: &CertificateDer<'static>, key: &dyn SigningKey) -> Result<Identity, Box<dyn Error>> {
    let key = RemoteKey { public_key: PublicKey::from_certificate(certificate)?, schemes: key.schemes().to_vec() };
    Ok(Identity::new(vec![certificate.clone()], Arc::new(key))?)
}

/// One side of the connection.
struct Side<C> {
    name: &'static str,
    connection: C,
    received: RecordBuffer,
    /// The signature that it waits for.
    signature: Option<Receiver<Answer>>,
}

impl<C: Connection> Side<C> {
    fn new(name: &'static str, connection: C) -> Self {
        Side { name, connection, received: RecordBuffer::new(), signature: None }
    }

    /// Takes what the other side has sent, and goes on as far as it can.
    fn advance(&mut self, from: &mut impl Connection, service: &KeyService) -> Result<(), Box<dyn Error>> {
        let sent = from.write(&[], self.received.room())?;
        self.received.received(sent.produced);
        match self.received.step(&mut self.connection)? {
            Step::Ask(Ask::Sign(request)) => {
                println!("{}: needs a signature", self.name);
                self.signature = Some(service.ask(*request));
            }
            // This program has nothing else to do, and waits. One that has goes on with its other connections.
            Step::Waiting => {
                let answer = self.signature.take().ok_or("it waits for what it did not ask")?;
                self.connection.answer(answer.recv()?)?;
                println!("{}: goes on", self.name);
            }
            Step::Established => println!("{}: established", self.name),
            _ => {}
        }
        Ok(())
    }
}

fn handshake(client: ClientConnection, server: ServerConnection, service: &KeyService) -> Result<(), Box<dyn Error>> {
    let (mut client, mut server) = (Side::new("client", client), Side::new("server", server));
    while !(client.connection.is_established() && server.connection.is_established()) {
        server.advance(&mut client.connection, service)?;
        client.advance(&mut server.connection, service)?;
    }
    println!("\n{}", client.connection.agreed().ok_or("nothing was agreed on")?);
    Ok(())
}
