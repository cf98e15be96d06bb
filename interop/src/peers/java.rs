//! Java's JSSE: `peers/java/Peer.java`, compiled when the suite starts.

use std::path::PathBuf;
use std::process::Command;

use super::{ClientPeer, Job, Lab, Peer, Running, ServerPeer, Sessions, Versions, Want, go};
use crate::cell::{Kind, Report};
use crate::net;
use crate::ours::Session;
use crate::process::{Process, version};
use crate::talk;

pub(super) fn peer(lab: &Lab) -> Peer {
    // openjdk version "17.0.15" 2025-04-15
    let version = version(&lab.programs.java, &["-version"]);
    let number = version.split('"').nth(1).unwrap_or_default().to_owned();
    Peer {
        name: format!("Java {number}"),
        server: Some(Box::new(|lab| {
            Ok(Box::new(JavaServer { classes: build(lab, "server")?, running: Running::new() }))
        })),
        client: Some(Box::new(|lab| {
            let classes = build(lab, "client")?;
            Ok(Box::new(JavaClient(start(lab, &classes, &["connect"])?)))
        })),
    }
}

fn build(lab: &Lab, role: &str) -> Result<PathBuf, String> {
    let classes = lab.directory.join(format!("java-{role}"));
    let mut command = Command::new(&lab.programs.javac);
    command.arg("-d").arg(&classes).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/java/Peer.java"));
    let output = command.output().map_err(|error| format!("javac: {error}"))?;
    if output.status.success() {
        Ok(classes)
    } else {
        Err(format!("javac: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn start(lab: &Lab, classes: &std::path::Path, arguments: &[&str]) -> Result<Process, String> {
    let mut all = vec!["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp"];
    let classes = classes.display().to_string();
    all.extend([classes.as_str(), "Peer"]);
    all.extend(arguments);
    Process::start(&lab.programs.java, &all)
}

struct JavaServer {
    classes: PathBuf,
    running: Running<(Kind, Versions, bool), (Process, u16)>,
}

impl ServerPeer for JavaServer {
    /// It resumes sessions, but does not say so.
    fn resumes(&self) -> &'static [Sessions] {
        &[]
    }

    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        let classes = &self.classes;
        let (_, port) = self.running.get((want.cell.kind, want.versions, want.client_certificate), |_| {
            let leaf = lab.certs.leaf(want.cell.kind);
            let (chain, key) = (leaf.chain_file.display().to_string(), leaf.key_file.display().to_string());
            let clients = &lab.certs.client_root.file;
            let clients = if want.client_certificate { clients.display().to_string() } else { "-".to_owned() };
            let (algorithm, versions) = (algorithm(want.cell.kind), names(want.versions));
            let arguments = ["serve", &chain, &key, algorithm, versions, "http/1.1", &clients];
            let process = start(lab, classes, &arguments)?;
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

/// One virtual machine that makes all connections.
struct JavaClient(Process);

impl ClientPeer for JavaClient {
    fn connect(&mut self, _: &Lab, job: &Job<'_>) -> Result<Report, String> {
        let (chain, key) = go::identity(job);
        self.0.send_line(&format!(
            "{} {} {} {} {} {} {chain} {key} {}",
            job.port,
            job.name,
            job.roots.display(),
            job.payload_file.display(),
            names(job.versions),
            job.alpn.unwrap_or("-"),
            job.identity.map_or("-", |leaf| algorithm(leaf.kind)),
        ))?;
        go::answer(&self.0, job)
    }

    fn output(&mut self) -> String {
        self.0.take_output()
    }
}

fn algorithm(kind: Kind) -> &'static str {
    match kind {
        Kind::EcdsaP256 | Kind::EcdsaP384 | Kind::EcdsaP521 => "EC",
        Kind::Rsa2048 => "RSA",
        Kind::Ed25519 => "Ed25519",
    }
}

fn names(versions: Versions) -> &'static str {
    match versions {
        Versions::Both => "TLSv1.3,TLSv1.2",
        Versions::Only13 => "TLSv1.3",
    }
}
