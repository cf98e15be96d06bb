//! What an established connection takes, in bytes: its struct, and what it has allocated and not freed. Exact, so it needs no
//! rounds. Each step of a handshake is counted for the side that takes it.

use std::io::{Read, Write};

use allocation_counter::measure;
use pki_types::ServerName;
use tls12::{ClientConnection, Connection, Event, Received, ServerConnection};
use tls12_bench::certificates::{Issued, NAME};
use tls12_bench::harness::is_smoke;
use tls12_bench::plot::{self, Bar};
use tls12_bench::report::{path, publish, setting, table};
use tls12_bench::{Backend, Handshake, ours, theirs};

/// What others were measured to take, on another day: established and idle, client and server.
const ELSEWHERE: [(&str, [f64; 2]); 3] =
    [("BoringSSL", [7559.0, 4033.0]), ("OpenSSL", [17010.0, 12953.0]), ("s2n-tls", [51447.0, 47672.0])];

/// Traffic, each way.
const TRAFFIC: usize = 16384;

/// Bytes on a client and on a server.
type Bytes = [i64; 2];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issued = Issued::ecdsa();
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    for backend in Backend::ALL {
        let ours = ours(backend, &issued);
        let figures = [
            ("tls12, dormant", ours.dormant),
            ("tls12, without the peer's certificates", ours.dropped),
            ("tls12", ours.idle),
            ("tls12, after 16 KiB each way", ours.after_traffic),
        ];
        let theirs = theirs(backend, &issued);
        let theirs = [
            ("rustls without buffers", theirs_unbuffered(backend, &issued)),
            ("rustls", theirs[0]),
            ("rustls, after 16 KiB each way", theirs[1]),
        ];
        for (name, bytes) in figures.into_iter().chain(theirs) {
            rows.push(vec![name.to_owned(), backend.name().to_owned(), bytes[0].to_string(), bytes[1].to_string()]);
            // What AWS-LC allocates is not counted: see the text.
            if backend == Backend::Ring {
                bars.push(Bar { name: name.to_owned(), bytes: bytes.map(|bytes| bytes as f64), measured: true });
            }
        }
    }
    let elsewhere = |(name, bytes): (&str, _)| Bar { name: name.to_owned(), bytes, measured: false };
    bars.extend(ELSEWHERE.into_iter().map(elsewhere));
    let text = format!("{}\n{}", setting(), table(&["bytes", "backend", "client", "server"], &rows));
    publish("memory", !is_smoke(), &text)?;
    let folder = if is_smoke() { env!("CARGO_TARGET_TMPDIR").into() } else { path("docs") };
    plot::memory(&folder.join("memory.svg"), &bars)
}

/// What stays of what `work` allocates.
fn count<T>(bytes: &mut i64, work: impl FnOnce() -> T) -> T {
    let mut done = None;
    *bytes += measure(|| done = Some(work())).bytes_current;
    done.expect("it was done")
}

struct Ours {
    dropped: Bytes,
    idle: Bytes,
    after_traffic: Bytes,
    dormant: Bytes,
}

fn ours(backend: Backend, issued: &Issued) -> Ours {
    let dropped = ours::Configs::without_certificates(backend, Handshake::Ecdsa, issued);
    let (_, _, dropped) = ours_established(&dropped);
    let configs = ours::Configs::new(backend, Handshake::Ecdsa, issued);
    let (mut client, mut server, idle) = ours_established(&configs);
    let mut after_traffic = idle;
    let mut wire = vec![0; 20_000];
    let data = vec![7; TRAFFIC];
    let [of_client, of_server] = &mut after_traffic;
    let sent = count(of_client, || client.write(&data, &mut wire).expect("written").produced);
    count(of_server, || read(&mut server, &mut wire[..sent]));
    let sent = count(of_server, || server.write(&data, &mut wire).expect("written").produced);
    count(of_client, || read(&mut client, &mut wire[..sent]));
    // What a connection held goes, and what a dormant one holds comes.
    let mut heaps = [
        after_traffic[0] - size_of::<ClientConnection>() as i64,
        after_traffic[1] - size_of::<ServerConnection>() as i64,
    ];
    let [of_client, of_server] = &mut heaps;
    let client = count(of_client, || client.export().expect("it rests"));
    let server = count(of_server, || server.export().expect("it rests"));
    let dormant = [heaps[0] + size_of_val(&client) as i64, heaps[1] + size_of_val(&server) as i64];
    Ours { dropped, idle, after_traffic, dormant }
}

