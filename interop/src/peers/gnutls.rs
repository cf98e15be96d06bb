//! GnuTLS: `gnutls-serv` and `gnutls-cli`.

use std::time::{Duration, Instant};
use std::{fs, thread};

use tls12::AlertDescription;
use tls12::message::{CipherSuite, NamedGroup};

use super::{ClientPeer, Job, Lab, Peer, Running, ServerPeer, Sessions, Versions, Want};
use crate::cell::{Kind, Report, SUITES};
use crate::extras::{self, Checked};
use crate::net;
use crate::ours::Session;
use crate::process::{Process, version};
use crate::talk;

/// TLS 1.3 alone; the default of `gnutls-serv` and `gnutls-cli` is `NORMAL`.
const ONLY_13: &str = "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3";

pub(super) fn peer(lab: &Lab) -> Peer {
    let name = version(&lab.programs.gnutls_cli, &["--version"]).replace("gnutls-cli", "GnuTLS");
    Peer {
        name,
        server: Some(Box::new(|_| Ok(Box::new(GnuTlsServer::new(&[]))))),
        client: Some(Box::new(|_| Ok(Box::new(GnuTlsClient::new(&[]))))),
    }
}

/// `gnutls-serv`, with more arguments.
pub struct GnuTlsServer {
    arguments: Vec<String>,
    running: Running<(Kind, Vec<String>), (Process, u16)>,
}

impl GnuTlsServer {
    /// Not started yet.
    #[must_use]
    pub fn new(arguments: &[&str]) -> GnuTlsServer {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        GnuTlsServer { arguments, running: Running::new() }
    }

    fn start(&mut self, lab: &Lab, want: &Want, mode: &[&str]) -> Result<u16, String> {
        let mut arguments = self.arguments.clone();
        arguments.extend(mode.iter().map(|argument| (*argument).to_owned()));
        if want.versions == Versions::Only13 {
            arguments.push(ONLY_13.to_owned());
        }
        if want.sessions == Sessions::Ids {
            arguments.push("--noticket".to_owned());
        }
        if want.client_certificate {
            arguments.push("--require-client-cert".to_owned());
            arguments.push("--verify-client-cert".to_owned());
            arguments.push(format!("--x509cafile={}", lab.certs.client_root.file.display()));
        } else {
            arguments.push("--disable-client-cert".to_owned());
        }
        let (_, port) = self.running.get((want.cell.kind, arguments), |(kind, arguments)| {
            let leaf = lab.certs.leaf(*kind);
            // It cannot bind port 0; another program may take the port in between.
            let mut last = String::new();
            for _ in 0..3 {
                let port = net::free_port().map_err(|error| error.to_string())?;
                let mut all = vec![
                    format!("--port={port}"),
                    format!("--x509certfile={}", leaf.chain_file.display()),
                    format!("--x509keyfile={}", leaf.key_file.display()),
                    "--alpn=http/1.1".to_owned(),
                ];
                all.extend_from_slice(arguments);
                let mut process = Process::start(&lab.programs.gnutls_serv, &all)?;
                match net::wait_until_listening(port, net::deadline()) {
                    Ok(()) if !process.has_ended() => return Ok((process, port)),
                    _ => last = process.take_output(),
                }
            }
            Err(format!("gnutls-serv does not listen\n{last}"))
        })?;
        Ok(*port)
    }
}

impl ServerPeer for GnuTlsServer {
    /// It looks for a common suite before it looks at the version, unless the client sends supported_versions.
    fn alert_with_13_alone(&self) -> AlertDescription {
        AlertDescription::HANDSHAKE_FAILURE
    }

    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let mut checked = extras::gnutls::servers(self, lab);
        checked.extend(extras::staples::from_gnutls(lab));
        checked.extend(extras::sizes::of_gnutls_server(lab));
        checked.extend(extras::p521::as_client(self, lab));
        checked
    }

    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        self.start(lab, want, &["--echo", "--crlf"])
    }

    fn talk(&mut self, session: &mut Session, payload: &[u8]) -> Result<Report, String> {
        talk::expect_echo(session, payload, payload)?;
        Ok(Report::default())
    }

    fn page_port(&mut self, lab: &Lab, want: &Want) -> Result<Option<u16>, String> {
        self.start(lab, want, &["--http"]).map(Some)
    }

    fn read_page(&self, page: &str) -> Report {
        description(page)
    }

    /// What the log says of earlier connections is thrown away.
    fn account_port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        let port = self.port(lab, want)?;
        self.output();
        Ok(port)
    }

    /// The log says it, as soon as the handshake is done.
    fn account(&mut self, session: &mut Session) -> Result<Report, String> {
        self.talk(session, &talk::text(1000, 1))?;
        let (deadline, mut log) = (net::deadline(), String::new());
        // Above this line is what is looked for.
        while !log.contains("- Options:") {
            if Instant::now() > deadline {
                return Err(format!("gnutls-serv's log says nothing of the connection: {log}"));
            }
            thread::sleep(Duration::from_millis(5));
            log.extend(self.running.iter().map(|(process, _)| process.take_stdout()));
        }
        let client = log.lines().find_map(|line| line.trim_start().strip_prefix("Subject: CN="));
        let resumed = log.contains("*** This is a resumed session");
        Ok(Report { resumed: Some(resumed), client: Some(client.unwrap_or_default().to_owned()), ..Report::default() })
    }

    fn output(&mut self) -> String {
        self.running.iter().map(|(process, _)| process.take_output()).collect()
    }
}

