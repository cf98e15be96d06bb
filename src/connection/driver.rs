//! The driver: records in, letters to the flow table, records out. It knows no role but by [`Role`].

mod sending;

use alloc::boxed::Box;
use alloc::sync::Arc;

use pki_types::ServerName;

use super::requests::HelloRequests;
use super::{Event, Received};
use crate::alert::AlertDescription;
use crate::ask::{Answer, Answered, RefusedAnswer, Token};
use crate::client::config::ClientConfig;
use crate::client::{self, Client};
use crate::codec::Malformed;
use crate::config::Common;
use crate::decision::Decision;
use crate::error::{Error, Reason};
use crate::handshake::{Cx, Facts, Handshake, Machine, Role};
use crate::machine::Input;
use crate::message::{ContentType, HEADER_LEN, HandshakeType};
use crate::observer::{Direction, Observer, Seen};
use crate::proof::{Established, PeerProof};
use crate::record::{Incoming, Join, Outgoing, Taken};
use crate::server::config::ServerConfig;
use crate::server::{self, Server};

pub(super) struct Driver<R: Role> {
    phase: Phase<R>,
    /// The name of the state, for errors and for the observer.
    state: &'static str,
    incoming: Incoming,
    outgoing: Outgoing,
    join: Join,
    facts: Facts,
    observer: Option<Arc<dyn Observer>>,
    hello_requests: HelloRequests,
    close_sent: bool,
    close_received: bool,
    /// An arrow too many, for the order check to find: in this state, this letter is taken and changes nothing.
    #[cfg(test)]
    pub(super) planted: Option<(&'static str, &'static str)>,
}

enum Phase<R: Role> {
    /// One box, freed when the handshake is done.
    Handshake(Box<InFlight<R>>),
    Established(Established),
    Failed(Error),
}

struct InFlight<R: Role> {
    /// Taken while it is at work.
    machine: Option<R::Machine>,
    question: Question,
    hs: Handshake<R>,
}

/// How far a question to the outside is.
enum Question {
    NotAsked,
    /// It is out; this is our half of its token.
    Open(Token),
    Answered(Result<Answered, Reason>),
}

/// What one step of the handshake did.
enum Took {
    /// No whole message is inside.
    Idle,
    Went,
    Event(Event),
}

/// What moves a state on.
enum Letter<'a> {
    Answer(Answered),
    Input(Input<'a>),
}

impl Driver<Client> {
    pub(super) fn client(config: Arc<ClientConfig>, server_name: ServerName<'static>) -> Result<Self, Error> {
        let mut driver = Driver::new(config, client::Kept::new(server_name));
        match driver.with_cx(client::start) {
            Ok(machine) => {
                driver.arrive(machine);
                Ok(driver)
            }
            Err(reason) => Err(driver.refuse(reason)),
        }
    }
}

impl Driver<Server> {
    pub(super) fn server(config: Arc<ServerConfig>) -> Self {
        let mut driver = Driver::new(config, server::Kept::default());
        driver.arrive(server::start());
        driver
    }
}

impl<R: Role> Driver<R> {
    fn new(config: Arc<R::Config>, kept: R::Kept) -> Self {
        let common: &Common = (*config).as_ref();
        let (observer, limits, record_size) = (common.observer.clone(), common.message_limits, common.record_size);
        Driver {
            state: "Start",
            incoming: Incoming::new(),
            outgoing: Outgoing::new(R::FIRST_FLIGHT).with_record_size(record_size),
            join: Join::new(limits),
            facts: Facts::default(),
            observer,
            hello_requests: HelloRequests::default(),
            close_sent: false,
            close_received: false,
            #[cfg(test)]
            planted: None,
            phase: Phase::Handshake(Box::new(InFlight {
                machine: None,
                question: Question::NotAsked,
                hs: Handshake::new(config, kept),
            })),
        }
    }

