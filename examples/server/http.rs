//! HTTP/1.1 and 1.0, as far as a page of one's own needs it (RFC 9110, RFC 9112).

use std::io::{self, Read, Write};
use std::mem;
use std::net::TcpStream;

use tls12::ServerConnection;
use tls12::stream::TlsStream;

use crate::is_timeout;

/// The longest head of a request, in bytes.
const LONGEST_REQUEST: usize = 8 << 10;

type Stream = TlsStream<ServerConnection, TcpStream>;

/// Answers requests until one is the last, or the client closes.
pub(crate) fn answer_requests(stream: &mut Stream, page: &str) -> io::Result<()> {
    let mut received = Vec::new();
    while let Some(head) = read_head(stream, &mut received)? {
        let Request { status, with_body, last } = read_request(&head);
        let error;
        let body = match status {
            "200 OK" => page,
            _ => {
                error = format!("<!DOCTYPE html><title>{status}</title>{status}\n");
                &error
            }
        };
        let connection = if last { "close" } else { "keep-alive" };
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Allow: GET, HEAD\r\nConnection: {connection}\r\n\r\n",
            body.len()
        );
        if with_body {
            response.push_str(body);
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
            return Ok(Some(mem::take(received)));
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

fn read_request(head: &[u8]) -> Request {
    let refused = |status| Request { status, with_body: true, last: true };
    if head.len() > LONGEST_REQUEST {
        return refused("431 Request Header Fields Too Large");
    }
    let Ok(head) = str::from_utf8(head) else { return refused("400 Bad Request") };
    // RFC 9112 §2.2: an empty line in front of a request is ignored.
    let mut lines = head.trim_start_matches("\r\n").split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return refused("400 Bad Request");
    };
    let fields: Vec<(String, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let hosts = fields.iter().filter(|(name, _)| name == "host").count();
    let is_http_1_1 = match version {
        // RFC 9112 §3.2
        "HTTP/1.1" if hosts != 1 => return refused("400 Bad Request"),
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ if version.starts_with("HTTP/") => return refused("505 HTTP Version Not Supported"),
        _ => return refused("400 Bad Request"),
    };
    let mut options = fields.iter().filter(|(name, _)| name == "connection").flat_map(|(_, value)| value.split(','));
    let closes = options.any(|option| option.trim().eq_ignore_ascii_case("close"));
    // A body would be taken for the next request.
    let has_body = fields.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding");
    let status = match (method, path(target)) {
        ("GET" | "HEAD", "/" | "/index.html") => "200 OK",
        ("GET" | "HEAD", _) => "404 Not Found",
        ("POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT", _) => {
            return refused("405 Method Not Allowed");
        }
        _ => return refused("501 Not Implemented"),
    };
    // RFC 9112 §9.3: a connection of HTTP/1.1 persists unless somebody says that it does not.
    Request { status, with_body: method == "GET", last: closes || has_body || !is_http_1_1 }
}

/// Without the query, and without the scheme and the host of a request to a proxy, which we must know as well (RFC 9112
/// §3.2.2).
fn path(target: &str) -> &str {
    let path = match target.strip_prefix("https://") {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => target,
    };
    path.split('?').next().unwrap_or_default()
}

/// The page: what was agreed on.
pub(crate) fn page(agreed: &[(&str, String)]) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let row = |(name, value): &(&str, String)| format!("<tr><th>{name}<td>{}\n", escape(value));
    let rows: String = agreed.iter().map(row).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>TLS 1.2</title>\n\
         <style>body {{ font: 16px sans-serif; margin: 3em }} th {{ text-align: left; padding-right: 2em }}</style>\n\
         <h1>Hello over TLS 1.2</h1>\n<table>\n{rows}</table>\n</html>\n"
    )
}
