//! curl, as Debian builds it: on OpenSSL.

use super::{Application, ClientPeer, Job, Lab, Peer, Sessions, Versions};
use crate::cell::{Report, suite_by_openssl_name};
use crate::extras::{self, Checked};
use crate::process::{Process, version};

pub(super) fn peer(lab: &Lab) -> Peer {
    let version = version(&lab.programs.curl, &["--version"]);
    let name = version.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Peer { name, server: None, client: Some(Box::new(|_| Ok(Box::new(Curl)))) }
}

struct Curl;

impl ClientPeer for Curl {
    fn application(&self) -> Application {
        Application::Http
    }

    fn own_checks(&mut self, lab: &Lab) -> Vec<Checked> {
        extras::alpn::curl(self, lab)
    }

    fn connect(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        Curl::run(lab, job, 1)
    }

    /// It makes OpenSSL offer no tickets.
    fn resumes(&self) -> &'static [Sessions] {
        &[Sessions::Ids]
    }

    fn connect_twice(&mut self, lab: &Lab, job: &Job<'_>) -> Result<Report, String> {
        Curl::run(lab, job, 2)
    }
}

impl Curl {
    /// Fetches the page once or twice; our server closes after each, so that each is a connection of its own.
    fn run(lab: &Lab, job: &Job<'_>, times: usize) -> Result<Report, String> {
        let url = format!("https://{}:{}/page", job.name, job.port);
        let resolve = format!("{}:{}:127.0.0.1", job.name, job.port);
        let (roots, payload) = (job.roots.display().to_string(), job.payload_file.display().to_string());
        // Without `-q` as the first argument the user's own settings would come in.
        let mut arguments = vec!["-q", "--silent", "--show-error", "--verbose", "--noproxy", "*", "--max-time", "15"];
        arguments.extend(["--cacert", &roots, "--resolve", &resolve]);
        arguments.push(if job.versions == Versions::Only13 { "--tlsv1.3" } else { "--tlsv1.2" });
        match job.alpn {
            Some("http/1.1") => arguments.push("--http1.1"),
            Some(_) => arguments.push("--http2"),
            None => arguments.push("--no-alpn"),
        }
        if job.upload {
            arguments.extend(["--header", "Expect:", "--upload-file", &payload]);
        }
        let files = job.identity.map(|leaf| [&leaf.chain_file, &leaf.key_file].map(|file| file.display().to_string()));
        if let Some([chain, key]) = &files {
            arguments.extend(["--cert", chain, "--key", key]);
        }
        arguments.extend(vec![url.as_str(); times]);
        let finished = Process::start(&lab.programs.curl, &arguments)?.finish(job.deadline)?;
        if !finished.status.success() {
            return Err(String::from_utf8_lossy(&finished.stderr).into_owned());
        }
        let pages = job.payload.repeat(times);
        if finished.stdout != pages {
            return Err(format!("the page differs ({} of {} bytes)", finished.stdout.len(), pages.len()));
        }
        // `* SSL connection using TLSv1.2 / ECDHE-ECDSA-AES128-GCM-SHA256`, `* ALPN: server accepted http/1.1`
        let text = String::from_utf8_lossy(&finished.stderr).into_owned();
        let after =
            |key: &str| text.lines().find_map(|line| line.split_once(key)).map(|(_, rest)| rest.trim().to_owned());
        let handshakes = text.matches("* SSL connection using TLSv1.2").count();
        let full = text.matches("(IN), TLS handshake, Certificate (11)").count();
        if handshakes != times {
            return Err(format!("{handshakes} handshakes\n{text}"));
        }
        Ok(Report {
            resumed: Some(full < handshakes),
            suite: after("SSL connection using TLSv1.2 / ").and_then(|name| suite_by_openssl_name(&name)),
            alpn: Some(after("ALPN: server accepted ").unwrap_or_default()),
            ..Report::default()
        })
    }
}
