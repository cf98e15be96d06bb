//! Sessions resumed by whom, where or when they should not be.

mod bindings;
mod tickets;

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::Mutex;

use crate::alert::AlertDescription;
use crate::client::config::ClientConfigBuilder;
use crate::connection::Event;
use crate::crypto::MasterSecret;
use crate::error::Reason;
use crate::identity::PeerCertificates;
use crate::message::{ClientHello, HandshakeType as H, ServerHello};
use crate::observer::{NotResumed, Observer, Seen};
use crate::proof::PeerProof;
use crate::server::config::ServerConfigBuilder;
use crate::session::{ClientAuthPolicy, Handle, Session};
use crate::testing::bench::{Bench, TO_CLIENT, TO_SERVER};
use crate::testing::identities::{P256, Trusting, client_config, server_config};
use crate::testing::puppet::{Heard, Letter, Side};
use crate::testing::sessions::{At, FLEET, ID, Keeper, Kept, MASTER_SECRET, NOW, TICKET, session};

/// Hears why sessions are not resumed.
#[derive(Debug, Default)]
struct Reasons(Mutex<Vec<NotResumed>>);

impl Observer for Reasons {
    fn message(&self, _: &Seen<'_>) {}

    fn not_resumed(&self, _: &[u8; 32], why: &NotResumed) {
        self.0.lock().expect("nobody panics here").push(why.clone());
    }
}

/// How the session is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Id,
    Ticket,
}

const WAYS: [By; 2] = [By::Id, By::Ticket];

/// A server that is asked to resume.
struct Server {
    bench: Bench,
    keeper: Arc<Keeper>,
    reasons: Arc<Reasons>,
}

