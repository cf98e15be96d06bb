//! Connections over transports that block, interrupt and take or give only some: nothing is lost, nothing comes twice.

use std::io::{self, ErrorKind, Read, Write};

use proptest::prelude::*;
use tls12::stream::TlsStream;
use tls12::{ClientConnection, Connection, MIN_OUTPUT, RecordBuffer, ServerConnection, Step};

use crate::deciders::{Deciding, Late};
use crate::pair::Pair;
use crate::transport::Moody;

/// More turns than any script needs.
const TURNS: usize = 20_000;

/// What one end wants: send this, close, and hear all that the other says.
#[derive(Debug)]
struct Goal {
    to_send: Vec<u8>,
    sent: usize,
    close_sent: bool,
    got: Vec<u8>,
    ended: bool,
    /// How much is read or written at once.
    chunk: usize,
}

impl Goal {
    fn new(to_send: Vec<u8>, chunk: usize) -> Self {
        Goal { to_send, sent: 0, close_sent: false, got: Vec::new(), ended: false, chunk }
    }

    fn is_reached(&self) -> bool {
        self.close_sent && self.ended
    }
}

/// One end with its driver.
trait Party {
    /// Does what it can now.
    fn turn(&mut self, deciding: &Deciding);
    fn goal(&self) -> &Goal;
}

/// By `TlsStream`.
struct Streamed<C> {
    stream: TlsStream<C, Moody>,
    goal: Goal,
}

/// `WouldBlock` and `Interrupted` are to be tried again, all else is an error.
#[track_caller]
fn later<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
        Err(error) => panic!("{error:?}"),
    }
}

impl<C: Connection> Party for Streamed<C> {
    fn turn(&mut self, deciding: &Deciding) {
        let Streamed { stream, goal } = self;
        if let Some(ask) = stream.question() {
            stream.connection_mut().answer(deciding.answer(ask)).unwrap();
        }
        if goal.sent < goal.to_send.len() {
            let left = &goal.to_send[goal.sent..];
            let now = &left[..left.len().min(goal.chunk)];
            goal.sent += later(stream.write(now)).unwrap_or(0);
        } else if !goal.close_sent {
            // An end that says nothing has to do its handshake all the same.
            goal.close_sent = later(stream.handshake()).and_then(|()| later(stream.close())).is_some();
        } else {
            later(stream.flush());
        }
        let mut buffer = vec![0; goal.chunk];
        match later(stream.read(&mut buffer)) {
            Some(0) => goal.ended = true,
            Some(count) => goal.got.extend_from_slice(&buffer[..count]),
            None => {}
        }
    }

    fn goal(&self) -> &Goal {
        &self.goal
    }
}

/// By `RecordBuffer` and `write`, as one would write the loop by hand.
struct Bare<C> {
    connection: C,
    transport: Moody,
    buffer: RecordBuffer,
    output: Vec<u8>,
    goal: Goal,
}

impl<C: Connection> Bare<C> {
    fn send(&mut self) -> Option<()> {
        let goal = &mut self.goal;
        loop {
            while !self.output.is_empty() {
                let count = later(self.transport.write(&self.output))?;
                self.output.drain(..count);
            }
            if goal.sent == goal.to_send.len() && self.connection.is_established() {
                self.connection.close();
                goal.close_sent = true;
            }
            let mut out = vec![0; MIN_OUTPUT + goal.chunk];
            let sent = self.connection.write(&goal.to_send[goal.sent..], &mut out).unwrap();
            goal.sent += sent.taken;
            if sent.produced == 0 {
                return Some(());
            }
            self.output.extend_from_slice(&out[..sent.produced]);
        }
    }
}

impl<C: Connection> Party for Bare<C> {
    fn turn(&mut self, deciding: &Deciding) {
        self.send();
        if self.goal.ended {
            return;
        }
        match self.buffer.step(&mut self.connection).unwrap() {
            Step::Data(data) => self.goal.got.extend_from_slice(data),
            Step::NeedInput => {
                let count = later(self.buffer.fill_from(&mut self.transport));
                assert_ne!(count, Some(0), "the transport ended without close_notify");
            }
            Step::Closed => self.goal.ended = true,
            Step::Ask(ask) => self.connection.answer(deciding.answer(ask)).unwrap(),
            Step::Established | Step::Progress => {}
            other @ (Step::Waiting | Step::Failing) => panic!("{other:?}"),
        }
    }

