//! What only GnuTLS can be made to do.

use std::io::{Read, Write};

use super::{Checked, want};
use crate::matrix;
use crate::ours::ClientSetup;
use crate::peers::{AnyServer, Lab, Versions};
use crate::talk;

/// Checks against `gnutls-serv --echo`.
pub fn servers(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let result = renegotiation_denied(peer, lab).map_err(|error| format!("{error}\n{}", peer.output()));
    vec![("its HelloRequest is declined", result)]
}

/// The line makes gnutls-serv send a HelloRequest; our answer is the warning no_renegotiation, and GnuTLS goes on with the
/// connection as it is.
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
    session.write_all(b"after!\n").and_then(|()| session.read_exact(&mut back)).map_err(failed)?;
    if back != *b"after!\n" {
        return Err(format!("{:?} came back", String::from_utf8_lossy(&back)));
    }
    matrix::close(&mut session)?;
    Ok("the connection goes on".to_owned())
}
