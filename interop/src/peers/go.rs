//! Go's crypto/tls: `peers/go/main.go`, compiled when the suite starts.

use std::path::PathBuf;
use std::process::Command;

use super::{ClientPeer, Job, Lab, Peer, Running, ServerPeer, Sessions, Versions, Want};
use crate::cell::{Kind, Report};
use crate::net;
use crate::ours::Session;
use crate::process::{Process, version};
use crate::talk;

pub(super) fn peer(lab: &Lab) -> Peer {
    let version = version(&lab.programs.go, &["version"]);
    let number = version.split_whitespace().nth(2).unwrap_or_default().trim_start_matches("go").to_owned();
    let minor: Option<u32> = number.split('.').nth(1).and_then(|minor| minor.parse().ok());
    let lacks = minor.is_some_and(|minor| minor < 21).then_some("Go speaks RFC 7627 from 1.21 on");
    Peer {
        name: format!("Go {number}"),
        server: Some(Box::new(move |lab| {
            Ok(Box::new(GoServer { program: build(lab, "server")?, running: Running::new(), lacks }))
        })),
        client: Some(Box::new(move |lab| {
            let process = Process::start(&build(lab, "client")?, ["connect"])?;
            Ok(Box::new(GoClient { process, lacks }))
        })),
    }
}

/// Compiles offline with the standard library alone; the go command's own cache makes the second time fast.
fn build(lab: &Lab, role: &str) -> Result<PathBuf, String> {
    let program = lab.directory.join(format!("gopeer-{role}"));
    let mut command = Command::new(&lab.programs.go);
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/go"))
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .envs([("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0")])
        .env("GOENV", "off")
        .env("GOPATH", lab.cache.join("go-path"))
        .env("GOCACHE", lab.cache.join("go"));
    let output = command.output().map_err(|error| format!("go build: {error}"))?;
    if output.status.success() {
        Ok(program)
    } else {
        Err(format!("go build: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

struct GoServer {
    program: PathBuf,
    running: Running<(Kind, Versions, bool), (Process, u16)>,
    lacks: Option<&'static str>,
}

impl ServerPeer for GoServer {
    fn lacks_extended_master_secret(&self) -> Option<&'static str> {
        self.lacks
    }

    /// It keeps no sessions by itself.
    fn resumes(&self) -> &'static [Sessions] {
        &[Sessions::Tickets]
    }

    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        let program = &self.program;
        let (_, port) = self.running.get((want.cell.kind, want.versions, want.client_certificate), |_| {
            let leaf = lab.certs.leaf(want.cell.kind);
            let (chain, key) = (leaf.chain_file.display().to_string(), leaf.key_file.display().to_string());
            let clients = &lab.certs.client_root.file;
            let clients = if want.client_certificate { clients.display().to_string() } else { "-".to_owned() };
            let arguments = ["serve", &chain, &key, least(want.versions), "1.3", &clients, "http/1.1"];
            let process = Process::start(program, arguments)?;
            let port = process.wait_for_line(net::deadline(), |line| line.strip_prefix("listening ")?.parse().ok())?;
            Ok((process, port))
        })?;
        Ok(*port)
    }

    fn talk(&mut self, session: &mut Session, payload: &[u8]) -> Result<Report, String> {
        let line = talk::read_line(session)?;
        talk::expect_echo(session, payload, payload)?;
        Ok(Report::parse(&line))
    }

    fn output(&mut self) -> String {
        self.running.iter().map(|(process, _)| process.take_output()).collect()
    }
}

/// One process that makes all connections.
struct GoClient {
    process: Process,
    lacks: Option<&'static str>,
}

impl GoClient {
    fn run(&mut self, job: &Job<'_>, times: usize) -> Result<Report, String> {
        let (chain, key) = identity(job);
        self.process.send_line(&format!(
            "{times} {} {} {} {} {} 1.3 {chain} {key} {}",
            job.port,
            job.name,
            job.roots.display(),
            job.payload_file.display(),
            least(job.versions),
            job.alpn.unwrap_or("-"),
        ))?;
        answer(&self.process, job)
    }
}

/// The files with the client's certificates and its key, as words.
pub(super) fn identity(job: &Job<'_>) -> (String, String) {
    match job.identity {
        Some(leaf) => (leaf.chain_file.display().to_string(), leaf.key_file.display().to_string()),
        None => ("-".to_owned(), "-".to_owned()),
    }
}

impl ClientPeer for GoClient {
    fn lacks_extended_master_secret(&self) -> Option<&'static str> {
        self.lacks
    }

    fn connect(&mut self, _: &Lab, job: &Job<'_>) -> Result<Report, String> {
        self.run(job, 1)
    }

    /// A session without a ticket is none to it.
    fn resumes(&self) -> &'static [Sessions] {
        &[Sessions::Tickets]
    }

    fn connect_twice(&mut self, _: &Lab, job: &Job<'_>) -> Result<Report, String> {
        self.run(job, 2)
    }

    fn output(&mut self) -> String {
        self.process.take_output()
    }
}

/// Waits for the `ok …` or `failed …` of one of our own programs.
pub(super) fn answer(process: &Process, job: &Job<'_>) -> Result<Report, String> {
    process.wait_for_line(job.deadline, |line| {
        let failed = line.strip_prefix("failed ").map(|text| Err(text.to_owned()));
        failed.or_else(|| line.strip_prefix("ok ").map(|report| Ok(Report::parse(report))))
    })?
}

fn least(versions: Versions) -> &'static str {
    match versions {
        Versions::Both => "1.2",
        Versions::Only13 => "1.3",
    }
}
