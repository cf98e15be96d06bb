//! A peer that has done the handshake honestly, up to its Finished or with it, and then seals what it likes with the right keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls12_fuzz::{End, Keepers, Role, Sealer, Setup, records, sealers, write_seeds};

fuzz_target!(
    init: {
        write_seeds("sealed");
        // The keys are right, or nothing below would be worth anything.
        for setup in [Setup(0), Setup::TICKETS.with(Setup::REQUIRED_CLIENT), Setup::SESSION_IDS.with(Setup::RESUMES)] {
            for choice in [2, 3] {
                let data = [&setup.bytes()[..], &[choice, 23, 5], b"hello"].concat();
                assert_eq!(play(&data), b"hello");
            }
        }
    },
    |data: &[u8]| {
        play(data);
    }
);

/// The data that the victim heard.
fn play(data: &[u8]) -> Vec<u8> {
    let Some((setup, [choice, script @ ..])) = Setup::split(data) else { return Vec::new() };
    // There is a sealer for one suite; and the handshake is to go well.
    let setup = setup.without(Setup::AES_256.with(Setup::CHACHA20)).without(Setup::SKIPS);
    let keepers = Keepers::of(setup);
    let (mut client, mut server) = (End::client(setup, &keepers, 0), End::server(setup, &keepers, 0));
    let with_finished = choice & 2 != 0;
    if choice & 1 == 0 {
        let last = all_but_last(&mut server, &mut client);
        let (_, sealer) = sealers(&client, &server);
        seal(&mut client, &last, with_finished, sealer, script)
    } else {
        let last = all_but_last(&mut client, &mut server);
        let (sealer, _) = sealers(&client, &server);
        seal(&mut server, &last, with_finished, sealer, script)
    }
}

/// Both talk until all that is left is what the peer says from its ChangeCipherSpec on: that and its Finished.
fn all_but_last<A: Role, B: Role>(peer: &mut End<A>, victim: &mut End<B>) -> Vec<Vec<u8>> {
    let mut last: Vec<Vec<u8>> = Vec::new();
    for _ in 0..3 {
        peer.receive(&victim.take());
        for record in records(&peer.take()) {
            if last.is_empty() && record[0] != 20 {
                victim.receive(record);
            } else {
                last.push(record.to_vec());
            }
        }
    }
    assert_eq!(last.len(), 2, "{:?}, {:?}", peer.error, victim.error);
    last
}

fn seal<C: Role>(
    victim: &mut End<C>,
    last: &[Vec<u8>],
    with_finished: bool,
    mut sealer: Sealer,
    mut script: &[u8],
) -> Vec<u8> {
    victim.receive(&last[0]);
    if with_finished {
        victim.receive(&last[1]);
        sealer.sequence = 1;
        assert!(victim.known.is_some(), "{:?}", victim.error);
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
        let takes_data = victim.known.is_some() && !victim.closed && victim.error.is_none();
        victim.receive(&sealer.seal(*content_type, &content));
        if *content_type == 23 && takes_data && victim.error.is_none() {
            sent.extend_from_slice(&content);
        }
        assert_eq!(victim.heard, sent, "it hears what was said, and nothing else");
        assert!(victim.known.is_some() == with_finished, "without the Finished that is due nothing is established");
    }
    victim.say(b"and what do you say?");
    victim.end();
    victim.heard.clone()
}
