//! One real connection and one puppet, and the wire between them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::identities::{P256, client_config, server_config, server_name, slow};
use super::puppet::{Heard, Letter, Puppet, Side};
use super::sessions::Keeper;
use super::twin::Twin;
use super::wire;
use crate::alert::{AlertDescription, AlertLevel};
use crate::ask::{Answer, Ask, RefusedAnswer};
use crate::connection::{ClientConnection, Event, Received, Receiver, Sender, ServerConnection};
use crate::decision::Decision;
use crate::dormant::Dormant;
use crate::error::{Error, Reason};
use crate::identity::dangerous::AcceptAnything;
use crate::identity::{Identity, PeerCertificates, VerifyPeer};
use crate::message::{ContentType, HandshakeType};
use crate::proof::PeerProof;
use crate::{ClientConfig, ServerConfig};

/// The connection under test.
pub(super) enum Real {
    Client(ClientConnection),
    Server(ServerConnection),
    /// An established one in two halves; of a client, or of a server.
    Halves {
        is_client: bool,
        receiver: Receiver,
        sender: Sender,
    },
}

macro_rules! of_either {
    ($real:expr, $connection:ident => $call:expr) => {
        match $real {
            Real::Client($connection) => $call,
            Real::Server($connection) => $call,
            Real::Halves { .. } => panic!("whole connections alone do this"),
        }
    };
}

impl Real {
    /// What the receiving half has to say goes to the other one, except the reply to close_notify, which a whole connection
    /// leaves to its application.
    pub(super) fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        let Real::Halves { receiver, sender, .. } = self else {
            return of_either!(self, connection => connection.read(input));
        };
        let received = receiver.read(input)?;
        if let Received { consumed, event: Event::SendAlert(token) } = received {
            if token.description() != Some(AlertDescription::CLOSE_NOTIFY) {
                sender.alert(token);
            }
            return Ok(Received { consumed, event: Event::Progress });
        }
        Ok(received)
    }

    pub(super) fn write_all(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        _ = match self {
            Real::Halves { sender, .. } => sender.write_vec(plaintext, &mut output),
            whole => of_either!(whole, connection => connection.write_vec(plaintext, &mut output)),
        };
        output
    }

    pub(super) fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
        of_either!(self, connection => connection.answer(answer))
    }

    pub(super) fn close(&mut self) {
        match self {
            Real::Halves { sender, .. } => sender.close(),
            whole => of_either!(whole, connection => connection.close()),
        }
    }

    pub(super) fn end_of_input(&mut self) -> Result<(), Error> {
        match self {
            Real::Halves { receiver, .. } => receiver.end_of_input(),
            whole => of_either!(whole, connection => connection.end_of_input()),
        }
    }

    pub(super) fn state(&self) -> &'static str {
        match self {
            Real::Halves { .. } if self.is_established() => "Established",
            Real::Halves { .. } => "Failed",
            whole => of_either!(whole, connection => connection.state()),
        }
    }

    pub(super) fn is_established(&self) -> bool {
        match self {
            Real::Halves { receiver, .. } => receiver.error().is_none(),
            whole => of_either!(whole, connection => connection.is_established()),
        }
    }

    pub(super) fn resumed(&self) -> bool {
        of_either!(self, connection => connection.resumed())
    }

    pub(super) fn peer_proof(&self) -> Option<&PeerProof> {
        of_either!(self, connection => connection.peer_proof())
    }

    pub(super) fn peer_certificates(&self) -> Option<&PeerCertificates> {
        of_either!(self, connection => connection.peer_certificates())
    }

    pub(super) fn plant(&mut self, state: &'static str, letter: &'static str) {
        of_either!(self, connection => connection.plant(state, letter));
    }
}

/// How a bench begins.
pub(super) type Start = fn() -> Bench;

pub(super) struct Bench {
    pub(super) real: Real,
    pub(super) puppet: Puppet,
    /// Received data, and how often the peer closed.
    pub(super) data: Vec<u8>,
    pub(super) closed: bool,
    /// How many questions were put off and answered.
    pub(super) answered: usize,
    /// Who answers for those who keep sessions.
    pub(super) keeper: Arc<Keeper>,
    /// What a client that takes its time shows of itself.
    pub(super) client_identity: Option<Arc<Identity>>,
    /// Until the ClientHello of a server is whole.
    pub(super) twin: Option<Twin>,
}

impl Bench {
    /// A real client with these settings; its ClientHello has reached the puppet.
    pub(super) fn client(config: Arc<ClientConfig>) -> Self {
        let client = ClientConnection::new(config, server_name()).expect("a client");
        Self::new(Real::Client(client), Puppet::new(Side::Server))
    }

    /// A real server with these settings.
    pub(super) fn server(config: Arc<ServerConfig>) -> Self {
        let server = ServerConnection::new(Arc::clone(&config));
        let bench = Self::new(Real::Server(server), Puppet::new(Side::Client));
        Bench { twin: Some(Twin::new(config)), ..bench }
    }

