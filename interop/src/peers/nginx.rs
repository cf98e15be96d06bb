//! nginx, one process with a server for each certificate.

use std::fs;
use std::path::PathBuf;

use super::{Lab, Peer, ServerPeer, Sessions, Versions, Want};
use crate::cell::{Kind, Report, group_by_openssl_name, suite_by_openssl_name};
use crate::extras::{self, Checked};
use crate::net;
use crate::ours::Session;
use crate::process::{Process, version};
use crate::talk;

/// The length of the page in bytes: several records.
const PAGE: usize = 100_000;

pub(super) fn peer(lab: &Lab) -> Peer {
    let name = version(&lab.programs.nginx, &["-v"]).replace("nginx version: nginx/", "nginx ");
    Peer { name, server: Some(Box::new(|lab| Ok(Box::new(Nginx::start(lab)?)))), client: None }
}

/// nginx, running.
pub struct Nginx {
    process: Process,
    ports: Vec<Port>,
    directory: PathBuf,
    page: Vec<u8>,
    uploads: u32,
}

/// One `server` of its configuration.
#[derive(Clone, Copy)]
struct Port {
    port: u16,
    kind: Kind,
    versions: Versions,
    sessions: Sessions,
    client_certificate: bool,
    http2: bool,
}

impl Nginx {
    /// The port where it speaks HTTP/2 too.
    #[must_use]
    pub fn http2_port(&self) -> u16 {
        self.ports.iter().find(|port| port.http2).map_or(0, |port| port.port)
    }

    /// What `/page.txt` holds.
    #[must_use]
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    fn start(lab: &Lab) -> Result<Nginx, String> {
        let directory = lab.directory.join("nginx");
        let files = directory.join("files");
        fs::create_dir_all(&files).map_err(|error| error.to_string())?;
        let page = talk::text(PAGE, 1);
        fs::write(files.join("page.txt"), &page).map_err(|error| error.to_string())?;
        // It cannot say which port 0 became; another program may take a port in between.
        let mut last = String::new();
        for _ in 0..3 {
            let mut ports = Vec::new();
            let mut add = |kind, change: &dyn Fn(&mut Port)| {
                let port = net::free_port().map_err(|error| error.to_string())?;
                let (versions, sessions) = (Versions::Both, Sessions::Tickets);
                let mut port = Port { port, kind, versions, sessions, client_certificate: false, http2: false };
                change(&mut port);
                ports.push(port);
                Ok::<(), String>(())
            };
            for kind in Kind::ALL {
                add(kind, &|_| {})?;
            }
            add(Kind::EcdsaP256, &|port| port.versions = Versions::Only13)?;
            add(Kind::EcdsaP256, &|port| port.http2 = true)?;
            add(Kind::EcdsaP256, &|port| port.sessions = Sessions::Ids)?;
            add(Kind::EcdsaP256, &|port| port.client_certificate = true)?;
            add(Kind::EcdsaP256, &|port| {
                port.client_certificate = true;
                port.sessions = Sessions::Ids;
            })?;
            let file = directory.join("nginx.conf");
            fs::write(&file, configuration(lab, &directory, &ports)).map_err(|error| error.to_string())?;
            let prefix = directory.display().to_string();
            let arguments = ["-e", "stderr", "-p", &prefix, "-c", &file.display().to_string()].map(str::to_owned);
            let mut process = Process::start(&lab.programs.nginx, arguments)?;
            let listens = ports.iter().try_for_each(|port| net::wait_until_listening(port.port, net::deadline()));
            if listens.is_ok() && !process.has_ended() {
                return Ok(Nginx { process, ports, directory: files, page, uploads: 0 });
            }
            last = process.take_output();
        }
        Err(format!("nginx does not listen\n{last}"))
    }
}

