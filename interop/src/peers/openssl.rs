//! OpenSSL: `openssl s_server` and `openssl s_client`.

use super::{ClientPeer, Job, Lab, Peer, Running, ServerPeer, Sessions, Versions, Want};
use crate::cell::{Kind, Report, group_by_openssl_name, suite_by_openssl_name};
use crate::extras::{self, Checked};
use crate::net;
use crate::ours::Session;
use crate::process::{Process, version};
use crate::talk;

pub(super) fn peer(lab: &Lab) -> Peer {
    let version = version(&lab.programs.openssl, &["version"]);
    let name = version.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Peer {
        name,
        server: Some(Box::new(|_| Ok(Box::new(OpenSslServer::new(&[]))))),
        client: Some(Box::new(|_| Ok(Box::new(OpenSslClient::new(&[]))))),
    }
}

/// `openssl s_server`, with more arguments.
pub struct OpenSslServer {
    arguments: Vec<String>,
    running: Running<(Kind, Vec<String>), (Process, u16)>,
}

impl OpenSslServer {
    /// Not started yet.
    #[must_use]
    pub fn new(arguments: &[&str]) -> OpenSslServer {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        OpenSslServer { arguments, running: Running::new() }
    }

    fn start(&mut self, lab: &Lab, want: &Want, mode: &'static str) -> Result<u16, String> {
        let mut arguments = vec!["-alpn", "http/1.1", mode];
        let client_root = lab.certs.client_root.file.display().to_string();
        if want.versions == Versions::Only13 {
            arguments.push("-tls1_3");
        }
        if want.sessions == Sessions::Ids {
            arguments.push("-no_ticket");
        }
        if want.client_certificate {
            arguments.extend(["-Verify", "3", "-verify_return_error", "-CAfile", &client_root]);
        }
        arguments.extend(self.arguments.iter().map(String::as_str));
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let (_, port) = self.running.get((want.cell.kind, arguments), |(kind, arguments)| {
            s_server(lab, *kind, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        })?;
        Ok(*port)
    }
}

/// Starts `openssl s_server` and returns its port.
pub fn s_server(lab: &Lab, kind: Kind, arguments: &[&str]) -> Result<(Process, u16), String> {
    let leaf = lab.certs.leaf(kind);
    let mut all: Vec<String> = ["s_server", "-accept", "127.0.0.1:0"].map(str::to_owned).into();
    let files = [("-cert", &leaf.chain_file), ("-cert_chain", &leaf.intermediate_file), ("-key", &leaf.key_file)];
    for (name, file) in files {
        all.extend([name.to_owned(), file.display().to_string()]);
    }
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let process = Process::start(&lab.programs.openssl, &all)?;
    // It binds port 0 and says `ACCEPT 127.0.0.1:34567`.
    let port = process.wait_for_line(net::deadline(), |line| {
        line.strip_prefix("ACCEPT ").and_then(|address| address.rsplit(':').next()?.parse().ok())
    })?;
    Ok((process, port))
}

impl ServerPeer for OpenSslServer {
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let mut checked = extras::openssl::servers(lab);
        checked.extend(extras::staples::from_openssl(lab));
        checked.extend(extras::sizes::of_openssl_server(lab));
        checked.extend(extras::p521::as_client(self, lab));
        checked
    }

    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        self.start(lab, want, "-rev")
    }

    fn talk(&mut self, session: &mut Session, payload: &[u8]) -> Result<Report, String> {
        talk::expect_echo(session, payload, &talk::reversed(payload))?;
        Ok(Report::default())
    }

    fn page_port(&mut self, lab: &Lab, want: &Want) -> Result<Option<u16>, String> {
        self.start(lab, want, "-www").map(Some)
    }

    fn account_port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        self.start(lab, want, "-www")
    }

    fn account(&mut self, session: &mut Session) -> Result<Report, String> {
        let response = talk::request(session, "GET", "/", &[])?;
        Ok(self.read_page(&String::from_utf8_lossy(&response.body)))
    }

    fn read_page(&self, page: &str) -> Report {
        // `New, TLSv1.2, Cipher is …` or `Reused, …`; the client's certificate comes last, or a line that there is none.
        let state = page.lines().find(|line| line.contains(", TLSv1.2, Cipher is "));
        let client = page.split_once("Client certificate\n").map(|(_, text)| text);
        let client = client.and_then(|text| value(text, "        Subject: CN")).unwrap_or_default();
        Report {
            resumed: state.map(|line| line.starts_with("Reused")),
            client: Some(client.trim_start_matches([' ', '=']).to_owned()),
            suite: value(page, "    Cipher    : ").and_then(suite_by_openssl_name),
            extended_master_secret: value(page, "    Extended master secret: ").map(|answer| answer == "yes"),
            ..Report::default()
        }
    }

    fn output(&mut self) -> String {
        self.running.iter().map(|(process, _)| process.take_output()).collect()
    }
}

