//! Java's JSSE: `peers/java/Peer.java`, compiled when the suite starts.

use std::path::PathBuf;
use std::process::Command;

use super::{ClientPeer, Job, Lab, Peer, Running, ServerPeer, Versions, Want, go};
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
    running: Running<(Kind, Versions), (Process, u16)>,
}

impl ServerPeer for JavaServer {
    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        let classes = &self.classes;
        let (_, port) = self.running.get((want.cell.kind, want.versions), |_| {
            let leaf = lab.certs.leaf(want.cell.kind);
            let (chain, key) = (leaf.chain_file.display().to_string(), leaf.key_file.display().to_string());
            let algorithm = match want.cell.kind {
                Kind::EcdsaP256 | Kind::EcdsaP384 => "EC",
                Kind::Rsa2048 => "RSA",
                Kind::Ed25519 => "Ed25519",
            };
            let process = start(lab, classes, &["serve", &chain, &key, algorithm, names(want.versions), "http/1.1"])?;
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
        self.0.send_line(&format!(
            "{} {} {} {} {} {}",
            job.port,
            job.name,
            job.roots.display(),
            job.payload_file.display(),
            names(job.versions),
            job.alpn.unwrap_or("-"),
        ))?;
        go::answer(&self.0, job)
    }

    fn output(&mut self) -> String {
        self.0.take_output()
    }
}

fn names(versions: Versions) -> &'static str {
    match versions {
        Versions::Both => "TLSv1.3,TLSv1.2",
        Versions::Only13 => "TLSv1.3",
    }
}
