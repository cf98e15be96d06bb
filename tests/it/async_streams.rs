//! Streams over tokio's traits: nothing is lost, whoever drops a future, and ends are told apart.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use tls12::pki_types::ServerName;
use tls12::tokio::{ReadHalf, TlsAcceptor, TlsConnector, TlsStream, WriteHalf};
use tls12::{
    Acceptance, Acceptor, AlertDescription, Ask, ClientConfig, ClientConnection, Connection, Error, Reason,
    RecordBuffer, ServerConfig, ServerConnection,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::deciders::{Deciding, Late};
use crate::executor::{Fitful, Task, cancelled, run, yielded};
use crate::pair::{NAME, client_config, server_config};
use crate::pattern::{Checked, LARGE, Pattern};

pub(crate) fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let client = client_config(authority(), 1).groups(backend_groups());
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    (client.build().unwrap(), server.build().unwrap())
}

pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

pub(crate) type Client<T> = TlsStream<ClientConnection, T>;
pub(crate) type Server<T> = TlsStream<ServerConnection, T>;

/// Both ends, established over these transports.
pub(crate) fn established<T: AsyncRead + AsyncWrite + Unpin>(one: T, other: T) -> (Client<T>, Server<T>) {
    let (client, server) = configs();
    let (mut client_end, mut server_end) = (None, None);
    run([
        task(async { client_end = Some(TlsConnector::new(client).connect(name(), one).await.unwrap()) }),
        task(async { server_end = Some(TlsAcceptor::new(server).accept(other).await.unwrap()) }),
    ]);
    (client_end.unwrap(), server_end.unwrap())
}

/// Both ends, with pipes between them that hold so much.
pub(crate) fn piped(size: usize) -> (Client<DuplexStream>, Server<DuplexStream>) {
    let (one, other) = duplex(size);
    established(one, other)
}

pub(crate) fn task<'t>(task: impl Future<Output = ()> + 't) -> Task<'t> {
    Box::pin(task)
}

/// The error of TLS within one of a stream.
#[track_caller]
pub(crate) fn reason(error: &std::io::Error) -> &Reason {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).expect("an error of TLS").reason()
}

pub(crate) fn forged() -> Vec<u8> {
    [&[23, 3, 3, 0, 40][..], &[0; 40]].concat()
}

async fn send_all(mut to: impl AsyncWrite + Unpin, length: u64) {
    let mut pattern = Pattern::new(length);
    while !pattern.left().is_empty() {
        pattern.advance(to.write(pattern.left()).await.unwrap());
    }
    to.shutdown().await.unwrap();
}

async fn receive_all(mut from: impl AsyncRead + Unpin) -> u64 {
    let (mut checked, mut buffer) = (Checked::default(), vec![0; 64 << 10]);
    loop {
        match from.read(&mut buffer).await.unwrap() {
            0 => return checked.length(),
            count => checked.check(&buffer[..count]),
        }
    }
}

#[tokio::test]
async fn a_client_and_a_server_in_tasks_of_their_own_exchange_data_over_a_socket() {
    let (client, server) = configs();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::new(server).accept(socket).await.unwrap();
        let mut request = Vec::new();
        // A client that shuts down says nothing more, and still hears the answer.
        stream = stream.allow_half_close();
        stream.read_to_end(&mut request).await.unwrap();
        stream.write_all(&request).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let socket = TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::new(client).connect(name(), socket).await.unwrap();
    assert!(stream.connection().is_established());
    stream.write_all(b"request").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"request");
    assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0, "the end stays the end");
    serving.await.unwrap();
}

pub(crate) fn halves<C: Connection, T: AsyncRead + AsyncWrite + Unpin, R, W>(
    stream: TlsStream<C, T>,
    divide: impl FnOnce(T) -> (R, W),
) -> (ReadHalf<R>, WriteHalf<W>) {
    stream.into_split(divide).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn halves_move_a_gibibyte_each_way_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = configs();
    fn in_runtime<T>(task: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(task)
    }
    let serving = std::thread::spawn(move || {
        in_runtime(async {
            let (socket, _) = listener.accept().unwrap();
            socket.set_nonblocking(true).unwrap();
            let socket = TcpStream::from_std(socket).unwrap();
            let stream = TlsAcceptor::new(server).accept(socket).await.unwrap().allow_half_close();
            let (reading, writing) = halves(stream, TcpStream::into_split);
            let sending = tokio::spawn(send_all(writing, LARGE));
            assert_eq!(receive_all(reading).await, LARGE);
            sending.await.unwrap();
        });
    });
    in_runtime(async {
        let socket = TcpStream::connect(address).await.unwrap();
        let stream = TlsConnector::new(client).connect(name(), socket).await.unwrap().allow_half_close();
        assert_eq!(stream.connection().server_name(), Some(NAME));
        let (reading, writing) = halves(stream, TcpStream::into_split);
        assert_eq!(reading.receiver().server_name(), Some(NAME));
        let sending = tokio::spawn(send_all(writing, LARGE));
        assert_eq!(receive_all(reading).await, LARGE);
        sending.await.unwrap();
    });
    serving.join().unwrap();
}

