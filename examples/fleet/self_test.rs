//! Two servers, a Redis server and clients. All of them are children of this process and end with it.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use redis::cmd;
use rustls::client::{Resumption, Tls12Resumption};
use tls12::pki_types::CertificateDer;
use tls12::stream::TlsStream;
use tls12::{Backend, ClientCache, ClientConfig, ClientConnection};

use crate::{Problem, SECRET, now};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run() -> Result<(), Problem> {
    let folder = Folder::new()?;
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_string()])?;
    fs::write(folder.file("cert.pem"), cert.pem())?;
    fs::write(folder.file("key.pem"), signing_key.serialize_pem())?;
    let mut secret = [0; 32];
    Backend::default().random().fill(&mut secret)?;
    let secret = hex::encode(secret);

    let redis = Redis::start(free_port()?, &folder.0)?;
    let a = Server::start("A", &redis.url(), &secret, &folder)?;
    let b = Server::start("B", &redis.url(), &secret, &folder)?;
    let clients = || Clients::new(cert.der());

    println!("Redis is there:");
    let first = clients()?;
    first.by_id(&a, Expect::Full)?;
    // A server does not wait until what it stores is there.
    wait_until("a session in Redis", || Ok(redis.sessions()? > 0))?;
    first.by_id(&b, Expect::Resumed)?;
    first.by_ticket(&a, Expect::Full)?;
    first.by_ticket(&b, Expect::Resumed)?;

    println!("Redis hangs:");
    redis.hang()?;
    first.by_id(&a, Expect::Full)?;
    first.by_ticket(&a, Expect::Resumed)?;

    println!("Redis is stopped:");
    let port = redis.stop();
    for server in [&a, &b] {
        first.by_id(server, Expect::Full)?;
        first.by_ticket(server, Expect::Resumed)?;
        let new = clients()?;
        new.by_id(server, Expect::Full)?;
        new.by_ticket(server, Expect::Full)?;
    }

    println!("Redis is started again, and has forgotten everything:");
    let redis = Redis::start(port, &folder.0)?;
    // The servers come back to it after a moment. Each round has a new client, whose session can only be server A's.
    wait_until("a session of server A to be resumed on server B", || {
        let (before, new) = (redis.sessions()?, clients()?);
        new.by_id(&a, Expect::Full)?;
        Ok(redis.sessions()? > before && new.by_id(&b, Expect::Either)?)
    })?;
    first.by_ticket(&b, Expect::Resumed)?;
    first.by_ticket(&a, Expect::Resumed)?;
    println!("self-test: ok");
    Ok(())
}

/// What a connection should be.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Full,
    Resumed,
    Either,
}

/// A client of each kind, with its sessions.
struct Clients {
    /// This library offers tickets wherever it keeps sessions; rustls can be told to take none.
    by_id: Arc<rustls::ClientConfig>,
    by_ticket: Arc<ClientConfig>,
}

impl Clients {
    fn new(root: &CertificateDer<'static>) -> Result<Self, Problem> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.clone())?;
        let mut by_id = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
            .with_root_certificates(roots)
            .with_no_client_auth();
        by_id.resumption = Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
        // The same ticket is shown to both servers, as nobody watches us.
        let sessions = ClientCache::new().single_use_tickets(false);
        let by_ticket = ClientConfig::builder().roots([root.clone()]).sessions(Arc::new(sessions)).build()?;
        Ok(Clients { by_id: Arc::new(by_id), by_ticket })
    }

    /// Whether the session was resumed.
    fn by_id(&self, server: &Server, expect: Expect) -> Result<bool, Problem> {
        let connection = rustls::ClientConnection::new(Arc::clone(&self.by_id), "localhost".try_into()?)?;
        let mut stream = rustls::StreamOwned::new(connection, server.connect()?);
        let page = get(&mut stream)?;
        let resumed = stream.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        report("by ID", server, resumed, &page, expect)
    }

    /// Whether the session was resumed.
    fn by_ticket(&self, server: &Server, expect: Expect) -> Result<bool, Problem> {
        let connection = ClientConnection::new(Arc::clone(&self.by_ticket), "localhost".try_into()?)?;
        let mut stream = TlsStream::new(connection, server.connect()?);
        let page = get(&mut stream)?;
        report("by ticket", server, stream.connection().resumed(), &page, expect)
    }
}

