//! One connection under scrutiny.

use tls12::{AlertDescription, Connection, Error, Event, MIN_OUTPUT, Reason, Received};

use crate::heap::Held;
use crate::parts::{Setup, answer};

/// The longest record, with its header and the longest expansion.
const RECORD: usize = 5 + (16 << 10) + 24;

/// The most bytes on the heap: the caps on messages (48 KiB on a client), held twice while a message is taken apart,
/// a record, and our own flight.
const MOST_HELD: usize = 192 << 10;

/// The most bytes that a peer can make us say in a handshake and by alerts.
const MOST_SAID: usize = 8 << 10;

/// A connection with what came of it.
pub struct End<C> {
    pub connection: C,
    inbox: Vec<u8>,
    /// All that it said.
    pub said: Vec<u8>,
    /// The part of it that was application data, with its records.
    said_as_data: usize,
    /// All data that came.
    pub heard: Vec<u8>,
    pub established: bool,
    pub closed: bool,
    pub error: Option<Error>,
    held: Held,
    /// Sizes of the outputs.
    room: usize,
}

impl<C: Connection> End<C> {
    /// `room` is the size of the outputs that it writes what is queued to.
    pub fn new(make: impl FnOnce() -> C, room: usize) -> Self {
        let mut held = Held::default();
        let connection = held.during(make);
        let mut end = End {
            connection,
            inbox: Vec::new(),
            said: Vec::new(),
            said_as_data: 0,
            heard: Vec::new(),
            established: false,
            closed: false,
            error: None,
            held,
            room: room.max(1),
        };
        end.flush();
        end
    }

