//! The client's legal orders: RFC 5246 §7.3 figure 1, with RFC 6066 §8 (CertificateStatus).
//!
//! The chain is verified once, at ServerHelloDone, since CertificateStatus is optional even when it was promised.
//! HelloRequest stands in no line: within a handshake it is ignored and not hashed (RFC 5246 §7.4.1.1), which the
//! driver does for every state alike.

use super::Client;
use super::states::*;
use crate::ask::Verdict;
use crate::machine::{ChangeCipherSpec, machine};
use crate::message::{
    Certificate, CertificateRequest, CertificateStatus, Finished, ServerHello, ServerHelloDone, ServerKeyExchange,
};
use crate::proof::Established;

machine! {
    /// The states of a client.
    Client: Machine {
        wait WaitServerHello      { ServerHello        => AfterServerHello        [WaitCertificate]; }
        wait WaitCertificate      { Certificate        => AfterCertificate        [WaitStatusOrKeys | WaitKeys]; }
        wait WaitStatusOrKeys     { CertificateStatus  => AfterStatus             [WaitKeys];
                                    ServerKeyExchange  => AfterKeysWithoutStatus  [WaitRequestOrDone]; }
        wait WaitKeys             { ServerKeyExchange  => AfterKeys               [WaitRequestOrDone]; }
        wait WaitRequestOrDone    { CertificateRequest => AfterRequest            [WaitDone];
                                    ServerHelloDone    => AfterDone               [AskVerify]; }
        wait WaitDone             { ServerHelloDone    => AfterRequestAndDone     [AskVerify]; }
        ask  AskVerify            { Verdict            => AfterVerdict            [WaitChangeCipherSpec]; }
        wait WaitChangeCipherSpec { ChangeCipherSpec   => AfterChangeCipherSpec   [WaitFinished]; }
        wait WaitFinished         { Finished           => AfterFinished           [Established]; }
    }
}