/// `gnutls-cli`, with more arguments.
pub struct GnuTlsClient {
    arguments: Vec<String>,
    /// What it wrote about its last connection.
    log: String,
}

impl GnuTlsClient {
    /// Nothing runs between its connections.
    #[must_use]
    pub fn new(arguments: &[&str]) -> GnuTlsClient {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        GnuTlsClient { arguments, log: String::new() }
    }
}

impl GnuTlsClient {
    fn run(&mut self, lab: &Lab, job: &Job<'_>, more: &[String]) -> Result<Report, String> {
        let log = lab.directory.join(format!("gnutls-cli-{}.log", job.port));
        let mut arguments = vec![
            format!("--port={}", job.port),
            format!("--x509cafile={}", job.roots.display()),
            format!("--logfile={}", log.display()),
            format!("--sni-hostname={}", job.name),
            format!("--verify-hostname={}", job.name),
        ];
        if job.versions == Versions::Only13 {
            arguments.push(ONLY_13.to_owned());
        }
        arguments.extend(job.alpn.map(|alpn| format!("--alpn={alpn}")));
        if let Some(leaf) = job.identity {
            arguments.push(format!("--x509certfile={}", leaf.chain_file.display()));
            arguments.push(format!("--x509keyfile={}", leaf.key_file.display()));
        }
        arguments.extend_from_slice(more);
        arguments.extend_from_slice(&self.arguments);
        arguments.push("127.0.0.1".to_owned());
        let mut process = Process::start(&lab.programs.gnutls_cli, &arguments)?;
        let feeding = process.feed(job.payload.to_vec());
        process.wait_for_length(job.deadline, job.payload.len());
        drop(feeding.join());
        let finished = process.finish(job.deadline);
        self.log = fs::read_to_string(&log).unwrap_or_default();
        let log = &self.log;
        let finished = finished.map_err(|error| format!("{error}\n{log}"))?;
        if finished.stdout != job.payload {
            return Err(format!("the echo differs ({} bytes)\n{finished}\n{log}", finished.stdout.len()));
        }
        if !finished.status.success() {
            return Err(format!("{finished}\n{log}"));
        }
        let resumed = log.contains("*** This is a resumed session");
        Ok(Report { resumed: Some(resumed), ..description(log) })
    }
}

impl ClientPeer for GnuTlsClient {
    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        let mut checked = extras::gnutls::clients(lab);
        checked.extend(extras::staples::to_gnutls(lab));
        checked.extend(extras::sizes::of_gnutls_client(lab));
        checked.extend(extras::p521::as_server(self, lab));
        checked
    }

    /// gnutls-cli sends close_notify when its input ends, and none after it got one.
    fn closes_first(&self) -> bool {
        true
    }

    fn connect(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        self.run(lab, job, &[])
    }

    fn resumes(&self) -> &'static [Sessions] {
        &Sessions::ALL
    }

    /// It says goodbye on the first connection as soon as the handshake is done.
    fn connect_twice(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        self.run(lab, job, &["--resume".to_owned()])
    }

    fn output(&mut self) -> String {
        std::mem::take(&mut self.log)
    }
}

/// Reads `(TLS1.2-X.509)-(ECDHE-X25519)-(ECDSA-SHA256)-(AES-256-GCM)` and the lines around it.
fn description(text: &str) -> Report {
    let line = text.lines().find(|line| line.contains("(TLS1.2")).unwrap_or_default();
    let mut parts = line.split(")-(").skip(1);
    let group = match parts.next().unwrap_or_default() {
        "ECDHE-X25519" => Some(NamedGroup::X25519),
        "ECDHE-SECP256R1" => Some(NamedGroup::SECP256R1),
        "ECDHE-SECP384R1" => Some(NamedGroup::SECP384R1),
        "ECDHE-SECP521R1" => Some(NamedGroup::SECP521R1),
        _ => None,
    };
    let rsa = parts.next().unwrap_or_default().starts_with("RSA");
    let aead = parts.next().unwrap_or_default().split(')').next().unwrap_or_default().replace('-', "_");
    let suite = SUITES.into_iter().find(|suite: &CipherSuite| {
        let name = suite.name().unwrap_or_default();
        !aead.is_empty() && name.contains(&aead) && name.contains("_RSA_") == rsa
    });
    let options = text.lines().find(|line| line.starts_with("- Options:"));
    Report {
        suite,
        group,
        extended_master_secret: options.map(|line| line.contains("extended master secret")),
        ..Report::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_suite_and_group() {
        let report =
            description("- Description: (TLS1.2-X.509)-(ECDHE-X25519)-(RSA-PSS-RSAE-SHA256)-(CHACHA20-POLY1305)");
        assert_eq!(report.suite, Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256));
        assert_eq!(report.group, Some(NamedGroup::X25519));
    }
}
