//! The same bytes to a server, directly and by way of an acceptor.

use tls12::{Acceptance, Acceptor, MessageLimits, Reason};

use crate::end::End;
use crate::keepers::Keepers;
use crate::setup::Setup;

/// The same must come of both.
pub fn same_accepted(setup: Setup, bytes: &[u8]) {
    let mut direct = End::server(setup, &Keepers::of(setup), 0);
    direct.receive(bytes);

    let mut acceptor = Acceptor::new();
    let mut input = bytes.to_vec();
    let accepted = loop {
        match acceptor.read(&mut input) {
            Ok(accepting) => {
                input.drain(..accepting.consumed);
                match accepting.event {
                    Acceptance::ClientHello(accepted) => break accepted,
                    Acceptance::NeedInput { .. } => {
                        assert!(direct.error.is_none() && direct.said.is_empty());
                        assert_eq!(direct.link.whole().state(), "WaitClientHello");
                        return;
                    }
                    Acceptance::Progress | Acceptance::Failing => {}
                }
            }
            // It keeps headers, too, and so has a limit of its own.
            Err(error) if matches!(error.reason(), Reason::MessageTooLong { limit, .. } if *limit > MessageLimits::server().other) =>
            {
                return;
            }
            Err(error) => {
                assert_eq!(acceptor.alert(), direct.said);
                assert_eq!(Some(error), direct.error);
                return;
            }
        }
    };
    assert_eq!([accepted.bytes(), &input].concat(), bytes);

    let keepers = Keepers::of(setup);
    let mut chosen = End::new(setup, &keepers, || accepted.into_connection(setup.server_config(&keepers, 0)));
    chosen.receive(&input);
    assert_eq!(chosen.error, direct.error);
    assert_eq!(chosen.heard, direct.heard);
    assert_eq!((chosen.known.is_some(), chosen.closed), (direct.known.is_some(), direct.closed));
    if !setup.has(Setup::RANDOM) {
        assert_eq!(chosen.known, direct.known);
        assert_eq!(chosen.said, direct.said);
    }
}
