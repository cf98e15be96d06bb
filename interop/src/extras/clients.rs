//! Certificates of clients, with keys of each kind; clients without one, and with one of a stranger's.

use tls12::ClientAuthPolicy;

use super::{Checked, server_setup, want};
use crate::cell::Kind;
use crate::certs::Leaf;
use crate::matrix::{self, Order, Served};
use crate::ours::{Cause, ClientSetup};
use crate::peers::{AnyClient, AnyServer, Lab, Versions, Want};
use crate::talk;

/// Our client against this server, which demands a certificate.
pub fn as_client(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let mut checked: Vec<Checked> =
        Kind::ALL.map(|kind| (name(kind), shown(peer, lab, lab.certs.client_leaf(kind)))).into();
    checked.push(("no client certificate is refused", refused(peer, lab, None)));
    checked.push(("a stranger's is refused", refused(peer, lab, Some(&lab.certs.stranger_leaf))));
    checked
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::EcdsaP256 => "client certificate, ECDSA P-256",
        Kind::EcdsaP384 => "client certificate, ECDSA P-384",
        Kind::EcdsaP521 => "client certificate, ECDSA P-521",
        Kind::Rsa2048 => "client certificate, RSA 2048",
        Kind::Ed25519 => "client certificate, Ed25519",
    }
}

fn demanding() -> Want {
    Want { client_certificate: true, ..want(Versions::Both) }
}

fn shown(peer: &mut AnyServer, lab: &Lab, leaf: &Leaf) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.identity = Some(leaf);
    let mut run = || -> Result<String, String> {
        let mut session = matrix::connect(peer.account_port(lab, &demanding())?, &setup)?;
        let report = peer.account(&mut session)?;
        matrix::close(&mut session)?;
        match report.client {
            Some(client) if client == leaf.name => Ok(client),
            other => Err(format!("the server saw {other:?}")),
        }
    };
    run().map_err(|error| format!("{error}\n{}", peer.output()))
}

fn refused(peer: &mut AnyServer, lab: &Lab, leaf: Option<&Leaf>) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.identity = leaf;
    match matrix::connect(peer.account_port(lab, &demanding())?, &setup) {
        Err(failure) if matches!(failure.cause, Cause::PeerAlert(_)) => Ok(failure.text),
        Err(failure) => Err(format!("no alert came: {failure}\n{}", peer.output())),
        // nginx tells who is refused so in a page.
        Ok(mut session) => match peer.account(&mut session) {
            Err(error) if error.contains("HTTP/1.1 400") => Ok("by a page with the status 400".to_owned()),
            other => Err(format!("it was accepted: {other:?}\n{}", peer.output())),
        },
    }
}

/// This client against our server.
pub fn as_server(peer: &mut AnyClient, lab: &Lab) -> Vec<Checked> {
    let (optional, required) = (ClientAuthPolicy::Optional, ClientAuthPolicy::Required);
    let mut checked: Vec<Checked> = Kind::ALL
        .map(|kind| {
            let leaf = lab.certs.client_leaf(kind);
            let served = serve(peer, lab, required, Some(leaf));
            (name(kind), known(&served, Some(leaf)).map_err(|error| served.explain(&error, peer)))
        })
        .into();
    let served = serve(peer, lab, optional, None);
    let result = known(&served, None).map_err(|error| served.explain(&error, peer));
    checked.push(("no client certificate, optional", result));

    let served = serve(peer, lab, required, None);
    let result = not_known(&served, &Cause::NoClientCertificate).map_err(|error| served.explain(&error, peer));
    checked.push(("no client certificate, required", result));

    // Some send it although its issuer is not among those that the server named; others send none then.
    let served = serve(peer, lab, optional, Some(&lab.certs.stranger_leaf));
    let result = not_known(&served, &Cause::UnknownIssuer).or_else(|_| known(&served, None));
    checked.push(("a stranger's is not taken", result.map_err(|error| served.explain(&error, peer))));
    checked
}

fn serve(peer: &mut AnyClient, lab: &Lab, policy: ClientAuthPolicy, leaf: Option<&Leaf>) -> Served {
    let mut setup = server_setup(lab);
    setup.clients = Some((policy, vec![lab.certs.client_root.certificate.clone()]));
    let mut order = Order::new(lab, talk::text(1000, 1));
    order.identity = leaf;
    matrix::serve(peer, lab, &setup, &order)
}

fn known(served: &Served, leaf: Option<&Leaf>) -> Result<String, String> {
    match (&served.ours, &served.peer) {
        (Ok(ours), Ok(_)) if ours.peer_certificate.as_ref() == leaf.map(|leaf| &leaf.chain[0]) => {
            Ok(leaf.map_or("without", |leaf| &leaf.name).to_owned())
        }
        _ => Err("another certificate than expected".to_owned()),
    }
}

fn not_known(served: &Served, cause: &Cause) -> Result<String, String> {
    match (&served.ours, &served.peer) {
        (Err(failure), Err(_)) if failure.cause == *cause => Ok(failure.text.clone()),
        _ => Err(format!("expected: {cause:?}")),
    }
}
