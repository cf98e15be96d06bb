//! What streams over tokio's traits still have to send when nobody waits for it any more, and what they hold at rest.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;

use tls12::tokio::{TlsAcceptor, TlsConnector, TlsStream};
use tls12::{AlertDescription, Answer, Ask, ClientConnection, Event, Reason, Received, RecordBuffer, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, DuplexStream, duplex};

use crate::async_streams::{Client, Server, configs, established, forged, halves, name, piped, reason, task};
use crate::deciders::{Deciding, Late};
use crate::executor::{run, yielded};

/// Polls a call once, and drops it.
async fn dropped(call: impl Future) {
    let mut call = Box::pin(call);
    let is_pending = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending, "there is nothing to drop");
}

/// More than the pipes hold, in bytes.
const MUCH: usize = 40_000;

#[test]
fn what_a_cancelled_flush_left_goes_out_while_we_only_read_and_so_does_an_alert() {
    let (mut client, mut server) = piped(1000);
    run([
        task(async {
            client.write_all(&[7; MUCH]).await.unwrap();
            dropped(client.flush()).await;
            client.read_exact(&mut [0; 4]).await.unwrap();
            let error = client.read(&mut [0; 4]).await.unwrap_err();
            assert!(matches!(reason(&error), Reason::BadRecordMac { .. }), "{error}");
        }),
        task(async {
            let mut got = vec![0; MUCH];
            server.read_exact(&mut got).await.unwrap();
            server.write_all(b"done").await.unwrap();
            server.flush().await.unwrap();
            server.transport_mut().write_all(&forged()).await.unwrap();
            let error = server.read(&mut got).await.unwrap_err();
            assert_eq!(reason(&error), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
        }),
    ]);
}

#[test]
fn a_reader_goes_on_for_a_writer_whose_task_is_over() {
    for is_buffered in [false, true] {
        let (one, other) = duplex(1000);
        let size = if is_buffered { 100 } else { 1 };
        let (client, mut server): (Client<_>, Server<_>) =
            established(BufStream::with_capacity(size, size, one), BufStream::with_capacity(size, size, other));
        let (mut from_server, mut to_server) = tokio::io::split(client);
        run([
            task(async move {
                to_server.write_all(&[7; MUCH]).await.unwrap();
                dropped(to_server.flush()).await;
            }),
            task(async move { from_server.read_exact(&mut [0; 4]).await.map(|_| ()).unwrap() }),
            task(async {
                server.read_exact(&mut [0; MUCH]).await.unwrap();
                server.write_all(b"done").await.unwrap();
                server.flush().await.unwrap();
            }),
        ]);
    }
}

#[test]
fn a_writer_that_waits_is_woken_beside_a_reader() {
    let (client, mut server) = piped(1000);
    let (mut from_server, mut to_server) = tokio::io::split(client);
    run([
        task(async move {
            to_server.write_all(&[7; MUCH]).await.unwrap();
            to_server.flush().await.unwrap();
        }),
        // Polled while the writer waits, and then left alone: the peer says nothing before the end.
        task(async move { assert_eq!(from_server.read(&mut [0; 4]).await.unwrap(), 0) }),
        task(async {
            server.read_exact(&mut [0; MUCH]).await.unwrap();
            server.shutdown().await.unwrap();
        }),
    ]);
}

fn buffered() -> (Client<BufStream<DuplexStream>>, Server<BufStream<DuplexStream>>) {
    let (one, other) = duplex(100_000);
    established(BufStream::new(one), BufStream::new(other))
}

#[test]
fn an_alert_leaves_a_transport_that_buffers() {
    for is_split in [false, true] {
        let (mut client, mut server) = buffered();
        run([task(async {
            client.transport_mut().write_all(&forged()).await.unwrap();
            client.transport_mut().flush().await.unwrap();
            let mut buffer = [0; 10];
            // The server stays, and does nothing more.
            let _server = if is_split {
                let (mut from, mut to) = halves(server, tokio::io::split);
                from.read(&mut buffer).await.unwrap_err();
                to.write(b"data").await.unwrap_err();
                (None, Some((from, to)))
            } else {
                server.read(&mut buffer).await.unwrap_err();
                (Some(server), None)
            };
            let error = client.read(&mut buffer).await.unwrap_err();
            assert_eq!(reason(&error), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
        })]);
    }
}

#[test]
fn the_reply_to_close_notify_leaves_a_transport_that_buffers() {
    let (mut client, mut server) = buffered();
    run([task(async {
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 10]).await.unwrap(), 0);
        assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0, "the server stays, and does nothing more");
    })]);
}

