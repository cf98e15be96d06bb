//! The server's legal orders: RFC 5246 §7.3 figure 1.

use super::Server;
use super::states::*;
use crate::ask::{Resolved, Signature};
use crate::machine::{ChangeCipherSpec, machine};
use crate::message::{ClientHello, ClientKeyExchange, Finished};
use crate::proof::Established;

machine! {
    /// The states of a server.
    Server: Machine {
        wait WaitClientHello       { ClientHello       => AfterClientHello       [AskIdentity]; }
        ask  AskIdentity           { Resolved          => AfterIdentity          [AskSignature]; }
        ask  AskSignature          { Signature         => AfterSignature         [WaitClientKeyExchange]; }
        wait WaitClientKeyExchange { ClientKeyExchange => AfterClientKeyExchange [WaitChangeCipherSpec]; }
        wait WaitChangeCipherSpec  { ChangeCipherSpec  => AfterChangeCipherSpec  [WaitFinished]; }
        wait WaitFinished          { Finished          => AfterFinished          [Established]; }
    }
}