    fn with_cx<T>(&mut self, work: impl FnOnce(&mut Cx<'_, R>) -> Result<T, Reason>) -> Result<T, Reason> {
        let Driver { phase: Phase::Handshake(flight), state, incoming, outgoing, facts, .. } = self else {
            return Err(not_there());
        };
        work(&mut Cx { hs: &mut flight.hs, facts, incoming, outgoing, body: &[], state })
    }

    #[inline]
    pub(super) fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        match &self.phase {
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Established(_) if self.close_received => return Ok(Received { consumed: 0, event: Event::Closed }),
            Phase::Established(_) if self.join.is_aligned() => {}
            _ => match self.go_on() {
                Ok(None) => {}
                Ok(Some(event)) => return Ok(Received { consumed: 0, event }),
                Err(reason) => return self.fail(reason, 0),
            },
        }
        let (content_type, payload, consumed) = match self.incoming.take(input) {
            Ok(Taken::Record { content_type, payload, consumed }) => (content_type, payload, consumed),
            Ok(Taken::NeedInput { missing }) => {
                return Ok(Received { consumed: 0, event: Event::NeedInput { missing } });
            }
            Err(reason) => return self.fail(reason, 0),
        };
        // Data is out of place before the handshake is done, and within a handshake message.
        if content_type == ContentType::APPLICATION_DATA && self.is_established() && self.join.is_aligned() {
            if payload.is_empty() {
                return Ok(Received { consumed, event: Event::Progress });
            }
            self.hello_requests.clear();
            return Ok(Received { consumed, event: Event::Data(payload) });
        }
        match self.handle(content_type, input.get(payload).unwrap_or_default()) {
            Ok(event) => Ok(Received { consumed, event }),
            Err(reason) => self.fail(reason, consumed),
        }
    }

    /// A record that is not application data in its place.
    fn handle(&mut self, content_type: ContentType, payload: &[u8]) -> Result<Event, Reason> {
        match content_type {
            ContentType::HANDSHAKE => {
                self.join.push(payload);
                Ok(self.go_on()?.unwrap_or(Event::Progress))
            }
            ContentType::CHANGE_CIPHER_SPEC => {
                self.change_cipher_spec(payload)?;
                Ok(Event::Progress)
            }
            ContentType::ALERT => self.alert(payload),
            _ => Err(Reason::UnexpectedMessage { got: "application_data", expected: self.expected() }),
        }
    }

    /// Handles what is inside until something happens that the caller has to know.
    fn go_on(&mut self) -> Result<Option<Event>, Reason> {
        let mut went = None;
        loop {
            let step = match &self.phase {
                Phase::Handshake(_) => self.step()?,
                _ => self.request_to_renegotiate()?,
            };
            match step {
                Took::Idle => return Ok(went),
                Took::Went => went = Some(Event::Progress),
                Took::Event(event) => return Ok(Some(event)),
            }
        }
    }

    /// One letter of the handshake: an answer, or a message.
    fn step(&mut self) -> Result<Took, Reason> {
        let Driver { phase: Phase::Handshake(flight), state, incoming, outgoing, facts, join, .. } = self else {
            return Ok(Took::Idle);
        };
        let InFlight { machine: slot, question, hs } = &mut **flight;
        let mut machine = slot.take().ok_or_else(not_there)?;
        #[cfg(test)]
        if join
            .peek()
            .and_then(HandshakeType::name)
            .is_some_and(|letter| self.planted == Some((machine.name(), letter)))
        {
            *slot = Some(machine);
            return Ok(if join.next()?.is_some() { Took::Went } else { Took::Idle });
        }
        let mut cx = Cx { hs, facts, incoming, outgoing, body: &[], state };

        let letter = match core::mem::replace(question, Question::NotAsked) {
            Question::Answered(answered) => Some(Letter::Answer(answered?)),
            Question::Open(token) if token.is_alone() => return Err(dropped()),
            Question::Open(token) => {
                *question = Question::Open(token);
                *slot = Some(machine);
                return Ok(Took::Event(Event::Waiting));
            }
            Question::NotAsked => match machine.decide(&mut cx)? {
                Some(Decision::Now(answered)) => Some(Letter::Answer(answered)),
                Some(Decision::Later) => {
                    let (ours, theirs) = Token::pair();
                    let ask = machine.request(&cx, theirs).ok_or_else(not_there)?;
                    *question = Question::Open(ours);
                    *slot = Some(machine);
                    join.release();
                    return Ok(Took::Event(Event::Ask(ask)));
                }
                None => {
                    check_expected::<R>(&machine, join.peek())?;
                    let message = join.next()?;
                    message.map(|(message_type, range)| Letter::Input(cx.received(message_type, join.bytes(range))))
                }
            },
        };
        let machine = match letter {
            None => {
                *slot = Some(machine);
                return Ok(Took::Idle);
            }
            Some(Letter::Answer(answered)) => machine.answer(&mut cx, answered)?,
            Some(Letter::Input(Input::Message { message_type: HandshakeType::HELLO_REQUEST, body }))
                if R::IS_CLIENT =>
            {
                // RFC 5246 §7.4.1.1: within a handshake it is ignored, and not hashed.
                *slot = Some(machine);
                self.hello_requests.count(body)?;
                return Ok(Took::Went);
            }
            // The peer's flight ends here, and it waits for us: what follows would be under other keys, or in another order.
            Some(Letter::Input(input)) if ends_flight(input) && !join.is_aligned() => {
                return Err(Reason::ExcessHandshakeData);
            }
            Some(Letter::Input(input)) => machine.take(&mut cx, input)?,
        };
        Ok(self.arrive(machine))
    }