/// Both directions at once; every task is woken whenever it can go on.
fn both_ways<'t>(
    [to_server, to_client]: [impl AsyncWrite + Unpin + 't; 2],
    [from_server, from_client]: [impl AsyncRead + Unpin + 't; 2],
) {
    const LENGTH: u64 = 1 << 20;
    run([
        task(send_all(to_server, LENGTH)),
        task(send_all(to_client, LENGTH)),
        task(async { assert_eq!(receive_all(from_server).await, LENGTH) }),
        task(async { assert_eq!(receive_all(from_client).await, LENGTH) }),
    ]);
}

#[test]
fn halves_of_either_kind_wake_each_other_through_pipes_that_hold_little() {
    for size in [100, 3000, 40_000] {
        let (client, server) = piped(size);
        let (from_server, to_server) = halves(client.allow_half_close(), tokio::io::split);
        let (from_client, to_client) = halves(server.allow_half_close(), tokio::io::split);
        both_ways([to_server, to_client], [from_server, from_client]);

        // tokio's own halves of a whole stream.
        let (client, server) = piped(size);
        let (from_server, to_server) = tokio::io::split(client.allow_half_close());
        let (from_client, to_client) = tokio::io::split(server.allow_half_close());
        let to_server: Box<dyn AsyncWrite + Unpin> = Box::new(to_server);
        both_ways(
            [to_server, Box::new(to_client)],
            [Box::new(from_server) as Box<dyn AsyncRead + Unpin>, Box::new(from_client)],
        );
    }
}

/// Sends a pattern by calls that are cancelled wherever they wait; in slices, if `vectored`.
async fn send_cancelled(mut to: impl AsyncWrite + Unpin, vectored: bool) {
    let mut pattern = Pattern::new(SOME);
    while !pattern.left().is_empty() {
        let left = pattern.left();
        let (some, more) = left.split_at(left.len().min(777));
        let slices = [IoSlice::new(some), IoSlice::new(more)];
        let count = if vectored {
            cancelled(async || to.write_vectored(&slices).await).await
        } else {
            cancelled(async || to.write(left).await).await
        };
        pattern.advance(count.unwrap());
        cancelled(async || to.flush().await).await.unwrap();
    }
    cancelled(async || to.shutdown().await).await.unwrap();
}

/// How much the test of cancelled calls sends each way, in bytes.
const SOME: u64 = 300_000;

async fn receive_cancelled(mut from: impl AsyncRead + Unpin, seed: u32) {
    let mut checked = Checked::default();
    loop {
        // A buffer of its own for each call: what a cancelled one had put there would be missing.
        let call = async || {
            let mut buffer = vec![0; 5000];
            let count = from.read(&mut buffer).await?;
            buffer.truncate(count);
            std::io::Result::Ok(buffer)
        };
        let data = cancelled(call).await.unwrap();
        if data.is_empty() {
            return assert_eq!(checked.length(), SOME, "with the seed {seed}");
        }
        checked.check(&data);
    }
}

#[test]
fn calls_that_are_cancelled_wherever_they_wait_lose_no_byte() {
    for seed in 0..20 {
        let (one, other) = duplex(10_000);
        let (client, server) = established(Fitful::new(one, seed), Fitful::new(other, seed + 100));
        let (client, server) = (client.allow_half_close(), server.allow_half_close());
        if seed % 2 == 0 {
            let (from_server, to_server) = tokio::io::split(client);
            let (from_client, to_client) = tokio::io::split(server);
            let (one, other) = (send_cancelled(to_server, true), send_cancelled(to_client, false));
            run([
                task(one),
                task(other),
                task(receive_cancelled(from_server, seed)),
                task(receive_cancelled(from_client, seed)),
            ]);
        } else {
            let (from_server, to_server) = halves(client, tokio::io::split);
            let (from_client, to_client) = halves(server, tokio::io::split);
            let (one, other) = (send_cancelled(to_server, true), send_cancelled(to_client, false));
            run([
                task(one),
                task(other),
                task(receive_cancelled(from_server, seed)),
                task(receive_cancelled(from_client, seed)),
            ]);
        }
    }
}

#[test]
fn slices_of_a_vectored_write_share_a_record() {
    let (mut client, mut server) = piped(100_000);
    run([task(async {
        assert!(client.is_write_vectored());
        let slices = [&b"head"[..], b"", b"er", &[7; 1000]].map(IoSlice::new);
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 1006);
        client.flush().await.unwrap();
        // Header, explicit nonce and tag come once.
        let mut wire = vec![0; 10_000];
        let count = server.transport_mut().read(&mut wire).await.unwrap();
        assert_eq!(count, 5 + 8 + 1006 + 16);

        let long = vec![1; 30_000];
        let slices = [&b"header"[..], &long].map(IoSlice::new);
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 16_384, "a record");
        let slices = [&long[..], b"trailer"].map(IoSlice::new);
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 30_000, "what is long goes as it is");
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
    })]);
}

