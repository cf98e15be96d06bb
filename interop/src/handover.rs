//! A live connection that goes from one process to another, while the peer goes on as if nothing was.
//!
//! ```text
//!   peer ═══ TCP ═══ this process ── handshake, some data, export
//!     ║                  │ pipe: Dormant::to_bytes, what was received and not read, how far the data is
//!     ╚═════ TCP ═══ `woken`  ────── the socket is its standard output: thousands of records, close_notify
//! ```

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use pki_types::ServerName;
use tls12::{
    Backend, ClientConfig, ClientConnection, Connection, Dormant, Identity, RecordBuffer, ServerConfig,
    ServerConnection, Step, Transmit, dangerous,
};

use crate::net::CELL_TIMEOUT;
use crate::talk;

/// Bytes of the data of a client that sends lines, and gets each of them back reversed.
pub const LINES: usize = 1 << 20;

/// Bytes of the data of a server that echoes.
pub const ECHOED: usize = 2 << 20;

/// So much is sent before the connection is handed over.
const BEFORE: usize = 100_000;

/// So much more is on the way when it is handed over.
const ON_THE_WAY: usize = 30_000;

/// So many records have to come and go after the connection was handed over.
const THOUSANDS: usize = 3000;

/// So much is sent before the answers are read: below what the sockets hold.
const WINDOW: usize = 40_000;

fn text(error: impl Display) -> String {
    error.to_string()
}

/// The process that takes over.
pub struct Woken<'a> {
    /// Where the program is.
    pub program: &'a Path,
    /// What it goes on with.
    pub backend: Backend,
}

fn backend_name(backend: Backend) -> &'static str {
    if backend == Backend::Ring { "ring" } else { "aws-lc-rs" }
}

/// A connection, its socket, and how far the data is.
struct Line<C> {
    connection: C,
    socket: TcpStream,
    buffer: RecordBuffer,
    sent: usize,
    received: usize,
    records_sent: usize,
    records_received: usize,
}

impl<C: Connection> Line<C> {
    fn new(connection: C, socket: TcpStream, buffer: RecordBuffer) -> Result<Self, String> {
        socket.set_nodelay(true).map_err(text)?;
        socket.set_read_timeout(Some(CELL_TIMEOUT)).map_err(text)?;
        socket.set_write_timeout(Some(CELL_TIMEOUT)).map_err(text)?;
        Ok(Line { connection, socket, buffer, sent: 0, received: 0, records_sent: 0, records_received: 0 })
    }

    /// One record, or what is queued.
    fn send(&mut self, data: &[u8]) -> Result<(), String> {
        let mut out = Vec::new();
        let sent = Transmit::write_vec(&mut self.connection, data, &mut out).map_err(text)?;
        assert_eq!(sent.taken, data.len(), "all of it is taken");
        self.sent += sent.taken;
        self.records_sent += usize::from(sent.taken > 0);
        self.socket.write_all(&out).map_err(text)
    }

    fn fill(&mut self) -> Result<(), String> {
        match self.buffer.fill_from(&mut self.socket) {
            Ok(0) => Err("the transport ended".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error}, after {} bytes were sent and {} came", self.sent, self.received)),
        }
    }

    fn handshake(&mut self) -> Result<(), String> {
        while !self.connection.is_established() {
            self.send(&[])?;
            if let Step::NeedInput = self.buffer.step(&mut self.connection).map_err(text)? {
                self.fill()?;
            }
        }
        self.send(&[])
    }

    /// The data of the next record, which has to be the next part of `expected`; false is the peer's close_notify.
    fn receive(&mut self, expected: &[u8]) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.buffer.step(&mut self.connection).map_err(text)? {
                Step::Data(data) => {
                    let data = data.to_vec();
                    let end = self.received + data.len();
                    if expected.get(self.received..end) != Some(&data) {
                        return Err(format!("other bytes came than were expected, from {} on", self.received));
                    }
                    self.received = end;
                    self.records_received += 1;
                    return Ok(Some(data));
                }
                Step::Closed => return Ok(None),
                Step::NeedInput => self.fill()?,
                _ => {}
            }
        }
    }

    /// Sends `data` up to `end` line by line, each in a record, and reads what has to come back.
    fn say_lines(&mut self, data: &[u8], end: usize) -> Result<(), String> {
        let back = talk::reversed(data);
        while self.sent < end || self.received < self.sent {
            let start = self.sent;
            while self.sent < end && self.sent - start < WINDOW {
                self.send_line(data)?;
            }
            while self.received < self.sent {
                self.receive(&back)?.ok_or("the peer closed")?;
            }
        }
        Ok(())
    }

    fn send_line(&mut self, data: &[u8]) -> Result<(), String> {
        let line = data[self.sent..].split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        self.send(line)
    }

    /// Sends back all that comes, up to `end`.
    fn echo(&mut self, data: &[u8], end: usize) -> Result<(), String> {
        while self.received < end {
            let came = self.receive(data)?.ok_or("the peer closed")?;
            self.send(&came)?;
        }
        Ok(())
    }

    /// close_notify from both.
    fn close(&mut self) -> Result<(), String> {
        self.connection.close();
        self.send(&[])?;
        match self.receive(&[])? {
            Some(_) => Err("data after its end".to_owned()),
            None => Ok(()),
        }
    }

    /// Reads some bytes and no record, and leaves all to the other process.
    fn hand_over(mut self, woken: &Woken<'_>, role: &str) -> Result<(), String> {
        self.fill()?;
        let dormant = self.connection.export().map_err(text)?.to_bytes();
        let unread = self.buffer.into_unread();
        assert!(!unread.is_empty(), "something was received and not read");
        let mut child = Command::new(woken.program)
            .args([role, backend_name(woken.backend)])
            .stdin(Stdio::piped())
            .stdout(OwnedFd::from(self.socket))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let mut pipe = child.stdin.take().ok_or("there is no pipe")?;
        let parts: [&[u8]; 4] = [&dormant, &unread, &self.sent.to_be_bytes(), &self.received.to_be_bytes()];
        for part in parts {
            let length = u32::try_from(part.len()).map_err(text)?;
            pipe.write_all(&length.to_be_bytes()).and_then(|()| pipe.write_all(part)).map_err(text)?;
        }
        drop(pipe);
        let ended = child.wait_with_output().map_err(text)?;
        let said = String::from_utf8_lossy(&ended.stderr);
        if ended.status.success() { Ok(()) } else { Err(format!("the other process: {} {said}", ended.status)) }
    }

    fn check_thousands(&self) -> Result<(), String> {
        let counts = [self.records_sent, self.records_received];
        if counts.iter().all(|count| *count >= THOUSANDS) { Ok(()) } else { Err(format!("only {counts:?} records")) }
    }
}