    /// The machine is in its next state.
    fn arrive(&mut self, machine: R::Machine) -> Took {
        self.state = machine.name();
        match machine.established() {
            Ok(established) => {
                self.phase = Phase::Established(established);
                self.join.renew();
                Took::Event(Event::Established)
            }
            Err(machine) => {
                if let Phase::Handshake(flight) = &mut self.phase {
                    flight.machine = Some(machine);
                }
                Took::Went
            }
        }
    }

    fn change_cipher_spec(&mut self, payload: &[u8]) -> Result<(), Reason> {
        let input = Input::ChangeCipherSpec;
        // RFC 5246 §7.1: a single byte of value 1.
        if payload != [1] {
            return Err(Reason::BadChangeCipherSpec);
        }
        // Keys change between messages, not within one.
        if !self.join.is_aligned() {
            return Err(Reason::ExcessHandshakeData);
        }
        let Phase::Handshake(flight) = &mut self.phase else {
            return Err(Reason::UnexpectedMessage { got: input.name(), expected: &[] });
        };
        let machine = flight.machine.take().ok_or_else(not_there)?;
        self.observe(Direction::Received, ContentType::CHANGE_CIPHER_SPEC, input.name(), payload.len());
        let machine = self.with_cx(|cx| machine.take(cx, input))?;
        self.arrive(machine);
        Ok(())
    }

    /// RFC 5246 §7.2.
    fn alert(&mut self, payload: &[u8]) -> Result<Event, Reason> {
        let malformed = |problem| Reason::Malformed { message: "alert", problem };
        let (level, description) = match *payload {
            [level, description] => (level, AlertDescription(description)),
            [] | [_] => return Err(malformed(Malformed::Truncated("alert"))),
            _ => return Err(malformed(Malformed::Trailing("alert"))),
        };
        self.observe(Direction::Received, ContentType::ALERT, alert_name(description), payload.len());
        match level {
            1 | 2 if description == AlertDescription::CLOSE_NOTIFY => {}
            1 => {
                self.incoming.count_warning()?;
                return Ok(Event::Progress);
            }
            2 => return Err(Reason::PeerAlert(description)),
            _ => return Err(Reason::AlertLevel(level)),
        }
        if let Phase::Handshake(_) = self.phase {
            return Err(Reason::ClosedInHandshake);
        }
        self.close_received = true;
        Ok(Event::Closed)
    }

    /// A HelloRequest or ClientHello in traffic: `no_renegotiation` (RFC 5246 §7.2.2).
    fn request_to_renegotiate(&mut self) -> Result<Took, Reason> {
        let expected = if R::IS_CLIENT { HandshakeType::HELLO_REQUEST } else { HandshakeType::CLIENT_HELLO };
        if let Some(message_type) = self.join.peek().filter(|message_type| *message_type != expected) {
            return Err(unexpected(message_type, &[]));
        }
        let Some((message_type, range)) = self.join.next()? else {
            self.join.release();
            return Ok(Took::Idle);
        };
        let message = self.join.bytes(range);
        let body = message.get(HEADER_LEN..).unwrap_or_default();
        let input = Input::Message { message_type, body };
        self.observe(Direction::Received, ContentType::HANDSHAKE, input.name(), message.len());
        self.hello_requests.count(if R::IS_CLIENT { body } else { &[] })?;
        self.join.renew();
        // One answer at a time is enough, and the queue stays small.
        if !self.close_sent && !self.wants_write() {
            self.send_alert(AlertDescription::NO_RENEGOTIATION);
        }
        Ok(Took::Went)
    }

