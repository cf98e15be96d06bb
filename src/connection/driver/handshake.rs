//! A handshake under way: letters to the flow table, one after the other, and the questions between them.

use alloc::string::ToString;

use super::{Driver, Phase, not_there};
use crate::ask::{Answer, Answered, RefusedAnswer, Token};
use crate::connection::Event;
use crate::connection::alerts::Meaning;
use crate::connection::receiving::{Receiving, check_change_cipher_spec, unexpected};
use crate::decision::Decision;
use crate::error::Reason;
use crate::handshake::{Cx, Handshake, Machine, Role};
use crate::machine::Input;
use crate::message::{ContentType, HandshakeType};
use crate::observer::Direction;
use crate::record::Join;

pub(super) struct InFlight<R: Role> {
    /// Taken while it is at work.
    pub(super) machine: Option<R::Machine>,
    pub(super) question: Question,
    pub(super) hs: Handshake<R>,
    pub(super) join: Join,
    /// The name of the state, for errors and for the observer.
    pub(super) state: &'static str,
}

/// How far a question to the outside is.
pub(super) enum Question {
    NotAsked,
    /// It is out; this is our half of its token.
    Open(Token),
    Answered(Result<Answered, Reason>),
}

/// What one step of the handshake did.
pub(super) enum Took {
    /// No whole message is inside.
    Idle,
    Went,
    Event(Event),
}

/// The content of a handshake record.
struct Fresh<'a> {
    /// What was not handled yet.
    left: &'a [u8],
    /// The message that was handled last, if it lies in the record.
    message: &'a [u8],
}

/// What moves a state on.
enum Letter<'a> {
    Answer(Answered),
    Input(Input<'a>),
}

impl<R: Role> Driver<R> {
    pub(super) fn handle(&mut self, content_type: ContentType, payload: &[u8]) -> Result<Event, Reason> {
        match content_type {
            ContentType::HANDSHAKE => Ok(self.go_on(payload)?.unwrap_or(Event::Progress)),
            ContentType::CHANGE_CIPHER_SPEC => {
                self.change_cipher_spec(payload)?;
                Ok(Event::Progress)
            }
            ContentType::ALERT => match self.receiving.alert(payload, self.state())? {
                Meaning::CloseNotify => Err(Reason::ClosedInHandshake),
                Meaning::Warning => Ok(Event::Progress),
            },
            _ => Err(Reason::UnexpectedMessage { got: "application_data", expected: self.expected() }),
        }
    }

    /// Handles what is inside, and then the content of a handshake record, until something happens that the caller has to
    /// know. What of the record is left then is kept inside.
    pub(super) fn go_on(&mut self, content: &[u8]) -> Result<Option<Event>, Reason> {
        let mut fresh = Fresh { left: content, message: &[] };
        let mut went = false;
        let event = loop {
            if !self.has_work(&fresh) {
                break went.then_some(Event::Progress);
            }
            match self.step(&mut fresh)? {
                Took::Idle => break went.then_some(Event::Progress),
                Took::Went => went = true,
                Took::Event(event) => break Some(event),
            }
        };
        if let Phase::Handshake(flight) = &mut self.phase {
            if !fresh.left.is_empty() {
                flight.join.push(fresh.left);
            }
            // A message that came in parts was put together there.
            flight.join.release();
        }
        Ok(event)
    }

    /// Whether there may be a letter.
    fn has_work(&self, fresh: &Fresh<'_>) -> bool {
        let Phase::Handshake(flight) = &self.phase else { return false };
        !fresh.left.is_empty()
            || !flight.join.is_aligned()
            || !matches!(flight.question, Question::NotAsked)
            || flight.machine.as_ref().is_none_or(Machine::is_asking)
    }