    /// A real client with the settings of most tests.
    pub(super) fn any_client() -> Self {
        Self::client(client_config(false, false).build().expect("a configuration"))
    }

    /// A real server with the settings of most tests.
    pub(super) fn any_server() -> Self {
        Self::server(server_config(&P256, false).build().expect("a configuration"))
    }

    fn new(real: Real, puppet: Puppet) -> Self {
        let mut bench = Bench {
            real,
            puppet,
            data: Vec::new(),
            closed: false,
            answered: 0,
            keeper: Arc::default(),
            client_identity: None,
            twin: None,
        };
        bench.listen();
        bench
    }

    pub(super) fn is_client(&self) -> bool {
        matches!(self.real, Real::Client(_) | Real::Halves { is_client: true, .. })
    }

    /// The established connection goes on in two halves.
    pub(super) fn split(self) -> Self {
        let is_client = self.is_client();
        let halves = match self.real {
            Real::Client(client) => client.split().expect("an established client"),
            Real::Server(server) => server.split().expect("an established server"),
            Real::Halves { receiver, sender, .. } => (receiver, sender),
        };
        Bench { real: Real::Halves { is_client, receiver: halves.0, sender: halves.1 }, ..self }
    }

    /// The established connection rests, as bytes, and goes on.
    pub(super) fn nap(self) -> Self {
        let bytes = |dormant: Dormant| Dormant::from_bytes(&dormant.to_bytes()).expect("a connection");
        let real = match self.real {
            Real::Client(client) => {
                let config = client_config(false, false).build().expect("a configuration");
                Real::Client(bytes(client.export().expect("at rest")).wake(&config).expect("awake"))
            }
            Real::Server(server) => {
                let config = server_config(&P256, false).build().expect("a configuration");
                Real::Server(bytes(server.export().expect("at rest")).wake(&config).expect("awake"))
            }
            Real::Halves { .. } => panic!("halves do not rest"),
        };
        Bench { real, ..self }
    }

    /// The puppet says this letter.
    pub(super) fn say(&mut self, letter: Letter) -> Result<(), Error> {
        let records = self.puppet.say(letter);
        self.deliver(&records)
    }

    /// The puppet says this handshake message, and it is taken.
    pub(super) fn tell(&mut self, message_type: HandshakeType) {
        let told = self.say(Letter::Handshake(message_type));
        told.unwrap_or_else(|error| panic!("{message_type} is in its place: {error}"));
    }

    /// The puppet says a message that the test made.
    pub(super) fn say_message(&mut self, message: &[u8]) -> Result<(), Error> {
        let records = self.puppet.say_message(message);
        self.deliver(&records)
    }

    /// The puppet sends one record with this content.
    pub(super) fn send(&mut self, content_type: ContentType, content: &[u8]) -> Result<(), Error> {
        let record = self.puppet.record(content_type, content);
        self.deliver(&record)
    }

    pub(super) fn send_alert(&mut self, level: AlertLevel, description: AlertDescription) -> Result<(), Error> {
        self.send(ContentType::ALERT, &wire::alert(level, description))
    }

    /// Bytes arrive, and are read until nothing more happens; the puppet hears what is said in return.
    pub(super) fn deliver(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.twin = self.twin.take().filter(|_| self.real.state() == "WaitClientHello");
        let result = self.read_all(bytes.to_vec());
        self.listen();
        let state = self.real.state();
        if let Some(twin) = &mut self.twin
            && !twin.is_like(bytes, &result, state)
        {
            self.twin = None;
        }
        result
    }

    fn read_all(&mut self, mut input: Vec<u8>) -> Result<(), Error> {
        loop {
            let Received { consumed, event } = self.real.read(&mut input)?;
            match event {
                Event::Data(range) => self.data.extend_from_slice(&input[range]),
                Event::NeedInput { .. } => {
                    assert_eq!(consumed, 0, "NeedInput consumes nothing");
                    assert!(input.is_empty(), "only whole records are delivered");
                    return Ok(());
                }
                Event::Ask(ask) => self.answer(ask, &mut input),
                Event::Closed => {
                    self.closed = true;
                    return Ok(());
                }
                Event::Waiting => panic!("every question is answered"),
                Event::Progress | Event::Established | Event::Failing | Event::SendAlert(_) => {}
            }
            input.drain(..consumed);
            self.listen();
        }
    }

