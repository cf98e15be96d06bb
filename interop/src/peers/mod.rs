//! The peers, one file each.
//!
//! All of them do all of the product: tried in 2026 with OpenSSL 3.0, GnuTLS 3.7, rustls 0.23, curl 7.88, nginx 1.22, Go 1.19
//! and Java 17, which know Ed25519 certificates in TLS 1.2 too. Where a peer is different otherwise, its file says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tls12::{AlertDescription, Backend};

use crate::cell::{Cell, Kind, Report};
use crate::certs::{Certs, Leaf};
use crate::extras::Checked;
use crate::ours::Session;
use crate::process::Programs;
use crate::talk;

mod curl;
mod gnutls;
mod go;
mod java;
mod nginx;
mod openssl;
mod rustls;

pub use gnutls::{GnuTlsClient, GnuTlsServer};
pub use nginx::Nginx;
pub use openssl::{OpenSslClient, OpenSslServer, s_server};

/// What all peers share: programs, certificates, and a directory that goes away at the end.
pub struct Lab {
    /// The crate that does our cryptography.
    pub backend: Backend,
    /// The programs.
    pub programs: Programs,
    /// The certificates.
    pub certs: Certs,
    /// For files of this run.
    pub directory: PathBuf,
    /// For what makes the next run faster.
    pub cache: PathBuf,
}

impl Lab {
    /// Finds the programs and makes the certificates, in a directory of its own below `parent`.
    pub fn set_up(parent: &Path, backend: Backend) -> Result<Lab, String> {
        let programs = Programs::find()?;
        let directory = parent.join(format!("interop-{}-{backend:?}", std::process::id()));
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let certs = Certs::make(&programs.openssl, &directory)?;
        Ok(Lab { backend, programs, certs, directory, cache: parent.join("interop-cache") })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What cannot be removed lies in the build directory, where it does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The versions of TLS that the peer is willing to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.3 and 1.2, as today's programs come: the other side decides for 1.2.
    Both,
    /// TLS 1.3 alone, so that nothing can be agreed on.
    Only13,
}

/// What a server is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The point of the product. A peer that chooses by its own preference is held to its group and suite.
    pub cell: Cell,
    /// The versions of TLS.
    pub versions: Versions,
    /// How sessions are kept.
    pub sessions: Sessions,
    /// Whether it demands a certificate of the client.
    pub client_certificate: bool,
}

impl Want {
    /// This point, and else what the server does by itself.
    #[must_use]
    pub fn new(cell: Cell) -> Want {
        Want { cell, versions: Versions::Both, sessions: Sessions::Tickets, client_certificate: false }
    }
}

/// How a session is kept for the next connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// By the client, in a ticket (RFC 5077).
    Tickets,
    /// By the server, under a session ID.
    Ids,
}

impl Sessions {
    /// Both ways.
    pub const ALL: [Sessions; 2] = [Sessions::Tickets, Sessions::Ids];
}

/// A peer that serves us. One program serves as many cells as it can.
pub trait ServerPeer {
    /// The port of a running server that fits.
    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String>;

    /// Sends `payload` and receives it, or as much, over an established connection; returns what the server says was
    /// negotiated on it.
    fn talk(&mut self, session: &mut Session, payload: &[u8]) -> Result<Report, String>;

    /// The port of a second server with the same settings that tells in a page what was negotiated; see [`ServerPeer::read_page`].
    fn page_port(&mut self, lab: &Lab, want: &Want) -> Result<Option<u16>, String> {
        let _ = (lab, want);
        Ok(None)
    }

    /// Understands that page.
    fn read_page(&self, page: &str) -> Report {
        let _ = page;
        Report::default()
    }

    /// The port for a connection that [`ServerPeer::account`] is asked about.
    fn account_port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        self.port(lab, want)
    }

    /// What the server says about this connection: whether it is resumed, and whose certificate it saw.
    fn account(&mut self, session: &mut Session) -> Result<Report, String> {
        self.talk(session, &talk::text(1000, 1))
    }

    /// The ways in which it resumes sessions.
    fn resumes(&self) -> &'static [Sessions] {
        &Sessions::ALL
    }

    /// Why it does not speak RFC 7627.
    fn lacks_extended_master_secret(&self) -> Option<&'static str> {
        None
    }

    /// The alert that it sends to a client of TLS 1.2 when it speaks 1.3 alone.
    fn alert_with_13_alone(&self) -> AlertDescription {
        AlertDescription::PROTOCOL_VERSION
    }

    /// Checks that this peer alone allows.
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let _ = lab;
        Vec::new()
    }

    /// Sends `payload` one way and as much the other, without waiting for an echo.
    fn talk_at_length(&mut self, session: &mut Session, payload: &[u8]) -> Result<(), String> {
        self.talk(session, payload).map(drop)
    }

    /// What the peer printed since the last call.
    fn output(&mut self) -> String;
}