fn get(stream: &mut (impl Read + Write)) -> Result<String, Problem> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    stream.flush()?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (_, page) = response.split_once("\r\n\r\n").ok_or("the response has no body")?;
    Ok(page.trim_end().to_string())
}

/// Both ends have to agree, with each other and with what is expected.
fn report(way: &str, server: &Server, resumed: bool, page: &str, expect: Expect) -> Result<bool, Problem> {
    let how = if resumed { "resumed" } else { "full handshake" };
    println!("    {way:<10} client: {how:<15} {page}");
    let is_expected = match expect {
        Expect::Full => !resumed,
        Expect::Resumed => resumed,
        Expect::Either => true,
    };
    if !is_expected || page != format!("server {}: {how}", server.name) {
        return Err(format!("{way} at {}: expected was {expect:?}", server.name).into());
    }
    Ok(resumed)
}

/// A process that ends when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// This program, started again as one of the servers.
struct Server {
    name: &'static str,
    address: SocketAddr,
    _process: Ended,
}

impl Server {
    fn start(name: &'static str, redis: &str, secret: &str, folder: &Folder) -> Result<Self, Problem> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--name", name, "--port", "0", "--redis", redis, "--end-with-input", "--cert"])
            .arg(folder.file("cert.pem"))
            .arg("--key")
            .arg(folder.file("key.pem"))
            .env(SECRET, secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no output")?;
        let process = Ended(process);
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            _ = BufReader::new(stdout).read_line(&mut line);
            _ = sender.send(line);
        });
        let line = line.recv_timeout(PATIENCE)?;
        let port = line.trim_end().strip_prefix("https://localhost:").and_then(|rest| rest.strip_suffix('/'));
        let port: u16 = port.ok_or_else(|| format!("server {name} did not start: {line}"))?.parse()?;
        Ok(Server { name, address: ([127, 0, 0, 1], port).into(), _process: process })
    }

    fn connect(&self) -> Result<TcpStream, Problem> {
        let socket = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    }
}

/// A Redis server that keeps nothing on disk.
struct Redis {
    port: u16,
    client: redis::Client,
    process: Ended,
}

impl Redis {
    fn start(port: u16, folder: &Path) -> Result<Self, Problem> {
        let port_text = port.to_string();
        let arguments = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning", "--dir"];
        let process =
            Command::new("redis-server").args(arguments).arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let process = process.map_err(|error| match error.kind() {
            ErrorKind::NotFound => "there is no redis-server: apt-get install redis-server".into(),
            _ => Problem::from(error),
        })?;
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
        let mut redis = Redis { port, client, process: Ended(process) };
        wait_until("Redis to answer", || match redis.process.0.try_wait()? {
            Some(status) => Err(format!("redis-server has ended: {status}").into()),
            None => Ok(redis.sessions().is_ok()),
        })?;
        Ok(redis)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connect(&self) -> Result<redis::Connection, Problem> {
        let connection = self.client.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    fn sessions(&self) -> Result<usize, Problem> {
        let found: Vec<Vec<u8>> = cmd("KEYS").arg("fleet:session:*").query(&mut self.connect()?)?;
        Ok(found.len())
    }

    /// It goes on listening and answers nobody, for ten minutes.
    fn hang(&self) -> Result<(), Problem> {
        Ok(cmd("CLIENT").arg("PAUSE").arg(600_000).arg("ALL").exec(&mut self.connect()?)?)
    }

    /// The port, for the next one.
    fn stop(self) -> u16 {
        self.port
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> Result<bool, Problem>) -> Result<(), Problem> {
    let until = now() + PATIENCE;
    while !is_so()? {
        if now() > until {
            return Err(format!("waited in vain for {what}").into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Problem> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A folder of our own that is gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Problem> {
        let path = std::env::temp_dir().join(format!("tls12-fleet-{}", process::id()));
        let mut folder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&path)?;
        Ok(Folder(path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
