//! A client, a server, and someone in between who delays, changes, drops and adds bytes as the input says: the data
//! that arrives is what was sent, from its beginning, and its end is never made up. Then once more, with the sessions of the
//! first time and a server that may have other settings.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tls12::{ClientConnection, Reason, ServerConnection};
use tls12_fuzz::{End, Keepers, Role, Setup, write_seeds};

fuzz_target!(
    init: write_seeds("pair"),
    |data: &[u8]| {
        let Some((client, data)) = Setup::split(data) else { return };
        let Some((server, data)) = Setup::split(data) else { return };
        let Some((later_server, script)) = Setup::split(data) else { return };
        // All have keys that can be replayed, and tickets that cannot be made up.
        let setups = [client, server, later_server];
        let [client, server, later_server] = setups.map(|setup| setup.without(Setup::RANDOM).sealed_tickets());
        let keepers = Keepers::empty();
        let mut first = Pair::new(client, server, &keepers, 0);
        let script = first.play(script);
        let first = first.finish();
        let mut second = Pair::new(client, later_server, &keepers, 1);
        second.play(script);
        let second = second.finish();
        assert!(!first.resumed && (first.leaves_session || !second.resumed), "there is nothing to resume");
        let alike = client == server && server == later_server && client.fault().is_none();
        if alike && first.undisturbed && second.undisturbed {
            assert_eq!(second.resumed, client.keeps_sessions());
        }
    }
);

/// What became of two ends.
struct Outcome {
    /// Both were established, and the client did not have to forget the session.
    leaves_session: bool,
    /// One of them says so.
    resumed: bool,
    /// Nobody touched the wires, and both were established.
    undisturbed: bool,
}

/// One direction.
#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    touched: bool,
    /// The data that the sender was given and took.
    data: Vec<u8>,
}

struct Pair {
    client: End<ClientConnection>,
    server: End<ServerConnection>,
    to_server: Wire,
    to_client: Wire,
    closed: bool,
    /// If nobody does anything.
    agree: bool,
}

impl Wire {
    fn deliver<A: Role, B: Role>(&mut self, from: &mut End<A>, to: &mut End<B>, count: usize) {
        self.bytes.extend(from.take());
        let bytes: Vec<u8> = self.bytes.drain(..count.min(self.bytes.len())).collect();
        to.receive(&bytes);
        assert!(self.data.starts_with(&to.heard), "data arrived that was not sent");
    }

    fn flip(&mut self, at: usize, bits: u8) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte ^= bits;
            self.touched |= bits != 0;
        }
    }

    fn insert(&mut self, at: usize, bytes: &[u8]) {
        let at = at.min(self.bytes.len());
        self.bytes.splice(at..at, bytes.iter().copied());
        self.touched |= !bytes.is_empty();
    }

    fn remove(&mut self, at: usize, count: usize) {
        let range = at.min(self.bytes.len())..(at + count).min(self.bytes.len());
        self.touched |= !range.is_empty();
        self.bytes.drain(range);
    }

    fn say<C: Role>(&mut self, from: &mut End<C>, length: usize) {
        let data: Vec<u8> = (0..length).map(|index| (self.data.len() + index) as u8).collect();
        let taken = from.say(&data);
        self.data.extend_from_slice(&data[..taken]);
    }
}

impl Pair {
    fn new(client: Setup, server: Setup, keepers: &Arc<Keepers>, round: u64) -> Self {
        Pair {
            client: End::client(client, keepers, round),
            server: End::server(server, keepers, round),
            to_server: Wire::default(),
            to_client: Wire::default(),
            closed: false,
            agree: Setup::agree(client, server),
        }
    }

    /// What the script says; see the match below. Returns what is left of it for the next time.
    fn play<'s>(&mut self, mut script: &'s [u8]) -> &'s [u8] {
        while let [op, argument, rest @ ..] = script {
            script = rest;
            let count = match *argument {
                argument @ 0..200 => usize::from(argument),
                argument => (usize::from(argument) - 199) * 400,
            };
            let client_speaks = op & 0x80 == 0;
            let wire = if client_speaks { &mut self.to_server } else { &mut self.to_client };
            match op % 8 {
                0..3 if client_speaks => wire.deliver(&mut self.client, &mut self.server, count),
                0..3 => wire.deliver(&mut self.server, &mut self.client, count),
                3 => {
                    let Some((bits, rest)) = script.split_first() else { return script };
                    script = rest;
                    wire.flip(count, *bits);
                }
                4 => {
                    let (inserted, rest) = script.split_at(count.min(script.len()).min(64));
                    script = rest;
                    wire.insert(usize::from(op >> 3 & 0xf), inserted);
                }
                5 => wire.remove(usize::from(op >> 3 & 0xf), count),
                6 if client_speaks => wire.say(&mut self.client, count),
                6 => wire.say(&mut self.server, count),
                _ if *argument < 16 => {
                    self.closed = true;
                    if client_speaks { close(&mut self.client) } else { close(&mut self.server) }
                }
                _ if *argument == 255 => return script,
                _ => {}
            }
        }
        script
    }

    /// All that is on the wires arrives, and the wires end.
    fn finish(mut self) -> Outcome {
        for _ in 0..8 {
            self.to_server.deliver(&mut self.client, &mut self.server, usize::MAX);
            self.to_client.deliver(&mut self.server, &mut self.client, usize::MAX);
        }
        let (client, server) = (&mut self.client, &mut self.server);
        let both = client.known.is_some() && server.known.is_some();
        if both {
            // Also what follows from the transcript and the master secret.
            assert_eq!(client.known, server.known);
        }
        let untouched = !self.to_server.touched && !self.to_client.touched;
        if self.agree && untouched && !self.closed {
            let good = both && client.error.is_none() && server.error.is_none();
            assert!(good, "nobody did anything: {:?}, {:?}", client.error, server.error);
            assert_eq!(client.heard, self.to_client.data);
            assert_eq!(server.heard, self.to_server.data);
        }
        // Whoever was told that the other has closed has all of its data.
        assert!(!client.closed || client.heard == self.to_client.data);
        assert!(!server.closed || server.heard == self.to_server.data);
        client.end();
        server.end();
        // RFC 5246 §7.2.2
        let forgets = |reason: &Reason| reason.alert().is_some() || matches!(reason, Reason::PeerAlert(_));
        let forgotten = client.error.as_ref().is_some_and(|error| forgets(error.reason()));
        let resumed = [&client.known, &server.known].into_iter().flatten().any(|known| known.resumed);
        Outcome { leaves_session: both && !forgotten, resumed, undisturbed: both && untouched }
    }
}

fn close<C: Role>(end: &mut End<C>) {
    if end.error.is_none() {
        end.link.close();
        end.flush();
    }
}