    fn goal(&self) -> &Goal {
        &self.goal
    }
}

fn party<C: Connection + 'static>(connection: C, transport: Moody, goal: Goal, streamed: bool) -> Box<dyn Party> {
    if streamed {
        Box::new(Streamed { stream: TlsStream::new(connection, transport).allow_half_close(), goal })
    } else {
        Box::new(Bare { connection, transport, buffer: RecordBuffer::new(), output: Vec::new(), goal })
    }
}

fn data(length: usize, salt: u8) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8 ^ salt).collect()
}

/// What a run is made of.
#[derive(Clone, Debug)]
struct Run {
    scripts: [Vec<u8>; 2],
    lengths: [usize; 2],
    chunks: [usize; 2],
    streamed: [bool; 2],
    late: Late,
}

fn check(run: &Run) {
    let deciding = Deciding::new(run.late);
    let pair = deciding.pair();
    let (client_end, server_end) = Moody::pair(&run.scripts[0], &run.scripts[1]);
    let said = [data(run.lengths[0], 0), data(run.lengths[1], 99)];
    let goal = |side: usize| Goal::new(said[side].clone(), run.chunks[side]);
    let client: ClientConnection = pair.client.connection;
    let server: ServerConnection = pair.server.connection;
    let mut client = party(client, client_end, goal(0), run.streamed[0]);
    let mut server = party(server, server_end, goal(1), run.streamed[1]);
    for _ in 0..TURNS {
        if client.goal().is_reached() && server.goal().is_reached() {
            break;
        }
        client.turn(&deciding);
        server.turn(&deciding);
    }
    assert!(client.goal().is_reached(), "the client is not done after {TURNS} turns");
    assert!(server.goal().is_reached(), "the server is not done after {TURNS} turns");
    assert!(server.goal().got == said[0], "what the client said: {} bytes arrived", server.goal().got.len());
    assert!(client.goal().got == said[1], "what the server said: {} bytes arrived", client.goal().got.len());
    deciding.assert_each_ran_once("over a moody transport");
}

fn runs() -> impl Strategy<Value = Run> {
    let script = || prop::collection::vec(any::<u8>(), 0..400);
    let length = || prop_oneof![Just(0), 1usize..200, 1usize..60_000];
    let chunk = || prop_oneof![200usize..400, 400usize..20_000, Just(100_000)];
    ([script(), script()], [length(), length()], [chunk(), chunk()], any::<[bool; 2]>(), any::<[bool; 3]>()).prop_map(
        |(scripts, lengths, chunks, streamed, [verify, identity, sign])| Run {
            scripts,
            lengths,
            chunks,
            streamed,
            late: Late { verify, identity, sign },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn over_moody_transports_nothing_is_lost_and_nothing_comes_twice(run in runs()) {
        check(&run);
    }
}

#[test]
fn byte_by_byte_through_each_driver() {
    for streamed in [[true, true], [true, false], [false, true], [false, false]] {
        // 61 is one byte, 0 is WouldBlock, 41 is Interrupted.
        let scripts = [[61, 0].repeat(3000), [61, 41, 61].repeat(2000)];
        check(&Run { scripts, lengths: [50, 70], chunks: [7, 9], streamed, late: Late::ALL });
    }
}

#[test]
fn a_stream_reads_on_while_its_transport_takes_nothing() {
    let deciding = Deciding::new(Late::NONE);
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other);
    for _ in 0..3 {
        later(client.handshake());
        later(server.handshake());
    }
    assert_eq!(client.write(b"hello").unwrap(), 5);
    let mut buffer = [0; 100];
    assert_eq!(server.read(&mut buffer).unwrap(), 5);
    assert_eq!(server.write(b"well, hello").unwrap(), 11);

    // The client's transport takes nothing from now on.
    client.transport_mut().take_nothing();
    assert_eq!(client.write(b"into the output").unwrap(), 15, "one call's worth is kept");
    assert_eq!(client.write(b"no more").unwrap_err().kind(), ErrorKind::WouldBlock, "so that the output stays bounded");
    assert_eq!(client.read(&mut buffer).unwrap(), 11);
    assert_eq!(&buffer[..11], b"well, hello");
    client.transport_mut().take_all();
    client.flush().unwrap();
    assert_eq!(server.read(&mut buffer).unwrap(), 15);
    assert_eq!(&buffer[..15], b"into the output");
}

#[test]
fn a_question_through_a_stream_is_would_block_until_it_is_answered() {
    let deciding = Deciding::new(Late { verify: true, ..Late::NONE });
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other);
    for _ in 0..3 {
        later(client.handshake());
        later(server.handshake());
    }
    for _ in 0..3 {
        let error = client.handshake().unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::WouldBlock, "the handshake waits for a decision".into())
        );
        assert_eq!(client.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.write(b"data").unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    let ask = client.question().expect("the question is kept until it is taken");
    assert!(client.question().is_none());
    client.connection_mut().answer(deciding.answer(ask)).unwrap();
    later(client.handshake());
    server.handshake().unwrap();
    client.handshake().unwrap();
    deciding.assert_each_ran_once("through a stream");
}