/// `openssl s_client`, with more arguments.
pub struct OpenSslClient {
    arguments: Vec<String>,
}

impl OpenSslClient {
    /// Nothing runs between its connections.
    #[must_use]
    pub fn new(arguments: &[&str]) -> OpenSslClient {
        OpenSslClient { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect() }
    }
}

impl OpenSslClient {
    fn run(&mut self, lab: &Lab, job: &Job<'_>, more: &[&str]) -> Result<Report, String> {
        let address = format!("127.0.0.1:{}", job.port);
        let roots = job.roots.display().to_string();
        let mut arguments = vec![
            "s_client",
            "-connect",
            &address,
            "-brief",
            "-state",
            "-ign_eof",
            "-nocommands",
            "-CAfile",
            &roots,
            "-verify_return_error",
            "-servername",
            job.name,
            "-verify_hostname",
            job.name,
        ];
        if job.versions == Versions::Only13 {
            arguments.push("-tls1_3");
        }
        if let Some(alpn) = job.alpn {
            arguments.extend(["-alpn", alpn]);
        }
        let files = job.identity.map(|leaf| {
            [&leaf.leaf_file, &leaf.intermediate_file, &leaf.key_file].map(|file| file.display().to_string())
        });
        if let Some([leaf, intermediate, key]) = &files {
            arguments.extend(["-cert", leaf, "-cert_chain", intermediate, "-key", key]);
        }
        arguments.extend(more);
        arguments.extend(self.arguments.iter().map(String::as_str));
        let mut process = Process::start(&lab.programs.openssl, &arguments)?;
        let feeding = process.feed(job.payload.to_vec());
        let finished = process.finish(job.deadline)?;
        drop(feeding.join());
        if finished.stdout != job.payload {
            return Err(format!(
                "the echo differs ({} of {} bytes)\n{finished}",
                finished.stdout.len(),
                job.payload.len()
            ));
        }
        let text = String::from_utf8_lossy(&finished.stderr).into_owned();
        if !finished.status.success() || !text.contains("Verification: OK") {
            return Err(finished.to_string());
        }
        let group = value(&text, "Server Temp Key: ").map(|key| key.trim_start_matches("ECDH, "));
        Ok(Report {
            suite: value(&text, "Ciphersuite: ").and_then(suite_by_openssl_name),
            group: group.and_then(|key| group_by_openssl_name(key.split(',').next()?)),
            // What `-state` says while a full handshake goes on.
            resumed: Some(!text.contains("read server certificate")),
            ..Report::default()
        })
    }
}

impl ClientPeer for OpenSslClient {
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let mut checked = extras::openssl::clients(lab);
        checked.extend(extras::staples::to_openssl(lab));
        checked.extend(extras::sizes::of_openssl_client(lab));
        checked.extend(extras::p521::as_server(self, lab));
        checked
    }

    fn connect(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        self.run(lab, job, &[])
    }

    fn resumes(&self) -> &'static [Sessions] {
        &Sessions::ALL
    }

    fn connect_twice(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        let session = lab.directory.join(format!("s_client-{}.session", job.port)).display().to_string();
        self.run(lab, job, &["-sess_out", &session])?;
        self.run(lab, job, &["-sess_in", &session])
    }
}

/// What follows `key` at the start of a line.
pub(super) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}