    /// Takes bytes of the peer, and reads until more are needed.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        let mut idle = 0;
        while self.error.is_none() && !self.closed {
            let available = self.inbox.len();
            let Received { consumed, event } = match self.held.during(|| self.connection.read(&mut self.inbox)) {
                Ok(received) => received,
                Err(error) => return self.failed(error),
            };
            assert!(consumed <= available);
            // What is inside is finite: messages of one record, or an answer.
            idle = if consumed == 0 { idle + 1 } else { 0 };
            assert!(idle < 10_000, "it goes round in circles");
            match event {
                Event::NeedInput { missing } => {
                    assert_eq!(consumed, 0);
                    assert!(missing > 0 && available + missing <= RECORD.max(available));
                    return self.flush();
                }
                Event::Data(range) => {
                    assert!(self.established && range.start < range.end && range.end <= consumed);
                    self.heard.extend_from_slice(&self.inbox[range]);
                }
                Event::Ask(ask) => {
                    let waiting = self.held.during(|| self.connection.read(&mut self.inbox));
                    assert!(matches!(waiting, Ok(Received { consumed: 0, event: Event::Waiting })));
                    self.held.during(|| self.connection.answer(answer(ask))).expect("the answer that it asked for");
                }
                Event::Established => {
                    assert!(!self.established && self.connection.is_established());
                    self.established = true;
                }
                Event::Closed => self.closed = true,
                Event::Failing => {
                    self.inbox.drain(..consumed);
                    return self.failing();
                }
                Event::Progress => {}
                other => panic!("out of place: {other:?}"),
            }
            self.inbox.drain(..consumed);
            self.flush();
        }
    }

    /// Writes all that is queued.
    pub fn flush(&mut self) {
        while self.connection.wants_write() {
            let mut output = [0; 2048];
            let output = &mut output[..self.room.min(2048)];
            let wanted = self.connection.output_len(0);
            let sent = self.held.during(|| self.connection.write(&[], output)).expect("what is queued can be written");
            assert_eq!((sent.taken, sent.produced), (0, wanted.min(output.len())));
            self.said.extend_from_slice(&output[..sent.produced]);
        }
        assert_eq!(self.connection.output_len(0), 0);
        self.check_bounds();
    }

    /// Sends data, as far as it is taken. Returns how much was.
    pub fn say(&mut self, data: &[u8]) -> usize {
        let mut output = vec![0; self.connection.output_len(data.len()).max(MIN_OUTPUT)];
        match self.held.during(|| self.connection.write(data, &mut output)) {
            Ok(sent) => {
                assert_eq!(sent.taken, if self.connection.is_established() { data.len() } else { 0 });
                self.said.extend_from_slice(&output[..sent.produced]);
                self.said_as_data += sent.produced;
                sent.taken
            }
            Err(error) => {
                let closed = matches!(error.reason(), Reason::WriteAfterClose);
                assert!(closed || !self.connection.is_established(), "{error}");
                0
            }
        }
    }

    /// The transport ends.
    pub fn end(&mut self) {
        let result = self.connection.end_of_input();
        match &self.error {
            Some(error) => assert_eq!(result.as_ref(), Err(error)),
            None => assert_eq!(result.is_ok(), self.closed, "the end of the data is never made up: {result:?}"),
        }
    }

    /// An alert waits, and the error comes after it.
    fn failing(&mut self) {
        assert!(self.connection.wants_write() && !self.connection.is_established());
        let before = self.said.len();
        self.flush();
        let alert = last_record(&self.said[before..]).to_vec();
        match self.held.during(|| self.connection.read(&mut self.inbox)) {
            Err(error) => {
                let description = error.alert().expect("an error that was announced by an alert has one");
                match *alert {
                    // Fatal, but for the answer to a close_notify (RFC 5246 §7.2.1).
                    [21, 3, 1 | 3, 0, 2, level, sent] => {
                        assert_eq!(sent, description.0);
                        assert_eq!(level, if description == AlertDescription::CLOSE_NOTIFY { 1 } else { 2 });
                    }
                    // Protected: header, nonce, two bytes, tag.
                    [21, 3, 3, 0, 18 | 26, ..] => assert!(alert.len() == 23 || alert.len() == 31),
                    _ => panic!("{alert:?} is not the alert for {error}"),
                }
                self.failed(error);
            }
            Ok(received) => panic!("after Failing comes the error, and not {received:?}"),
        }
    }

    /// A failed connection stays failed.
    fn failed(&mut self, error: Error) {
        // A person can read it.
        assert!(!error.to_string().is_empty());
        for _ in 0..2 {
            let mut more = [22, 3, 3, 0, 4, 0, 0, 0, 0];
            assert_eq!(self.connection.read(&mut more).expect_err("it failed"), error);
            assert!(!self.connection.is_established());
            assert_eq!(self.connection.end_of_input().as_ref(), Err(&error));
        }
        self.flush();
        let refused = self.connection.write(b"data", &mut [0; 64]).expect_err("it failed");
        assert_eq!(refused, error);
        self.error = Some(error);
    }

    fn check_bounds(&self) {
        assert!(self.held.peak <= MOST_HELD, "it held {} bytes", self.held.peak);
        let said = self.said.len() - self.said_as_data;
        assert!(said <= MOST_SAID, "it said {said} bytes that nobody asked for");
    }
}

/// What stands before it was queued by messages of the same record that were good.
fn last_record(mut said: &[u8]) -> &[u8] {
    while let [_, _, _, high, low, rest @ ..] = said {
        match rest.get(usize::from(u16::from_be_bytes([*high, *low]))..) {
            Some([]) | None => break,
            Some(next) => said = next,
        }
    }
    said
}

/// Gives a connection a peer's bytes at once, and another one like it the same bytes in pieces, read into small outputs:
/// the same must come of both.
pub fn same<C: Connection>(setup: Setup, connect: impl Fn() -> C, bytes: &[u8]) {
    let mut whole = End::new(&connect, 2048);
    whole.receive(bytes);

    let seed = bytes.iter().fold(bytes.len(), |seed, byte| seed.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let mut pieces = End::new(&connect, seed % 40);
    let mut left = bytes;
    let mut size = seed;
    while !left.is_empty() {
        size = size.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let now = if size & 0x100 == 0 { 1 + (size >> 16) % 5 } else { 1 + (size >> 16) % 700 };
        let (piece, rest) = left.split_at(now.min(left.len()));
        pieces.receive(piece);
        left = rest;
    }

    assert_eq!(whole.error, pieces.error);
    assert_eq!(whole.heard, pieces.heard);
    assert_eq!((whole.established, whole.closed), (pieces.established, pieces.closed));
    if !setup.is_random() {
        assert_eq!(whole.said, pieces.said);
    }
    whole.say(b"hello");
    whole.end();
    pieces.connection.close();
    pieces.flush();
}
