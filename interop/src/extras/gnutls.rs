//! What only GnuTLS can be made to do.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::{Checked, want};
use crate::cell::Kind;
use crate::matrix::{self, Order};
use crate::net;
use crate::ours::{Bound, Cause, ClientSetup, LABEL, ServerSetup};
use crate::peers::{AnyServer, ClientPeer, GnuTlsClient, GnuTlsServer, Lab, ServerPeer, Versions};
use crate::talk;

/// Makes it leave out the extended master secret, which it calls session hash.
const WITHOUT_EMS: &str = "--priority=NORMAL:%NO_SESSION_HASH";

/// Checks against `gnutls-serv --echo`.
pub fn servers(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let result = renegotiation_denied(peer, lab).map_err(|error| format!("{error}\n{}", peer.output()));
    vec![
        ("its HelloRequest is declined", result),
        ("the same channel bindings", bindings_of_server(lab, &[])),
        ("and without EMS", bindings_of_server(lab, &[WITHOUT_EMS])),
    ]
}

/// Checks against `gnutls-cli`.
pub fn clients(lab: &Lab) -> Vec<Checked> {
    vec![
        ("the same channel bindings", bindings_of_client(lab, &[])),
        ("and without EMS", bindings_of_client(lab, &[WITHOUT_EMS])),
    ]
}

/// The line makes gnutls-serv send a HelloRequest; our answer is the warning no_renegotiation.
fn renegotiation_denied(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &ClientSetup::new(lab))?;
    let failed = |error: std::io::Error| error.to_string();
    let mut back = [0; 7];
    session.write_all(b"before\n").and_then(|()| session.read_exact(&mut back)).map_err(failed)?;
    session.write_all(b"**REHANDSHAKE**\n").map_err(failed)?;
    let answer = talk::read_line(&mut session)?;
    if !answer.starts_with("Successfully executed command") {
        return Err(format!("gnutls-serv does not know the command: {answer}"));
    }
    match session.wait_for_close() {
        Err(failure) if failure.cause == Cause::Truncated => {}
        other => return Err(format!("{other:?} instead of the end of the connection")),
    }
    wait_for_output(peer, "A TLS warning alert has been received")?;
    Ok("by a warning, at which gnutls-serv hangs up".to_owned())
}

/// What the peer printed, when that has these words in it; `Err` when they don't come in time.
fn wait_for_output(peer: &mut AnyServer, words: &str) -> Result<String, String> {
    let deadline = net::deadline();
    let mut log = String::new();
    while Instant::now() < deadline {
        log += &peer.output();
        if log.contains(words) {
            return Ok(log);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(log)
}

fn bindings_of_server(lab: &Lab, more: &[&str]) -> Result<String, String> {
    let (label, size) = export();
    let arguments = [&[label.as_str(), &size], more].concat();
    let mut peer = GnuTlsServer::new(&arguments);
    for kind in Kind::ALL {
        let mut want = want(Versions::Both);
        want.cell.kind = kind;
        let mut session = matrix::connect(peer.port(lab, &want)?, &ClientSetup::new(lab))?;
        peer.talk(&mut session, &talk::text(1000, 1))?;
        matrix::close(&mut session)?;
        let printed = wait_for_output(&mut peer, "Key material: ")?;
        same_bindings(&session.bound(), kind, more.is_empty(), &printed)?;
    }
    Ok(String::new())
}

fn bindings_of_client(lab: &Lab, more: &[&str]) -> Result<String, String> {
    let (label, size) = export();
    let arguments = [&[label.as_str(), &size, "--verbose"], more].concat();
    let mut peer = GnuTlsClient::new(&arguments);
    for kind in Kind::ALL {
        let setup = ServerSetup::new(lab, lab.certs.leaf(kind));
        let served = matrix::serve(&mut peer, lab, &setup, &Order::new(lab, talk::text(1000, 1)));
        match (&served.ours, &served.peer) {
            (Ok(ours), Ok(_)) => same_bindings(&ours.bound, kind, more.is_empty(), &peer.output())?,
            _ => return Err(served.explain("the connection failed", &mut peer)),
        }
    }
    Ok(String::new())
}

fn export() -> (String, String) {
    (format!("--keymatexport={LABEL}"), "--keymatexportsize=32".to_owned())
}

/// What GnuTLS prints of a connection, such as ` - 'tls-unique': 0123…` and `- Key material: 0123…`, against ours.
fn same_bindings(ours: &Bound, kind: Kind, extended_master_secret: bool, printed: &str) -> Result<(), String> {
    let of = |name: &str| printed.lines().find_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(name));
    let check = |name: &str, ours: &Result<String, String>, defined: bool| match (ours, of(name)) {
        (Ok(ours), Some(theirs)) if defined && ours == theirs => Ok(()),
        (Err(_), _) if !defined => Ok(()),
        (ours, theirs) => Err(format!("{name}{ours:?} with {kind}, {theirs:?} at GnuTLS\n{printed}")),
    };
    check("'tls-unique': ", &ours.unique, true)?;
    check("'tls-server-end-point': ", &ours.server_end_point, kind != Kind::Ed25519)?;
    check("'tls-exporter': ", &ours.exporter, extended_master_secret)?;
    check("Key material: ", &ours.material, extended_master_secret)
}
