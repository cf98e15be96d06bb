//! A small web server over TLS 1.2, with a given certificate or one made on the spot. It serves one page, which says what
//! the browser and it have agreed on.
//!
//! ```text
//! cargo run --example server -- --port 4433 --write-cert cert.pem
//! curl --cacert cert.pem https://localhost:4433/
//! ```
//!
//! One thread for each connection; requests have a longest size, and a client that says nothing is not waited for. The
//! address goes to standard output, one line for each connection to standard error.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tls12::stream::TlsStream;
use tls12::{Backend, Identity, ServerConfig, ServerConnection};

/// The longest head of a request, in bytes.
const LONGEST_REQUEST: usize = 8 << 10;

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves a small page over HTTP/1.1 and TLS 1.2, on this machine alone.
#[derive(Parser)]
struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4433)]
    port: u16,
    /// PEM file with our certificate and the intermediate ones behind it [default: one for localhost, made on the spot].
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Writes the certificate that is made on the spot to a PEM file, for clients to trust.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    write_cert: Option<PathBuf>,
    /// Ends after so many connections [default: never].
    #[arg(long, value_name = "NUMBER")]
    connections: Option<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let config =
        ServerConfig::builder().identity(identity(&options)?).alpn_protocols(["http/1.1", "http/1.0"]).build()?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    println!("https://localhost:{}/", listener.local_addr()?.port());

    // The scope waits for the connections that are still open.
    thread::scope(|scope| {
        for _ in 0..options.connections.unwrap_or(usize::MAX) {
            let (socket, client) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("no connection: {error}");
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
            };
            let config = Arc::clone(&config);
            scope.spawn(move || {
                if let Err(error) = serve(socket, config) {
                    eprintln!("{client}: {error}");
                }
            });
        }
    });
    Ok(())
}

fn identity(options: &Options) -> Result<Identity, Box<dyn Error>> {
    let read = |file: &PathBuf| fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    let (cert, key) = match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => (read(cert)?, read(key)?),
        _ => {
            let names = ["localhost", "127.0.0.1"].map(str::to_string);
            let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
            (cert.pem().into_bytes(), signing_key.serialize_pem().into_bytes())
        }
    };
    if let Some(file) = &options.write_cert {
        fs::write(file, &cert)?;
    }
    Ok(Identity::from_pem(Backend::default(), &cert, &key)?)
}

type Stream = TlsStream<ServerConnection, TcpStream>;

/// One connection, from its handshake to its end.
fn serve(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    let client = socket.peer_addr()?;
    let mut stream = TlsStream::new(ServerConnection::new(config), socket);

    let result = stream.handshake().and_then(|()| {
        let agreed = agreed(stream.connection()).map(|(name, value)| format!("{name}: {value}"));
        eprintln!("{client}: {}", agreed.join("; "));
        answer_requests(&mut stream)?;
        stream.close()
    });
    // What was sent last is lost if the socket is closed while input waits.
    _ = linger(stream.transport_mut());
    result.map_err(|error| match is_timeout(&error) {
        true => io::Error::new(ErrorKind::TimedOut, "the client is too slow"),
        false => error,
    })
}

/// What a socket's timeout is depends on the operating system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What was agreed on, for the page and for the log.
fn agreed(connection: &ServerConnection) -> [(&'static str, String); 6] {
    [
        ("Cipher suite", text(connection.cipher_suite())),
        ("Key exchange", text(connection.key_exchange_group())),
        ("Signature", text(connection.signature_scheme())),
        ("Application protocol", text(connection.alpn_protocol().map(<[u8]>::escape_ascii))),
        ("Extended master secret", if connection.extended_master_secret() { "yes" } else { "no" }.to_string()),
        ("Server name", text(connection.server_name())),
    ]
}

fn text(value: Option<impl Display>) -> String {
    value.map_or("none".to_string(), |value| value.to_string())
}

/// Answers requests until one is the last, or the client closes.
fn answer_requests(stream: &mut Stream) -> io::Result<()> {
    let page = page(stream.connection());
    let mut received = Vec::new();
    while let Some(head) = read_head(stream, &mut received)? {
        let Request { status, with_body, last } = read_request(&head);
        let body =
            if status == "200 OK" { page.clone() } else { format!("<!DOCTYPE html><title>{status}</title>{status}\n") };
        let connection = if last { "close" } else { "keep-alive" };
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nAllow: GET, HEAD\r\n\
             Connection: {connection}\r\n\r\n",
            body.len()
        );
        if with_body {
            response.push_str(&body);
        }
        stream.write_all(response.as_bytes())?;
        stream.flush()?;
        if last {
            break;
        }
    }
    Ok(())
}

/// The bytes up to the empty line, or those without one that are too many; `None` if no request comes any more.
fn read_head(stream: &mut Stream, received: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut chunk = [0; 1024];
    loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(received.drain(..at + 4).collect()));
        }
        if received.len() > LONGEST_REQUEST {
            return Ok(Some(std::mem::take(received)));
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(length) => received.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if is_timeout(&error) && received.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

struct Request {
    /// How it is answered.
    status: &'static str,
    with_body: bool,
    /// Whether the connection ends with the answer.
    last: bool,
}

/// RFC 9112 §3, as far as a page of one's own needs it.
fn read_request(head: &[u8]) -> Request {
    let refused = |status| Request { status, with_body: true, last: true };
    if head.len() > LONGEST_REQUEST {
        return refused("431 Request Header Fields Too Large");
    }
    let Ok(head) = str::from_utf8(head) else { return refused("400 Bad Request") };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return refused("400 Bad Request");
    };
    let fields: Vec<(String, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let closes =
        fields.iter().any(|(name, value)| name == "connection" && value.to_ascii_lowercase().contains("close"));
    // A body would be taken for the next request.
    let has_body = fields.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding");
    let status = match (method, target, version) {
        (_, _, version) if !matches!(version, "HTTP/1.0" | "HTTP/1.1") => return refused("400 Bad Request"),
        ("GET" | "HEAD", "/" | "/index.html", _) => "200 OK",
        ("GET" | "HEAD", _, _) => "404 Not Found",
        _ => return refused("405 Method Not Allowed"),
    };
    Request { status, with_body: method == "GET", last: closes || has_body || version == "HTTP/1.0" }
}

fn page(connection: &ServerConnection) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let rows = agreed(connection).map(|(name, value)| format!("<tr><th>{name}<td>{}\n", escape(&value))).concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>TLS 1.2</title>\n\
         <style>body {{ font: 16px sans-serif; margin: 3em }} th {{ text-align: left; padding-right: 2em }}</style>\n\
         <h1>Hello over TLS 1.2</h1>\n<table>\n{rows}</table>\n</html>\n"
    )
}

/// Ends our direction, and waits a moment for the client to end its own.
fn linger(socket: &mut TcpStream) -> io::Result<()> {
    socket.shutdown(Shutdown::Write)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if socket.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}
