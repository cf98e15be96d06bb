//! The driver: records in, letters to the flow table, records out. It knows no role but by [`Role`].

mod handshake;
mod rest;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use pki_types::ServerName;

use super::export::Source;
use super::receiving::{Came, ESTABLISHED, Receiving, alert_name};
use super::sending::{Sending, Stage};
use super::split::{Receiver, Sender};
use super::{Event, Received};
use crate::alert::AlertDescription;
use crate::client::config::ClientConfig;
use crate::client::{self, Client};
use crate::config::Common;
use crate::error::{Error, Reason};
use crate::handshake::{Cx, Facts, Handshake, Machine, Own, Role};
use crate::message::ContentType;
use crate::observer::Direction;
use crate::proof::{Established, PeerProof};
use crate::record::{Incoming, Join, Outgoing, Sent, Taken};
use crate::server::config::ServerConfig;
use crate::server::{self, Server};
use handshake::{InFlight, Question};

pub(super) struct Driver<R: Role> {
    phase: Phase<R>,
    receiving: Receiving,
    sending: Sending,
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

impl<R: Role> Phase<R> {
    #[inline]
    fn stage(&self) -> Stage<'_> {
        match self {
            Phase::Handshake(_) => Stage::Handshake,
            Phase::Established(_) => Stage::Established,
            Phase::Failed(error) => Stage::Failed(error),
        }
    }
}

impl Driver<Client> {
    pub(super) fn client(config: Arc<ClientConfig>, server_name: ServerName<'static>) -> Result<Self, Error> {
        let asks_by_name = config.send_server_name;
        let mut driver = Driver::new(config, client::Kept::new());
        driver.receiving.facts.own = Own::Client { server: server_name, stored: None };
        driver.receiving.facts.asks_by_name = asks_by_name;
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
        let asks_client = config.client_auth.is_some();
        let mut driver = Driver::new(config, server::Kept::default());
        if let Phase::Handshake(flight) = &mut driver.phase
            && asks_client
        {
            flight.hs.transcript.keep_messages();
        }
        driver.arrive(server::start());
        driver
    }

    /// A server whose ClientHello is inside already.
    pub(super) fn accepted(config: Arc<ServerConfig>, incoming: Incoming, join: Join) -> Self {
        let mut driver = Driver::server(config);
        driver.receiving.incoming = incoming;
        if let Phase::Handshake(flight) = &mut driver.phase {
            flight.join.take_over(join);
        }
        driver
    }
}

impl<R: Role> Driver<R> {
    fn new(config: Arc<R::Config>, kept: R::Kept) -> Self {
        let common: &Common = (*config).as_ref();
        let (observer, limits, record_size) = (common.observer.clone(), common.message_limits, common.record_size);
        Driver {
            receiving: Receiving::new(R::IS_CLIENT, &limits, observer),
            sending: Sending::new(Outgoing::new(R::FIRST_FLIGHT).with_record_size(record_size)),
            #[cfg(test)]
            planted: None,
            phase: Phase::Handshake(Box::new(InFlight {
                machine: None,
                question: Question::NotAsked,
                hs: Handshake::new(config, kept),
                join: Join::new(limits),
                state: "Start",
            })),
        }
    }

    fn with_cx<T>(&mut self, work: impl FnOnce(&mut Cx<'_, R>) -> Result<T, Reason>) -> Result<T, Reason> {
        let Driver { phase: Phase::Handshake(flight), receiving, sending, .. } = self else {
            return Err(not_there());
        };
        let Receiving { incoming, facts, .. } = receiving;
        let outgoing = &mut sending.outgoing;
        work(&mut Cx { hs: &mut flight.hs, facts, incoming, outgoing, message: &[], state: flight.state })
    }

    #[inline]
    pub(super) fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        match &self.phase {
            Phase::Established(_) => match self.receiving.read(input) {
                Ok((consumed, Came::SendAlert(_))) => Ok(self.no_renegotiation(consumed)),
                Ok((consumed, came)) => Ok(Received { consumed, event: came.into() }),
                Err(failure) => self.fail(failure.reason, failure.consumed),
            },
            Phase::Handshake(_) => self.read_handshake(input),
            Phase::Failed(error) => Err(error.clone()),
        }
    }

    #[inline(never)]
    fn read_handshake(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        match self.go_on(&[]) {
            Ok(None) => {}
            Ok(Some(event)) => return Ok(Received { consumed: 0, event }),
            Err(reason) => return self.fail(reason, 0),
        }
        let (content_type, payload, consumed) = match self.receiving.incoming.take(input) {
            Ok(Taken::Record { content_type, payload, consumed }) => (content_type, payload, consumed),
            Ok(Taken::NeedInput { missing }) => {
                return Ok(Received { consumed: 0, event: Event::NeedInput { missing } });
            }
            Err(reason) => return self.fail(reason, 0),
        };
        match self.handle(content_type, input.get(payload).unwrap_or_default()) {
            Ok(event) => Ok(Received { consumed, event }),
            Err(reason) => self.fail(reason, consumed),
        }
    }

