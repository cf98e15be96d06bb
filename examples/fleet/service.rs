//! One thread that serves all clients, without blocking on any of them and on no look-up.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use tls12::stream::TlsStream;
use tls12::{Answer, Ask, NotResumed, Observer, Seen, ServerConfig, ServerConnection};

use crate::keeper::Keeper;
use crate::{Problem, now};

/// How long a client may take for all that it does.
const MOST_TIME: Duration = Duration::from_secs(10);

/// How many clients are served at once.
const MOST_CLIENTS: usize = 256;

/// The longest head of a request, in bytes.
const LONGEST_REQUEST: usize = 8 << 10;

pub(crate) struct Service {
    name: String,
    config: Arc<ServerConfig>,
    keeper: Arc<Keeper>,
    /// How long the look-up of a session may take.
    patience: Duration,
}

impl Service {
    pub(crate) fn new(name: String, config: Arc<ServerConfig>, keeper: Arc<Keeper>, patience: Duration) -> Self {
        Service { name, config, keeper, patience }
    }

    pub(crate) fn run(&self, listener: &TcpListener) -> Result<(), Problem> {
        listener.set_nonblocking(true)?;
        let mut clients: Vec<Client> = Vec::new();
        loop {
            let before = clients.len();
            if clients.len() < MOST_CLIENTS
                && let Ok((socket, address)) = listener.accept()
            {
                match Client::new(&self.config, socket, address) {
                    Ok(client) => clients.push(client),
                    Err(error) => eprintln!("{}: {address}: {error}", self.name),
                }
            }
            clients.retain_mut(|client| match client.advance(self) {
                Ok(()) => false,
                Err(error) if error.kind() == ErrorKind::WouldBlock && now() < client.until => true,
                Err(error) => {
                    eprintln!("{}: {}: {error}", self.name, client.address);
                    false
                }
            });
            // A program for many clients asks the operating system which sockets are ready, by epoll or the like.
            if clients.len() == before {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// One page for all requests.
    fn page(&self, connection: &ServerConnection) -> String {
        let how = if connection.resumed() { "resumed" } else { "full handshake" };
        let body = format!("server {}: {how}\n", self.name);
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

/// One connection.
struct Client {
    stream: TlsStream<ServerConnection, TcpStream>,
    address: SocketAddr,
    until: Instant,
    /// The session that it wants to resume is looked up.
    look_up: Option<LookUp>,
    request: Vec<u8>,
    is_answered: bool,
}

struct LookUp {
    answer: Receiver<Answer>,
    until: Instant,
}

impl Client {
    fn new(config: &Arc<ServerConfig>, socket: TcpStream, address: SocketAddr) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let stream = TlsStream::new(ServerConnection::new(Arc::clone(config)), socket);
        Ok(Client { stream, address, until: now() + MOST_TIME, look_up: None, request: Vec::new(), is_answered: false })
    }

    /// A step. `WouldBlock` until the connection is done with.
    fn advance(&mut self, service: &Service) -> io::Result<()> {
        self.take_answer()?;
        if !self.is_answered && self.request.ends_with(b"\r\n\r\n") {
            self.stream.write_all(service.page(self.stream.connection()).as_bytes())?;
            self.is_answered = true;
            // What the socket does not take now goes out with the calls of `read`.
            self.stream.close()?;
        }
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(_) if self.is_answered => {}
            Ok(length) => self.request.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            // Nothing else is put off here.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if let Some(Ask::FindSession(request)) = self.stream.question() {
                    let answer = service.keeper.look_up(*request);
                    self.look_up = Some(LookUp { answer, until: now() + service.patience });
                }
            }
            // Many clients don't say that they close.
            Err(_) if self.is_answered => return Ok(()),
            Err(error) => return Err(error),
        }
        match self.request.len() {
            ..=LONGEST_REQUEST => Err(ErrorKind::WouldBlock.into()),
            _ => Err(io::Error::new(ErrorKind::InvalidData, "the request is too long")),
        }
    }

    /// Gives the connection what the look-up found. When that takes too long, the handshake goes on in full.
    fn take_answer(&mut self) -> io::Result<()> {
        let Some(LookUp { answer, until }) = &self.look_up else { return Ok(()) };
        match answer.try_recv() {
            Ok(answer) => self.stream.connection_mut().answer(answer).map_err(io::Error::other)?,
            Err(TryRecvError::Empty) if now() < *until => return Err(ErrorKind::WouldBlock.into()),
            Err(_) => _ = self.stream.connection_mut().skip_answer(),
        }
        self.look_up = None;
        Ok(())
    }
}

/// Says which sessions were not resumed, and why: what an operator of a fleet counts.
#[derive(Debug)]
pub(crate) struct Log {
    name: String,
}

impl Log {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Arc::new(Log { name: name.to_string() })
    }
}

impl Observer for Log {
    fn message(&self, _: &Seen<'_>) {}

    fn not_resumed(&self, _: &[u8; 32], why: &NotResumed) {
        eprintln!("{}: not resumed: {why}", self.name);
    }
}
