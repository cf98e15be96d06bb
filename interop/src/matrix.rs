//! One connection for each cell, in either role.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tls12::ClientConfig;

use crate::cell::{Cell, Report};
use crate::certs::{Leaf, NAME};
use crate::net::{self, Socket};
use crate::ours::{self, Account, Cause, ClientSetup, Failure, ServerSetup, Session};
use crate::peers::{AnyClient, AnyServer, Application, Job, Lab, Versions, Want};
use crate::{h2, talk};

/// What is echoed in a cell, in bytes: three records.
const TEXT: usize = 40_000;
/// The page that a client over HTTP fetches, in bytes: 64 records and more.
const PAGE: usize = 1 << 20;

/// Our client against this server, in this cell.
pub fn as_client(peer: &mut AnyServer, lab: &Lab, cell: &Cell) -> Result<(), String> {
    let want = Want::new(*cell);
    let mut setup = ClientSetup::new(lab);
    setup.suites = vec![cell.suite];
    setup.groups = cell.offered_groups();
    let mut run = || match peer.page_port(lab, &want)? {
        None => talk_in_cell(peer, lab, &want, &setup)?.check_fully(cell, "the server"),
        Some(port) => {
            talk_in_cell(peer, lab, &want, &setup)?;
            page_in_cell(peer, port, &want, &setup)
        }
    };
    run().map_err(|error| format!("{error}\n{}", peer.output()))
}

fn talk_in_cell(peer: &mut AnyServer, lab: &Lab, want: &Want, setup: &ClientSetup<'_>) -> Result<Report, String> {
    let mut session = connect(peer.port(lab, want)?, setup)?;
    let ours = session.report();
    ours.check(&want.cell, "tls12")?;
    ours.check_extended_master_secret(peer.lacks_extended_master_secret(), "tls12")?;
    let report = peer.talk(&mut session, &talk::text(TEXT, u32::from(want.cell.suite.0)))?;
    report.check(&want.cell, "the server")?;
    close(&mut session)?;
    Ok(report)
}

/// A second connection to a server that says what was negotiated, where the first cannot.
fn page_in_cell(peer: &AnyServer, port: u16, want: &Want, setup: &ClientSetup<'_>) -> Result<(), String> {
    let mut session = connect(port, setup)?;
    let response = talk::request(&mut session, "GET", "/", &[])?;
    let page = String::from_utf8_lossy(&response.body);
    let report = peer.read_page(&page);
    report.check_fully(&want.cell, "the server's page").map_err(|error| format!("{error}:\n{page}"))?;
    report.check_extended_master_secret(peer.lacks_extended_master_secret(), "the server's page")?;
    close(&mut session)
}

/// Connects and does the handshake.
pub fn connect(port: u16, setup: &ClientSetup<'_>) -> Result<Session, Failure> {
    connect_again(port, &setup.config()?, setup)
}

/// As [`connect`], with a configuration of this setup that may have sessions.
pub fn connect_again(port: u16, config: &Arc<ClientConfig>, setup: &ClientSetup<'_>) -> Result<Session, Failure> {
    let socket = Socket::connect(port, net::deadline())
        .map_err(|error| Failure { cause: Cause::Other, text: format!("connecting: {error}") })?;
    let socket = match &setup.capture {
        Some(capture) => socket.captured(capture),
        None => socket,
    };
    ours::client(config, &setup.name, socket)
}

/// close_notify from both.
pub fn close(session: &mut Session) -> Result<(), String> {
    session.close().map_err(|failure| format!("our close_notify: {failure}"))?;
    session.wait_for_close().map_err(|failure| format!("the peer's close_notify: {failure}"))
}

/// This client against our server, in this cell.
pub fn as_server(peer: &mut AnyClient, lab: &Lab, cell: &Cell) -> Result<(), String> {
    let mut setup = ServerSetup::new(lab, lab.certs.leaf(cell.kind));
    setup.suites = vec![cell.suite];
    setup.groups = vec![cell.group];
    let length = if peer.application() == Application::Http { PAGE } else { TEXT };
    let served = serve(peer, lab, &setup, &Order::new(lab, talk::text(length, u32::from(cell.suite.0))));
    let lacks = peer.lacks_extended_master_secret();
    let check = || -> Result<(), String> {
        let account = served.ours.as_ref().map_err(|failure| format!("tls12: {failure}"))?;
        let ours = &account.report;
        ours.check(cell, "tls12")?;
        ours.check_extended_master_secret(lacks, "tls12")?;
        if ours.server_name.as_deref().is_some_and(|name| name != NAME) {
            return Err(format!("the client asked for {:?}", ours.server_name));
        }
        let theirs = served.peer.as_ref().map_err(|error| format!("the client: {error}"))?;
        theirs.check_fully(cell, "the client")?;
        theirs.check_extended_master_secret(lacks, "the client")
    };
    check().map_err(|error| served.explain(&error, peer))
}

