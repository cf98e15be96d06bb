//! Checks beyond the product: names and roots, versions, ALPN, the extended master secret, long transfers.

pub mod alpn;
pub mod clients;
pub mod gnutls;
pub mod openssl;
pub mod p521;
pub mod resumption;
pub mod sizes;
pub mod staples;

use pki_types::ServerName;

use crate::certs::{NAME, WRONG_NAME};
use crate::matrix::{self, Order};
use crate::ours::{Cause, ClientSetup, ServerSetup};
use crate::peers::{AnyClient, AnyServer, Application, Lab, Versions, Want, plain_cell};
use crate::talk;

/// Bytes of a long transfer, each way.
const LONG: usize = 4 << 20;

/// The name of a check and how it went: `Ok` may hold a remark.
pub type Checked = (&'static str, Result<String, String>);

type Check<P> = fn(&mut P, &Lab) -> Result<String, String>;

/// All checks of our client against this server.
pub fn as_client(peer: &mut AnyServer, lab: &Lab) -> Vec<Checked> {
    let checks: [(&'static str, Check<AnyServer>); 7] = [
        ("extended master secret", extended_master_secret),
        ("ALPN", alpn_from_server),
        ("server by its IP address", by_address),
        ("wrong name is refused", wrong_name),
        ("unknown root is refused", unknown_root),
        ("server with TLS 1.3 alone", server_with_13_alone),
        ("4 MiB each way", long_to_server),
    ];
    let run = |(name, check): (&'static str, Check<AnyServer>)| {
        let result = check(peer, lab).map_err(|error| format!("{error}\n{}", peer.output()));
        (name, result)
    };
    let mut all: Vec<Checked> = checks.map(run).into();
    all.extend(resumption::as_client(peer, lab));
    all.extend(clients::as_client(peer, lab));
    all.extend(peer.own_checks(lab));
    all
}

/// All checks of this client against our server.
pub fn as_server(peer: &mut AnyClient, lab: &Lab) -> Vec<Checked> {
    let checks: [(&'static str, Check<AnyClient>); 5] = [
        ("extended master secret", extended_master_secret_of_client),
        ("ALPN", alpn_from_client),
        ("client refuses an unknown root", client_refuses),
        ("client with TLS 1.3 alone", client_with_13_alone),
        ("4 MiB each way", long_from_client),
    ];
    let mut all: Vec<Checked> = checks.map(|(name, check)| (name, check(peer, lab))).into();
    all.extend(resumption::as_server(peer, lab));
    all.extend(clients::as_server(peer, lab));
    all.extend(peer.own_checks(lab));
    all
}

fn want(versions: Versions) -> Want {
    Want { versions, ..Want::new(plain_cell()) }
}

fn extended_master_secret(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let port = peer.port(lab, &want(Versions::Both))?;
    let mut session = matrix::connect(port, &ClientSetup::new(lab))?;
    let used = session.report().extended_master_secret;
    peer.talk(&mut session, &talk::text(1000, 1))?;
    matrix::close(&mut session)?;
    expect_extended_master_secret(used, peer.lacks_extended_master_secret())
}

fn expect_extended_master_secret(used: Option<bool>, lacks: Option<&'static str>) -> Result<String, String> {
    match (used, lacks) {
        (Some(true), None) => Ok("used".to_owned()),
        (Some(false), Some(reason)) => Ok(format!("not used: {reason}")),
        _ => Err(format!("used: {used:?}, known to lack it: {lacks:?}")),
    }
}

fn alpn_from_server(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.alpn = vec!["interop/1", "http/1.1"];
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &setup)?;
    let agreed = session.report().alpn.unwrap_or_default();
    if agreed != "http/1.1" {
        return Err(format!("{agreed:?} was agreed on instead of \"http/1.1\""));
    }
    let report = peer.talk(&mut session, &talk::text(1000, 1))?;
    if report.alpn.as_deref().is_some_and(|alpn| alpn != agreed) {
        return Err(format!("the server reports {:?}", report.alpn));
    }
    if report.server_name.as_deref().is_some_and(|name| name != NAME) {
        return Err(format!("the server got the name {:?}", report.server_name));
    }
    matrix::close(&mut session)?;
    Ok(agreed)
}

fn by_address(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.name = ServerName::try_from("127.0.0.1").map_err(|error| error.to_string())?;
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &setup)?;
    let report = peer.talk(&mut session, &talk::text(1000, 1))?;
    // RFC 6066 §3: addresses are not sent as server_name.
    if report.server_name.as_deref().is_some_and(|name| !name.is_empty()) {
        return Err(format!("the server got the name {:?}", report.server_name));
    }
    matrix::close(&mut session)?;
    Ok(String::new())
}

fn wrong_name(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.name = ServerName::try_from(WRONG_NAME).map_err(|error| error.to_string())?;
    expect_failure(peer, lab, Versions::Both, &setup, &Cause::WrongName)
}

fn unknown_root(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.roots = vec![lab.certs.stranger.certificate.clone()];
    expect_failure(peer, lab, Versions::Both, &setup, &Cause::UnknownIssuer)
}

fn server_with_13_alone(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let alert = Cause::PeerAlert(peer.alert_with_13_alone());
    expect_failure(peer, lab, Versions::Only13, &ClientSetup::new(lab), &alert)
}

fn expect_failure(
    peer: &mut AnyServer,
    lab: &Lab,
    versions: Versions,
    setup: &ClientSetup<'_>,
    expected: &Cause,
) -> Result<String, String> {
    match matrix::connect(peer.port(lab, &want(versions))?, setup) {
        Ok(_) => Err("the handshake succeeded".to_owned()),
        Err(failure) if failure.cause == *expected => Ok(failure.text),
        Err(failure) => Err(format!("{:?} instead of {expected:?}: {}", failure.cause, failure.text)),
    }
}

fn long_to_server(peer: &mut AnyServer, lab: &Lab) -> Result<String, String> {
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &ClientSetup::new(lab))?;
    peer.talk_at_length(&mut session, &talk::text(LONG, 3))?;
    matrix::close(&mut session)?;
    Ok(String::new())
}