#[test]
fn a_transport_that_buffers_is_flushed_in_the_handshake_and_by_flush_and_shutdown() {
    let (one, other) = duplex(100_000);
    let (mut client, mut server) = established(BufStream::new(one), BufStream::new(other));
    run([
        task(async {
            client.write_all(b"ping").await.unwrap();
            client.flush().await.unwrap();
            let mut pong = [0; 4];
            client.read_exact(&mut pong).await.unwrap();
            client.shutdown().await.unwrap();
        }),
        task(async {
            let mut ping = [0; 4];
            server.read_exact(&mut ping).await.unwrap();
            server.write_all(&ping).await.unwrap();
            server.flush().await.unwrap();
            assert_eq!(server.read(&mut ping).await.unwrap(), 0);
        }),
    ]);
}

#[test]
fn the_end_of_the_transport_without_close_notify_is_unexpected_eof() {
    let (mut client, mut server) = piped(1000);
    run([task(async {
        client.write_all(b"half of").await.unwrap();
        client.flush().await.unwrap();
        drop(client);
        let mut got = Vec::new();
        let error = server.read_to_end(&mut got).await.unwrap_err();
        assert_eq!((error.kind(), &got[..]), (ErrorKind::UnexpectedEof, &b"half of"[..]));
        assert_eq!(reason(&error), &Reason::Truncated);
    })]);
}

#[test]
fn the_close_notify_of_the_peer_is_answered_unless_half_closing_is_allowed() {
    for (is_split, is_allowed) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut client, server) = piped(1000);
        let server = if is_allowed { server.allow_half_close() } else { server };
        let (mut from, mut to): (Box<dyn AsyncRead + Unpin>, Box<dyn AsyncWrite + Unpin>) = if is_split {
            let (from, to) = halves(server, tokio::io::split);
            (Box::new(from), Box::new(to))
        } else {
            let (from, to) = tokio::io::split(server);
            (Box::new(from), Box::new(to))
        };
        run([task(async {
            client.shutdown().await.unwrap();
            assert_eq!(from.read(&mut [0; 10]).await.unwrap(), 0);
            let written = to.write(b"still something").await;
            if is_allowed {
                assert_eq!(written.unwrap(), 15);
                to.flush().await.unwrap();
            } else {
                let error = written.unwrap_err();
                assert_eq!((error.kind(), reason(&error)), (ErrorKind::BrokenPipe, &Reason::WriteAfterClose));
            }
            to.shutdown().await.unwrap();
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            assert_eq!(got.len(), if is_allowed { 15 } else { 0 });
        })]);
    }
}

