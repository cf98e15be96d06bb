//! Child processes that always end, and the programs that must be installed.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fmt};

/// The programs of the suite.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `openssl`
    pub openssl: PathBuf,
    /// `gnutls-serv`
    pub gnutls_serv: PathBuf,
    /// `gnutls-cli`
    pub gnutls_cli: PathBuf,
    /// `curl`
    pub curl: PathBuf,
    /// `nginx`
    pub nginx: PathBuf,
    /// `go`
    pub go: PathBuf,
    /// `java`
    pub java: PathBuf,
    /// `javac`
    pub javac: PathBuf,
    /// `tshark`
    pub tshark: PathBuf,
}

impl Programs {
    /// Finds them all; the error names each one that is missing and the Debian package that holds it.
    pub fn find() -> Result<Programs, String> {
        let mut missing = Vec::new();
        let mut find = |name: &str, package: &str| {
            which(name).unwrap_or_else(|| {
                missing.push(format!("`{name}` is not installed: apt-get install {package}"));
                PathBuf::new()
            })
        };
        let programs = Programs {
            openssl: find("openssl", "openssl"),
            gnutls_serv: find("gnutls-serv", "gnutls-bin"),
            gnutls_cli: find("gnutls-cli", "gnutls-bin"),
            curl: find("curl", "curl"),
            nginx: find("nginx", "nginx"),
            go: find("go", "golang-go"),
            java: find("java", "default-jdk-headless"),
            javac: find("javac", "default-jdk-headless"),
            tshark: find("tshark", "tshark"),
        };
        if missing.is_empty() { Ok(programs) } else { Err(missing.join("\n")) }
    }
}

/// Where a program is; Debian has servers in `/usr/sbin`, which is not in everybody's path.
fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(extra).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// The first words that a program prints about itself.
pub fn version(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().trim().to_owned()
}

/// What a child printed, while it is still printing.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// What the caller has seen already.
    seen: usize,
    ended: bool,
}

impl Output {
    fn collect(&self, mut from: impl Read + Send + 'static) {
        let output = self.clone();
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let count = from.read(&mut buffer).unwrap_or(0);
                let (lock, changed) = &*output.0;
                let mut printed = lock.lock().unwrap_or_else(PoisonError::into_inner);
                printed.bytes.extend_from_slice(&buffer[..count]);
                printed.ended = count == 0;
                changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
    }