    /// The answer to a request to renegotiate (RFC 5246 §7.2.2).
    #[cold]
    fn no_renegotiation(&mut self, consumed: usize) -> Received {
        if self.sending.may_warn() {
            self.send_alert(AlertDescription::NO_RENEGOTIATION);
        }
        Received { consumed, event: Event::Progress }
    }

    /// Ends the connection: queues the alert, if the peer is to be told.
    #[cold]
    fn fail(&mut self, reason: Reason, consumed: usize) -> Result<Received, Error> {
        let error = self.end(reason);
        match error.alert() {
            Some(alert) if !self.sending.outgoing.is_closed => {
                self.send_alert(alert);
                Ok(Received { consumed, event: Event::Failing })
            }
            _ => Err(error),
        }
    }

    /// From here on there is only this error. What was under way is freed.
    fn end(&mut self, reason: Reason) -> Error {
        self.receiving.end(&reason, R::IS_CLIENT && matches!(self.phase, Phase::Handshake(_)));
        let error = Error::new(reason, self.state());
        self.phase = Phase::Failed(error.clone());
        self.sending.outgoing.discard_flight();
        self.sending.outgoing.handshake_done();
        error
    }

    fn send_alert(&mut self, alert: AlertDescription) {
        self.observe(Direction::Sent, ContentType::ALERT, alert_name(alert), 2);
        self.sending.outgoing.alert(alert);
    }

    /// An error of the caller's, which changes nothing.
    #[cold]
    pub(super) fn refuse(&self, reason: Reason) -> Error {
        Error::new(reason, self.state())
    }

    pub(super) fn close(&mut self) {
        if self.sending.outgoing.is_closed || matches!(self.phase, Phase::Failed(_)) {
            return;
        }
        self.observe(Direction::Sent, ContentType::ALERT, alert_name(AlertDescription::CLOSE_NOTIFY), 2);
        self.sending.close();
        if let Phase::Handshake(_) = self.phase {
            self.end(Reason::Closed);
        }
    }

    /// Both sides of an established connection, or the connection itself and why it is whole.
    #[expect(clippy::result_large_err, reason = "who takes it puts it into a box")]
    pub(super) fn split(self) -> Result<(Receiver, Sender), (Self, Error)> {
        let error = match self.phase {
            Phase::Established(established) => {
                let sender = Sender::new(self.sending, &self.receiving);
                return Ok((Receiver::new(self.receiving, established), sender));
            }
            Phase::Failed(ref error) => error.clone(),
            Phase::Handshake(_) => self.refuse(Reason::NotSplit("the handshake is not done")),
        };
        Err((self, error))
    }

    pub(super) fn end_of_input(&mut self) -> Result<(), Error> {
        match &self.phase {
            Phase::Failed(error) => Err(error.clone()),
            _ if self.receiving.close_received => Ok(()),
            _ => Err(self.end(Reason::Truncated)),
        }
    }

    #[inline]
    pub(super) fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
        self.sending.write(self.phase.stage(), plaintext, output)
    }

    pub(super) fn write_vec(&mut self, plaintext: &[u8], output: &mut Vec<u8>) -> Result<Sent, Error> {
        self.sending.write_vec(self.phase.stage(), plaintext, output)
    }

    #[inline]
    pub(super) fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Error> {
        let failed = match &self.phase {
            Phase::Established(_) => None,
            Phase::Failed(error) => Some(error),
            Phase::Handshake(_) => return Err(self.refuse(Reason::NotSealed("the handshake is not done"))),
        };
        self.sending.seal_in_place(failed, buffer, plaintext)
    }

    pub(super) fn wants_write(&self) -> bool {
        self.sending.wants_write()
    }

    pub(super) fn output_len(&self, plaintext_len: usize) -> usize {
        self.sending.output_len(self.phase.stage(), plaintext_len)
    }

    pub(super) fn start_small_again(&mut self) {
        self.sending.outgoing.start_small_again();
    }

    pub(super) fn max_plaintext_sent(&self) -> usize {
        self.sending.outgoing.max_fragment()
    }

    pub(super) fn max_plaintext_received(&self) -> usize {
        self.receiving.incoming.plaintext_limit()
    }

    pub(super) fn records_left(&self) -> u64 {
        self.sending.records_left(self.phase.stage())
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

    /// The name of the state, for errors and for the observer.
    pub(super) fn state(&self) -> &'static str {
        match &self.phase {
            Phase::Handshake(flight) => flight.state,
            Phase::Established(_) => ESTABLISHED,
            Phase::Failed(_) => "Failed",
        }
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.receiving.facts
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { facts: self.facts(), is_established: self.is_established(), state: self.state() }
    }

    fn expected(&self) -> &'static [&'static str] {
        match &self.phase {
            Phase::Handshake(flight) => flight.machine.as_ref().map_or(&[], Machine::expected),
            _ => &[],
        }
    }

    fn observe(&self, direction: Direction, content_type: ContentType, message: &'static str, length: usize) {
        self.receiving.observe(direction, content_type, message, length, self.state());
    }
}

fn not_there() -> Reason {
    Reason::Local { what: "the handshake", why: "its state is gone".into() }
}
