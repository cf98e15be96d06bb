//! As much of HTTP/2 (RFC 9113) as shows that both ends took it for what ALPN agreed on: one request, one page.

use std::io::{self, Read, Write};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// RFC 9113 §6
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 0x01;
/// The same bit as `END_STREAM`, on other frames.
const ACK: u8 = 0x01;
const END_HEADERS: u8 = 0x04;

/// RFC 9113 §6.5.2
const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
/// More than any page here.
const WINDOW: [u8; 4] = [0x00, 0x40, 0x00, 0x00];
/// What every peer takes (RFC 9113 §4.2).
const FRAME: usize = 16 * 1024;

/// Asks for a page and returns its body.
pub fn request(stream: &mut (impl Read + Write), path: &str) -> Result<Vec<u8>, String> {
    let mut fields = vec![0x82, 0x87]; // RFC 7541 appendix A: GET, https
    for (name, value) in [(0x04, path), (0x01, "localhost")] {
        fields.push(name);
        fields.push(u8::try_from(value.len()).map_err(|_| "a long path")?);
        fields.extend(value.as_bytes());
    }
    let mut opening = PREFACE.to_vec();
    opening.extend(frame(SETTINGS, 0, 0, &[&INITIAL_WINDOW_SIZE[..], &WINDOW].concat()));
    opening.extend(frame(WINDOW_UPDATE, 0, 0, &WINDOW));
    opening.extend(frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields));
    stream.write_all(&opening).and_then(|()| stream.flush()).map_err(text)?;
    let mut body = Vec::new();
    loop {
        let (kind, flags, payload) = read_frame(stream).map_err(text)?;
        if kind == DATA {
            body.extend(payload);
            if flags & END_STREAM != 0 {
                return Ok(body);
            }
        }
    }
}

/// Serves one request; `page` has to fit into the window that the client opens.
pub fn serve(stream: &mut (impl Read + Write), page: &[u8]) -> Result<(), String> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).map_err(text)?;
    if preface != *PREFACE {
        return Err(format!("no HTTP/2: {:?}", String::from_utf8_lossy(&preface)));
    }
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).map_err(text)?;
    loop {
        let (kind, flags, _) = read_frame(stream).map_err(text)?;
        if kind == SETTINGS && flags & ACK == 0 {
            stream.write_all(&frame(SETTINGS, ACK, 0, &[])).map_err(text)?;
        }
        if kind == HEADERS {
            break;
        }
    }
    let mut answer = frame(HEADERS, END_HEADERS, 1, &[0x88]); // RFC 7541 appendix A: 200
    for piece in page.chunks(FRAME) {
        answer.extend(frame(DATA, 0, 1, piece));
    }
    answer.extend(frame(DATA, END_STREAM, 1, &[]));
    stream.write_all(&answer).and_then(|()| stream.flush()).map_err(text)
}

/// RFC 9113 §4.1
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

fn read_frame(stream: &mut impl Read) -> io::Result<(u8, u8, Vec<u8>)> {
    let mut header = [0; 9];
    stream.read_exact(&mut header)?;
    let [a, b, c, kind, flags, ..] = header;
    let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
    stream.read_exact(&mut payload)?;
    Ok((kind, flags, payload))
}

fn text(error: io::Error) -> String {
    format!("HTTP/2: {error}")
}
