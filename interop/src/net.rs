//! Sockets that cannot hang: every connection has a deadline.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::capture::{Capture, From};

/// The longest that one connection may take.
pub const CELL_TIMEOUT: Duration = Duration::from_secs(20);

/// A socket whose reads and writes end by a deadline.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    deadline: Instant,
    own: From,
    capture: Option<Capture>,
}

impl Socket {
    fn new(stream: TcpStream, deadline: Instant, own: From) -> io::Result<Socket> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        Ok(Socket { stream, deadline, own, capture: None })
    }

    /// Connects to a port of this machine.
    pub fn connect(port: u16, deadline: Instant) -> io::Result<Socket> {
        Socket::new(TcpStream::connect_timeout(&loopback(port), left(deadline)?)?, deadline, From::Client)
    }

    /// Keeps what goes over it.
    #[must_use]
    pub fn captured(mut self, capture: &Capture) -> Socket {
        self.capture = Some(capture.clone());
        self
    }

    fn keep(&self, from: From, bytes: &[u8]) {
        if let Some(capture) = &self.capture {
            capture.push(from, bytes);
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        let count = self.stream.read(buffer).map_err(timed_out)?;
        self.keep(self.own.other(), &buffer[..count]);
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        let count = self.stream.write(buffer).map_err(timed_out)?;
        self.keep(self.own, &buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for one connection, until the deadline or until `stop` says that nobody will come.
pub fn accept(listener: &TcpListener, deadline: Instant, stop: &AtomicBool) -> io::Result<Socket> {
    listener.set_nonblocking(true)?;
    loop {
        // Read first: a client that connected and went away at once is still in the queue.
        let stopped = stop.load(Ordering::SeqCst);
        match listener.accept() {
            Ok((stream, _)) => return Socket::new(stream, deadline, From::Server),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !stopped => {
                left(deadline)?;
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::Error::other("the peer ended without connecting"));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A listener on a free port of this machine.
pub fn listen() -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind(loopback(0))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// A port that is free now, for programs that cannot bind port 0 themselves.
pub fn free_port() -> io::Result<u16> {
    listen().map(|(_, port)| port)
}

/// Tries until something listens on the port; `Err` at the deadline.
pub fn wait_until_listening(port: u16, deadline: Instant) -> io::Result<()> {
    loop {
        match TcpStream::connect_timeout(&loopback(port), left(deadline)?) {
            Ok(_) => return Ok(()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The deadline of a connection that starts now.
#[must_use]
pub fn deadline() -> Instant {
    Instant::now() + CELL_TIMEOUT
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::new(io::ErrorKind::TimedOut, "the connection took too long")),
        left => Ok(left),
    }
}

/// A blocking socket reports its timeout as `WouldBlock`, which a driver could take for a reason to try again.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "the connection took too long"),
        _ => error,
    }
}