/// What our server does with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// Sends back what comes.
    Echo,
    /// Serves one page over HTTP/1.1, or HTTP/2 where ALPN says so.
    Http,
}

/// One connection that a client is to make.
pub struct Job<'a> {
    /// Our port.
    pub port: u16,
    /// The name that it asks for.
    pub name: &'a str,
    /// The file of roots that it trusts.
    pub roots: &'a Path,
    /// What it sends and expects back; or the page that it expects.
    pub payload: &'a [u8],
    /// `payload` as a file.
    pub payload_file: &'a Path,
    /// The versions of TLS that it offers.
    pub versions: Versions,
    /// The application protocol that it offers.
    pub alpn: Option<&'a str>,
    /// Whether it sends `payload` too where `application` is HTTP.
    pub upload: bool,
    /// The certificate that it has to show.
    pub identity: Option<&'a Leaf>,
    /// When it must be over.
    pub deadline: Instant,
}

/// A peer that is our client.
pub trait ClientPeer {
    /// What it expects of our server.
    fn application(&self) -> Application {
        Application::Echo
    }

    /// Whether it closes first, after it got all of its payload back; else it waits for our close_notify and answers it.
    fn closes_first(&self) -> bool {
        false
    }

    /// Why it does not speak RFC 7627.
    fn lacks_extended_master_secret(&self) -> Option<&'static str> {
        None
    }

    /// Checks that this peer alone allows.
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let _ = lab;
        Vec::new()
    }

    /// Makes one connection; `Err` is the peer's own account of what went wrong.
    fn connect(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String>;

    /// Makes two connections, the second one with the session of the first, and tells of the second. The first one may end
    /// without any data.
    fn connect_twice(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        let _ = (lab, job);
        Err("it resumes nothing".to_owned())
    }

    /// The ways in which it resumes sessions; [`ClientPeer::connect_twice`] is for those.
    fn resumes(&self) -> &'static [Sessions] {
        &[]
    }

    /// Whether it can show a certificate.
    fn has_identity(&self) -> bool {
        true
    }

    /// What the peer printed since the last call.
    fn output(&mut self) -> String {
        String::new()
    }
}

/// A peer and the roles that it has.
pub struct Peer {
    /// The name in the table.
    pub name: String,
    /// Starts it as a server.
    pub server: Option<Start<AnyServer>>,
    /// Starts it as a client.
    pub client: Option<Start<AnyClient>>,
}

/// Any peer that serves us.
pub type AnyServer = dyn ServerPeer;
/// Any peer that is our client.
pub type AnyClient = dyn ClientPeer;

/// Brings a peer to life in the thread that uses it.
pub type Start<T> = Box<dyn FnOnce(&Lab) -> Result<Box<T>, String> + Send>;

/// All peers.
#[must_use]
pub fn all(lab: &Lab) -> Vec<Peer> {
    vec![
        openssl::peer(lab),
        gnutls::peer(lab),
        rustls::peer(),
        curl::peer(lab),
        nginx::peer(lab),
        go::peer(lab),
        java::peer(lab),
    ]
}

/// The cell of checks that are not about suites, certificates or groups.
#[must_use]
pub fn plain_cell() -> Cell {
    Cell {
        suite: tls12::message::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        kind: Kind::EcdsaP256,
        group: tls12::message::NamedGroup::X25519,
    }
}

/// Servers that are started when first wanted, one for each of what `K` tells apart.
struct Running<K, P>(Vec<(K, P)>);

impl<K: PartialEq, P> Running<K, P> {
    fn new() -> Self {
        Running(Vec::new())
    }

    fn get(&mut self, key: K, start: impl FnOnce(&K) -> Result<P, String>) -> Result<&P, String> {
        let at = match self.0.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                let process = start(&key)?;
                self.0.push((key, process));
                self.0.len() - 1
            }
        };
        Ok(&self.0[at].1)
    }

    fn iter(&self) -> impl Iterator<Item = &P> {
        self.0.iter().map(|(_, process)| process)
    }
}