    /// Ends the connection: queues the alert, if the peer is to be told.
    #[cold]
    fn fail(&mut self, reason: Reason, consumed: usize) -> Result<Received, Error> {
        let error = self.end(reason);
        match error.alert() {
            Some(alert) if !self.close_sent => {
                self.send_alert(alert);
                Ok(Received { consumed, event: Event::Failing })
            }
            _ => Err(error),
        }
    }

    /// From here on there is only this error. What was under way is freed.
    fn end(&mut self, reason: Reason) -> Error {
        let error = Error::new(reason, self.state);
        self.phase = Phase::Failed(error.clone());
        self.state = "Failed";
        self.outgoing.discard_flight();
        self.join.discard();
        error
    }

    fn send_alert(&mut self, alert: AlertDescription) {
        self.observe(Direction::Sent, ContentType::ALERT, alert_name(alert), 2);
        self.outgoing.alert(alert);
    }

    /// An error of the caller's, which changes nothing.
    pub(super) fn refuse(&self, reason: Reason) -> Error {
        Error::new(reason, self.state)
    }

    pub(super) fn close(&mut self) {
        if self.close_sent || matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        self.outgoing.discard_flight();
        self.send_alert(AlertDescription::CLOSE_NOTIFY);
        self.close_sent = true;
        if let Phase::Handshake(_) = self.phase {
            self.end(Reason::Closed);
        }
    }

    pub(super) fn end_of_input(&mut self) -> Result<(), Error> {
        match &self.phase {
            Phase::Failed(error) => Err(error.clone()),
            _ if self.close_received => Ok(()),
            _ => Err(self.end(Reason::Truncated)),
        }
    }

    pub(super) fn max_plaintext_received(&self) -> usize {
        self.incoming.plaintext_limit()
    }

    pub(super) fn records_left(&self) -> u64 {
        if self.takes_data() { self.outgoing.records_left() } else { 0 }
    }

    pub(super) fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
        match &mut self.phase {
            Phase::Handshake(flight) if matches!(&flight.question, Question::Open(token) if token.fits(answer.token())) =>
            {
                flight.question = Question::Answered(answer.into_answered());
                Ok(())
            }
            _ => Err(RefusedAnswer::new(answer, self.refuse(Reason::UnexpectedAnswer))),
        }
    }

    pub(super) fn error(&self) -> Option<&Error> {
        match &self.phase {
            Phase::Failed(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(_))
    }

    pub(super) fn peer_proof(&self) -> Option<&PeerProof> {
        match &self.phase {
            Phase::Established(established) => Some(established.peer()),
            _ => None,
        }
    }

    pub(super) fn state(&self) -> &'static str {
        self.state
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    fn expected(&self) -> &'static [&'static str] {
        match &self.phase {
            Phase::Handshake(flight) => flight.machine.as_ref().map_or(&[], Machine::expected),
            _ => &[],
        }
    }

    fn observe(&self, direction: Direction, content_type: ContentType, message: &'static str, length: usize) {
        if let Some(observer) = &self.observer {
            let client_random = &self.facts.client_random;
            observer.message(&Seen { direction, content_type, message, length, state: self.state, client_random });
        }
    }
}

/// A message that the state doesn't wait for is refused at its header, before any of it is kept.
fn check_expected<R: Role>(machine: &R::Machine, next: Option<HandshakeType>) -> Result<(), Reason> {
    let expected = machine.expected();
    match next {
        Some(HandshakeType::HELLO_REQUEST) if R::IS_CLIENT => Ok(()),
        Some(next) if !next.name().is_some_and(|name| expected.contains(&name)) => Err(unexpected(next, expected)),
        _ => Ok(()),
    }
}

fn unexpected(message_type: HandshakeType, expected: &'static [&'static str]) -> Reason {
    Reason::UnexpectedMessage { got: Input::Message { message_type, body: &[] }.name(), expected }
}

fn ends_flight(input: Input<'_>) -> bool {
    matches!(
        input,
        Input::Message {
            message_type: HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO_DONE | HandshakeType::FINISHED,
            ..
        }
    )
}

fn alert_name(description: AlertDescription) -> &'static str {
    description.name().unwrap_or("an unknown alert")
}

fn not_there() -> Reason {
    Reason::Local { what: "the handshake", why: "its state is gone".into() }
}

fn dropped() -> Reason {
    Reason::Local { what: "a decision", why: "the question was dropped without an answer".into() }
}