#[test]
fn an_empty_read_is_nothing_and_a_stream_that_ended_stays_at_its_end() {
    let deciding = Deciding::new(Late::NONE);
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other).allow_half_close();
    assert_eq!(client.read(&mut []).unwrap(), 0);
    for _ in 0..3 {
        later(client.handshake());
        later(server.handshake());
    }
    client.write_all(b"all").unwrap();
    client.close().unwrap();
    let mut text = String::new();
    assert_eq!(server.read_to_string(&mut text).unwrap(), 3);
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0; 9]).unwrap(), 0);
    }
    let error = client.write(b"late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(error.to_string(), "data to send after close (in state Established)");
    server.write_all(b"the other way").unwrap();
    server.close().unwrap();
    text.clear();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "the other way");
}

#[test]
fn a_stream_answers_the_peer_s_close_unless_half_close_is_allowed() {
    let deciding = Deciding::new(Late::NONE);
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other);
    for _ in 0..3 {
        later(client.handshake());
        later(server.handshake());
    }
    client.close().unwrap();
    assert_eq!(server.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0, "the answer is there already");
    assert_eq!(server.write(b"too late").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_server_s_handshake_is_done_when_its_last_flight_is_sent() {
    let deciding = Deciding::new(Late::NONE);
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other);
    later(client.handshake());
    later(server.handshake());
    later(client.handshake());
    server.transport_mut().take_nothing();
    assert_eq!(server.handshake().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(server.connection().is_established() && server.wants_write());
    server.transport_mut().take_all();
    server.handshake().unwrap();
    assert!(!server.wants_write());
    client.handshake().unwrap();
}

/// Puts these bytes into the buffer, as far as each room goes.
fn put(buffer: &mut RecordBuffer, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = buffer.room();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        buffer.received(count);
        bytes = &bytes[count..];
    }
}

#[test]
fn the_room_of_a_record_buffer_holds_what_the_record_under_way_still_misses() {
    const HEADER: usize = 5;
    for before in [0, 1, 100, 5000] {
        let mut pair = Pair::established();
        let data = vec![7; 16 << 10];
        let first = pair.client.write(&data[..before]);
        let record = pair.client.write(&data);
        let mut buffer = RecordBuffer::new();
        put(&mut buffer, &first);
        // What is fetched in between: a byte of the header, all of it, some of the content, all but a byte.
        let mut at = 0;
        for cut in [0, 1, 4, 5, 6, 1000, 4096 + 5, 9000, record.len() - 1] {
            put(&mut buffer, &record[at..cut]);
            at = cut;
            let connection = &mut pair.server.connection;
            while !matches!(buffer.step(connection).unwrap(), Step::NeedInput) {}
            // Before the header is there, nobody knows the length.
            let missing = if cut < HEADER { HEADER - cut } else { record.len() - cut };
            let room = buffer.room().len();
            assert!(room >= missing, "behind {before} bytes and {cut} of the record: {room} of {missing}");
        }
        // The rest goes in at once.
        let room = buffer.room();
        room[..1].copy_from_slice(&record[at..]);
        buffer.received(1);
        match buffer.step(&mut pair.server.connection).unwrap() {
            Step::Data(received) => assert_eq!(received, data),
            other => panic!("{other:?}"),
        }
    }
}
