//! The server's legal orders: RFC 5246 §7.3 figures 1 and 2, with RFC 5077 §3.1 (tickets).

use super::Server;
use super::states::*;
use crate::ask::{Found, Resolved, Sealed, Signature, Verdict};
use crate::machine::{ChangeCipherSpec, machine};
use crate::message::{Certificate, CertificateVerify, ClientHello, ClientKeyExchange, Finished};
use crate::proof::Established;

machine! {
    /// The states of a server.
    Server: Machine {
        wait WaitClientHello         { ClientHello       => AfterClientHello         [AskSession | AskIdentity]; }
        ask  AskSession              { Found             => AfterFound               [AskIdentity | AskVerifyAgain | AskRenewal | WaitChangeCipherSpec]; }
        ask  AskVerifyAgain          { Verdict           => AfterVerdictAgain        [AskIdentity | AskRenewal | WaitChangeCipherSpec]; }
        ask  AskRenewal              { Sealed            => AfterRenewal             [WaitChangeCipherSpec]; }
        ask  AskIdentity             { Resolved          => AfterIdentity            [AskSignature]; }
        ask  AskSignature            { Signature         => AfterSignature           [WaitCertificate | WaitClientKeyExchange]; }
        wait WaitCertificate         { Certificate       => AfterCertificate         [AskVerify | WaitClientKeyExchange]; }
        ask  AskVerify               { Verdict           => AfterVerdict             [WaitClaimantKeyExchange]; }
        wait WaitClaimantKeyExchange { ClientKeyExchange => AfterClaimantKeyExchange [WaitCertificateVerify]; }
        wait WaitCertificateVerify   { CertificateVerify => AfterCertificateVerify   [WaitChangeCipherSpec]; }
        wait WaitClientKeyExchange   { ClientKeyExchange => AfterClientKeyExchange   [WaitChangeCipherSpec]; }
        wait WaitChangeCipherSpec    { ChangeCipherSpec  => AfterChangeCipherSpec    [WaitFinished]; }
        wait WaitFinished            { Finished          => AfterFinished            [AskNewTicket | Established]; }
        ask  AskNewTicket            { Sealed            => AfterSealed              [Established]; }
    }
}
