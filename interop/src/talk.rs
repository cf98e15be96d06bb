//! The application data: text that is echoed, lines that are reversed, and a little HTTP/1.1.

use std::io::{self, BufRead, BufReader, Read, Write};

/// How much a client sends before it reads the echo: below what the sockets of both sides hold, so that nobody blocks.
const WINDOW: usize = 48 * 1024;

/// `length` bytes of text in lines, the same for the same seed. Small letters and digits alone: some of the peers take lines
/// such as `CLOSE`, `Q` or `**QUIT**` for commands.
#[must_use]
pub fn text(length: usize, seed: u32) -> Vec<u8> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut bytes: Vec<u8> = (1..=length)
        .map(|position| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if position % 199 == 0 { b'\n' } else { LETTERS[(state >> 27) as usize] }
        })
        .collect();
    if let Some(last) = bytes.last_mut() {
        *last = b'\n';
    }
    bytes
}

/// Each line reversed, as `openssl s_server -rev` answers.
#[must_use]
pub fn reversed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        out.extend(line.iter().rev().skip(1));
        out.push(b'\n');
    }
    out
}

/// Sends `payload` in pieces and expects `expected` (of the same length) back, as far as whole lines were sent.
pub fn expect_echo(stream: &mut (impl Read + Write), payload: &[u8], expected: &[u8]) -> Result<(), String> {
    let mut back = vec![0; WINDOW];
    let (mut sent, mut received) = (0, 0);
    for piece in payload.chunks(WINDOW) {
        stream.write_all(piece).and_then(|()| stream.flush()).map_err(|error| at("writing", sent, &error))?;
        sent += piece.len();
        // A line that is cut here comes back with its end, after the next piece.
        let whole_lines = payload[..sent].iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
        while received < whole_lines {
            let room = back.len().min(whole_lines - received);
            let count = stream.read(&mut back[..room]).map_err(|error| at("reading", received, &error))?;
            if count == 0 {
                return Err(format!("the peer closed after {received} of {} bytes", payload.len()));
            }
            if back[..count] != expected[received..received + count] {
                return Err(format!("other bytes came back than were sent, after {received} of {}", payload.len()));
            }
            received += count;
        }
    }
    Ok(())
}

/// Sends back the `length` bytes that come.
pub fn echo(stream: &mut (impl Read + Write), length: usize) -> Result<(), String> {
    match echo_what_comes(stream, length)? {
        done if done < length => Err(format!("the peer closed after {done} of {length} bytes")),
        _ => Ok(()),
    }
}

/// Sends back `length` bytes, or fewer if the peer closes; returns how many it were.
pub fn echo_what_comes(stream: &mut (impl Read + Write), length: usize) -> Result<usize, String> {
    let mut buffer = vec![0; WINDOW];
    let mut done = 0;
    while done < length {
        let count = stream.read(&mut buffer).map_err(|error| at("reading", done, &error))?;
        if count == 0 {
            break;
        }
        stream.write_all(&buffer[..count]).map_err(|error| at("writing", done, &error))?;
        done += count;
    }
    stream.flush().map_err(|error| at("flushing", done, &error))?;
    Ok(done)
}

/// Sends back all that comes until the peer closes.
pub fn echo_until_closed(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut buffer = vec![0; WINDOW];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
        stream.flush()?;
    }
}

/// Reads one line, byte by byte so that nothing after it is taken.
pub fn read_line(stream: &mut impl Read) -> Result<String, String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).map_err(|error| at("reading", line.len(), &error))? != 0 {
        if byte == *b"\n" {
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        line.extend(byte);
    }
    Err(format!("the peer closed within a line: {:?}", String::from_utf8_lossy(&line)))
}

/// An HTTP response, read to its end.
#[derive(Debug)]
pub struct Response {
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of this header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Asks for a page and reads the answer until the peer closes.
pub fn request(stream: &mut (impl Read + Write), method: &str, path: &str, body: &[u8]) -> Result<Response, String> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(|error| at("writing", 0, &error))?;
    stream.write_all(body).and_then(|()| stream.flush()).map_err(|error| at("writing", head.len(), &error))?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; WINDOW];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) => return Err(at("reading the answer", answer.len(), &error)),
        }
    }
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("no HTTP answer: {:?}", String::from_utf8_lossy(&answer)))?;
    let body = answer.split_off(end + 4);
    Ok(Response { head: String::from_utf8_lossy(&answer).into_owned(), body })
}

/// Serves one HTTP request: `GET` gives `page`, and a `PUT` gives its own body back.
pub fn serve_http(stream: &mut (impl Read + Write), page: &[u8]) -> Result<(), String> {
    let mut reader = BufReader::with_capacity(16 * 1024, stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let start = head.len();
        reader.read_line(&mut head).map_err(|error| at("reading a request", start, &error))?;
        let line = head[start..].trim_end();
        if let Some((_, value)) = line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().map_err(|_| format!("no length: {line}"))?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|error| at("reading a body", 0, &error))?;
    let body = if head.starts_with("GET ") { page } else { body.as_slice() };
    let stream = reader.into_inner();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(answer.as_bytes()).map_err(|error| at("writing", 0, &error))?;
    stream.write_all(body).and_then(|()| stream.flush()).map_err(|error| at("writing a body", 0, &error))
}

fn at(what: &str, position: usize, error: &io::Error) -> String {
    format!("{what} after {position} bytes: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_reversed_each_for_itself() {
        assert_eq!(reversed(b"abc\nd\n"), b"cba\nd\n");
    }

    #[test]
    fn text_is_the_same_for_the_same_seed_and_ends_in_a_line() {
        assert_eq!(text(1000, 7), text(1000, 7));
        assert_ne!(text(1000, 7), text(1000, 8));
        assert_eq!(text(1000, 7).last(), Some(&b'\n'));
    }
}
