//! Over real sockets on loopback.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tls12::pki_types::ServerName;
use tls12::stream::TlsStream;
use tls12::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{NAME, client_config, server_config};

/// More than the buffers of a socket hold.
const MUCH: usize = 3 << 20;

fn configs(kind: Kind) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let client = client_config(authority(), 1).groups(backend_groups());
    let server = server_config(2).groups(backend_groups()).identity(identity(kind));
    (client.build().unwrap(), server.build().unwrap())
}

fn client(config: Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(config, ServerName::try_from(NAME).unwrap()).unwrap()
}

fn data(length: usize, salt: u8) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8 ^ salt).collect()
}

/// Two ends of a connection through the system; nobody waits for ever.
pub(crate) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    for socket in [&one, &other] {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    (one, other)
}

#[test]
fn a_blocking_client_and_server_exchange_data_and_end_cleanly() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        let (client_config, server_config) = configs(kind);
        let (one, other) = sockets();
        let server = thread::spawn(move || {
            let mut stream = TlsStream::new(ServerConnection::new(server_config), other);
            let mut request = [0; 7];
            stream.read_exact(&mut request)?;
            stream.write_all(&data(MUCH, 1))?;
            stream.close()?;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest)?;
            io::Result::Ok((request, rest))
        });
        let mut stream = TlsStream::new(client(client_config), one).allow_half_close();
        stream.handshake().unwrap();
        assert!(stream.connection().is_established());
        stream.write_all(b"request").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer == data(MUCH, 1), "{} bytes came", answer.len());
        stream.write_all(b" and thanks").unwrap();
        stream.close().unwrap();
        let (request, rest) = server.join().unwrap().unwrap();
        assert_eq!((&request, &rest[..]), (b"request", &b" and thanks"[..]));
    }
}

#[test]
fn a_blocking_end_whose_peer_drops_the_socket_gets_unexpected_eof() {
    let (client_config, server_config) = configs(Kind::P256);
    let (one, other) = sockets();
    let server = thread::spawn(move || {
        let mut stream = TlsStream::new(ServerConnection::new(server_config), other);
        stream.write_all(b"half of")?;
        io::Result::Ok(())
    });
    let mut stream = TlsStream::new(client(client_config), one);
    let mut got = Vec::new();
    let error = stream.read_to_end(&mut got).unwrap_err();
    assert_eq!((error.kind(), &got[..]), (ErrorKind::UnexpectedEof, &b"half of"[..]), "{error}");
    server.join().unwrap().unwrap();
}

/// One end of a non-blocking connection that says much and hears much at the same time.
struct Talker<C> {
    stream: TlsStream<C, TcpStream>,
    left: Vec<u8>,
    got: Vec<u8>,
    closed: bool,
    ended: bool,
}

impl<C: Connection> Talker<C> {
    fn new(connection: C, socket: TcpStream, says: Vec<u8>) -> Self {
        socket.set_nonblocking(true).unwrap();
        Talker { stream: TlsStream::new(connection, socket), left: says, got: Vec::new(), closed: false, ended: false }
    }

    /// Whether anything moved.
    fn turn(&mut self) -> bool {
        let wrote = if !self.left.is_empty() {
            ready(self.stream.write(&self.left)).map(|count| drop(self.left.drain(..count))).is_some()
        } else if !self.closed {
            self.closed = ready(self.stream.close()).is_some();
            self.closed
        } else {
            ready(self.stream.flush());
            false
        };
        let mut buffer = [0; 10_000];
        match ready(self.stream.read(&mut buffer)) {
            _ if self.ended => wrote,
            Some(0) => {
                self.ended = true;
                true
            }
            Some(count) => {
                self.got.extend_from_slice(&buffer[..count]);
                true
            }
            None => wrote,
        }
    }

    fn is_done(&self) -> bool {
        self.closed && self.ended
    }
}

fn ready<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn a_non_blocking_client_and_server_talk_both_ways_at_once() {
    let (client_config, server_config) = configs(Kind::P384);
    let (one, other) = sockets();
    let mut client = Talker::new(client(client_config), one, data(MUCH, 3));
    let mut server = Talker::new(ServerConnection::new(server_config), other, data(MUCH, 4));
    let mut idle = 0;
    while !(client.is_done() && server.is_done()) {
        if client.turn() | server.turn() {
            idle = 0;
        } else {
            idle += 1;
            assert!(idle < 5000, "nothing moves any more");
            thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(server.got == data(MUCH, 3), "{} bytes came to the server", server.got.len());
    assert!(client.got == data(MUCH, 4), "{} bytes came to the client", client.got.len());
}