/// What a client is asked to do.
pub struct Order<'a> {
    /// The name that it asks for.
    pub name: &'a str,
    /// The roots that it trusts.
    pub roots: &'a Path,
    /// What it sends and expects back, or the page.
    pub payload: Vec<u8>,
    /// The versions that it offers.
    pub versions: Versions,
    /// The application protocol that it offers.
    pub alpn: Option<&'a str>,
    /// Whether a client over HTTP sends the payload too.
    pub upload: bool,
    /// The certificate that it has to show.
    pub identity: Option<&'a Leaf>,
}

impl<'a> Order<'a> {
    /// A plain connection with this payload.
    #[must_use]
    pub fn new(lab: &'a Lab, payload: Vec<u8>) -> Order<'a> {
        let roots = &lab.certs.root.file;
        Order { name: NAME, roots, payload, versions: Versions::Both, alpn: None, upload: false, identity: None }
    }
}

/// How one connection of a client to our server went, as both sides tell it.
pub struct Served {
    /// Our side.
    pub ours: Result<Account, Failure>,
    /// What the client says.
    pub peer: Result<Report, String>,
}

impl Served {
    /// An error with both accounts.
    pub fn explain(&self, error: &str, peer: &mut AnyClient) -> String {
        format!("{error}\n--- tls12: {:?}\n--- the client: {:?}\n{}", self.ours, self.peer, peer.output())
    }
}

/// Serves one connection of this client.
pub fn serve(peer: &mut AnyClient, lab: &Lab, setup: &ServerSetup<'_>, order: &Order<'_>) -> Served {
    serve_times(peer, lab, setup, order, Times::Once)
}

/// Serves two connections, the second one with the session of the first; the accounts are those of the second.
pub fn serve_twice(peer: &mut AnyClient, lab: &Lab, setup: &ServerSetup<'_>, order: &Order<'_>) -> Served {
    serve_times(peer, lab, setup, order, Times::Twice)
}

#[derive(Clone, Copy)]
enum Times {
    Once,
    Twice,
}

fn serve_times(peer: &mut AnyClient, lab: &Lab, setup: &ServerSetup<'_>, order: &Order<'_>, times: Times) -> Served {
    let failed = |error: String| Served {
        ours: Err(Failure { cause: Cause::Other, text: error }),
        peer: Err("not started".to_owned()),
    };
    let (listener, port) = match net::listen() {
        Ok(listening) => listening,
        Err(error) => return failed(error.to_string()),
    };
    let payload_file = lab.directory.join(format!("payload-{port}.txt"));
    if let Err(error) = fs::write(&payload_file, &order.payload) {
        return failed(error.to_string());
    }
    let job = Job {
        port,
        name: order.name,
        roots: order.roots,
        payload: &order.payload,
        payload_file: &payload_file,
        versions: order.versions,
        alpn: order.alpn,
        upload: order.upload,
        identity: order.identity,
        deadline: net::deadline(),
    };
    let (application, peer_closes) = (peer.application(), peer.closes_first());
    let ended = AtomicBool::new(false);
    let served = thread::scope(|scope| {
        let server = scope.spawn(|| {
            let config = setup.config()?;
            let one = |last: bool| -> Result<Account, Failure> {
                let socket =
                    net::accept(&listener, net::deadline(), &ended).map_err(|error| other(error.to_string()))?;
                let socket = match &setup.capture {
                    Some(capture) => socket.captured(capture),
                    None => socket,
                };
                let mut session = ours::server(&config, socket)?;
                let account = session.account();
                let http2 = account.report.alpn.as_deref() == Some("h2");
                match application {
                    Application::Echo if last => talk::echo(&mut session, order.payload.len()),
                    Application::Echo => talk::echo_what_comes(&mut session, order.payload.len()).map(drop),
                    Application::Http if http2 => h2::serve(&mut session, &order.payload),
                    Application::Http => talk::serve_http(&mut session, &order.payload),
                }
                .map_err(other)?;
                if peer_closes {
                    session.wait_for_close().map_err(no_close)?;
                }
                session.close()?;
                match session.wait_for_close() {
                    // curl sends no close_notify after HTTP/2, whose frames say for themselves what is complete.
                    Err(failure) if failure.cause == Cause::Truncated && http2 => {}
                    other => other.map_err(no_close)?,
                }
                Ok(account)
            };
            if let Times::Twice = times {
                one(false)?;
            }
            one(true)
        });
        let peer = match times {
            Times::Once => peer.connect(lab, &job),
            Times::Twice => peer.connect_twice(lab, &job),
        };
        ended.store(true, Ordering::SeqCst);
        let ours = server.join().unwrap_or_else(|_| Err(other("our server panicked".to_owned())));
        Served { ours, peer }
    });
    // It lies in the run's directory, which goes away as a whole.
    let _ = fs::remove_file(&payload_file);
    served
}

fn no_close(failure: Failure) -> Failure {
    Failure { text: format!("the peer's close_notify: {}", failure.text), ..failure }
}

fn other(text: String) -> Failure {
    Failure { cause: Cause::Other, text }
}
