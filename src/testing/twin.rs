//! What any test tells a server before its ClientHello is whole, an acceptor is told, too: the same has to come of it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ServerConfig;
use crate::connection::{Acceptance, Accepted, Accepting, Acceptor, Event, Received, ServerConnection};
use crate::error::Error;

pub(super) struct Twin {
    config: Arc<ServerConfig>,
    acceptor: Acceptor,
    /// All that came.
    given: Vec<u8>,
    /// All that the connection said.
    pub(super) said: Vec<u8>,
}

impl Twin {
    pub(super) fn new(config: Arc<ServerConfig>) -> Self {
        let acceptor = Acceptor::with_limits(config.common.message_limits);
        Twin { config, acceptor, given: Vec::new(), said: Vec::new() }
    }

    /// `bytes` came, and the connection, now in `state`, made `direct` of them. Says whether it is to be asked again.
    pub(super) fn is_like(&mut self, bytes: &[u8], direct: &Result<(), Error>, state: &'static str) -> bool {
        self.given.extend_from_slice(bytes);
        match (self.accept(bytes.to_vec()), direct) {
            (Ok(None), Ok(())) => {
                assert_eq!(state, "WaitClientHello", "there is no ClientHello yet");
                true
            }
            (Ok(Some((accepted, behind))), direct) => {
                assert_ne!(state, "WaitClientHello", "the ClientHello is whole");
                assert_eq!([accepted.bytes(), &behind].concat(), self.given, "the bytes as they came");
                if let Err(error) = direct {
                    self.fails_alike(accepted, behind, error);
                }
                false
            }
            (Err(error), Err(direct)) => {
                assert_eq!(&error, direct);
                assert_eq!(self.acceptor.alert(), self.said, "the alert for: {error}");
                assert_eq!(self.acceptor.end_of_input().as_ref(), Err(direct));
                assert_eq!(&self.acceptor.read(&mut [0; 9]).expect_err("it stays failed"), direct);
                false
            }
            (result, direct) => panic!("accepted: {result:?}; directly: {direct:?}"),
        }
    }

    fn accept(&mut self, mut input: Vec<u8>) -> Result<Option<(Accepted, Vec<u8>)>, Error> {
        loop {
            let Accepting { consumed, event } = self.acceptor.read(&mut input)?;
            input.drain(..consumed);
            match event {
                Acceptance::NeedInput { .. } => return Ok(None),
                Acceptance::ClientHello(accepted) => return Ok(Some((accepted, input))),
                Acceptance::Progress | Acceptance::Failing => {}
            }
        }
    }

    fn fails_alike(&self, accepted: Accepted, mut input: Vec<u8>, direct: &Error) {
        let mut connection: ServerConnection = accepted.into_connection(Arc::clone(&self.config));
        let error = loop {
            match connection.read(&mut input) {
                // Nobody answers here.
                Ok(Received { event: Event::Ask(_), .. }) => return,
                Ok(Received { consumed, .. }) => _ = input.drain(..consumed),
                Err(error) => break error,
            }
        };
        assert_eq!(&error, direct);
        let mut said = Vec::new();
        _ = connection.write_vec(&[], &mut said);
        // A flight has something random in it.
        if self.said.first() == Some(&21) {
            assert_eq!(said, self.said, "the alert for: {error}");
        }
    }
}
