//! Short records: max_fragment_length (RFC 6066 §4) with OpenSSL, record_size_limit (RFC 8449) with GnuTLS. What went over the
//! wire is measured.

use std::io::Read;
use std::sync::atomic::AtomicBool;

use tls12::message::MaxFragmentLength;

use super::{Checked, server_setup, want};
use crate::capture::{Capture, From};
use crate::matrix::{self, Order};
use crate::ours::{self, ClientSetup};
use crate::peers::{AnyClient, GnuTlsServer, Lab, OpenSslClient, OpenSslServer, ServerPeer, Versions};
use crate::process::Process;
use crate::{net, talk};

/// What is echoed, in bytes.
const TEXT: usize = 20_000;
/// The longest plaintext, in bytes; no length that a peer would choose by itself.
const LIMIT: u16 = 512;
/// The most bytes that the protection adds: an explicit nonce and a tag.
const OVERHEAD: usize = 8 + 16;

/// Our client asks `openssl s_server`, which sends short lines in one mode and long pages in another.
pub fn of_openssl_server(lab: &Lab) -> Vec<Checked> {
    let run = || -> Result<String, String> {
        let mut setup = ClientSetup::new(lab);
        setup.max_fragment_length = Some(MaxFragmentLength::BYTES_512);
        let mut peer = OpenSslServer::new(&[]);
        served_by(lab, &mut peer, setup.clone(), &[From::Client])?;
        let capture = Capture::default();
        setup.capture = Some(capture.clone());
        let mut session = matrix::connect(peer.account_port(lab, &want(Versions::Both))?, &setup)?;
        peer.account(&mut session)?;
        matrix::close(&mut session)?;
        measured(&capture, &[From::Server])
    };
    vec![("max_fragment_length", run())]
}

/// `openssl s_client` asks our server.
pub fn of_openssl_client(lab: &Lab) -> Vec<Checked> {
    let mut peer = OpenSslClient::new(&["-maxfraglen", "512"]);
    vec![("max_fragment_length", serving(lab, &mut peer))]
}

/// Either side of `gnutls-serv` and our client names a limit.
pub fn of_gnutls_server(lab: &Lab) -> Vec<Checked> {
    let mut ours = ClientSetup::new(lab);
    ours.record_size_limit = Some(LIMIT);
    let theirs = ClientSetup::new(lab);
    let mut limited = GnuTlsServer::new(&["--recordsize=512"]);
    vec![
        ("our record_size_limit", served_by(lab, &mut GnuTlsServer::new(&[]), ours, &[From::Server])),
        ("its record_size_limit", served_by(lab, &mut limited, theirs, &[From::Client])),
    ]
}

/// Either side of `gnutls-cli` and our server names a limit.
pub fn of_gnutls_client(lab: &Lab) -> Vec<Checked> {
    vec![("our record_size_limit", by_gnutls(lab, Some(LIMIT))), ("its record_size_limit", by_gnutls(lab, None))]
}

/// What gnutls-cli reads at once and does not fit into one record, it loses: it gets a page, or its first record is looked at.
fn by_gnutls(lab: &Lab, ours: Option<u16>) -> Result<String, String> {
    let (listener, port) = net::listen().map_err(|error| error.to_string())?;
    let mut arguments = vec![format!("--port={port}"), format!("--x509cafile={}", lab.certs.root.file.display())];
    arguments.extend(["--verify-hostname=localhost", "127.0.0.1"].map(str::to_owned));
    if ours.is_none() {
        arguments.push(format!("--recordsize={LIMIT}"));
        // Willing to speak TLS 1.3, it names a limit with room for 1.3's content type, and then refuses a record of 1.2 that makes
        // use of it.
        arguments.push("--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2".to_owned());
    }
    let mut process = Process::start(&lab.programs.gnutls_cli, &arguments)?;
    let text = if ours.is_some() { talk::text(2000, 1) } else { b"GET / HTTP/1.1\r\n\r\n".to_vec() };
    let feeding = process.feed(text.clone());
    let capture = Capture::default();
    let socket = net::accept(&listener, net::deadline(), &AtomicBool::new(false)).map_err(|error| error.to_string())?;
    let mut setup = server_setup(lab);
    setup.record_size_limit = ours;
    let mut session = ours::server(&setup.config()?, socket.captured(&capture))?;
    let result = if ours.is_some() {
        let mut first = vec![0; usize::from(LIMIT)];
        session.read_exact(&mut first).map_err(|error| error.to_string())?;
        if !text.starts_with(&first) {
            return Err("other bytes came".to_owned());
        }
        measured(&capture, &[From::Client])
    } else {
        let page = talk::text(TEXT, 1);
        talk::serve_http(&mut session, &page)?;
        session.close()?;
        let finished = process.finish(net::deadline())?;
        if !finished.text().contains(&*String::from_utf8_lossy(&page)) {
            return Err(format!("the page did not arrive: {finished}"));
        }
        measured(&capture, &[From::Server])
    };
    drop(session);
    drop(feeding);
    result
}

fn served_by(
    lab: &Lab,
    peer: &mut impl ServerPeer,
    mut setup: ClientSetup<'_>,
    senders: &[From],
) -> Result<String, String> {
    let capture = Capture::default();
    setup.capture = Some(capture.clone());
    let mut session = matrix::connect(peer.port(lab, &want(Versions::Both))?, &setup)?;
    peer.talk(&mut session, &talk::text(TEXT, 1))?;
    matrix::close(&mut session)?;
    measured(&capture, senders)
}

fn serving(lab: &Lab, peer: &mut AnyClient) -> Result<String, String> {
    let capture = Capture::default();
    let mut setup = server_setup(lab);
    setup.capture = Some(capture.clone());
    let served = matrix::serve(peer, lab, &setup, &Order::new(lab, talk::text(TEXT, 1)));
    match (&served.ours, &served.peer) {
        (Ok(_), Ok(_)) => measured(&capture, &[From::Client, From::Server]),
        _ => Err(served.explain("the connection failed", peer)),
    }
}

/// These sides kept to the limit, and made use of it.
fn measured(capture: &Capture, senders: &[From]) -> Result<String, String> {
    let limit = usize::from(LIMIT);
    for sender in senders {
        let longest = capture.longest_record(*sender);
        if !(limit / 2..=limit + OVERHEAD).contains(&longest) {
            return Err(format!("{sender:?} sent a record of {longest} bytes; the limit is {limit}"));
        }
    }
    Ok(String::new())
}
