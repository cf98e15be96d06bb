//! What the targets need of a connection beside the library's own trait, for both roles alike.

use tls12::{
    ChannelBinding, ClientAuthPolicy, ClientConnection, Connection, Error, PeerProof, Receiver, ServerConnection,
};

use crate::setup::Setup;

pub trait Role: Connection {
    /// Whom this side has to know.
    fn policy(setup: Setup) -> ClientAuthPolicy;

    fn skip_answer(&mut self) -> bool;

    fn known(&self) -> Known;

    fn proof(&self) -> Option<&PeerProof>;
}

/// What both sides know alike, once they are established.
#[derive(Debug, PartialEq)]
pub struct Known {
    agreed: String,
    pub resumed: bool,
    secure_renegotiation: bool,
    keying_material: Result<[u8; 32], Error>,
    bindings: [Result<Vec<u8>, Error>; 3],
}

macro_rules! known {
    ($connection:expr) => {{
        let mut material = [0; 32];
        let exported = $connection.exporter(b"EXPERIMENTAL fuzz", Some(b"context"), &mut material);
        let kinds = [ChannelBinding::TlsUnique, ChannelBinding::TlsServerEndPoint, ChannelBinding::TlsExporter];
        Known {
            agreed: format!("{:?}", $connection.agreed().expect("it is established")),
            resumed: $connection.resumed(),
            secure_renegotiation: $connection.secure_renegotiation(),
            keying_material: exported.map(|()| material),
            bindings: kinds.map(|kind| $connection.channel_binding(kind)),
        }
    }};
}

macro_rules! role {
    ($connection:ident, $policy:expr) => {
        impl Role for $connection {
            fn policy(setup: Setup) -> ClientAuthPolicy {
                $policy(setup)
            }

            fn skip_answer(&mut self) -> bool {
                $connection::skip_answer(self)
            }

            fn known(&self) -> Known {
                known!(self)
            }

            fn proof(&self) -> Option<&PeerProof> {
                self.peer_proof()
            }
        }
    };
}

role!(ClientConnection, |_| ClientAuthPolicy::Required);
role!(ServerConnection, Setup::client_auth);

/// An established peer is known as the policy has it.
pub fn check_peer<C: Role>(connection: &C, known: &Known, setup: Setup) {
    let (policy, proof) = (C::policy(setup), connection.proof().expect("it is established"));
    let has_certificate = connection.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let good = match proof {
        PeerProof::Verified(_) => has_certificate && policy != ClientAuthPolicy::NotRequested,
        PeerProof::FromSession(_) => has_certificate && known.resumed && policy != ClientAuthPolicy::NotRequested,
        PeerProof::NotRequested(_) => !has_certificate && policy == ClientAuthPolicy::NotRequested,
        PeerProof::Declined(_) => !has_certificate && policy == ClientAuthPolicy::Optional,
        _ => false,
    };
    assert!(good, "{proof:?}, with certificate: {has_certificate}, policy: {policy:?}");
}

/// As of a whole connection.
pub fn known_to_half(receiver: &Receiver) -> Known {
    known!(receiver)
}
