//! A verifier of one's own: besides the usual check of path and name it wants a public key that it knows (a pin). And a
//! decision that is put off: the handshake pauses while another thread makes up its mind.
//!
//! ```text
//! cargo run --example custom_verifier
//! ```
//!
//! Client and server stand in the same program and speak through byte buffers: no socket is needed.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use sha2::{Digest, Sha256};
use tls12::{
    Answer, Ask, Backend, CertificateError, ClientConfig, ClientConnection, Connection, Decision, Identity, Peer,
    RecordBuffer, ServerConfig, ServerConnection, Step, Verified, VerifyPeer, VerifyRequest, WebPkiVerifier,
};

/// SHA-256 of a SubjectPublicKeyInfo: it stays the same when a certificate is renewed for the same key (RFC 7469 §2.4).
type Pin = [u8; 32];

/// Accepts servers that the default verifier accepts and whose public key is pinned. [`WebPkiVerifier::with_pins`] would do; this
/// is how a check of one's own is added.
#[derive(Debug)]
struct Pinned {
    usual: WebPkiVerifier,
    pins: Vec<Pin>,
}

impl Pinned {
    fn check_pin(&self, verified: Verified) -> Result<Verified, CertificateError> {
        let pin = pin(verified.key().spki());
        if self.pins.contains(&pin) {
            Ok(verified)
        } else {
            Err(CertificateError::Refused(format!("its key {} is not pinned", hex(&pin))))
        }
    }
}

impl VerifyPeer for Pinned {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        match self.usual.verify(peer) {
            Decision::Now(verdict) => Decision::Now(verdict.and_then(|verified| self.check_pin(verified))),
            Decision::Later => Decision::Later,
        }
    }

    fn wants_status(&self) -> bool {
        self.usual.wants_status()
    }
}

/// Decides nothing at once: each verdict is asked for by an [`Ask::Verify`], which can go to another thread or machine.
#[derive(Debug)]
struct Later;

impl VerifyPeer for Later {
    fn verify(&self, _: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Later
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["server.example".to_string()])?;
    let identity =
        Identity::from_pem(Backend::default(), cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes())?;
    let known = pin(identity.public_key().spki());
    let server = ServerConfig::builder().identity(identity).build()?;
    let pinned = |pins| Ok::<_, Box<dyn Error>>(Pinned { usual: WebPkiVerifier::new([cert.der().clone()])?, pins });

    println!("The server's key is pinned, {}:", hex(&known));
    let outcome = handshake(Arc::new(pinned(vec![known])?), &server, nobody)?;
    println!("  client: {}\n  server: {}\n", outcome.client, outcome.server);
    must(outcome.established)?;

    println!("Another key is pinned:");
    let outcome = handshake(Arc::new(pinned(vec![[0; 32]])?), &server, nobody)?;
    println!("  client: {}\n  server: {}\n", outcome.client, outcome.server);
    must(!outcome.established)?;

    println!("Another thread decides:");
    let pinned = pinned(vec![known])?;
    let (questions, inbox) = mpsc::channel::<(VerifyRequest, mpsc::Sender<Answer>)>();
    thread::spawn(move || {
        for (request, reply) in inbox {
            println!("  thread: asked about {:?}", request.peer().server_name);
            let verdict = match pinned.verify(&request.peer()) {
                Decision::Now(verdict) => verdict,
                Decision::Later => Err(CertificateError::Refused("nobody is left to ask".into())),
            };
            _ = reply.send(request.respond(verdict));
        }
    });
    let outcome = handshake(Arc::new(Later), &server, |ask| match ask {
        Ask::Verify(request) => {
            // This program has nothing else to do. One that has goes on with its other connections, and calls `answer`
            // when the reply is there: until then this connection says `Step::Waiting`.
            let (reply, answer) = mpsc::channel();
            questions.send((*request, reply)).ok()?;
            answer.recv().ok()
        }
        _ => None,
    })?;
    println!("  client: {}\n  server: {}", outcome.client, outcome.server);
    must(outcome.established)
}

/// How a handshake ended.
struct Outcome {
    established: bool,
    client: String,
    server: String,
}

/// Does a handshake in memory; `answer` is given the client's questions.
fn handshake(
    verifier: Arc<dyn VerifyPeer>,
    server: &Arc<ServerConfig>,
    mut answer: impl FnMut(Ask) -> Option<Answer>,
) -> Result<Outcome, Box<dyn Error>> {
    let config = ClientConfig::builder().verifier(verifier).build()?;
    let mut client = ClientConnection::new(config, "server.example".try_into()?)?;
    let mut server = ServerConnection::new(Arc::clone(server));
    let (mut to_client, mut to_server) = (RecordBuffer::new(), RecordBuffer::new());

    // Each side's end is the error that it failed with.
    let (mut client_end, mut server_end) = (None, None);
    loop {
        let mut moved = deliver(&mut client, &mut to_server) + deliver(&mut server, &mut to_client);
        match to_client.step(&mut client) {
            Ok(Step::NeedInput) => {}
            Ok(Step::Ask(ask)) => {
                moved += 1;
                if let Some(answer) = answer(ask) {
                    client.answer(answer)?;
                }
            }
            Ok(_) => moved += 1,
            Err(error) => client_end = Some(error),
        }
        match to_server.step(&mut server) {
            Ok(Step::NeedInput) => {}
            Ok(_) => moved += 1,
            Err(error) => server_end = Some(error),
        }
        if moved == 0 {
            break;
        }
    }
    let say = |end: Option<tls12::Error>| end.map_or("established".to_string(), |error| error.to_string());
    Ok(Outcome {
        established: client.is_established() && server.is_established(),
        client: say(client_end),
        server: say(server_end),
    })
}

/// What one side has to send becomes the other's input.
fn deliver(from: &mut impl Connection, to: &mut RecordBuffer) -> usize {
    let produced = from.write(&[], to.room()).map_or(0, |sent| sent.produced);
    to.received(produced);
    produced
}

fn nobody(_: Ask) -> Option<Answer> {
    None
}

fn must(holds: bool) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err("that was not expected".into()) }
}

fn pin(spki: &[u8]) -> Pin {
    Sha256::digest(spki).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
