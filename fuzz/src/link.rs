//! A connection, whole or in two halves that are driven as if they were one.

use std::mem;

use tls12::{AlertDescription, Error, Event, Receive, Received, Receiver, RefusedSplit, Sender, Sent, Transmit};

use crate::role::{Role, known_to_half};

pub enum Link<C> {
    Whole(C),
    Halves(Box<(Receiver, Sender)>),
    /// On its way from the one to the other.
    Nothing,
}

impl<C: Role> Link<C> {
    /// What is known stays known.
    pub fn split(&mut self) {
        let Link::Whole(connection) = mem::replace(self, Link::Nothing) else { panic!("it is not whole") };
        let known = connection.known();
        let (receiver, sender) = connection.split().map_err(RefusedSplit::into_inner).ok().expect("it is established");
        assert_eq!(known_to_half(&receiver), known);
        *self = Link::Halves(Box::new((receiver, sender)));
    }

    pub fn whole(&mut self) -> &mut C {
        match self {
            Link::Whole(connection) => connection,
            _ => panic!("it was split"),
        }
    }

    fn receiving(&mut self) -> &mut dyn Receive {
        match self {
            Link::Whole(connection) => connection,
            Link::Halves(halves) => &mut halves.0,
            Link::Nothing => unreachable!(),
        }
    }

    fn sending(&mut self) -> &mut dyn Transmit {
        match self {
            Link::Whole(connection) => connection,
            Link::Halves(halves) => &mut halves.1,
            Link::Nothing => unreachable!(),
        }
    }

    /// What the one half has for the other is passed on, but for the reply to close_notify, which is for the application
    /// to send.
    pub fn read(&mut self, input: &mut [u8]) -> Result<Received, Error> {
        let Received { consumed, event } = self.receiving().read(input)?;
        let event = match (event, &mut *self) {
            (Event::SendAlert(token), Link::Halves(halves)) => {
                let sender = &mut halves.1;
                let (alert, is_fatal) = (token.description(), token.error().is_some());
                if alert != Some(AlertDescription::CLOSE_NOTIFY) || is_fatal {
                    sender.alert(token);
                }
                if is_fatal && sender.wants_write() { Event::Failing } else { Event::Progress }
            }
            (Event::SendAlert(token), _) => panic!("{token:?} of a whole connection"),
            (event, _) => event,
        };
        Ok(Received { consumed, event })
    }

    pub fn write(&mut self, plaintext: &[u8], output: &mut [u8]) -> Result<Sent, Error> {
        self.sending().write(plaintext, output)
    }

    pub fn wants_write(&mut self) -> bool {
        self.sending().wants_write()
    }

    pub fn output_len(&mut self, plaintext_len: usize) -> usize {
        self.sending().output_len(plaintext_len)
    }

    pub fn close(&mut self) {
        self.sending().close();
    }

    pub fn end_of_input(&mut self) -> Result<(), Error> {
        self.receiving().end_of_input()
    }

    pub fn is_established(&self) -> bool {
        match self {
            Link::Whole(connection) => connection.is_established(),
            Link::Halves(halves) => halves.0.error().is_none(),
            Link::Nothing => unreachable!(),
        }
    }

    /// Whether it sends data. A sender that was told of no error does.
    pub fn takes_data(&self) -> bool {
        match self {
            Link::Halves(halves) => halves.1.error().is_none(),
            _ => self.is_established(),
        }
    }
}
