//! The client's legal orders: RFC 5246 §7.3 figures 1 and 2, with RFC 6066 §8 (CertificateStatus) and RFC 5077 §3.3
//! (NewSessionTicket).
//!
//! The chain is verified once, at ServerHelloDone, since CertificateStatus is optional even when it was promised.
//! HelloRequest stands in no line: within a handshake it is ignored and not hashed (RFC 5246 §7.4.1.1), which the
//! driver does for every state alike.

use super::Client;
use super::states::*;
use crate::ask::{Resolved, Signature, Verdict};
use crate::machine::{ChangeCipherSpec, machine};
use crate::message::{
    Certificate, CertificateRequest, CertificateStatus, Finished, NewSessionTicket, ServerHello, ServerHelloDone,
    ServerKeyExchange,
};
use crate::proof::Established;

machine! {
    /// The states of a client.
    Client: Machine {
        wait WaitServerHello      { ServerHello        => AfterServerHello        [WaitCertificate | AskVerifyAgain | WaitNewTicket | WaitChangeCipherSpec]; }
        wait WaitCertificate      { Certificate        => AfterCertificate        [WaitStatusOrKeys | WaitKeys]; }
        wait WaitStatusOrKeys     { CertificateStatus  => AfterStatus             [WaitKeys];
                                    ServerKeyExchange  => AfterKeysWithoutStatus  [WaitRequestOrDone]; }
        wait WaitKeys             { ServerKeyExchange  => AfterKeys               [WaitRequestOrDone]; }
        wait WaitRequestOrDone    { CertificateRequest => AfterRequest            [WaitDone];
                                    ServerHelloDone    => AfterDone               [AskVerify]; }
        wait WaitDone             { ServerHelloDone    => AfterRequestAndDone     [AskVerify]; }
        ask  AskVerify            { Verdict            => AfterVerdict            [AskIdentity | WaitNewTicket | WaitChangeCipherSpec]; }
        ask  AskIdentity          { Resolved           => AfterIdentity           [AskSignature | WaitNewTicket | WaitChangeCipherSpec]; }
        ask  AskSignature         { Signature          => AfterSignature          [WaitNewTicket | WaitChangeCipherSpec]; }
        ask  AskVerifyAgain       { Verdict            => AfterVerdictAgain       [WaitNewTicket | WaitChangeCipherSpec]; }
        wait WaitNewTicket        { NewSessionTicket   => AfterNewTicket          [WaitChangeCipherSpec]; }
        wait WaitChangeCipherSpec { ChangeCipherSpec   => AfterChangeCipherSpec   [WaitFinished]; }
        wait WaitFinished         { Finished           => AfterFinished           [Established]; }
    }
}