#[test]
fn a_fatal_alert_of_the_peer_reaches_the_writing_half() {
    let (mut client, mut server) = piped(1000);
    run([task(async {
        client.transport_mut().write_all(&forged()).await.unwrap();
        server.read(&mut [0; 10]).await.unwrap_err();
        let (mut from, mut to) = halves(client, tokio::io::split);
        let error = from.read(&mut [0; 10]).await.unwrap_err();
        let alert = Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC);
        assert_eq!(reason(&error), &alert);
        let error = to.write(b"data").await.unwrap_err();
        assert_eq!((error.kind(), reason(&error)), (ErrorKind::ConnectionAborted, &alert));
        assert_eq!(to.sender().error(), from.receiver().error());
    })]);
}

#[test]
fn a_read_that_waits_holds_a_chunk_and_after_shrink_nothing() {
    let (mut client, mut server) = piped(100_000);
    run([task(async {
        server.write_all(&[7; 16_384]).await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut [0; 16_384]).await.unwrap();
        dropped(client.read(&mut [0; 10])).await;
        assert!(format!("{client:?}").contains("size: 4096"), "{client:?}");
        client.shrink();
        assert!(format!("{client:?}").contains("size: 0"), "{client:?}");
    })]);
}

#[test]
fn a_connection_whose_question_is_already_out_is_an_error() {
    let deciding = Deciding::new(Late { identity: true, ..Late::NONE });
    let mut client = ClientConnection::new(deciding.client_config.clone(), name()).unwrap();
    let mut server = ServerConnection::new(deciding.server_config.clone());
    let mut hello = Vec::new();
    _ = client.write_vec(&[], &mut hello).unwrap();
    let question = loop {
        let Received { consumed, event } = server.read(&mut hello).unwrap();
        hello.drain(..consumed);
        match event {
            Event::Ask(ask) => break ask,
            other => assert!(matches!(other, Event::Progress), "{other:?}"),
        }
    };
    let (_one, other) = duplex(1000);
    run([task(async {
        let decide = async |ask: Ask| -> Answer { panic!("{ask:?}") };
        let error = TlsStream::handshake(server, other, RecordBuffer::new(), decide).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    })]);
    drop(question);
}

#[test]
fn a_handshake_that_is_dropped_wherever_it_waits_ends_the_connection() {
    for polls in 0..100 {
        let (client_config, server_config) = configs();
        let (one, other) = duplex(100);
        let mut client = None;
        run([
            task(async {
                let connector = TlsConnector::new(client_config);
                let mut connecting = Box::pin(connector.connect(name(), one));
                for _ in 0..polls {
                    match poll_fn(|cx| Poll::Ready(connecting.as_mut().poll(cx))).await {
                        Poll::Ready(stream) => return client = Some(stream.unwrap()),
                        Poll::Pending => yielded().await,
                    }
                }
            }),
            task(async {
                // The client's last flight is done before it reads the server's: that one may be told only when it writes.
                match TlsAcceptor::new(server_config).accept(other).await {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                    Err(error) => assert_eq!(reason(&error), &Reason::Truncated, "after {polls} polls"),
                }
            }),
        ]);
        if client.is_some() {
            return assert!(polls > 3, "it waited {polls} times");
        }
    }
    panic!("the handshake is never done");
}
