//! A client, a server, and someone in between who delays, changes, drops and adds bytes as the input says: the data
//! that arrives is what was sent, from its beginning, and its end is never made up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12::{ClientConnection, Connection, ServerConnection};
use tls12_fuzz::{End, Setup, write_seeds};

fuzz_target!(
    init: write_seeds("pair"),
    |data: &[u8]| {
        let [client, server, script @ ..] = data else { return };
        // The client checks the certificate, and decides at once; both have keys that can be replayed.
        let mut pair = Pair::new(Setup(client & 0x7d | 1), Setup(server & 0x7f));
        pair.play(script);
        pair.finish();
    }
);

/// One direction.
#[derive(Default)]
struct Wire {
    /// How much of what the sender said has been put on the wire.
    taken: usize,
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
}

impl Wire {
    fn collect<C>(&mut self, from: &End<C>) {
        self.bytes.extend_from_slice(&from.said[self.taken..]);
        self.taken = from.said.len();
    }

    fn deliver<A: Connection, B: Connection>(&mut self, from: &End<A>, to: &mut End<B>, count: usize) {
        self.collect(from);
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

    fn say<C: Connection>(&mut self, from: &mut End<C>, length: usize) {
        let data: Vec<u8> = (0..length).map(|index| (self.data.len() + index) as u8).collect();
        let taken = from.say(&data);
        self.data.extend_from_slice(&data[..taken]);
    }
}

impl Pair {
    fn new(client: Setup, server: Setup) -> Self {
        Pair {
            client: End::new(|| client.client(), 2048),
            server: End::new(|| server.server(), 2048),
            to_server: Wire::default(),
            to_client: Wire::default(),
            closed: false,
        }
    }

    /// What the script says; see the match below.
    fn play(&mut self, mut script: &[u8]) {
        while let [op, argument, rest @ ..] = script {
            script = rest;
            let count = match *argument {
                argument @ 0..200 => usize::from(argument),
                argument => (usize::from(argument) - 199) * 400,
            };
            let client_speaks = op & 0x80 == 0;
            let wire = if client_speaks { &mut self.to_server } else { &mut self.to_client };
            match op % 8 {
                0..3 if client_speaks => wire.deliver(&self.client, &mut self.server, count),
                0..3 => wire.deliver(&self.server, &mut self.client, count),
                3 => {
                    let Some((bits, rest)) = script.split_first() else { return };
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
                _ => {}
            }
        }
    }

    /// All that is on the wires arrives, and the wires end.
    fn finish(mut self) {
        for _ in 0..8 {
            self.to_server.deliver(&self.client, &mut self.server, usize::MAX);
            self.to_client.deliver(&self.server, &mut self.client, usize::MAX);
        }
        let (client, server) = (&mut self.client, &mut self.server);
        if client.established && server.established {
            let (a, b) = (&client.connection, &server.connection);
            assert_eq!(a.cipher_suite(), b.cipher_suite());
            assert_eq!(a.key_exchange_group(), b.key_exchange_group());
            assert_eq!(a.signature_scheme(), b.signature_scheme());
            assert_eq!(a.alpn_protocol(), b.alpn_protocol());
            assert_eq!(a.extended_master_secret(), b.extended_master_secret());
            assert_eq!(a.secure_renegotiation(), b.secure_renegotiation());
        }
        if !self.to_server.touched && !self.to_client.touched && !self.closed {
            let good = client.established && server.established && client.error.is_none() && server.error.is_none();
            assert!(good, "nobody did anything: {:?}, {:?}", client.error, server.error);
            assert_eq!(client.heard, self.to_client.data);
            assert_eq!(server.heard, self.to_server.data);
        }
        // Whoever was told that the other has closed has all of its data.
        assert!(!client.closed || client.heard == self.to_client.data);
        assert!(!server.closed || server.heard == self.to_server.data);
        client.end();
        server.end();
    }
}

fn close<C: Connection>(end: &mut End<C>) {
    if end.error.is_none() {
        end.connection.close();
        end.flush();
    }
}
