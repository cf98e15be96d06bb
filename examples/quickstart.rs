//! A TLS 1.2 handshake, drawn as it happens: a server and a client talk over a TCP connection on this machine, with a
//! certificate made on the spot. Needs no argument and no file.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Each row is one message, with the state that each side was in when it sent or received it: the names of the flow
//! tables, which follow RFC 5246 §7.3. `─` is sent in the clear, `═` is encrypted.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tls12::stream::TlsStream;
use tls12::{
    Backend, ClientConfig, ClientConnection, Direction, Identity, Observer, Seen, ServerConfig, ServerConnection,
};

/// Errors that can come out of a thread.
type Problem = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Problem> {
    // A certificate for "localhost": the server shows it, the client trusts it.
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_string()])?;
    let identity =
        Identity::from_pem(Backend::default(), cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes())?;

    let ladder = Arc::new(Ladder::new());
    let server_config = ServerConfig::builder()
        .identity(identity)
        .alpn_protocols(["greeting"])
        .observer(Arc::new(Side { is_client: false, ladder: Arc::clone(&ladder) }))
        .build()?;
    let client_config = ClientConfig::builder()
        .roots([cert.der().clone()])
        .alpn_protocols(["greeting"])
        .observer(Arc::new(Side { is_client: true, ladder }))
        .build()?;

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("A client talks TLS 1.2 to the server at {address} (─ in the clear, ═ encrypted)\n");
    println!("{:>9}  {:<20}  {ARROW:WIDTH$}  server", "time", "client", ARROW = "", WIDTH = ARROW + 2);

    let server = thread::spawn(move || serve(&listener, server_config));
    greet(TcpStream::connect(address)?, client_config)?;
    server.join().map_err(|_| "the server panicked")?
}

/// The client.
fn greet(socket: TcpStream, config: Arc<ClientConfig>) -> Result<(), Problem> {
    let start = now();
    let mut stream = TlsStream::new(ClientConnection::new(config, "localhost".try_into()?)?, socket);
    stream.handshake()?;
    let took = start.elapsed();

    let agreed = stream.connection().agreed().ok_or("nothing was agreed on")?;
    println!();
    println!("  established after       {:.2} ms, with the drawing", took.as_secs_f64() * 1e3);
    for line in agreed.to_string().lines() {
        println!("  {line}");
    }
    println!();

    let greeting = "Hello, server!";
    stream.write_all(format!("{greeting}\n").as_bytes())?;
    println!("  client: {greeting}");
    println!("  server: {}\n", read_line(&mut stream)?);

    // Both sides say that nothing more will come, so that neither takes a cut connection for the end (RFC 5246 §7.2.1).
    stream.close()?;
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err("the server has more to say than its greeting".into()),
    }
}

/// The server: greets one client, and waits for it to close.
fn serve(listener: &TcpListener, config: Arc<ServerConfig>) -> Result<(), Problem> {
    let (socket, _) = listener.accept()?;
    let mut stream = TlsStream::new(ServerConnection::new(config), socket);
    let greeting = read_line(&mut stream)?;
    let answer = format!("Hello, client! Nobody else could read your {} letters.\n", greeting.len());
    // One call, one record.
    stream.write_all(answer.as_bytes())?;
    while stream.read(&mut [0])? > 0 {}
    Ok(stream.close()?)
}

/// A line without its end. Whatever comes with it is dropped: here nobody sends two.
fn read_line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_string())
}

/// The library itself asks its configuration's clock; a program may look at its own.
#[allow(clippy::disallowed_methods, reason = "the time that it takes is for people to read")]
fn now() -> Instant {
    Instant::now()
}

/// How wide an arrow is, without its head and shaft.
const ARROW: usize = 36;

/// One end, as its observer sees it.
#[derive(Debug)]
struct Side {
    is_client: bool,
    ladder: Arc<Ladder>,
}

/// Puts the views of both ends together: a row is drawn once the receiver has the message as well.
#[derive(Debug)]
struct Ladder {
    start: Instant,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    to_server: Lane,
    to_client: Lane,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    /// The sender's state, for each message that is under way.
    under_way: VecDeque<&'static str>,
    encrypted: bool,
}

impl Observer for Side {
    fn message(&self, seen: &Seen<'_>) {
        let mut lanes = self.ladder.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let to_server = self.is_client == (seen.direction == Direction::Sent);
        let lane = if to_server { &mut lanes.to_server } else { &mut lanes.to_client };
        if seen.direction == Direction::Sent {
            lane.under_way.push_back(seen.state);
            return;
        }
        let sender = lane.under_way.pop_front().unwrap_or_default();
        let (client, server) = if to_server { (sender, seen.state) } else { (seen.state, sender) };
        let time = self.ladder.start.elapsed().as_secs_f64() * 1e3;
        println!("{time:>6.2} ms  {client:<20}  {}  {server}", arrow(seen, to_server, lane.encrypted));
        lane.encrypted |= seen.message == "ChangeCipherSpec";
    }
}

impl Ladder {
    fn new() -> Self {
        Ladder { start: now(), lanes: Mutex::default() }
    }
}

fn arrow(seen: &Seen<'_>, to_server: bool, encrypted: bool) -> String {
    let unit = if seen.length == 1 { "byte" } else { "bytes" };
    let label = format!(" {}, {} {unit} ", seen.message, seen.length);
    let line = if encrypted { format!("{label:═^ARROW$}") } else { format!("{label:─^ARROW$}") };
    let shaft = if encrypted { '═' } else { '─' };
    if to_server { format!("{shaft}{line}▶") } else { format!("◀{line}{shaft}") }
}
