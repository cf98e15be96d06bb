//! OCSP responses, stapled: those to trust and those to refuse, from and to OpenSSL and GnuTLS.

use std::fs;
use std::sync::atomic::AtomicBool;

use tls12::OcspError;

use super::{Checked, want};
use crate::cell::Kind;
use crate::matrix::{self, Order};
use crate::net;
use crate::ocsp::Staple;
use crate::ours::{self, Cause, ClientSetup, ServerSetup};
use crate::peers::{GnuTlsClient, GnuTlsServer, Lab, OpenSslServer, ServerPeer, Versions};
use crate::process::Process;
use crate::talk;

/// The leaf that the responses are about.
const KIND: Kind = Kind::Rsa2048;

const NAMES: [(Staple, &str); 8] = [
    (Staple::Good, "OCSP staple, good"),
    (Staple::Delegated, "OCSP staple by a delegate"),
    (Staple::Expired, "OCSP staple, expired"),
    (Staple::Revoked, "OCSP staple, revoked"),
    (Staple::Unknown, "OCSP staple, unknown"),
    (Staple::OtherCertificate, "OCSP staple for another"),
    (Staple::WrongSignature, "OCSP staple, wrong signature"),
    (Staple::Stranger, "OCSP staple by a stranger"),
];

/// Each response, stapled by `openssl s_server` or `gnutls-serv`, to our client.
pub fn from_openssl(lab: &Lab) -> Vec<Checked> {
    each(lab, |staple, file| accepted(lab, &mut OpenSslServer::new(&["-status_file", file]), staple))
}

/// As [`from_openssl`].
pub fn from_gnutls(lab: &Lab) -> Vec<Checked> {
    each(lab, |staple, file| {
        let response = format!("--ocsp-response={file}");
        accepted(lab, &mut GnuTlsServer::new(&[&response, "--ignore-ocsp-response-errors"]), staple)
    })
}

fn each(lab: &Lab, check: impl Fn(Staple, &str) -> Result<String, String>) -> Vec<Checked> {
    let run = |(staple, name): (Staple, &'static str)| {
        let file = staple.make(&lab.programs.openssl, lab.certs.leaf(KIND), &lab.certs.stranger, &lab.directory);
        (name, file.and_then(|file| check(staple, &file.display().to_string())))
    };
    NAMES.map(run).into()
}

fn accepted(lab: &Lab, peer: &mut impl ServerPeer, staple: Staple) -> Result<String, String> {
    let mut want = want(Versions::Both);
    want.cell.kind = KIND;
    let result = matrix::connect(peer.port(lab, &want)?, &ClientSetup::new(lab));
    let right = match (staple, &result) {
        (Staple::Good | Staple::Delegated, Ok(_)) => true,
        (_, Ok(_)) => false,
        (_, Err(failure)) => match &failure.cause {
            Cause::Staple(why) => matches!(
                (staple, why),
                (Staple::Expired, OcspError::Expired { .. })
                    | (Staple::Revoked, OcspError::Revoked)
                    | (Staple::Unknown, OcspError::UnknownCertificate)
                    | (Staple::OtherCertificate, OcspError::OtherCertificate)
                    | (Staple::WrongSignature, OcspError::BadSignature)
                    | (Staple::Stranger, OcspError::UnknownSigner)
            ),
            _ => false,
        },
    };
    match result {
        Ok(mut session) if right => {
            peer.talk(&mut session, &talk::text(1000, 1))?;
            matrix::close(&mut session)?;
            Ok("accepted".to_owned())
        }
        Err(failure) if right => Ok(failure.text),
        Ok(_) => Err(format!("it was accepted\n{}", peer.output())),
        Err(failure) => Err(format!("{failure}\n{}", peer.output())),
    }
}

/// Each response, stapled by our server, to `openssl s_client`, which prints what it got and verifies nothing.
pub fn to_openssl(lab: &Lab) -> Vec<Checked> {
    each(lab, |staple, file| {
        let (listener, port) = net::listen().map_err(|error| error.to_string())?;
        let address = format!("127.0.0.1:{port}");
        let process = Process::start(&lab.programs.openssl, ["s_client", "-connect", &address, "-status"])?;
        let socket = net::accept(&listener, net::deadline(), &AtomicBool::new(false));
        let config = server(lab, file)?.config()?;
        let mut session = ours::server(&config, socket.map_err(|error| error.to_string())?)?;
        let status = process.wait_for_line(net::deadline(), |line| {
            line.strip_prefix("    Cert Status: ")
                .or(line.strip_prefix("OCSP response: no response"))
                .map(str::to_owned)
        })?;
        session.close()?;
        let expected = match staple {
            Staple::Revoked => "revoked",
            Staple::Unknown => "unknown",
            _ => "good",
        };
        if status == expected { Ok(status) } else { Err(format!("OpenSSL got {status:?}")) }
    })
}

/// Each response, stapled by our server, to `gnutls-cli`, which verifies it.
pub fn to_gnutls(lab: &Lab) -> Vec<Checked> {
    each(lab, |staple, file| {
        let mut peer = GnuTlsClient::new(&[]);
        let served = matrix::serve(&mut peer, lab, &server(lab, file)?, &Order::new(lab, talk::text(1000, 1)));
        // It goes on where the responder does not know the certificate.
        let refused = !matches!(staple, Staple::Good | Staple::Delegated | Staple::Unknown);
        match (&served.ours, &served.peer) {
            (Ok(_), Ok(_)) if !refused => Ok("accepted".to_owned()),
            (Err(failure), Err(_)) if refused => Ok(failure.text.clone()),
            _ => Err(served.explain(&format!("refused: {refused}"), &mut peer)),
        }
    })
}

fn server<'a>(lab: &'a Lab, staple: &str) -> Result<ServerSetup<'a>, String> {
    let mut setup = ServerSetup::new(lab, lab.certs.leaf(KIND));
    setup.staple = Some(fs::read(staple).map_err(|error| format!("{staple}: {error}"))?);
    Ok(setup)
}