/// Our client, whose server sends lines back reversed, up to where `woken` goes on.
///
/// # Errors
/// What went wrong, here or there.
pub fn client(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    port: u16,
    woken: &Woken<'_>,
) -> Result<(), String> {
    let socket = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    let mut line = Line::new(ClientConnection::new(config, name).map_err(text)?, socket, RecordBuffer::new())?;
    line.handshake()?;
    let data = talk::text(LINES, 1);
    line.say_lines(&data, BEFORE)?;
    let end = line.sent + ON_THE_WAY;
    while line.sent < end {
        line.send_line(&data)?;
    }
    line.hand_over(woken, "client")
}

/// Our server, which echoes what this client sends, up to where `woken` goes on.
///
/// # Errors
/// What went wrong, here or there.
pub fn server(config: Arc<ServerConfig>, socket: TcpStream, woken: &Woken<'_>) -> Result<(), String> {
    let mut line = Line::new(ServerConnection::new(config), socket, RecordBuffer::new())?;
    line.handshake()?;
    line.echo(&talk::text(ECHOED, 1), BEFORE)?;
    line.hand_over(woken, "server")
}

/// What the other process does: it wakes the connection, goes on to the end of the data, and closes.
///
/// # Errors
/// What went wrong.
pub fn go_on(role: &str, backend: &str) -> Result<(), String> {
    let backend = [Backend::Ring, Backend::AwsLc].into_iter().find(|known| backend_name(*known) == backend);
    let backend = backend.ok_or("no such backend")?;
    let mut given = Vec::new();
    io::stdin().read_to_end(&mut given).map_err(text)?;
    let mut left = &given[..];
    let mut part = || -> Result<&[u8], String> {
        let (length, rest) = left.split_first_chunk().ok_or("the pipe ended early")?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or("the pipe ended early")?;
        left = rest;
        Ok(part)
    };
    let dormant = Dormant::from_bytes(part()?).map_err(text)?;
    let buffer = RecordBuffer::with_unread(part()?.to_vec());
    let mut position = || -> Result<usize, String> { Ok(usize::from_be_bytes(part()?.try_into().map_err(text)?)) };
    let (sent, received) = (position()?, position()?);
    let socket = TcpStream::from(io::stdout().as_fd().try_clone_to_owned().map_err(text)?);
    if role == "client" {
        // There is no handshake any more in which somebody would have to be trusted.
        let config = ClientConfig::builder()
            .backend(backend)
            .verifier(Arc::new(dangerous::AcceptAnything))
            .build()
            .map_err(text)?;
        let connection: ClientConnection = dormant.wake(&config).map_err(text)?;
        let mut line = Line { sent, received, ..Line::new(connection, socket, buffer)? };
        let data = talk::text(LINES, 1);
        line.say_lines(&data, data.len())?;
        line.close()?;
        line.check_thousands()
    } else {
        // Nor one in which a certificate would be shown.
        let made = rcgen::generate_simple_self_signed(["nobody.example".to_owned()]).map_err(text)?;
        let key = backend.load_key(&made.signing_key.serialize_der().try_into()?).map_err(text)?;
        let identity = Identity::new(vec![made.cert.der().clone()], key).map_err(text)?;
        let config = ServerConfig::builder().backend(backend).identity(identity).build().map_err(text)?;
        let connection: ServerConnection = dormant.wake(&config).map_err(text)?;
        let mut line = Line { sent, received, ..Line::new(connection, socket, buffer)? };
        line.echo(&talk::text(ECHOED, 1), ECHOED)?;
        line.close()?;
        line.check_thousands()
    }
}