fn ours_established(configs: &ours::Configs) -> (ClientConnection, ServerConnection, Bytes) {
    let name = ServerName::try_from(NAME).expect("a name");
    // The first one also fills what the crypto crate keeps for ever.
    let mut wire = vec![0; 20_000];
    _ = configs.run(&mut wire);
    let mut bytes = [size_of::<ClientConnection>() as i64, size_of::<ServerConnection>() as i64];
    let [of_client, of_server] = &mut bytes;
    let mut client = count(of_client, || ClientConnection::new(configs.client.clone(), name).expect("a client"));
    let mut server = count(of_server, || ServerConnection::new(configs.server.clone()));
    while !(client.is_established() && server.is_established()) {
        let sent = count(of_client, || client.write(&[], &mut wire).expect("written").produced);
        count(of_server, || read(&mut server, &mut wire[..sent]));
        let sent = count(of_server, || server.write(&[], &mut wire).expect("written").produced);
        count(of_client, || read(&mut client, &mut wire[..sent]));
    }
    (client, server, bytes)
}

fn read(to: &mut impl Connection, mut input: &mut [u8]) {
    while !input.is_empty() {
        let Received { consumed, event } = to.read(input).expect("read");
        if let Event::NeedInput { .. } = event {
            return;
        }
        input = &mut input[consumed..];
    }
}

/// rustls with its own buffers: established, and after traffic.
fn theirs(backend: Backend, issued: &Issued) -> [Bytes; 2] {
    let configs = theirs::Configs::new(backend, Handshake::Ecdsa, issued);
    let name = ServerName::try_from(NAME).expect("a name");
    let mut wire = Vec::with_capacity(20_000);
    _ = configs.run(&mut wire);
    let mut bytes = [size_of::<rustls::ClientConnection>() as i64, size_of::<rustls::ServerConnection>() as i64];
    let [of_client, of_server] = &mut bytes;
    let new = || rustls::ClientConnection::new(configs.client.clone(), name).expect("a client");
    let mut client = count(of_client, new);
    let mut server = count(of_server, || rustls::ServerConnection::new(configs.server.clone()).expect("a server"));
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        count(of_client, || while client.write_tls(&mut wire).expect("written") > 0 {});
        count(of_server, || process(&mut server, &wire));
        wire.clear();
        count(of_server, || while server.write_tls(&mut wire).expect("written") > 0 {});
        count(of_client, || process(&mut client, &wire));
    }
    let idle = bytes;
    let [of_client, of_server] = &mut bytes;
    let data = vec![7; TRAFFIC];
    let mut heard = vec![0; TRAFFIC];
    wire.clear();
    count(of_client, || {
        client.writer().write_all(&data).expect("written");
        while client.wants_write() {
            client.write_tls(&mut wire).expect("written");
        }
    });
    count(of_server, || {
        process(&mut server, &wire);
        server.reader().read_exact(&mut heard).expect("heard");
    });
    wire.clear();
    count(of_server, || {
        server.writer().write_all(&data).expect("written");
        while server.wants_write() {
            server.write_tls(&mut wire).expect("written");
        }
    });
    count(of_client, || {
        process(&mut client, &wire);
        client.reader().read_exact(&mut heard).expect("heard");
    });
    [idle, bytes]
}

/// rustls by its interface without buffers: what both sides allocated is counted together, and what the
/// client frees when it is dropped is the client's.
fn theirs_unbuffered(backend: Backend, issued: &Issued) -> Bytes {
    let configs = theirs::Configs::new(backend, Handshake::Ecdsa, issued);
    let mut wires = [vec![0; 20_000], vec![0; 20_000]];
    _ = configs.run_unbuffered(&mut wires);
    let mut both = 0;
    let (client, server) = count(&mut both, || configs.run_unbuffered(&mut wires));
    let (of_client, of_server) = (size_of_val(&client) as i64, size_of_val(&server) as i64);
    let mut client_s = 0;
    count(&mut client_s, || drop(client));
    let client_s = -client_s;
    drop(server);
    [of_client + client_s, of_server + both - client_s]
}

fn process<D: rustls::SideData>(to: &mut rustls::ConnectionCommon<D>, mut input: &[u8]) {
    while !input.is_empty() {
        to.read_tls(&mut input).expect("read");
        to.process_new_packets().expect("processed");
    }
}