    /// Answers a question that was put off. Until then nothing goes on, whatever comes.
    fn answer(&mut self, ask: Ask, input: &mut [u8]) {
        let mut alert = wire::bare_record(ContentType::ALERT, wire::VERSION, &[2, 40]);
        for waiting in [input, &mut [], &mut alert[..]] {
            let Ok(Received { consumed: 0, event: Event::Waiting }) = self.real.read(waiting) else {
                panic!("it waits for the answer and nothing else");
            };
        }
        let answer = match ask {
            Ask::Verify(request) => {
                let Decision::Now(verdict) = AcceptAnything.verify(&request.peer()) else { panic!("at once") };
                request.respond(verdict)
            }
            Ask::ResolveIdentity(request) => request.respond(Some(slow(&P256))),
            Ask::ResolveClientIdentity(request) => request.respond(self.client_identity.clone()),
            Ask::FindSession(request) => request.respond(self.keeper.session.clone()),
            Ask::OpenTicket(request) => request.respond(self.keeper.opened()),
            Ask::SealTicket(request) => request.respond(self.keeper.sealed()),
            Ask::Sign(request) => {
                let Decision::Now(signature) = P256.key().sign(request.scheme(), request.message()) else {
                    panic!("at once")
                };
                request.respond(signature)
            }
        };
        self.answered += 1;
        self.real.answer(answer).expect("an answer to the question that was asked");
    }

    /// The puppet hears all that is written.
    pub(super) fn listen(&mut self) {
        let output = self.real.write_all(&[]);
        if let Some(twin) = &mut self.twin {
            twin.said.extend_from_slice(&output);
        }
        self.puppet.hear(&output);
    }

    /// The puppet says all of `letters`, each of which is taken.
    pub(super) fn go(&mut self, letters: &[Letter]) {
        for letter in letters {
            self.say(*letter).unwrap_or_else(|error| panic!("{letter:?} is in its place: {error}"));
        }
    }

    /// A whole handshake of the shortest kind.
    pub(super) fn handshake(&mut self) {
        let letters = if self.is_client() { TO_CLIENT } else { TO_SERVER };
        self.go(letters);
        assert!(self.real.is_established());
    }

    /// The alerts that the puppet heard: levels and descriptions.
    pub(super) fn alerts(&self) -> Vec<(u8, AlertDescription)> {
        let alert = |heard: &Heard| match heard {
            Heard::Alert { level, description } => Some((*level, *description)),
            _ => None,
        };
        self.puppet.heard.iter().filter_map(alert).collect()
    }

    /// The connection failed with this reason, told the peer so with one fatal alert, and stays failed.
    #[track_caller]
    pub(super) fn failed(&mut self, result: Result<(), Error>, reason: &Reason, alert: AlertDescription) {
        let error = result.expect_err("the connection fails");
        assert_eq!(error.reason(), reason);
        self.failed_with(&error, alert);
    }

    /// As [`Self::failed`], where the reason was looked at already.
    #[track_caller]
    pub(super) fn failed_with(&mut self, error: &Error, alert: AlertDescription) {
        assert_eq!(error.alert(), Some(alert), "{error}");
        assert_eq!(self.alerts().last(), Some(&(alert.level().code(), alert)), "the alert on the wire for: {error}");
        self.stays_failed(error);
    }

    /// Whatever else comes, the answer is the same error, and silence.
    #[track_caller]
    pub(super) fn stays_failed(&mut self, error: &Error) {
        let before = self.puppet.heard.len();
        let mut more = wire::bare_record(ContentType::HANDSHAKE, wire::VERSION, &[0; 4]);
        for input in [&mut more[..], &mut []] {
            assert_eq!(&self.real.read(input).expect_err("it stays failed"), error);
        }
        assert_eq!(&self.real.end_of_input().expect_err("it stays failed"), error);
        self.listen();
        assert_eq!(self.puppet.heard.len(), before, "a failed connection says nothing more");
        assert!(!self.real.is_established());
    }
}

/// The shortest handshake, as the client receives it.
pub(super) const TO_CLIENT: &[Letter] = &[
    Letter::Handshake(HandshakeType::SERVER_HELLO),
    Letter::Handshake(HandshakeType::CERTIFICATE),
    Letter::Handshake(HandshakeType::SERVER_KEY_EXCHANGE),
    Letter::Handshake(HandshakeType::SERVER_HELLO_DONE),
    Letter::ChangeCipherSpec,
    Letter::Handshake(HandshakeType::FINISHED),
];

/// The shortest handshake, as the server receives it.
pub(super) const TO_SERVER: &[Letter] = &[
    Letter::Handshake(HandshakeType::CLIENT_HELLO),
    Letter::Handshake(HandshakeType::CLIENT_KEY_EXCHANGE),
    Letter::ChangeCipherSpec,
    Letter::Handshake(HandshakeType::FINISHED),
];

/// Every connection on the way through the shortest handshake: before anything was said, after each letter, established,
/// rested, and split.
pub(super) fn each_state() -> impl Iterator<Item = Bench> {
    let to = |letters: &'static [Letter], start: Start| {
        (0..=letters.len()).map(move |count| {
            let mut bench = start();
            bench.go(&letters[..count]);
            bench
        })
    };
    let established = |start: Start| {
        let mut bench = start();
        bench.handshake();
        bench
    };
    let starts: [Start; 2] = [Bench::any_client, Bench::any_server];
    let rested = starts.into_iter().map(move |start| established(start).nap());
    let halves = starts.into_iter().map(move |start| established(start).split());
    to(TO_CLIENT, Bench::any_client).chain(to(TO_SERVER, Bench::any_server)).chain(rested).chain(halves)
}