/// One process in the foreground, so that killing it ends all of it; everything that it writes is in `directory`.
fn configuration(lab: &Lab, directory: &std::path::Path, ports: &[Port]) -> String {
    let home = directory.display();
    let mut text = format!(
        "daemon off;\nmaster_process off;\nerror_log stderr info;\npid {home}/nginx.pid;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n  default_type text/plain;\n  client_max_body_size 64m;\n"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        text += &format!("  {kind}_temp_path {home}/{kind};\n");
    }
    for Port { port, kind, versions, sessions, client_certificate, http2 } in ports {
        let leaf = lab.certs.leaf(*kind);
        let http2 = if *http2 { " http2" } else { "" };
        let sessions = match sessions {
            Sessions::Tickets => "ssl_session_cache none;",
            Sessions::Ids => "ssl_session_tickets off; ssl_session_cache shared:sessions:1m;",
        };
        let client = if *client_certificate {
            let root = lab.certs.client_root.file.display();
            format!("ssl_verify_client on; ssl_verify_depth 3; ssl_client_certificate {root};")
        } else {
            String::new()
        };
        let protocols = if *versions == Versions::Only13 { "TLSv1.3" } else { "TLSv1.2 TLSv1.3" };
        text += &format!(
            "  server {{\n    listen 127.0.0.1:{port} ssl{http2};\n    server_name localhost;\n    ssl_protocols {protocols};\n\
             \x20   ssl_certificate {};\n    ssl_certificate_key {};\n\
             \x20   {sessions} {client}\n\
             \x20   ssl_ecdh_curve X25519:prime256v1:secp384r1;\n\
             \x20   location / {{\n      root {home}/files;\n      dav_methods PUT;\n\
             \x20     add_header X-TLS \"$ssl_protocol $ssl_cipher $ssl_curve alpn=$ssl_alpn_protocol sni=$ssl_server_name reused=$ssl_session_reused \
             verified=$ssl_client_verify $ssl_client_s_dn\" always;\n\
             \x20   }}\n  }}\n",
            leaf.chain_file.display(),
            leaf.key_file.display(),
        );
    }
    text + "}\n"
}

impl ServerPeer for Nginx {
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        extras::alpn::nginx(self, lab)
    }

    fn port(&mut self, _: &Lab, want: &Want) -> Result<u16, String> {
        let fits = |port: &&Port| {
            port.kind == want.cell.kind
                && port.versions == want.versions
                && port.sessions == want.sessions
                && port.client_certificate == want.client_certificate
                && !port.http2
        };
        self.ports.iter().find(fits).map(|port| port.port).ok_or_else(|| format!("no nginx for {want:?}"))
    }

    fn talk(&mut self, session: &mut Session, _: &[u8]) -> Result<Report, String> {
        let response = talk::request(session, "GET", "/page.txt", &[])?;
        if response.body != self.page {
            return Err(format!("the page differs: {} bytes after {}", response.body.len(), response.head));
        }
        let header = response.header("X-TLS").ok_or_else(|| format!("no X-TLS in {}", response.head))?;
        let mut words = header.split(' ');
        if words.next() != Some("TLSv1.2") {
            return Err(format!("nginx reports {header:?}"));
        }
        let verified = header.contains(" verified=SUCCESS ");
        let client = header.split_once(" CN=").filter(|_| verified).map(|(_, name)| name.to_owned());
        Ok(Report {
            resumed: Some(header.contains(" reused=r ")),
            client: Some(client.unwrap_or_default()),
            suite: words.next().and_then(suite_by_openssl_name),
            group: words.next().and_then(group_by_openssl_name),
            ..Report::parse(header)
        })
    }

    fn talk_at_length(&mut self, session: &mut Session, payload: &[u8]) -> Result<(), String> {
        self.uploads += 1;
        let name = format!("upload-{}.txt", self.uploads);
        let response = talk::request(session, "PUT", &format!("/{name}"), payload)?;
        let stored =
            fs::read(self.directory.join(&name)).map_err(|error| format!("{error} after {}", response.head))?;
        if stored == payload { Ok(()) } else { Err(format!("nginx stored other bytes: {}", response.head)) }
    }

    fn output(&mut self) -> String {
        self.process.take_output()
    }
}
