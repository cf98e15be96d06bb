//! What went over a socket, as a pcap file, and what `tshark` makes of it with a key log.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::net;
use crate::process::Process;

/// The side that sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The client
    Client,
    /// The server
    Server,
}

impl From {
    /// The other side.
    #[must_use]
    pub fn other(self) -> From {
        match self {
            From::Client => From::Server,
            From::Server => From::Client,
        }
    }
}

/// What a socket sent and received, in order; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Vec<Piece>>>);

#[derive(Debug)]
struct Piece {
    from: From,
    bytes: Vec<u8>,
}

/// The server's port in all packets: one that `tshark` has no opinion about.
const SERVER_PORT: u16 = 44_330;
/// The client's port in the first connection; the next one has the next port.
const CLIENT_PORT: u16 = 50_000;
/// RFC 5246 §6.2.1
const APPLICATION_DATA: u8 = 23;
/// The most bytes in one packet.
const SEGMENT: usize = 16 * 1024;

impl Capture {
    /// Appends what one side sent.
    pub fn push(&self, from: From, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Piece { from, bytes: bytes.to_vec() });
        }
    }

    /// The longest record with application data that this side sent, in bytes without its header.
    #[must_use]
    pub fn longest_record(&self, sender: From) -> usize {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = pieces.iter().filter(|piece| piece.from == sender);
        let stream: Vec<u8> = sent.flat_map(|piece| piece.bytes.iter().copied()).collect();
        let (mut rest, mut longest) = (stream.as_slice(), 0);
        while let [kind, _, _, high, low, after @ ..] = rest {
            let length = usize::from(*high) << 8 | usize::from(*low);
            if *kind == APPLICATION_DATA {
                longest = longest.max(length);
            }
            rest = after.get(length..).unwrap_or_default();
        }
        longest
    }

    /// A TCP handshake, then a packet for each piece.
    fn write(&self, client_port: u16, file: &mut Pcap) {
        const SYN: u8 = 0x02;
        const PUSH: u8 = 0x08;
        const ACK: u8 = 0x10;
        // The sequence numbers of the client's and the server's next byte.
        let (mut client, mut server) = (1000, 2000);
        let (there, back) = ((client_port, SERVER_PORT), (SERVER_PORT, client_port));
        file.packet(there, (client, 0), SYN, &[]);
        client += 1;
        file.packet(back, (server, client), SYN | ACK, &[]);
        server += 1;
        file.packet(there, (client, server), ACK, &[]);
        for Piece { from, bytes } in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for piece in bytes.chunks(SEGMENT) {
                let (ports, sent, received) = match from {
                    From::Client => (there, &mut client, server),
                    From::Server => (back, &mut server, client),
                };
                file.packet(ports, (*sent, received), PUSH | ACK, piece);
                *sent += u32::try_from(piece.len()).expect("a segment is short");
            }
        }
    }
}

/// A pcap file that is being written (draft-ietf-opsawg-pcap), with link type 101: packets start with their IP header.
struct Pcap {
    bytes: Vec<u8>,
    packets: u32,
}

impl Pcap {
    fn new() -> Pcap {
        let mut bytes = Vec::new();
        let header: [u32; 6] = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101];
        for word in header {
            bytes.extend(word.to_be_bytes());
        }
        Pcap { bytes, packets: 0 }
    }

    /// An IPv4 packet from a port to a port, with its sequence number and the one that it acknowledges. Checksums are left out:
    /// nobody checks them.
    fn packet(&mut self, ports: (u16, u16), numbers: (u32, u32), flags: u8, payload: &[u8]) {
        let address = Ipv4Addr::LOCALHOST.octets();
        let length = u16::try_from(20 + 20 + payload.len()).expect("a segment is short");
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        // Identification and fragments, time to live, TCP, checksum.
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend([address, address].concat());
        packet.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
        packet.extend([numbers.0.to_be_bytes(), numbers.1.to_be_bytes()].concat());
        // Five words of header, flags, window, checksum, urgent pointer.
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        // Seconds and microseconds, length in the file and on the wire.
        self.packets += 1;
        let length = u32::from(length);
        for word in [1_700_000_000, self.packets, length, length] {
            self.bytes.extend(word.to_be_bytes());
        }
        self.bytes.extend(packet);
    }
}

/// What both sides said, decrypted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plaintext {
    /// The client's data
    pub client: Vec<u8>,
    /// The server's data
    pub server: Vec<u8>,
}

/// Lets `tshark` decrypt these connections with this key log; what cannot be decrypted is not in its answer.
pub fn decrypt(
    tshark: &Path,
    captures: &[Capture],
    key_log: &Path,
    directory: &Path,
) -> Result<Vec<Plaintext>, String> {
    let mut pcap = Pcap::new();
    for (capture, port) in captures.iter().zip(CLIENT_PORT..) {
        capture.write(port, &mut pcap);
    }
    let file = directory.join("capture.pcap");
    fs::write(&file, pcap.bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    // Without a configuration of the user's, and without names: those would be asked of a DNS server.
    let mut command = Command::new(tshark);
    command.env("LC_ALL", "C").env("WIRESHARK_CONFIG_DIR", directory.join("no-configuration"));
    command.args(["-n", "-q", "-d", &format!("tcp.port=={SERVER_PORT},tls")]).arg("-r").arg(&file);
    command.arg("-o").arg(format!("tls.keylog_file:{}", key_log.display()));
    for stream in 0..captures.len() {
        command.args(["-z", &format!("follow,tls,raw,{stream}")]);
    }
    let finished = Process::spawn(command)?.finish(net::deadline())?;
    let text = String::from_utf8_lossy(&finished.stdout);
    let streams = (0..captures.len()).map(|stream| followed(&text, stream)).collect::<Option<_>>();
    streams.filter(|_| finished.status.success()).ok_or_else(|| finished.to_string())
}

/// Reads the answer to `-z follow,tls,raw`: after a line with the stream's number and two with its nodes, a line of hexadecimal
/// for each record; those of node 1 are indented. Node 0 is who spoke first.
fn followed(text: &str, stream: usize) -> Option<Plaintext> {
    let filter = format!("Filter: tcp.stream eq {stream}");
    let mut lines = text.lines().skip_while(|line| *line != filter).skip(1);
    lines.next().filter(|line| line.starts_with("Node 0:"))?;
    lines.next().filter(|line| line.starts_with("Node 1:"))?;
    let mut plaintext = Plaintext::default();
    for line in lines.take_while(|line| !line.starts_with('=')) {
        let to = if line.starts_with('\t') { &mut plaintext.server } else { &mut plaintext.client };
        for pair in line.trim().as_bytes().chunks(2) {
            to.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
        }
    }
    Some(plaintext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_followed_stream_is_read_by_its_indentation() {
        let text =
            "\n===\nFollow: tls,raw\nFilter: tcp.stream eq 1\nNode 0: [::1]:1\nNode 1: [::1]:2\n6162\n\t63\n64\n===\n";
        assert_eq!(followed(text, 1), Some(Plaintext { client: b"abd".to_vec(), server: b"c".to_vec() }));
        assert_eq!(followed(text, 0), None);
    }
}