    /// Waits until `found` gives something for what was printed and not yet seen; at the end or the deadline it is asked once more.
    fn wait<T>(&self, deadline: Instant, mut found: impl FnMut(&[u8]) -> Option<(T, usize)>) -> Option<T> {
        let (lock, changed) = &*self.0;
        let mut printed = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((value, used)) = found(&printed.bytes[printed.seen..]) {
                printed.seen += used;
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.ended || left.is_zero() {
                return None;
            }
            printed = changed.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wait_for_end(&self, deadline: Instant) {
        let (lock, changed) = &*self.0;
        let mut printed = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !printed.ended && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            printed = changed.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take_unseen(&self) -> Vec<u8> {
        let mut printed = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = printed.bytes[printed.seen..].to_vec();
        printed.seen = printed.bytes.len();
        unseen
    }

    fn all(&self) -> Vec<u8> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }
}

/// A child process; it is killed when this is dropped.
pub struct Process {
    what: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Output,
    stderr: Output,
}

impl Process {
    /// Starts a program without a proxy or a locale of the environment's.
    pub fn start(program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Process, String> {
        let mut command = Command::new(program);
        command.args(arguments).env("LC_ALL", "C");
        Process::spawn(command)
    }

    /// Starts a prepared command.
    pub fn spawn(mut command: Command) -> Result<Process, String> {
        let what = format!("{command:?}");
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY", "SSLKEYLOGFILE"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{what} cannot be started: {error}"))?;
        let (stdout, stderr) = (Output::default(), Output::default());
        if let Some(from) = child.stdout.take() {
            stdout.collect(from);
        }
        if let Some(from) = child.stderr.take() {
            stderr.collect(from);
        }
        let stdin = child.stdin.take();
        Ok(Process { what, child, stdin, stdout, stderr })
    }

    /// Writes to its standard input from a thread of its own, so that nothing blocks; the input stays open until `self` ends.
    pub fn feed(&mut self, bytes: Vec<u8>) -> thread::JoinHandle<Option<ChildStdin>> {
        let stdin = self.stdin.take();
        thread::spawn(move || {
            let mut stdin = stdin?;
            // A program that ends early says why by itself.
            let _ = stdin.write_all(&bytes).and_then(|()| stdin.flush());
            Some(stdin)
        })
    }

    /// Writes a line to its standard input, in one piece: OpenSSL takes `r` for a command only if the end of the line is read
    /// with it.
    pub fn send_line(&mut self, line: &str) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("standard input is closed")?;
        let written = stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush());
        written.map_err(|error| format!("{}: {error}", self.what))
    }

    /// Waits for a line of its standard output that `found` takes, and skips those before it.
    pub fn wait_for_line<T>(&self, deadline: Instant, mut found: impl FnMut(&str) -> Option<T>) -> Result<T, String> {
        let value = self.stdout.wait(deadline, |bytes| {
            let mut used = 0;
            for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
                used += line.len();
                if let Some(value) = found(String::from_utf8_lossy(line).trim_end()) {
                    return Some((value, used));
                }
            }
            None
        });
        value.ok_or_else(|| format!("{} did not print what was expected of it\n{}", self.what, self.transcript()))
    }

    /// Waits until it has printed this many bytes, ended, or the deadline.
    pub fn wait_for_length(&self, deadline: Instant, length: usize) {
        // Whoever calls this looks at the output afterwards.
        let _ = self.stdout.wait(deadline, |bytes| (bytes.len() >= length).then_some(((), 0)));
    }

    /// Waits until it ends; `Err` when it had to be killed at the deadline.
    pub fn finish(mut self, deadline: Instant) -> Result<Finished, String> {
        let status = loop {
            match self.child.try_wait().map_err(|error| format!("{}: {error}", self.what))? {
                Some(status) => break status,
                None if Instant::now() >= deadline => {
                    return Err(format!("{} did not end in time\n{}", self.what, self.transcript()));
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        self.stdout.wait_for_end(deadline);
        self.stderr.wait_for_end(deadline);
        Ok(Finished { what: self.what.clone(), status, stdout: self.stdout.all(), stderr: self.stderr.all() })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What it printed since the last call.
    #[must_use]
    pub fn take_output(&self) -> String {
        let (stdout, stderr) = (self.stdout.take_unseen(), self.stderr.take_unseen());
        show(&self.what, &stdout, &stderr)
    }

    /// What it wrote to its standard output since the last call, all of it.
    #[must_use]
    pub fn take_stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.take_unseen()).into_owned()
    }

    fn transcript(&self) -> String {
        show(&self.what, &self.stdout.all(), &self.stderr.all())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors here mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that ended by itself.
pub struct Finished {
    what: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed as errors.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Standard output and error as text, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}", String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr))
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.what, self.status, show("it", &self.stdout, &self.stderr))
    }
}

/// The longest line that is shown, in characters: application data among the output tells nothing.
const LINE: usize = 200;

fn show(what: &str, stdout: &[u8], stderr: &[u8]) -> String {
    let mut text = String::new();
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        // The end tells more than the beginning.
        let tail = &bytes[bytes.len().saturating_sub(3000)..];
        if !tail.is_empty() {
            text += &format!("--- {name} of {what}\n");
            for line in String::from_utf8_lossy(tail).lines().filter(|line| !line.is_empty()) {
                text.extend(line.chars().take(LINE));
                text.push('\n');
            }
        }
    }
    text
}
