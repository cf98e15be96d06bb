//! What only GnuTLS can be made to do.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::{Checked, want};
use crate::matrix;
use crate::net;
use crate::ours::{Cause, ClientSetup};
use crate::peers::{AnyServer, Lab, Versions};
use crate::talk;

/// Checks against `gnutls-serv --echo`.
pub fn servers(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let result = renegotiation_denied(peer, lab).map_err(|error| format!("{error}\n{}", peer.output()));
    vec![("its HelloRequest is declined", result)]
}

/// The line makes gnutls-serv send a HelloRequest; our answer is the warning no_renegotiation.
fn renegotiation_denied(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &ClientSetup::new(&lab.certs))?;
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
    let deadline = net::deadline();
    let mut log = String::new();
    while Instant::now() < deadline {
        log += &peer.output();
        if log.contains("A TLS warning alert has been received") {
            return Ok("by a warning, at which gnutls-serv hangs up".to_owned());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(log)
}
