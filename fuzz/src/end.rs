//! One connection under scrutiny.

use std::sync::Arc;

use tls12::{AlertDescription, Ask, ClientConnection, Error, Event, MIN_OUTPUT, Reason, Received, ServerConnection};

use crate::heap::Held;
use crate::keepers::Keepers;
use crate::link::Link;
use crate::parts::answer;
use crate::role::{Known, Role, check_peer};
use crate::setup::Setup;

/// The longest record, with its header and the longest expansion.
const RECORD: usize = 5 + (16 << 10) + 24;

/// The most bytes on the heap: the caps on messages (48 KiB on a client), held twice while a message is taken apart,
/// a record, and our own flight.
const MOST_HELD: usize = 192 << 10;

/// The most bytes that a peer can make us say in a handshake and by alerts.
const MOST_SAID: usize = 8 << 10;

/// A connection with what came of it.
pub struct End<C> {
    setup: Setup,
    keepers: Arc<Keepers>,
    pub link: Link<C>,
    splits: bool,
    /// How many questions there were.
    asked: u32,
    inbox: Vec<u8>,
    /// All that it said.
    pub said: Vec<u8>,
    /// How much of it was taken away by [`Self::take`].
    taken: usize,
    /// The part of it that was application data, with its records.
    said_as_data: usize,
    /// All data that came.
    pub heard: Vec<u8>,
    /// Once it was established.
    pub known: Option<Known>,
    pub closed: bool,
    pub error: Option<Error>,
    held: Held,
    /// Sizes of the outputs.
    room: usize,
}

impl End<ClientConnection> {
    pub fn client(setup: Setup, keepers: &Arc<Keepers>, round: u64) -> Self {
        End::new(setup, keepers, || setup.client(keepers, round))
    }
}

impl End<ServerConnection> {
    pub fn server(setup: Setup, keepers: &Arc<Keepers>, round: u64) -> Self {
        End::new(setup, keepers, || setup.server(keepers, round))
    }
}

impl<C: Role> End<C> {
    pub fn new(setup: Setup, keepers: &Arc<Keepers>, make: impl FnOnce() -> C) -> Self {
        let mut held = Held::default();
        let connection = held.during(make);
        let mut end = End {
            setup,
            keepers: keepers.clone(),
            link: Link::Whole(connection),
            splits: setup.has(Setup::SPLITS),
            asked: 0,
            inbox: Vec::new(),
            said: Vec::new(),
            taken: 0,
            said_as_data: 0,
            heard: Vec::new(),
            known: None,
            closed: false,
            error: None,
            held,
            room: 2048,
        };
        end.flush();
        end
    }

    /// `room` is the size of the outputs that it writes what is queued to.
    fn with_room(self, room: usize) -> Self {
        End { room: room.max(1), ..self }
    }

    /// Stays in one piece, whatever its setup says.
    fn whole(self) -> Self {
        End { splits: false, ..self }
    }