#[test]
fn a_bad_record_is_an_error_and_the_peer_is_told() {
    for is_split in [false, true] {
        let (mut client, mut server) = piped(1000);
        run([task(async {
            server.transport_mut().write_all(&forged()).await.unwrap();
            let mut buffer = [0; 10];
            if is_split {
                let (mut from, mut to) = halves(client, tokio::io::split);
                let error = from.read(&mut buffer).await.unwrap_err();
                assert_eq!(reason(&error), &Reason::BadRecordMac { sequence: 1 });
                let error = to.write(b"data").await.unwrap_err();
                assert_eq!(reason(&error), &Reason::BadRecordMac { sequence: 1 }, "the other half fails with it");
                assert_eq!(to.sender().error(), from.receiver().error());
            } else {
                for _ in 0..2 {
                    let error = client.read(&mut buffer).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                    assert_eq!(reason(&error), &Reason::BadRecordMac { sequence: 1 });
                }
                assert_eq!(reason(&client.write(b"data").await.unwrap_err()), &Reason::BadRecordMac { sequence: 1 });
            }
            let error = server.read(&mut buffer).await.unwrap_err();
            assert_eq!(reason(&error), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
        })]);
    }
}

#[test]
fn a_failed_stream_cannot_be_split_and_comes_back() {
    let (mut client, mut server) = piped(1000);
    run([task(async {
        server.transport_mut().write_all(&forged()).await.unwrap();
        let error = client.read(&mut [0; 10]).await.unwrap_err();
        let refused = client.into_split(tokio::io::split).unwrap_err();
        assert_eq!(refused.error().reason(), reason(&error));
        let mut client = refused.into_inner();
        assert_eq!(reason(&client.read(&mut [0; 10]).await.unwrap_err()), reason(&error));
    })]);
}

#[test]
fn decisions_that_were_put_off_are_made_by_async_functions_each_once() {
    for late in Late::combinations() {
        let deciding = Deciding::new(late);
        let (one, other) = duplex(1000);
        let decide = async |ask| {
            for _ in 0..3 {
                yielded().await;
            }
            deciding.answer(ask)
        };
        let connector = TlsConnector::new(deciding.client_config.clone()).decide(&decide);
        let acceptor = TlsAcceptor::new(deciding.server_config.clone()).decide(&decide);
        run([
            task(async {
                let mut client = connector.connect(name(), one).await.unwrap();
                client.write_all(b"data").await.unwrap();
                client.shutdown().await.unwrap();
            }),
            task(async {
                let mut server = acceptor.accept(other).await.unwrap();
                let mut got = Vec::new();
                server.read_to_end(&mut got).await.unwrap();
                assert_eq!(got, b"data");
            }),
        ]);
        deciding.assert_each_ran_once(&format!("{late:?}"));
    }
}

#[test]
fn a_question_that_nobody_was_named_for_fails_the_handshake_of_both_ends() {
    let deciding = Deciding::new(Late { verify: true, ..Late::NONE });
    let (one, other) = duplex(1000);
    run([
        task(async {
            let connector = TlsConnector::new(deciding.client_config.clone());
            let error = connector.connect(name(), one).await.unwrap_err();
            let why = "it was put off, and nobody was named to `decide` it".into();
            assert_eq!(reason(&error), &Reason::Local { what: "the verifier", why });
        }),
        task(async {
            let acceptor = TlsAcceptor::new(deciding.server_config.clone());
            let error = acceptor.accept(other).await.unwrap_err();
            assert_eq!(reason(&error), &Reason::PeerAlert(AlertDescription::INTERNAL_ERROR));
        }),
    ]);
}

#[test]
fn a_server_goes_on_from_an_acceptor_with_what_was_received_behind_the_hello() {
    let (client, config) = configs();
    let (one, mut other) = duplex(1000);
    run([
        task(async {
            let mut client = TlsConnector::new(client).connect(name(), one).await.unwrap();
            client.write_all(b"data").await.unwrap();
            client.shutdown().await.unwrap();
        }),
        task(async {
            let (mut acceptor, mut buffer) = (Acceptor::new(), RecordBuffer::new());
            let hello = loop {
                match buffer.accept(&mut acceptor).unwrap() {
                    Acceptance::ClientHello(hello) => break hello,
                    Acceptance::NeedInput { .. } => {
                        let count = other.read(buffer.room()).await.unwrap();
                        buffer.received(count);
                    }
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(hello.client_hello().server_name(), Some(NAME));
            let server = hello.into_connection(config);
            let decide = async |ask: Ask| ask.fail("nothing is put off");
            let mut server = TlsStream::handshake(server, other, buffer, decide).await.unwrap();
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, b"data");
        }),
    ]);
}

#[test]
fn a_peer_that_says_why_it_hangs_up_is_heard_also_where_nothing_can_be_sent() {
    let (client, _) = configs();
    let (one, mut other) = duplex(1000);
    run([task(async {
        other.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.unwrap();
        drop(other);
        let error = TlsConnector::new(client).connect(name(), one).await.unwrap_err();
        assert_eq!(reason(&error), &Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE));
    })]);
}