impl Server {
    /// A server that is offered this session, with the settings of most tests changed as the test likes.
    fn new(by: By, mut session: Session, settings: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Self {
        if by == By::Ticket && session.handle == Handle::Id(ID.into()) {
            session.handle = Handle::None;
        }
        Self::kept_by(by, Keeper::of(session), settings)
    }

    fn kept_by(by: By, keeper: Keeper, settings: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Self {
        let (keeper, reasons) = (Arc::new(keeper), Arc::new(Reasons::default()));
        let config = server_config(&P256, false).session_context(FLEET).clock(Arc::new(At(NOW)));
        let config = config.observer(reasons.clone()).session_store(keeper.clone()).tickets(keeper.clone());
        let mut bench = Bench::server(settings(config).build().expect("a configuration"));
        bench.puppet.session_id = ID.to_vec();
        bench.puppet.ticket_offered = (by == By::Ticket).then(|| TICKET.to_vec());
        Server { bench, keeper, reasons }
    }

    /// The body of the ServerHello that was heard.
    fn hello(&self) -> Vec<u8> {
        let hello = |heard: &Heard| match heard {
            Heard::Message(H::SERVER_HELLO, message) => Some(message[4..].to_vec()),
            _ => None,
        };
        self.bench.puppet.heard.iter().find_map(hello).expect("a ServerHello")
    }

    /// This ClientHello resumes the session.
    #[track_caller]
    fn resumes(mut self, change: impl FnOnce(&mut ClientHello<'_>)) -> Self {
        self.bench.puppet.session = Some(MASTER_SECRET);
        let hello = self.bench.puppet.client_hello(change);
        self.bench.say_message(&hello).expect("a ClientHello");
        assert_eq!(self.bench.real.state(), "WaitChangeCipherSpec");
        assert_eq!(ServerHello::read(&self.hello()).expect("a ServerHello").session_id, ID);
        self.bench.go(&TO_SERVER[2..]);
        assert!(self.bench.real.is_established() && self.bench.real.resumed());
        assert!(self.reasons.0.lock().expect("nobody panics here").is_empty());
        self
    }

    /// This ClientHello leads to a full handshake, as for a client that offers nothing, for this reason.
    #[track_caller]
    fn goes_on_in_full(&mut self, change: impl FnOnce(&mut ClientHello<'_>), why: Option<NotResumed>) {
        let hello = self.bench.puppet.client_hello(change);
        self.bench.say_message(&hello).expect("a client that offers a session may go on without");
        let reasons = self.reasons.0.lock().expect("nobody panics here").clone();
        assert_eq!(reasons, Vec::from_iter(why));
        assert_ne!(ServerHello::read(&self.hello()).expect("a ServerHello").session_id, ID);
        assert!(!self.bench.puppet.heard.contains(&Heard::ChangeCipherSpec));
        assert!(!self.bench.real.resumed());
        assert!(self.bench.real.peer_certificates().is_none(), "nobody is authenticated yet");
    }

    /// As before, to the end.
    #[track_caller]
    fn is_full(&mut self, change: impl FnOnce(&mut ClientHello<'_>), why: Option<NotResumed>) {
        self.goes_on_in_full(change, why);
        self.bench.go(&TO_SERVER[1..]);
        assert!(self.bench.real.is_established() && !self.bench.real.resumed());
    }
}

/// A session of a server, changed.
fn changed(change: impl FnOnce(&mut Session)) -> Session {
    let mut session = session(Side::Server);
    change(&mut session);
    session
}

/// A session in which the client showed its certificate, under this policy.
fn with_certificate(policy: ClientAuthPolicy) -> Session {
    changed(|session| {
        session.client_auth = policy;
        session.peer_certificates = Some(PeerCertificates::new(P256.chain()).expect("a chain"));
    })
}

fn asks(policy: ClientAuthPolicy) -> impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder {
    move |config| config.client_authentication(policy, Arc::new(Trusting { later: false, wants_status: false }))
}

/// A client that keeps this session, with the settings of most tests changed as the test likes.
fn client(session: Session, settings: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder) -> (Bench, Arc<Keeper>) {
    let keeper = Arc::new(Keeper::of(session));
    let config = client_config(false, false).session_context(FLEET).clock(Arc::new(At(NOW))).sessions(keeper.clone());
    (Bench::client(settings(config).build().expect("a configuration")), keeper)
}

/// What a client's hello offers: the session ID, and the ticket.
fn offered(bench: &Bench) -> (Vec<u8>, Vec<u8>) {
    let [Heard::Message(H::CLIENT_HELLO, hello)] = &bench.puppet.heard[..] else { panic!("a ClientHello") };
    let hello = ClientHello::read(&hello[4..]).expect("a ClientHello");
    (hello.session_id.to_vec(), hello.extensions.session_ticket.unwrap_or_default().to_vec())
}

/// A session of a client, changed.
fn of_client(change: impl FnOnce(&mut Session)) -> Session {
    let mut session = session(Side::Client);
    change(&mut session);
    session
}

/// All that follows would be refused for the wrong reasons if this did not work.
#[test]
fn a_session_that_fits_is_resumed_by_id_and_by_ticket() {
    for by in WAYS {
        let server = Server::new(by, session(Side::Server), |config| config).resumes(|_| ());
        assert!(matches!(server.bench.real.peer_proof(), Some(PeerProof::NotRequested(_))));
        let server = Server::new(by, with_certificate(ClientAuthPolicy::Required), asks(ClientAuthPolicy::Required));
        let server = server.resumes(|_| ());
        assert!(matches!(server.bench.real.peer_proof(), Some(PeerProof::FromSession(_))));
        assert!(server.bench.real.peer_certificates().is_some());
    }
    for handle in [Handle::Id(ID.into()), Handle::Ticket(TICKET.into())] {
        let (mut bench, _) = client(of_client(|session| session.handle = handle), |config| config);
        bench.puppet.session = Some(MASTER_SECRET);
        bench.go(&[TO_CLIENT[0], Letter::ChangeCipherSpec, Letter::Handshake(H::FINISHED)]);
        assert!(bench.real.is_established() && bench.real.resumed());
        assert!(matches!(bench.real.peer_proof(), Some(PeerProof::FromSession(_))));
    }
}

/// A declined ticket left "peer authenticated" set.
#[test]
fn a_client_whose_ticket_is_declined_has_to_show_its_certificate() {
    let declined = || Keeper::default();
    let other = || {
        Keeper::of(changed(|session| {
            *session = with_certificate(ClientAuthPolicy::Required);
            session.context = [7; 32];
        }))
    };
    let ways: [(fn() -> Keeper, NotResumed); 2] =
        [(declined, NotResumed::TicketDeclined), (other, NotResumed::OtherConfiguration)];
    for (keeper, why) in ways {
        let begin = || {
            let mut server = Server::kept_by(By::Ticket, keeper(), asks(ClientAuthPolicy::Required));
            server.goes_on_in_full(|_| (), Some(why.clone()));
            server.bench
        };
        let mut bench = begin();
        let result = bench.say(Letter::EmptyCertificate);
        bench.failed(result, &Reason::NoClientCertificate, AlertDescription::HANDSHAKE_FAILURE);

        let mut bench = begin();
        let error = bench.say(Letter::Handshake(H::CLIENT_KEY_EXCHANGE)).expect_err("no Certificate at all");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);

        let mut bench = begin();
        bench.go(&[Letter::Handshake(H::CERTIFICATE), Letter::Handshake(H::CLIENT_KEY_EXCHANGE)]);
        let error = bench.say(Letter::ChangeCipherSpec).expect_err("a certificate that anybody can show");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
        assert!(bench.real.peer_proof().is_none());
    }
}

#[test]
fn a_client_whose_ticket_is_declined_is_nobody_if_it_shows_no_certificate() {
    let mut server = Server::kept_by(By::Ticket, Keeper::default(), asks(ClientAuthPolicy::Optional));
    server.goes_on_in_full(|_| (), Some(NotResumed::TicketDeclined));
    server.bench.say(Letter::EmptyCertificate).expect("it may");
    server.bench.go(&TO_SERVER[1..]);
    assert!(matches!(server.bench.real.peer_proof(), Some(PeerProof::Declined(_))));
    assert!(server.bench.real.peer_certificates().is_none());
}

#[test]
fn empty_session_ids_are_no_resumption() {
    let mut server = Server::new(By::Id, changed(|session| session.handle = Handle::Id([].into())), |config| config);
    server.is_full(|hello| hello.session_id = &[], None);
    let seen = server.keeper.seen.lock().expect("nobody panics here");
    assert!(!seen.iter().any(|kept| matches!(kept, Kept::Found)), "{seen:?}");
    drop(seen);

    // Neither for a client that offers a session, nor for one that has none.
    let nameless = of_client(|session| session.handle = Handle::Id([].into()));
    for session in [Some(session(Side::Client)), Some(nameless), None] {
        let mut bench = session.map_or_else(Bench::any_client, |session| client(session, |config| config).0);
        let hello = bench.puppet.server_hello(|hello| hello.session_id = &[]);
        bench.say_message(&hello).expect("a full handshake");
        assert_eq!(bench.real.state(), "WaitCertificate");
        let error = bench.say(Letter::ChangeCipherSpec).expect_err("nothing is resumed");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn another_session_id_than_the_one_that_was_offered_is_no_resumption() {
    let mut shorter = ID.to_vec();
    shorter.pop();
    let mut other = ID.to_vec();
    other[31] ^= 1;
    for answer in [shorter, other] {
        // A copy with the lifetime of the hello.
        let answer: &'static [u8] = answer.leak();
        let (mut bench, _) = client(session(Side::Client), |config| config);
        let hello = bench.puppet.server_hello(|hello| hello.session_id = answer);
        bench.say_message(&hello).expect("a full handshake");
        bench.go(&TO_CLIENT[1..]);
        assert!(bench.real.is_established() && !bench.real.resumed());
    }
}

/// Who saw the session ID or the ticket on the wire has no master secret.
#[test]
fn who_does_not_know_the_master_secret_does_not_resume() {
    for by in WAYS {
        let mut server =
            Server::new(by, changed(|session| session.master_secret = MasterSecret::of(&[7; 48])), |config| config);
        let keeper = server.keeper.clone();
        server.bench.puppet.session = Some(MASTER_SECRET);
        let Server { mut bench, .. } = server;
        let mut hello = bench.puppet.say(TO_SERVER[0]);
        bench.real.read(&mut hello).expect("a ClientHello");
        bench.real.read(&mut []).expect("a session to resume");
        assert_eq!(bench.real.state(), "WaitChangeCipherSpec");
        // ServerHello is all that the puppet can read.
        let flight = bench.real.write_all(&[]);
        let end = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
        bench.puppet.hear(&flight[..end]);
        bench.puppet.resume();
        let mut change = bench.puppet.change_cipher_spec();
        bench.real.read(&mut change).expect("ChangeCipherSpec in its place");
        let mut finished = bench.puppet.say(Letter::Handshake(H::FINISHED));
        let failing = bench.real.read(&mut finished).expect("first the alert");
        assert!(matches!(failing.event, Event::Failing));
        let error = bench.real.read(&mut []).expect_err("another master secret");
        assert_eq!(error.alert(), Some(AlertDescription::BAD_RECORD_MAC));
        assert!(
            matches!(keeper.seen.lock().expect("nobody panics here").last(), Some(Kept::Removed)) == (by == By::Id)
        );
    }
    let (mut bench, _) = client(session(Side::Client), |config| config);
    bench.puppet.session = Some([7; 48]);
    bench.go(&[TO_CLIENT[0], Letter::ChangeCipherSpec]);
    let error = bench.say(Letter::Handshake(H::FINISHED)).expect_err("another master secret");
    bench.failed_with(&error, AlertDescription::BAD_RECORD_MAC);
}

/// RFC 5077 §3.4.
#[test]
fn a_session_id_beside_a_ticket_is_not_looked_up() {
    let mut server = Server::kept_by(By::Ticket, Keeper::default(), |config| config);
    server.is_full(|_| (), Some(NotResumed::TicketDeclined));
    let seen = server.keeper.seen.lock().expect("nobody panics here");
    assert!(!seen.iter().any(|kept| matches!(kept, Kept::Found)), "{seen:?}");
}