    /// What it said since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        let new = self.said[self.taken..].to_vec();
        self.taken = self.said.len();
        new
    }

    /// Takes bytes of the peer, and reads until more are needed.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        let mut idle = 0;
        while self.error.is_none() && !self.closed {
            let available = self.inbox.len();
            let Received { consumed, event } = match self.held.during(|| self.link.read(&mut self.inbox)) {
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
                    assert!(self.known.is_some() && range.start < range.end && range.end <= consumed);
                    self.heard.extend_from_slice(&self.inbox[range]);
                }
                Event::Ask(ask) => {
                    let waiting = self.held.during(|| self.link.read(&mut self.inbox));
                    assert!(matches!(waiting, Ok(Received { consumed: 0, event: Event::Waiting })));
                    self.reply(ask);
                }
                Event::Established => {
                    assert!(self.known.is_none() && self.link.is_established());
                    let connection = self.link.whole();
                    let known = connection.known();
                    check_peer(connection, &known, self.setup);
                    self.known = Some(known);
                    if self.splits {
                        self.held.during(|| self.link.split());
                    }
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
        while self.link.wants_write() {
            let mut output = [0; 2048];
            let output = &mut output[..self.room.min(2048)];
            let wanted = self.link.output_len(0);
            let sent = self.held.during(|| self.link.write(&[], output)).expect("what is queued can be written");
            assert_eq!((sent.taken, sent.produced), (0, wanted.min(output.len())));
            self.said.extend_from_slice(&output[..sent.produced]);
        }
        assert_eq!(self.link.output_len(0), 0);
        self.check_bounds();
    }

    /// Sends data, as far as it is taken. Returns how much was.
    pub fn say(&mut self, data: &[u8]) -> usize {
        let takes_data = self.link.takes_data();
        let mut output = vec![0; self.link.output_len(data.len()).max(MIN_OUTPUT)];
        match self.held.during(|| self.link.write(data, &mut output)) {
            Ok(sent) => {
                assert_eq!(sent.taken, if takes_data { data.len() } else { 0 });
                self.said.extend_from_slice(&output[..sent.produced]);
                self.said_as_data += sent.produced;
                sent.taken
            }
            Err(error) => {
                let closed = matches!(error.reason(), Reason::WriteAfterClose);
                assert!(closed || !takes_data, "{error}");
                0
            }
        }
    }

    /// Answers a question, or lets it be.
    fn reply(&mut self, ask: Ask) {
        let fault = self.setup.fault().filter(|(which, _)| *which == self.asked).map(|(_, fault)| fault);
        self.asked += 1;
        let (connection, setup, keepers) = (self.link.whole(), self.setup, &self.keepers);
        self.held.during(|| match fault {
            Some(Setup::FAILS) => connection.answer(ask.fail("on purpose")).expect("the answer that it asked for"),
            Some(Setup::DROPS) => drop(ask),
            Some(_) if connection.skip_answer() => {
                let late = connection.answer(answer(ask, setup, keepers)).expect_err("it no longer waits");
                assert!(matches!(late.error().reason(), Reason::UnexpectedAnswer));
            }
            _ => connection.answer(answer(ask, setup, keepers)).expect("the answer that it asked for"),
        });
    }

    /// The transport ends.
    pub fn end(&mut self) {
        let result = self.link.end_of_input();
        match &self.error {
            Some(error) => assert_eq!(result.as_ref(), Err(error)),
            None => assert_eq!(result.is_ok(), self.closed, "the end of the data is never made up: {result:?}"),
        }
    }

    /// An alert waits, and the error comes after it.
    fn failing(&mut self) {
        assert!(self.link.wants_write() && !self.link.is_established());
        let before = self.said.len();
        self.flush();
        let alert = last_record(&self.said[before..]).to_vec();
        match self.held.during(|| self.link.read(&mut self.inbox)) {
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
            assert_eq!(self.link.read(&mut more).expect_err("it failed"), error);
            assert!(!self.link.is_established());
            assert_eq!(self.link.end_of_input().as_ref(), Err(&error));
        }
        self.flush();
        // A sending half that has closed, or has nothing to say of the error, was not told.
        if !self.link.takes_data() {
            let refused = self.link.write(b"data", &mut [0; 64]).expect_err("it failed");
            assert_eq!(refused, error);
        }
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

/// Lets two ends talk until they have nothing to say.
pub fn pump(client: &mut End<ClientConnection>, server: &mut End<ServerConnection>) {
    loop {
        let (to_server, to_client) = (client.take(), server.take());
        if to_server.is_empty() && to_client.is_empty() {
            return;
        }
        server.receive(&to_server);
        client.receive(&to_client);
    }
}

/// Gives a connection a peer's bytes at once, and another one like it the same bytes in pieces, read into small outputs and,
/// if the setup says so, split: the same must come of both. Says whether they were established.
pub fn same<C: Role>(setup: Setup, connect: impl Fn(&Arc<Keepers>) -> C, bytes: &[u8]) -> bool {
    let end = || {
        let keepers = Keepers::of(setup);
        End::new(setup, &keepers, || connect(&keepers))
    };
    let mut whole = end().whole();
    whole.receive(bytes);

    let seed = bytes.iter().fold(bytes.len(), |seed, byte| seed.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let mut pieces = end().with_room(seed % 40);
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
    assert_eq!(whole.closed, pieces.closed);
    assert_eq!(whole.known.is_some(), pieces.known.is_some());
    if !setup.has(Setup::RANDOM) {
        assert_eq!(whole.said, pieces.said);
        assert_eq!(whole.known, pieces.known);
    }
    whole.say(b"hello");
    whole.end();
    pieces.link.close();
    pieces.flush();
    whole.known.is_some()
}
