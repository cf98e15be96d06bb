//! Clients that show a certificate, and such that don't.

use std::sync::Arc;

use tls12::{AlertDescription, ClientAuthPolicy, PeerProof, Reason, ServerConfigBuilder, VerifyPeer, WebPkiVerifier};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{Pair, client_config, server_config};

fn verifier() -> Arc<dyn VerifyPeer> {
    Arc::new(WebPkiVerifier::for_clients([authority().root()]).unwrap())
}

fn server(policy: ClientAuthPolicy) -> ServerConfigBuilder {
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    server.client_authentication(policy, verifier())
}

#[test]
fn a_client_is_authenticated_with_each_kind_of_key() {
    for kind in Kind::ALL {
        for policy in [ClientAuthPolicy::Optional, ClientAuthPolicy::Required] {
            let client = client_config(authority(), 1).groups(backend_groups()).identity(identity(kind));
            let pair = Pair::driven(client, server(policy));
            pair.assert_established();
            let server = &pair.server.connection;
            assert!(matches!(server.peer_proof(), Some(PeerProof::Verified(_))), "{kind:?}");
            let shown = server.peer_certificates().and_then(|chain| chain.end_entity().map(|leaf| leaf.to_vec()));
            assert_eq!(shown.as_deref(), Some(identity(kind).chain()[0].as_ref()), "{kind:?}");
        }
    }
}

#[test]
fn a_client_without_a_certificate_is_refused_only_where_one_is_required() {
    let client = || client_config(authority(), 1).groups(backend_groups());
    let pair = Pair::driven(client(), server(ClientAuthPolicy::Optional));
    pair.assert_established();
    assert!(matches!(pair.server.connection.peer_proof(), Some(PeerProof::Declined(_))));
    let pair = Pair::driven(client(), server(ClientAuthPolicy::Required));
    assert_eq!(pair.server.error().map(|error| error.reason()), Some(&Reason::NoClientCertificate));
    let heard = Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
    assert_eq!(pair.client.error().map(|error| error.reason()), Some(&heard));
}