fn server_setup(lab: &Lab) -> ServerSetup<'_> {
    ServerSetup::new(lab, lab.certs.leaf(plain_cell().kind))
}

fn extended_master_secret_of_client(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let served = matrix::serve(peer, lab, &server_setup(lab), &Order::new(lab, talk::text(1000, 1)));
    match (&served.ours, &served.peer) {
        (Ok(ours), Ok(_)) => {
            expect_extended_master_secret(ours.report.extended_master_secret, peer.lacks_extended_master_secret())
        }
        _ => Err(served.explain("the connection failed", peer)),
    }
}

fn alpn_from_client(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let mut setup = server_setup(lab);
    setup.alpn = vec!["interop/1", "http/1.1"];
    let mut order = Order::new(lab, talk::text(1000, 1));
    order.alpn = Some("http/1.1");
    let served = matrix::serve(peer, lab, &setup, &order);
    match (&served.ours, &served.peer) {
        (Ok(ours), Ok(theirs))
            if ours.report.alpn.as_deref() == order.alpn
                && theirs.alpn.as_deref().is_none_or(|alpn| Some(alpn) == order.alpn) =>
        {
            Ok("http/1.1".to_owned())
        }
        _ => Err(served.explain("http/1.1 was not agreed on", peer)),
    }
}

fn client_refuses(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let mut order = Order::new(lab, talk::text(1000, 1));
    order.roots = &lab.certs.stranger.file;
    let served = matrix::serve(peer, lab, &server_setup(lab), &order);
    match (&served.ours, &served.peer) {
        (Err(failure), Err(_)) if matches!(failure.cause, Cause::PeerAlert(_)) => Ok(failure.text.clone()),
        _ => Err(served.explain("the client's alert did not come", peer)),
    }
}

fn client_with_13_alone(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let mut order = Order::new(lab, talk::text(1000, 1));
    order.versions = Versions::Only13;
    let served = matrix::serve(peer, lab, &server_setup(lab), &order);
    match (&served.ours, &served.peer) {
        (Err(failure), Err(theirs)) if failure.cause == Cause::Version => {
            // What the client calls the alert protocol_version (70).
            let theirs = theirs.to_lowercase();
            let words = ["protocol version", "protocol_version", "protocolversion"];
            if words.iter().any(|word| theirs.contains(word)) {
                Ok(failure.text.clone())
            } else {
                Err(served.explain("the client does not name the alert protocol_version", peer))
            }
        }
        _ => Err(served.explain("it was not refused for its version", peer)),
    }
}

fn long_from_client(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let mut order = Order::new(lab, talk::text(LONG, 3));
    order.upload = peer.application() == Application::Http;
    let served = matrix::serve(peer, lab, &server_setup(lab), &order);
    match (&served.ours, &served.peer) {
        (Ok(_), Ok(_)) => Ok(String::new()),
        _ => Err(served.explain("the transfer failed", peer)),
    }
}
