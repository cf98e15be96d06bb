//! Sessions that are resumed: by ticket and by ID, as both ends see it, and what they know of the other end then.

use tls12::ClientAuthPolicy;

use super::{Checked, want};
use crate::cell::Kind;
use crate::matrix::{self, Order};
use crate::ours::{ClientSetup, ServerSetup};
use crate::peers::{AnyClient, AnyServer, Lab, Sessions, Versions, Want};
use crate::talk;

/// Our client against this server.
pub fn as_client(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let mut checked = Vec::new();
    for sessions in peer.resumes() {
        for client_certificate in [false, true] {
            let want = Want { sessions: *sessions, client_certificate, ..want(Versions::Both) };
            let result = resumed_by(peer, lab, &want).map_err(|error| format!("{error}\n{}", peer.output()));
            checked.push((name(*sessions, client_certificate), result));
        }
    }
    checked
}

fn name(sessions: Sessions, client_certificate: bool) -> &'static str {
    match (sessions, client_certificate) {
        (Sessions::Tickets, false) => "resumption by ticket",
        (Sessions::Ids, false) => "resumption by ID",
        (Sessions::Tickets, true) => "by ticket, with a client",
        (Sessions::Ids, true) => "by ID, with a client",
    }
}

/// Two connections with one configuration.
fn resumed_by(peer: &mut AnyServer, lab: &Lab, want: &Want) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.sessions = true;
    let leaf = lab.certs.client_leaf(Kind::EcdsaP256);
    setup.identity = want.client_certificate.then_some(leaf);
    let client = if want.client_certificate { leaf.name.as_str() } else { "" };
    let config = setup.config()?;
    for expected in [false, true] {
        let mut session = matrix::connect_again(peer.account_port(lab, want)?, &config, &setup)?;
        let ours = session.account();
        let theirs = peer.account(&mut session)?;
        matrix::close(&mut session)?;
        if ours.report.resumed != Some(expected) || theirs.resumed != Some(expected) {
            return Err(format!("resumed: {expected}; tls12: {ours:?}; the server: {theirs:?}"));
        }
        if theirs.client.as_deref().is_some_and(|name| name != client) {
            return Err(format!("the server saw {theirs:?} instead of {client:?}"));
        }
        if ours.peer_certificate.as_ref() != lab.certs.leaf(want.cell.kind).chain.first() {
            return Err(format!("resumed: {expected}; the server's certificate is not known any more"));
        }
    }
    Ok(String::new())
}

/// This client against our server.
pub fn as_server(peer: &mut AnyClient, lab: &Lab) -> Vec<Checked> {
    let mut checked = Vec::new();
    for sessions in peer.resumes() {
        for client_certificate in [false, true] {
            checked.push((name(*sessions, client_certificate), resumed(peer, lab, *sessions, client_certificate)));
        }
    }
    checked
}

fn resumed(peer: &mut AnyClient, lab: &Lab, sessions: Sessions, client_certificate: bool) -> Result<String, String> {
    let mut setup = ServerSetup::new(lab, lab.certs.leaf(Kind::EcdsaP256));
    setup.sessions = Some(sessions);
    let mut order = Order::new(lab, talk::text(1000, 1));
    let leaf = client_certificate.then(|| lab.certs.client_leaf(Kind::EcdsaP256));
    if client_certificate {
        setup.clients = Some((ClientAuthPolicy::Required, vec![lab.certs.client_root.certificate.clone()]));
    }
    order.identity = leaf;
    let served = matrix::serve_twice(peer, lab, &setup, &order);
    match (&served.ours, &served.peer) {
        (Ok(ours), Ok(theirs))
            if ours.report.resumed == Some(true)
                && theirs.resumed == Some(true)
                && ours.peer_certificate.as_ref() == leaf.map(|leaf| &leaf.chain[0]) =>
        {
            Ok(String::new())
        }
        _ => Err(served.explain("the session was not resumed", peer)),
    }
}
