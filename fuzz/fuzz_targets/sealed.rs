//! A peer that has done the handshake honestly, up to its Finished or with it, and then seals what it likes with the right keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12::Connection;
use tls12_fuzz::{End, Sealer, Setup, records, sealers, write_seeds};

const PLAIN: Setup = Setup(0);

fuzz_target!(
    init: {
        write_seeds("sealed");
        // The keys are right, or nothing below would be worth anything.
        for choice in [2, 3] {
            assert_eq!(play(&[choice, 23, 5, b'h', b'e', b'l', b'l', b'o']), b"hello");
        }
    },
    |data: &[u8]| {
        play(data);
    }
);

/// The data that the victim heard.
fn play(data: &[u8]) -> Vec<u8> {
    let Some((choice, script)) = data.split_first() else { return Vec::new() };
    let mut client = End::new(|| PLAIN.client(), 2048);
    let mut server = End::new(|| PLAIN.server(), 2048);
    server.receive(&client.said);
    client.receive(&server.said);
    let (mut by_client, mut by_server) = sealers(&client, &server);
    let with_finished = choice & 2 != 0;
    if choice & 1 == 0 {
        finish(&mut client, &mut server);
        by_server.sequence = u64::from(with_finished);
        // What the server said behind its first flight: ChangeCipherSpec and Finished.
        let last: Vec<Vec<u8>> = after_first_flight(&server.said);
        seal(&mut client, &last, with_finished, by_server, script)
    } else {
        by_client.sequence = u64::from(with_finished);
        let last: Vec<Vec<u8>> = after_first_flight(&client.said);
        seal(&mut server, &last, with_finished, by_client, script)
    }
}

/// The server hears the client's second flight.
fn finish<A: Connection, B: Connection>(client: &mut End<A>, server: &mut End<B>) {
    after_first_flight(&client.said).iter().for_each(|record| server.receive(record));
}

/// The first flight of both is one record here.
fn after_first_flight(said: &[u8]) -> Vec<Vec<u8>> {
    records(said).skip(1).map(<[u8]>::to_vec).collect()
}

fn seal<C: Connection>(
    victim: &mut End<C>,
    last_flight: &[Vec<u8>],
    with_finished: bool,
    mut sealer: Sealer,
    mut script: &[u8],
) -> Vec<u8> {
    let (finished, before) = last_flight.split_last().expect("there is a last flight");
    before.iter().for_each(|record| victim.receive(record));
    if with_finished {
        victim.receive(finished);
        assert!(victim.established, "{:?}", victim.error);
    }
    let mut sent = Vec::new();
    while let [content_type, length, rest @ ..] = script {
        // Up to 191 bytes of the script, or many of the same.
        let (content, rest) = match *length {
            length @ 0..192 => {
                let (content, rest) = rest.split_at(usize::from(length).min(rest.len()));
                (content.to_vec(), rest)
            }
            length => (vec![*content_type; (usize::from(length) - 191) * 256], rest),
        };
        script = rest;
        let takes_data = victim.established && !victim.closed && victim.error.is_none();
        victim.receive(&sealer.seal(*content_type, &content));
        if *content_type == 23 && takes_data && victim.error.is_none() {
            sent.extend_from_slice(&content);
        }
        assert_eq!(victim.heard, sent, "it hears what was said, and nothing else");
        assert!(victim.established == with_finished, "without the Finished that is due nothing is established");
    }
    victim.say(b"and what do you say?");
    victim.end();
    victim.heard.clone()
}