    /// One letter of the handshake: an answer, or a message.
    fn step(&mut self, fresh: &mut Fresh<'_>) -> Result<Took, Reason> {
        let Driver { phase: Phase::Handshake(flight), receiving, sending, .. } = self else {
            return Ok(Took::Idle);
        };
        let Receiving { incoming, facts, hello_requests, .. } = receiving;
        let outgoing = &mut sending.outgoing;
        let InFlight { machine: slot, question, hs, join, state } = &mut **flight;
        let mut machine = slot.take().ok_or_else(not_there)?;
        #[cfg(test)]
        if join
            .peek_with(fresh.left)
            .and_then(HandshakeType::name)
            .is_some_and(|letter| self.planted == Some((machine.name(), letter)))
        {
            *slot = Some(machine);
            let took = join.next_of(&mut fresh.left)?.is_some() || join.next()?.is_some();
            return Ok(if took { Took::Went } else { Took::Idle });
        }
        let mut cx = Cx { hs, facts, incoming, outgoing, message: fresh.message, state };

        let letter = match core::mem::replace(question, Question::NotAsked) {
            Question::Answered(Ok(answered)) => Some(Letter::Answer(answered)),
            Question::Answered(Err(reason)) => {
                let without = machine.without_answer(&reason.to_string());
                Some(Letter::Answer(without.ok_or(reason)?))
            }
            Question::Open(token) if token.is_alone() => {
                Some(Letter::Answer(machine.without_answer(DROPPED).ok_or_else(dropped)?))
            }
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
                    R::keep_message(&mut cx);
                    *question = Question::Open(ours);
                    *slot = Some(machine);
                    join.release();
                    return Ok(Took::Event(Event::Ask(ask)));
                }
                None => {
                    check_expected::<R>(&machine, join.peek_with(fresh.left))?;
                    let message = match join.next_of(&mut fresh.left)? {
                        Some((message_type, message)) => {
                            fresh.message = message;
                            Some((message_type, message))
                        }
                        None => {
                            fresh.message = &[];
                            // A header that came in parts is whole only now.
                            check_expected::<R>(&machine, join.peek())?;
                            join.next()?.map(|(message_type, range)| (message_type, join.bytes(range)))
                        }
                    };
                    let input =
                        message.map(|(message_type, message)| Letter::Input(cx.received(message_type, message)));
                    if fresh.message.is_empty() {
                        R::keep_message(&mut cx);
                    }
                    input
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
                hello_requests.count(body)?;
                return Ok(Took::Went);
            }
            // The peer's flight ends here, and it waits for us: what follows would be under other keys, or in another order.
            Some(Letter::Input(input)) if ends_flight(input) && !(join.is_aligned() && fresh.left.is_empty()) => {
                return Err(Reason::ExcessHandshakeData);
            }
            Some(Letter::Input(input)) => machine.take(&mut cx, input)?,
        };
        Ok(self.arrive(machine))
    }

    /// The machine is in its next state.
    pub(super) fn arrive(&mut self, machine: R::Machine) -> Took {
        let state = machine.name();
        match machine.established() {
            Ok(established) => {
                self.phase = Phase::Established(established);
                self.sending.outgoing.handshake_done();
                Took::Event(Event::Established)
            }
            Err(machine) => {
                if let Phase::Handshake(flight) = &mut self.phase {
                    flight.machine = Some(machine);
                    flight.state = state;
                }
                Took::Went
            }
        }
    }

    fn change_cipher_spec(&mut self, payload: &[u8]) -> Result<(), Reason> {
        let Phase::Handshake(flight) = &mut self.phase else { return Err(not_there()) };
        check_change_cipher_spec(payload, flight.join.is_aligned())?;
        let input = Input::ChangeCipherSpec;
        let machine = flight.machine.take().ok_or_else(not_there)?;
        #[cfg(test)]
        if self.planted == Some((machine.name(), input.name())) {
            flight.machine = Some(machine);
            return Ok(());
        }
        self.observe(Direction::Received, ContentType::CHANGE_CIPHER_SPEC, input.name(), payload.len());
        let machine = self.with_cx(|cx| machine.take(cx, input))?;
        self.arrive(machine);
        Ok(())
    }

    pub(in crate::connection) fn answer(&mut self, answer: Answer) -> Result<(), RefusedAnswer> {
        match &mut self.phase {
            Phase::Handshake(flight) if matches!(&flight.question, Question::Open(token) if token.fits(answer.token())) =>
            {
                flight.question = Question::Answered(answer.into_answered());
                Ok(())
            }
            _ => Err(RefusedAnswer::new(answer, self.refuse(Reason::UnexpectedAnswer))),
        }
    }

    /// Goes on without the answer that is waited for, where the handshake can: then that answer is refused if it still comes.
    pub(in crate::connection) fn skip_answer(&mut self) -> bool {
        let Phase::Handshake(flight) = &mut self.phase else { return false };
        let InFlight { machine: Some(machine), question, .. } = &mut **flight else { return false };
        match (machine.without_answer(NOT_AWAITED), &question) {
            (Some(answered), Question::Open(_)) => {
                *question = Question::Answered(Ok(answered));
                true
            }
            _ => false,
        }
    }
}

/// A message that the state doesn't wait for is refused at its header, before any of it is kept.
fn check_expected<R: Role>(machine: &R::Machine, next: Option<HandshakeType>) -> Result<(), Reason> {
    match next {
        Some(HandshakeType::HELLO_REQUEST) if R::IS_CLIENT => Ok(()),
        Some(next) if !machine.expects(next) => Err(unexpected(next, machine.expected())),
        _ => Ok(()),
    }
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

const NOT_AWAITED: &str = "the answer was not waited for any longer";

const DROPPED: &str = "the question was dropped without an answer";

fn dropped() -> Reason {
    Reason::Local { what: "a decision", why: DROPPED.into() }
}
