//! Application protocols with nginx and curl, which speak HTTP/1.1 and HTTP/2 by what ALPN (RFC 7301) agrees on.

use tls12::AlertDescription;

use super::{Checked, server_setup, want};
use crate::matrix::{self, Order};
use crate::ours::{Cause, ClientSetup};
use crate::peers::{AnyClient, Lab, Nginx, ServerPeer, Versions};
use crate::{h2, talk};

/// What a client is refused with when there is no common protocol.
const REFUSED: Cause = Cause::PeerAlert(AlertDescription::NO_APPLICATION_PROTOCOL);

/// Checks against nginx.
pub fn nginx(peer: &mut Nginx, lab: &Lab) -> Vec<Checked> {
    vec![("HTTP/2 by ALPN", http2_of_nginx(peer, lab)), ("no common protocol by ALPN", nothing_of_nginx(peer, lab))]
}

/// nginx has preferences of its own: HTTP/2 first, whatever the client's order.
fn http2_of_nginx(peer: &mut Nginx, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.alpn = vec!["http/1.1", "h2"];
    let mut session = matrix::connect(peer.http2_port(), &setup)?;
    let agreed = session.report().alpn.unwrap_or_default();
    if agreed != "h2" {
        return Err(format!("{agreed:?} was agreed on"));
    }
    if h2::request(&mut session, "/page.txt")? != peer.page() {
        return Err("the page differs".to_owned());
    }
    session.close()?;
    Ok(agreed)
}

fn nothing_of_nginx(peer: &mut Nginx, lab: &Lab) -> Result<String, String> {
    let mut setup = ClientSetup::new(lab);
    setup.alpn = vec!["interop/1"];
    match matrix::connect(peer.port(lab, &want(Versions::Both))?, &setup) {
        Err(failure) if failure.cause == REFUSED => Ok(failure.text),
        Err(failure) => Err(format!("nginx refused otherwise: {failure}")),
        Ok(session) => Err(format!("it was accepted: {:?}", session.report())),
    }
}

/// Checks of curl.
pub fn curl(peer: &mut AnyClient, lab: &Lab) -> Vec<Checked> {
    vec![
        ("HTTP/2 by ALPN", with_curl(peer, lab, &["h2", "http/1.1"], "h2", "h2")),
        ("HTTP/1.1 where it prefers 2", with_curl(peer, lab, &["http/1.1"], "h2", "http/1.1")),
        ("no common protocol by ALPN", nothing_of_curl(peer, lab)),
    ]
}

/// Our server speaks these protocols, curl offers `h2` (and then HTTP/1.1 as well) or `http/1.1`.
fn with_curl(
    peer: &mut AnyClient,
    lab: &Lab,
    ours: &[&'static str],
    offered: &str,
    expected: &str,
) -> Result<String, String> {
    let mut setup = server_setup(lab);
    setup.alpn = ours.to_vec();
    let mut order = Order::new(lab, talk::text(30_000, 1));
    order.alpn = Some(offered);
    let served = matrix::serve(peer, lab, &setup, &order);
    match (&served.ours, &served.peer) {
        (Ok(ours), Ok(theirs))
            if ours.report.alpn.as_deref() == Some(expected) && theirs.alpn.as_deref() == Some(expected) =>
        {
            Ok(expected.to_owned())
        }
        _ => Err(served.explain(&format!("{expected} was not agreed on"), peer)),
    }
}

fn nothing_of_curl(peer: &mut AnyClient, lab: &Lab) -> Result<String, String> {
    let mut setup = server_setup(lab);
    setup.alpn = vec!["interop/1"];
    let mut order = Order::new(lab, talk::text(1000, 1));
    order.alpn = Some("h2");
    let served = matrix::serve(peer, lab, &setup, &order);
    match (&served.ours, &served.peer) {
        (Err(ours), Err(theirs)) if theirs.contains("no application protocol") => Ok(ours.text.clone()),
        _ => Err(served.explain("curl does not name the alert no_application_protocol", peer)),
    }
}
